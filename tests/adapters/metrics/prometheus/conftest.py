"""A real Prometheus that scrapes real pages: exporters of the test, found through a file."""

import asyncio
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from croupier.adapters.clock import SystemClock
from croupier.adapters.metrics.prometheus import PrometheusMetrics, PrometheusSettings
from croupier.control.ports import Query
from croupier.core.gates import Reading, Silence, Sli

T = TypeVar("T")
PATIENCE_S = 120.0


class Page:
    """A process's metrics: a registry served over HTTP, or whatever ``body`` (and its type) says."""

    def __init__(self, service: str, version: str) -> None:
        self.service, self.version = service, version
        self.registry = CollectorRegistry()
        self.body: bytes | None = None
        self.type = "text/plain; version=0.0.4"
        self.status = 200
        self.lock = threading.Lock()
        page = self

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with page.lock:
                    body = generate_latest(page.registry) if page.body is None else page.body
                self.send_response(page.status)
                self.send_header("content-type", page.type)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        class Listener(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *args: object) -> None:
                pass  # Prometheus hangs up when it is too late

        self._server = Listener(("127.0.0.1", 0), Answers)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def restart(self) -> None:
        """Another process at the same place."""
        with self.lock:
            self.registry = CollectorRegistry()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Server:
    """A Prometheus of the test's own, and the pages that it scrapes."""

    def __init__(self, folder: Path, port: int, interval: str = "200ms", more: Iterable[str] = ()) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._folder = folder
        self._pages: list[Page] = []
        self._file = folder / "targets.json"
        self.find()
        (folder / "prometheus.yml").write_text(
            json.dumps(  # JSON is YAML
                {
                    "global": {"scrape_interval": interval, "scrape_timeout": interval},
                    "scrape_configs": [{"job_name": "casino", "file_sd_configs": [{"files": [str(self._file)]}]}],
                }
            )
        )
        self._log = (folder / "log").open("w")
        self._command = [
            str(shutil.which("prometheus")),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--enable-feature=native-histograms",
            "--log.level=warn",
            *more,
        ]
        self.start()

    def start(self) -> None:
        """Run it; again, if it was killed: with what it had kept."""
        self._process = subprocess.Popen(
            self._command, stdout=self._log, stderr=subprocess.STDOUT, env={**os.environ, "GOMAXPROCS": "2"}
        )
        until(self._ready, "Prometheus to be ready")

    def kill(self) -> None:
        """As an accident would."""
        self._process.kill()
        self._process.wait(60)

    def page(self, version: str, service: str, *, found: bool = True) -> Page:
        """A new instance; scraped from now on (in 5 s at the latest), if it is to be ``found``."""
        page = Page(service, version)
        self._pages.append(page)
        if found:
            self.find()
        return page

    def lose(self, *pages: Page) -> None:
        """These are not scraped any more."""
        self._pages = [page for page in self._pages if page not in pages]
        self.find()

    def ask(self, expression: str) -> list[dict[str, Any]]:
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": expression}, timeout=60).json()
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def scraped(self, *pages: Page) -> None:
        """Wait until each of these was scraped, from beginning to end, after this call."""
        now = time.time()

        def done() -> bool | None:
            # By service, too: the port may have been another page's, which Prometheus forgets only some seconds later.
            times = {
                (one["metric"]["instance"], one["metric"]["service"]): float(one["value"][1])
                for one in self.ask("timestamp(up) and up == 1")
            }
            return all(times.get((page.address, page.service), 0.0) > now for page in pages) or None

        until(done, "a good scrape")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(60)
        self._log.close()

    def _ready(self) -> bool | None:
        assert self._process.poll() is None, (self._folder / "log").read_text()
        try:
            return httpx.get(f"{self.url}/-/ready", timeout=60).status_code == 200 or None
        except httpx.HTTPError:
            return None

    def find(self) -> None:
        """Tell Prometheus of all pages."""
        self.tell([(page.address, {"service": page.service, "version": page.version}) for page in self._pages])

    def tell(self, targets: Iterable[tuple[str, dict[str, str]]]) -> None:
        """These addresses are to be scraped, with these labels."""
        groups = [{"targets": [address], "labels": labels} for address, labels in targets]
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps(groups))
        new.replace(self._file)


def until(look: Callable[[], T | None], what: str) -> T:
    """Wait for a condition, with a deadline that says what was waited for."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if (seen := look()) is not None:
            return seen
        threading.Event().wait(0.02)
    raise AssertionError(f"waited {PATIENCE_S:g} s for {what}")


def need_prometheus() -> None:
    """Skip where there is none; but CI installs it, and there a test that is left out would hide what is broken."""
    if shutil.which("prometheus") is None:
        without = pytest.fail if os.environ.get("CI") else pytest.skip
        without("there is no prometheus on the PATH (Debian: apt-get install prometheus)")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, free_ports: Callable[[], int]) -> Iterator[Server]:
    need_prometheus()
    one = Server(tmp_path_factory.mktemp("prometheus"), free_ports())
    yield one
    one.stop()


@pytest.fixture
def service() -> str:
    """A service for each test: Prometheus remembers."""
    return f"pay-{uuid4().hex[:8]}"


@pytest.fixture
def start(server: Server, service: str) -> Iterator[Callable[..., Page]]:
    """Starts instances, which leave with the test."""
    started: list[Page] = []

    def start(version: str, *, found: bool = True) -> Page:
        started.append(server.page(version, service, found=found))
        return started[-1]

    yield start
    server.lose(*started)
    for page in started:
        page.stop()


class Asking:
    """A source and the questions of a gate: each reading begins where the one before ended."""

    def __init__(self, source: PrometheusMetrics, service: str) -> None:
        self.source = source
        self.service = service
        self.since = time.time()

    def begin(self, server: Server, *pages: Page) -> None:
        """Ask of what these show from here on: a scrape counts from its begin, so that none may still be under way."""
        server.scraped(*pages)
        self.since = time.time()
        server.scraped(*pages)

    async def read(self, sli: Sli, canary: str = "2", baseline: str | None = "1", **more: Any) -> Reading | Silence:
        query = Query(sli, more.pop("by", ()), self.service, canary, baseline, self.since, time.time())
        answer = await self.source.read(query)
        if isinstance(answer, Reading):
            self.since = answer.until
        return answer

    async def read_past(self, moment: float, sli: Sli, **more: Any) -> list[Reading]:
        """Readings one after the other, until they reach beyond this moment."""
        found: list[Reading] = []
        said: Reading | Silence | None = None
        deadline = time.monotonic() + PATIENCE_S
        while self.since <= moment:
            said = await self.read(sli, **more)
            if isinstance(said, Reading) and said.until > said.since:
                found.append(said)
            assert time.monotonic() < deadline, said
            await asyncio.sleep(0.05)
        return found

    async def silence(self, sli: Sli, why: str) -> None:
        """Ask until it is silent for this reason."""
        deadline = time.monotonic() + PATIENCE_S
        while not isinstance(said := await self.read(sli), Silence) or why not in said.reason:
            assert time.monotonic() < deadline, said
            await asyncio.sleep(0.05)


@pytest.fixture
async def source(server: Server) -> AsyncIterator[PrometheusMetrics]:
    one = PrometheusMetrics(SystemClock(), PrometheusSettings(server.url, grace_s=1.0))
    yield one
    await one.stop()


@pytest.fixture
def asking(source: PrometheusMetrics, service: str) -> Asking:
    return Asking(source, service)
