"""Tiny upstreams that misbehave on request, and an Envoy on a run directory of its own."""

import asyncio
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import httpx
import pytest

from casino.ports import free_port
from croupier.adapters.routing.envoy import EnvoyRouter, EnvoySettings
from croupier.adapters.routing.envoy.process import find_process
from croupier.control.ports import Backend, Endpoint, RoutedService, TrafficTable, VersionKey
from croupier.core.releases import ProcessTemplate, Service
from croupier.core.rollout.routes import ServiceRoutes

CUT = 8


@dataclass
class Upstream:
    """An instance of a version: answers its version as JSON. ``behaviour``: ok, fail (500), crash, hang or slow."""

    version: str
    behaviour: str = "ok"
    port: int = field(default_factory=free_port)  # it goes and comes back there
    hits: int = 0
    done: Counter[str] = field(default_factory=Counter)
    """What it was asked to do (bodies), and how often it did."""
    _server: asyncio.Server | None = None
    cutting: list[asyncio.StreamWriter] = field(default_factory=list)
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint("127.0.0.1", self.port)

    async def start(self) -> "Upstream":
        self._server = await asyncio.start_server(self._connection, "127.0.0.1", self.port)
        return self

    async def stop(self) -> None:
        """Gone, as after kill -9: connections are reset, the port refuses."""
        if self._server:
            self._server.close()
            for writer in list(self._open):
                writer.transport.abort()
            self._server = None
            await asyncio.sleep(0)

    def hang_up(self, *, abruptly: bool) -> None:
        """End every open connection."""
        for writer in list(self._open):
            writer.transport.abort() if abruptly else writer.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while await self._request(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.hits += 1
        self.done[body.decode()] += 1
        if headers.get("upgrade") == "websocket":
            writer.write(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n")
            while data := await reader.read(1024):
                writer.write(self.version.encode() + b":" + data)
            return False
        if head[0].endswith("/cut HTTP/1.1"):
            await self._cut(writer)
            return False
        if self.behaviour == "crash":
            writer.transport.abort()
            return False
        if self.behaviour == "slow":
            await asyncio.sleep(0.3)
        if self.behaviour == "hang":
            await reader.read()
            return False
        status = "500 Internal Server Error" if self.behaviour == "fail" else "200 OK"
        text = json.dumps({"version": self.version, "request": head[0], "headers": headers, "body": body.decode()})
        writer.write(f"HTTP/1.1 {status}\r\ncontent-length: {len(text)}\r\n\r\n{text}".encode())
        return True

    async def _cut(self, writer: asyncio.StreamWriter) -> None:
        """Cut the answers to so many such requests off in the middle, all at one moment."""
        self.cutting.append(writer)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhalf")
        await writer.drain()
        if len(self.cutting) == CUT:
            for each in self.cutting:
                each.transport.abort()
            self.cutting.clear()
        else:
            await asyncio.Event().wait()


@pytest.fixture
async def upstream() -> AsyncIterator[Callable[..., Awaitable[Upstream]]]:
    """Calls start an instance of a version."""
    started: list[Upstream] = []

    async def start(version: str, behaviour: str = "ok") -> Upstream:
        started.append(await Upstream(version, behaviour).start())
        return started[-1]

    yield start
    for one in started:
        await one.stop()


@pytest.fixture
def run_dir() -> Iterator[Path]:
    """Short enough for a unix socket. Whatever Envoy still serves it at the end is killed."""
    path = Path(tempfile.mkdtemp(prefix="edge-")).resolve()
    yield path
    left = find_process(path)
    if left:
        asyncio.run(left.end())
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def settings(run_dir: Path, free_port: int) -> EnvoySettings:
    return EnvoySettings(
        run_dir=run_dir, port=free_port, concurrency=1, linger_s=0.2, drain_s=5.0, confirm_s=60.0, start_s=60.0
    )


@pytest.fixture
async def router(settings: EnvoySettings) -> AsyncIterator[EnvoyRouter]:
    """A started edge that serves nothing yet."""
    edge = EnvoyRouter(settings)
    await edge.start()
    yield edge
    await edge.stop(keep_serving=False)


@pytest.fixture
async def client(settings: EnvoySettings) -> AsyncIterator[httpx.AsyncClient]:
    """A player's connections to the edge."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.port}", timeout=60, trust_env=False) as http:
        yield http


class TableOf(Protocol):
    def __call__(self, routes: ServiceRoutes, *instances: Upstream, service: Service | None = None) -> TrafficTable: ...


@pytest.fixture
def table_of() -> TableOf:
    """Build the table of one service: its routes, and one backend per version of the instances."""

    def build(routes: ServiceRoutes, *instances: Upstream, service: Service | None = None) -> TrafficTable:
        default = Service(
            name=routes.service,
            prefixes=(f"/{routes.service}",),
            process=ProcessTemplate(command=("unused",)),
            attribute_headers=(("market", "x-market"), ("brand", "X-Brand")),
        )
        versions = dict.fromkeys([*routes.versions, *(one.version for one in instances)])
        backends = tuple(
            Backend(
                VersionKey(routes.service, version), tuple(one.endpoint for one in instances if one.version == version)
            )
            for version in versions
        )
        return TrafficTable(services=(RoutedService(service or default, routes),), backends=backends)

    return build


class Eventually(Protocol):
    async def __call__(self, holds: Callable[[], Awaitable[bool]], within_s: float = 60.0) -> None: ...


@pytest.fixture
def eventually() -> Eventually:
    """Wait for a condition, with a deadline."""

    async def wait(holds: Callable[[], Awaitable[bool]], within_s: float = 60.0) -> None:
        async with asyncio.timeout(within_s):
            while True:
                if await holds():
                    return
                await asyncio.sleep(0.02)

    return wait
