"""A control plane for tests of its HTTP side: the real store (SQLite), the real loop, and a make-believe outside."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from tests.database import place_database

from croupier.adapters.calendar import Recurrences
from croupier.adapters.clock import SystemClock
from croupier.adapters.store.spool import FileKillSpool, FileSpool
from croupier.adapters.store.sql import SqlStore, open_store
from croupier.control.ports import (
    Commit,
    Endpoint,
    Health,
    Notifier,
    Ports,
    PushedMetrics,
    Query,
    ScrapeTarget,
    Token,
    TrafficTable,
    VersionKey,
    WorkloadStatus,
)
from croupier.core.gates import EMBEDDED, Counts, Reading, Silence, Sli
from croupier.core.journal.entry import Entry
from croupier.core.releases import ProcessTemplate
from croupier.core.rollout.routes import ServiceRoutes
from croupier.server.app import create_app
from croupier.server.auth import Role, mint
from croupier.server.context import Context
from croupier.server.running import Outside
from croupier.server.settings import Settings

DEADLINE_S = 120.0


@dataclass
class Edge:
    """A data plane that serves what it was told."""

    table: TrafficTable | None = None

    async def apply(self, table: TrafficTable) -> None:
        self.table = table

    async def served(self) -> Mapping[str, ServiceRoutes]:
        return {item.service.name: item.routes for item in self.table.services} if self.table else {}

    async def previewed(self) -> Mapping[str, str]:
        return {item.service.name: item.preview for item in self.table.services if item.preview} if self.table else {}

    async def healthy(self) -> bool:
        return True


@dataclass
class Processes:
    """Workloads that are ready at once."""

    wanted: Mapping[VersionKey, ProcessTemplate] = field(default_factory=dict)

    async def apply(self, wanted: Mapping[VersionKey, ProcessTemplate]) -> None:
        self.wanted = dict(wanted)

    async def observe(self) -> Mapping[VersionKey, WorkloadStatus]:
        return {key: WorkloadStatus(Health.READY, (Endpoint("127.0.0.1", 1),)) for key in self.wanted}


@dataclass
class Counters:
    """A metric source that says the same of everybody."""

    canary: Counts = field(default_factory=lambda: Counts(1_000, 1_000))

    async def read(self, query: Query) -> Reading | Silence:
        return Reading(query.since, query.until, {(): self.canary}, {(): Counts(1_000, 1_000)})

    async def probe(
        self, sli: Sli, by: tuple[str, ...], service: str, version: str, source: str = EMBEDDED
    ) -> str | None:
        return None

    async def watch(self, targets: Mapping[VersionKey, Sequence[ScrapeTarget]]) -> None:
        return None


@dataclass
class World:
    """A control plane that runs, with a token for each role. ``get`` and ``post`` speak as an admin."""

    app: FastAPI
    settings: Settings
    store: SqlStore
    edge: Edge
    counters: Counters
    client: httpx.AsyncClient
    tokens: Mapping[Role, str]

    @property
    def context(self) -> Context:
        found: Context = self.app.state.context
        return found

    def auth(self, role: Role = Role.ADMIN) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[role]}"}

    async def get(self, path: str, role: Role = Role.ADMIN, **kwargs: Any) -> httpx.Response:
        return await self.client.get(f"/api/v1{path}", headers=self.auth(role), **kwargs)

    async def post(
        self, path: str, body: Any = None, role: Role = Role.ADMIN, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        return await self.client.post(
            f"/api/v1{path}", json={} if body is None else body, headers={**self.auth(role), **(headers or {})}
        )

    async def until(self, path: str, done: Callable[[Any], bool]) -> Any:
        """Ask until the answer is as wanted; the last answer in the failure."""

        async def ask() -> Any:
            return (await self.get(path)).json()

        return await until(ask, done)

    async def admit(self, token: Token) -> None:
        """Let the token's owner in."""
        entry = Entry(token.created_at, "test", "create token", f"token/{token.id}")
        await self.store.commit(Commit((entry,), token.created_at, tokens=(token,)))
        self.context.keyring.learn(token)

    async def until_ready(self) -> None:
        """The loop holds the lease."""

        async def ask() -> int:
            return (await self.client.get("/readyz")).status_code

        await until(ask, lambda status: status == 200)

    async def declare(self) -> None:
        """A service ``shop`` with a gate, a strategy and two releases; 1.0.0 serves."""
        answer = await self.post("/apply", {"documents": shop()})
        assert answer.status_code == 200, answer.text
        await self.post("/rollouts", {"service": "shop", "version": "1.0.0"})
        await self.until("/rollouts/shop-1", lambda rollout: rollout["phase"] == "succeeded")

    async def roll_out(self, version: str = "1.1.0") -> dict[str, Any]:
        """A rollout that stands at its first pause, at 20 %."""
        started = (await self.post("/rollouts", {"service": "shop", "version": version})).json()
        found: dict[str, Any] = await self.until(
            f"/rollouts/{started['id']}", lambda rollout: rollout["hold"] == "step"
        )
        return found


