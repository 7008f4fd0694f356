"""A control plane as far as clients of flags see one: a real HTTP server with the endpoints that the SDK uses.

It keeps the record in memory and its versions as ``Snapshot``s, and can be stopped, started again on its port, and made
to say wrong things.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from casino.ports import free_port
from croupier.core.flags.snapshot import (
    MEDIA_TYPE,
    Delta,
    Snapshot,
    apply,
    encode,
    encode_delta,
    snapshot,
)
from croupier.sdk.rules import read_rules

DEADLINE_S = 120.0
TOKEN = "client-token"


def until(condition: Callable[[], Any], what: str = "the condition", deadline_s: float = DEADLINE_S) -> Any:
    """Wait until the condition holds, and answer with its value."""
    end = time.monotonic() + deadline_s
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come within {deadline_s:g} s")
        time.sleep(0.01)
    return value


@dataclass
class Stream:
    """One client that listens."""

    client: str
    resumed: str | None
    pending: list[str]
    ended: bool = False


class Plane:
    """``http://127.0.0.1:PORT`` with one environment, ``production``."""

    def __init__(self, rules: Any = (), lineage: str = "test") -> None:
        first = read_rules(rules, "production") if rules else Snapshot("production")
        self.now = replace(first, lineage=lineage, version=1)
        self.deltas: list[Delta] = []
        self.acknowledged: list[Mapping[str, Any]] = []
        self.fetches: list[str | None] = []
        self.streams: list[Stream] = []
        self.ack_within_s = 0.0
        self.heartbeat_s = 0.2
        self.refuse: int | None = None
        self.refusal = json.dumps({"detail": "no"})
        self.says_hello = True
        self.says_where = True
        """Whether hello and heartbeats say what the newest content is."""
        self.deaf = False
        """Whether changes are told to nobody, though everything else goes on."""
        self.packed: Callable[[bytes], bytes] | None = None
        self.acknowledges = 204
        self.refused_acknowledgements = 0
        self.reported: list[Any] = []
        self.reports_answer = 204
        self.reports_taken = 0
        self.beats = 0
        self.fetched: Callable[[], object] = lambda: None
        self._turn = threading.Condition()
        self._server: ThreadingHTTPServer | None = None
        self.port = free_port()  # it is stopped and comes back there

    token = TOKEN

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "Plane":
        plane = self

        class Handler(_Handler):
            at = plane

        ThreadingHTTPServer.allow_reuse_address = True
        ThreadingHTTPServer.daemon_threads = True
        ThreadingHTTPServer.request_queue_size = 128
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def stop(self) -> None:
        if self._server is not None:
            self.hang_up()
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def hang_up(self) -> None:
        """End every stream."""
        with self._turn:
            for stream in self.streams:
                stream.ended = True
            self._turn.notify_all()

    def change(self, rules: Any, *, tell: bool = True) -> int:
        """Declare these flags anew, under the next version, and tell everybody who listens."""
        version = self.now.version + 1
        lines = tuple(f"{key}\t{rest}" for key, rest in read_rules(rules, "production", version).lines.items())
        return self._advance(lines, version, tell)

    def remove(self, key: str) -> int:
        version = self.now.version + 1
        return self._advance((f"{key}\t{version}\t",), version, tell=True)

    def early(self, rules: Any) -> Delta:
        """Lines that are not recorded yet, as of a kill while the database is down."""
        version = self.now.version
        lines = tuple(f"{key}\t{rest}" for key, rest in read_rules(rules, "production", version + 1).lines.items())
        delta = Delta("production", self.now.lineage, version, version, self.now.digest, lines, time.time())
        self.say("delta", encode_delta(delta), delta)
        return delta

    def _advance(self, lines: tuple[str, ...], version: int, tell: bool) -> int:
        before = self.now
        delta = Delta("production", before.lineage, before.version, version, 0, lines, time.time())
        self.now = apply(before, delta)
        delta = replace(delta, digest=self.now.digest)
        self.deltas.append(delta)
        if tell:
            self.say("delta", encode_delta(delta), delta)
        return version

    def forget_the_past(self) -> None:
        """Make resuming impossible."""
        self.deltas = []

    def say(self, event: str, data: str, delta: Delta | None = None) -> None:
        told = f"id: {delta.lineage}:{delta.version}\n" if delta else ""
        if self.deaf:
            return
        self.write(f"event: {event}\n{told}data: {data}\n\n")

    def write(self, text: str) -> None:
        """To every stream, as it is."""
        with self._turn:
            for stream in self.streams:
                stream.pending.append(text)
            self._turn.notify_all()

    @property
    def listening(self) -> list[str]:
        """The clients whose streams are open."""
        return [stream.client for stream in self.streams if not stream.ended]

    def since(self, position: str | None) -> list[Delta] | None:
        if position is None:
            return None
        lineage, _, version = position.rpartition(":")
        if lineage != self.now.lineage or not version.isdecimal():
            return None
        newer = [delta for delta in self.deltas if delta.version > int(version)]
        if newer and newer[0].since > int(version):
            return None
        return newer if newer or int(version) == self.now.version else None

    def listen(self, client: str, resumed: str | None) -> Stream:
        with self._turn:
            stream = Stream(client, resumed, [])
            if self.says_hello:
                hello = {"heartbeat_s": 15, "ack_within_s": self.ack_within_s, **self._where()}
                stream.pending.append(f"event: hello\ndata: {json.dumps(hello)}\n\n")
            deltas = self.since(resumed)
            if deltas is None:
                stream.pending.append('event: resync\ndata: {"within_s":0}\n\n')
            else:
                stream.pending += [
                    f"event: delta\nid: {delta.lineage}:{delta.version}\ndata: {encode_delta(delta)}\n\n"
                    for delta in deltas
                ]
            self.streams.append(stream)
            return stream

    def next_of(self, stream: Stream) -> str | None:
        with self._turn:
            if not stream.pending and not stream.ended:
                self._turn.wait(self.heartbeat_s)
            if stream.ended:
                return None
            said, stream.pending = "".join(stream.pending), []
            self.beats += not said
            return said or (f"event: now\ndata: {json.dumps(self._where())}\n\n" if self.says_where else ":\n\n")

    def _where(self) -> Mapping[str, str]:
        return {"position": self.now.position} | ({"digest": f"{self.now.digest:064x}"} if self.says_where else {})


