"""The comparing process: takes copies of reads on a unix socket, asks both versions, counts what differs.

Run by ``supervisor`` as ``python -m``: what to compare comes in on standard input, reports go out on standard output.
It ends with its input, so it never outlives the control plane. Copies are answered at once and queued; what does not
fit into the queue is dropped and counted.
"""

import asyncio
import contextlib
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httptools
import httpx

from croupier.adapters.comparing.wire import read_wanted, write_report
from croupier.control.ports import Endpoint
from croupier.control.ports.comparing import Comparison
from croupier.core.rollout.shadow.differ import Answer, outcome
from croupier.core.rollout.shadow.mirror import COMPARE_HEADER, SAFE_METHODS, SHADOW_HEADER
from croupier.core.rollout.shadow.tally import Tally

LARGEST: Final = 256 * 1024
"""Bytes of an answer's body; larger ones are not compared."""
QUEUE: Final = 200
WORKERS: Final = 4
_TIMEOUT_S: Final = 10.0
_REPORT_S: Final = 0.25
_TAKEN: Final = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"
_OWN: Final = frozenset(
    (
        *("accept-encoding", "connection", "content-length", "expect", "if-match", "if-modified-since"),
        *("if-none-match", "if-unmodified-since", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"),
        COMPARE_HEADER,
    )
)
"""Request headers that are about the connection or a cache, or that we set."""


class Skipped(Exception):
    """Why a request cannot be compared; the reason is counted."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One copy of a read."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]

    def of(self, name: str) -> str:
        """The header, or nothing."""
        return next((value for known, value in self.headers if known == name), "")

    @property
    def said(self) -> frozenset[str]:
        """The values of headers and cookies: the player's id among them."""
        cookies = [part.partition("=")[2] for part in self.of("cookie").split("; ")]
        return frozenset(filter(None, (*(value for name, value in self.headers if name not in _OWN), *cookies)))


@dataclass(slots=True)
class Comparing:
    """Everything that the process knows."""

    client: httpx.AsyncClient
    wanted: dict[str, Comparison] = field(default_factory=dict)
    tallies: dict[str, Tally] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    queue: asyncio.Queue[Asked] = field(default_factory=lambda: asyncio.Queue(QUEUE))
    turn: int = 0

    def take(self, asked: Asked) -> None:
        """Queue a copy, or count why not."""
        comparison = self.wanted.get(asked.of(COMPARE_HEADER))
        if comparison is None:
            return
        if asked.method not in SAFE_METHODS:
            self._skip(comparison, "not a read")
        elif asked.of("upgrade") or "text/event-stream" in asked.of("accept"):
            self._skip(comparison, "a stream")
        else:
            try:
                self.queue.put_nowait(asked)
            except asyncio.QueueFull:
                self._skip(comparison, "too many at once")

    def want(self, comparisons: list[Comparison]) -> None:
        """Compare for these from now on."""
        self.wanted = {each.service: each for each in comparisons}
        ids = {each.id for each in comparisons}
        self.tallies = {id_: tally for id_, tally in self.tallies.items() if id_ in ids}

    async def work(self) -> None:
        """Compare what is queued; for ever."""
        while True:
            asked = await self.queue.get()
            comparison = self.wanted.get(asked.of(COMPARE_HEADER))
            if comparison is not None:
                try:
                    await self._compare(asked, comparison)
                except Skipped as why:
                    self._skip(comparison, str(why))

    async def _compare(self, asked: Asked, comparison: Comparison) -> None:
        # The canary in the middle: what changes in the meantime differs between the stable version's answers, too.
        first = await self._ask(asked, *comparison.stable, whose="the stable version")
        canary = await self._ask(asked, *comparison.canary, whose="the canary")
        second = await self._ask(asked, *comparison.stable, whose="the stable version")
        found = outcome(first, second, canary, comparison.ignored)
        self._tally(comparison).add(asked.target, found, asked.said)

    async def _ask(self, asked: Asked, version: str, endpoints: tuple[Endpoint, ...], *, whose: str) -> Answer:
        if not endpoints:
            raise Skipped(f"{whose} has no instance")
        self.turn += 1
        at = endpoints[self.turn % len(endpoints)]
        headers = [(name, value) for name, value in asked.headers if name not in _OWN and name != SHADOW_HEADER]
        headers += [(SHADOW_HEADER, "1"), ("accept-encoding", "identity")]
        host = f"[{at.host}]" if ":" in at.host else at.host
        url = httpx.URL(f"http://{host}:{at.port}").copy_with(raw_path=asked.target.encode("latin-1"))
        try:
            async with self.client.stream(asked.method, url, headers=headers) as answer:
                return await _read(answer, version)
        except httpx.TimeoutException:
            raise Skipped(f"{whose} was too slow") from None
        except (httpx.HTTPError, ValueError):
            raise Skipped(f"{whose} did not answer") from None

    def _tally(self, comparison: Comparison) -> Tally:
        self.changed.add(comparison.id)
        return self.tallies.setdefault(comparison.id, Tally())

    def _skip(self, comparison: Comparison, reason: str) -> None:
        self._tally(comparison).skip(reason)


async def _read(answer: httpx.Response, version: str) -> Answer:
    if "text/event-stream" in answer.headers.get("content-type", ""):
        raise Skipped("a stream")
    body = bytearray()
    async for part in answer.aiter_raw():
        body += part
        if len(body) > LARGEST:
            raise Skipped("a large answer")
    headers = tuple((name.lower(), value) for name, value in answer.headers.multi_items())
    return Answer(answer.status_code, headers, bytes(body), version)


class Copies(asyncio.Protocol):
    """One connection of the data plane: each request is taken and answered at once."""

    def __init__(self, comparing: Comparing) -> None:
        self._comparing = comparing
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._target = b""
        self._headers: list[tuple[str, str]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._close()

    def on_message_begin(self) -> None:
        self._target, self._headers = b"", []

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_message_complete(self) -> None:
        method = self._parser.get_method().decode("latin-1")
        self._comparing.take(Asked(method, self._target.decode("latin-1"), tuple(self._headers)))
        if self._transport is not None:
            self._transport.write(_TAKEN)

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def _listen_to_control(comparing: Comparing, reader: asyncio.StreamReader) -> None:
    """Until the control plane is gone."""
    while line := await reader.readline():
        comparing.want(read_wanted(line))


async def _report(comparing: Comparing) -> None:
    """Tell what changed, now and then; for ever."""
    while True:
        await asyncio.sleep(_REPORT_S)
        told, comparing.changed = comparing.changed, set()
        for id_ in told & comparing.tallies.keys():
            sys.stdout.buffer.write(write_report(id_, comparing.tallies[id_].report()))
        sys.stdout.buffer.flush()


async def run(socket: Path) -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=8 * 1024 * 1024)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    socket.unlink(missing_ok=True)  # noqa: ASYNC240 - before anything is served
    limits = httpx.Limits(max_connections=4 * WORKERS)
    async with httpx.AsyncClient(timeout=_TIMEOUT_S, limits=limits, trust_env=False) as client:
        comparing = Comparing(client)
        server: Any = await loop.create_unix_server(lambda: Copies(comparing), str(socket))
        tasks = [asyncio.create_task(comparing.work()) for _ in range(WORKERS)]
        tasks.append(asyncio.create_task(_report(comparing)))
        await _listen_to_control(comparing, reader)
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        asyncio.run(run(Path(sys.argv[1])))
