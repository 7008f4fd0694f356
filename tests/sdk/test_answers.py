"""What servers answer is read within bounds, and the token stays with the server that it was given for."""

import gzip
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from tests.sdk.conftest import Connect
from tests.sdk.plane import TOKEN, Plane, until

from croupier.sdk import Lost, answers

ENDLESS = {
    "a line": "data: " + "x" * 100_000,
    "lines": "data: x\n" * 10_000,
    "comments": ":x\n" * 30_000,
}


@pytest.mark.parametrize("text", ENDLESS.values(), ids=ENDLESS)
def test_an_event_without_an_end_is_left(
    plane: Plane, connect: Connect, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(answers.events, "__defaults__", (50_000,))
    flags = connect()
    events: list[object] = []
    flags.listen(events.append)
    assert flags.wait_ready(60)
    plane.write(text)
    lost = until(lambda: [event for event in events if isinstance(event, Lost)], "the loss")[0]
    assert "an event is larger than 50,000 bytes" in lost.trouble
    until(lambda: len(plane.streams) == 2, "another connection")


def test_a_stream_that_dribbles_is_dead(plane: Plane, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "SILENCE_S", 0.3)
    flags = connect()
    assert flags.wait_ready(60)
    stream = plane.streams[0]

    def left() -> bool:
        with plane._turn:
            stream.pending.append("x")
            plane._turn.notify_all()
        return len(plane.streams) > 1

    until(left, "another connection")


@pytest.mark.parametrize("bomb", [True, False], ids=["packed", "plain"])
def test_a_whole_that_is_too_large_is_said(plane: Plane, connect: Connect, bomb: bool) -> None:
    plane.packed = (lambda _: gzip.compress(bytes(50_000_000))) if bomb else None
    if not bomb:
        plane.change({f"flag_{number}": True for number in range(50)})
    flags = connect(largest=2_000)
    until(lambda: "larger than 2,000 bytes" in "".join(flags.status().troubles), "the trouble")
    assert flags.status().connected
    assert not flags.is_enabled("new_lobby")


@pytest.mark.parametrize(
    "packed, trouble",
    [(lambda content: content, "cannot be unpacked"), (lambda content: gzip.compress(content)[:-9], "cut off")],
    ids=["not packed", "cut off"],
)
def test_a_whole_that_is_badly_packed_is_said(
    plane: Plane, connect: Connect, packed: Callable[[bytes], bytes], trouble: str
) -> None:
    plane.packed = packed
    flags = connect()
    until(lambda: trouble in "".join(flags.status().troubles), "the trouble")
    plane.packed = gzip.compress
    assert flags.wait_ready(60)
    assert flags.status().troubles == ()


def test_what_is_no_stream_of_flags_is_said(connect: Connect) -> None:
    class Page(BaseHTTPRequestHandler):
        """A proxy's: everything is well, and it is no flags."""

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(b"<h1>Welcome</h1>")

        def log_message(self, *_: Any) -> None: ...

    with serving(Page) as url:
        flags = connect(url=url)
        until(lambda: "no stream of events but 'text/html'" in "".join(flags.status().troubles), "the trouble")


def test_the_token_goes_to_nobody_else(plane: Plane, connect: Connect) -> None:
    """Another scheme, host or port is somebody else, whatever a server says."""
    heard: list[str] = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.path)
            self.send_error(404)

        def log_message(self, *_: Any) -> None: ...

    with serving(Elsewhere) as elsewhere:

        class Here(Elsewhere):
            def do_GET(self) -> None:
                asked.append(self.headers["authorization"])
                self.send_response(307)
                self.send_header("location", f"{elsewhere}{self.path}&secret=1")
                self.send_header("content-length", "0")
                self.end_headers()

        asked: list[str | None] = []
        with serving(Here) as url:
            flags = connect(url=url)
            until(lambda: len(asked) >= 2, "two attempts")
            (trouble,) = flags.status().troubles
    assert set(asked) == {f"Bearer {TOKEN}"}
    assert heard == []
    assert f"answered 307: it is at '{elsewhere}" in trouble
    assert "secret" not in trouble
    assert "give FlagClient its URL" in trouble


@contextmanager
def serving(answers_with: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), answers_with)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_no_proxy_stands_between_a_client_and_its_own_machine(
    plane: Plane, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert connect().wait_ready(60)
    assert connect(url=f"http://localhost:{plane.port}").wait_ready(60)
