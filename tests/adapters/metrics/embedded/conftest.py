"""Real metrics pages over HTTP, and time that the test owns."""

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from croupier.adapters.metrics.embedded import EmbeddedMetrics, MetricSettings
from croupier.control.ports import Endpoint, ScrapeTarget
from croupier.testing import VirtualClock


class Instance:
    """A process's metrics page: a registry served over HTTP, or whatever ``body`` says."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.status = 200
        self.body: bytes | None = None
        self.headers: dict[str, str] = {}
        self.hang: threading.Event | None = None
        self.asked = 0
        instance = self

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                instance.asked += 1
                if instance.hang is not None:
                    instance.hang.wait(60)
                body = generate_latest(instance.registry) if instance.body is None else instance.body
                self.send_response(instance.status)
                for name, value in instance.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *args: object) -> None:
                pass  # the scraper hangs up on pages that are too large

        self._server = Server(("127.0.0.1", 0), Answers)
        self.target = ScrapeTarget(Endpoint("127.0.0.1", self._server.server_address[1]), "/metrics")
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()


@pytest.fixture
def instance() -> Iterator[Callable[[], Instance]]:
    """Starts instances."""
    started: list[Instance] = []

    def start() -> Instance:
        started.append(Instance())
        return started[-1]

    yield start
    for one in started:
        if one.hang is not None:
            one.hang.set()
        one.stop()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(start=1_000_000.0)


@pytest.fixture
async def metrics(clock: VirtualClock) -> AsyncIterator[EmbeddedMetrics]:
    source = EmbeddedMetrics(clock, MetricSettings(interval_s=5.0, timeout_s=60.0))
    yield source
    await source.stop()
