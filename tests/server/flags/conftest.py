"""A control plane that listens on a real port with our HTTP protocol, and applications that listen to it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from tests.server.listening import listening

from croupier.core.flags.read import read_flag
from croupier.core.flags.snapshot import Delta, Snapshot, apply, decode, decode_delta
from croupier.server.auth import Role, mint

DEADLINE_S = 120.0

PAYMENTS = {
    "feature": "payments_v2",
    "rules": [{"if": "market in ['DE','SE']", "rollout": 0.25}, {"if": "brand == 'X'", "rollout": 1.0}],
    "kill_switch": False,
}


@dataclass
class Event:
    name: str
    data: Any = None
    id: str = ""

    @property
    def delta(self) -> Delta:
        assert self.name == "delta", self
        return decode_delta(json.dumps(self.data))


@dataclass
class Listener:
    """An open stream. ``next`` gives the next event; heartbeats are counted apart."""

    lines: AsyncIterator[str]
    status: int
    heartbeats: int = 0
    now: Any = None
    """What the last heartbeat said."""

    async def next(self) -> Event | None:
        """The next event; ``None`` at the end of the stream."""
        event = Event("")
        async with asyncio.timeout(DEADLINE_S):
            async for line in self.lines:
                if line.startswith(":"):
                    self.heartbeats += 1
                elif line.startswith("event: "):
                    event.name = line[7:]
                elif line.startswith("id: "):
                    event.id = line[4:]
                elif line.startswith("data: "):
                    event.data = json.loads(line[6:])
                elif not line and event.name == "now":
                    self.heartbeats += 1
                    self.now, event = event.data, Event("")
                elif not line and event.name:
                    return event
        return None

    async def until(self, name: str) -> Event:
        while (event := await self.next()) is not None:
            if event.name == name:
                return event
        pytest.fail(f"the stream ended before {name}")


@dataclass
class Shore:
    """``world`` on a port; ``http`` speaks with a client's token."""

    world: Any
    url: str
    http: httpx.AsyncClient
    token: str
    made: int = field(default=0)

    @property
    def book(self) -> Any:
        return self.world.context.flags.book

    @property
    def feed(self) -> Any:
        return self.world.context.flags.feed

    def path(self, rest: str = "", environment: str = "production") -> str:
        return f"/api/v1/environments/{environment}/flags{rest}"

    async def declare(self, *flags: dict[str, Any]) -> Any:
        changes = self.world.context.flags.changes
        return await changes.declare([read_flag(flag) for flag in flags], actor="test")

    async def kill(self, key: str) -> Any:
        return await self.world.context.flags.changes.kill(key, actor="test", reason="it burns")

    async def fetch(self, **headers: str) -> Snapshot:
        answer = await self.http.get(self.path(), headers=headers)
        assert answer.status_code == 200, answer.text
        return decode(answer.content)

    async def mint(self, role: Role = Role.CLIENT, environment: str | None = None) -> tuple[Any, str]:
        self.made += 1
        token, text = mint(f"client-{self.made}", role, self.world.context.ports.clock.now(), environment)
        await self.world.admit(token)
        return token, text

    @asynccontextmanager
    async def listen(self, position: str = "", token: str = "", environment: str = "production") -> AsyncIterator[Any]:
        headers = {"authorization": f"Bearer {token or self.token}"}
        if position:
            headers["last-event-id"] = position
        path = self.path("/stream", environment)
        async with self.http.stream("GET", path, params={"client": "pod-1"}, headers=headers, timeout=None) as response:
            yield Listener(response.aiter_lines(), response.status_code)


async def until(done: Callable[[], bool], what: str) -> None:
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not done():
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail(f"not within {DEADLINE_S} s: {what}")


@asynccontextmanager
async def on_shore(world: Any) -> AsyncIterator[Shore]:
    async with listening(world.app) as url:
        token, text = mint("app", Role.CLIENT, world.context.ports.clock.now())
        await world.admit(token)
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=url, trust_env=False, limits=limits, timeout=DEADLINE_S) as http:
            http.headers["Authorization"] = f"Bearer {text}"
            try:
                yield Shore(world, url, http, text)
            finally:
                world.context.flags.feed.close()


@pytest.fixture
async def shore(world: Any) -> AsyncIterator[Shore]:
    async with on_shore(world) as opened:
        yield opened


@pytest.fixture
def ashore() -> Callable[..., Any]:
    """``on_shore``, for worlds that a test opens itself."""
    return on_shore


@pytest.fixture
def payments() -> dict[str, Any]:
    return dict(PAYMENTS)


@pytest.fixture
def holds() -> Callable[[Snapshot, Delta], Snapshot]:
    return apply


@pytest.fixture
def eventually() -> Callable[..., Any]:
    return until