async def until(ask: Callable[[], Awaitable[Any]], done: Callable[[Any], bool]) -> Any:
    """Ask until the answer is as wanted, or a deadline."""
    found: Any = None
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not done(found := await ask()):
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail(f"not within {DEADLINE_S} s; last: {found}")
    return found


def shop(**gate: Any) -> list[dict[str, Any]]:
    """Documents of a small shop."""
    sli = {"ratio": {"metric": "shop_requests_total", "good": {"outcome": "ok"}}}
    steps = [{"setWeight": 20}, {"pause": {}}, {"setWeight": 50}, {"analysis": {"templates": [{"templateName": "ok"}]}}]
    rule = {"interval": "100ms", "window": "20s", "minSamples": 5}
    canary = {"analysis": {"templates": [{"templateName": "ok"}]}, "steps": steps}
    return [
        document("Service", "shop", {"routes": [{"prefix": "/shop"}], "process": {"command": ["shop", "{port}"]}}),
        document("Gate", "ok", {"sli": sli, "objective": {"atLeast": "99%"}, "rule": rule, **gate}),
        document("Rollout", "shop", {"service": "shop", "strategy": {"canary": canary}}),
        release("1.0.0"),
        release("1.1.0"),
    ]


def document(kind: str, name: str, spec: Any) -> dict[str, Any]:
    return {"apiVersion": "croupier/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def release(version: str, service: str = "shop") -> dict[str, Any]:
    return {"apiVersion": "croupier/v1", "kind": "Release", "spec": {"service": service, "version": version}}


@asynccontextmanager
async def open_world(
    settings: Settings,
    wrap: Callable[[Ports], Ports] = lambda ports: ports,
    pushed: PushedMetrics | None = None,
    notifiers: Sequence[Notifier] = (),
) -> AsyncIterator[World]:
    """Start a control plane with the given settings; ``wrap`` may put something between it and its ports, ``pushed``
    takes metrics, and ``notifiers`` are told what happens.
    """
    edge, counters = Edge(), Counters()
    made: list[SqlStore] = []

    @asynccontextmanager
    async def outside(chosen: Settings) -> AsyncIterator[Outside]:
        await place_database(chosen.store_url)
        store = await open_store(chosen.store_url)
        made.append(store)
        try:
            ports = Ports(
                store=store,
                leases=store.leases,
                journal=store,
                spool=FileSpool(chosen.state_dir / "aborts.jsonl"),
                router=edge,
                pins=store,
                workloads=Processes(),
                metrics=counters,
                clock=SystemClock(),
                almanac=Recurrences(frozenset(chosen.environments)),
            )
            kills = FileKillSpool(chosen.state_dir / "kills.jsonl")
            yield Outside(
                wrap(ports),
                tokens=store,
                changes=store,
                kills=kills,
                edge_healthy=edge.healthy,
                runs=store,
                pushed=pushed,
                notifiers=notifiers,
                bookmarks=store,
            )
        finally:
            await store.close()

    app = create_app(settings, outside)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.router.lifespan_context(app))
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        client = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://localhost"))
        context: Context = app.state.context
        tokens = {Role.ADMIN: settings.admin_token_file.read_text().strip()}
        world = World(app, settings, made[0], edge, counters, client, tokens)
        for role in (Role.OPERATOR, Role.VIEWER, Role.CLIENT, Role.REPORTER):
            token, tokens[role] = mint(role.value, role, context.ports.clock.now())
            await world.admit(token)
        yield world


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """On SQLite; on PostgreSQL too where a module is ``on_both_databases``."""
    changed: dict[str, Any] = {}
    if getattr(request, "param", "sqlite") == "postgresql":
        changed = {"database_url": request.getfixturevalue("postgres_database")}
    return Settings(state_dir=tmp_path, tick_s=0.02, request_timeout_s=120.0, max_streams=3, **changed)


@pytest.fixture
async def world(settings: Settings) -> AsyncIterator[World]:
    async with open_world(settings) as opened:
        yield opened


@pytest.fixture
def opened() -> Callable[..., Any]:
    """``open_world``, for tests that need it otherwise."""
    return open_world