class _Handler(BaseHTTPRequestHandler):
    at: Plane
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        if not self._allowed():
            return
        if urlsplit(self.path).path.endswith("/stream"):
            self._stream()
        else:
            self._whole()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self._allowed():
            if self.path.endswith("/exposures"):
                self.at.reported.append(json.loads(body))
                self.at.reports_taken += self.at.reports_answer == 204
                self.send_response(self.at.reports_answer)
                self.send_header("content-length", "0")
                self.end_headers()
                return
            if self.at.acknowledges == 204:
                self.at.acknowledged.append(json.loads(body))
            else:
                self.at.refused_acknowledgements += 1
            self.send_response(self.at.acknowledges)
            self.end_headers()

    def _allowed(self) -> bool:
        status = self.at.refuse
        if self.headers.get("authorization") != f"Bearer {TOKEN}":
            status = 401
        if status is None and "/environments/production/flags" not in self.path:
            status = 404
        if status is None:
            return True
        content = self.at.refusal.encode()
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        with suppress(OSError):  # a client need not read on
            self.wfile.write(content)
        return False

    def _whole(self) -> None:
        known = self.headers.get("if-none-match")
        self.at.fetches.append(known)
        now: Snapshot = self.at.now
        content = encode(now)
        self.at.fetched()
        if known == f'"{now.position}"':
            self.send_response(304)
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("content-type", MEDIA_TYPE)
        self.send_header("etag", f'"{now.position}"')
        if self.at.packed is not None:
            content = self.at.packed(content)
            self.send_header("content-encoding", "gzip")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        with suppress(OSError):  # as above
            self.wfile.write(content)

    def _stream(self) -> None:
        client = parse_qs(urlsplit(self.path).query)["client"][0]
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        stream = self.at.listen(client, self.headers.get("last-event-id"))
        try:
            while (said := self.at.next_of(stream)) is not None:
                self.wfile.write(said.encode())
        except OSError:
            pass
        finally:
            stream.ended = True


def empty(lineage: str = "test") -> Snapshot:
    return snapshot("production", lineage, 0, ())
