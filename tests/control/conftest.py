"""A shop whose control plane is turned by hand: the real store (SQLite), the real loop and use cases, a virtual clock.

Several control planes may be opened on the one store; each can lose sight of it, and anything may happen at any call.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from tests.database import store_in_memory

from croupier.adapters.calendar import Recurrences
from croupier.adapters.store.spool import FileSpool
from croupier.adapters.store.sql import SqlStore
from croupier.control.catalog import Catalog
from croupier.control.ports import Document, Intent, Ports, Question, Spec, VersionKey
from croupier.control.reconcile import Reconciler
from croupier.control.rollouts import Ask, Rollouts
from croupier.core.gates import ClassicRule, Gate, Measured, Objective, RatioSli
from croupier.core.journal.entry import Entry
from croupier.core.releases import Affinity, ProcessTemplate, Release, Service
from croupier.core.rollout.events import AbortStarted
from croupier.core.rollout.reasons import Cause
from croupier.core.rollout.routes import ServiceRoutes
from croupier.core.rollout.spec import Analysis, Pause, RolloutSpec, SetWeight, Step, Timing
from croupier.core.rollout.state import RolloutState
from croupier.errors import Transient
from croupier.testing import MemoryRouter, MemoryWorkloads, Moments, ScriptedMetrics, VirtualClock, exposed

ANNA = Ask("anna", "because")
PROCESS = ProcessTemplate(command=("serve", "--port", "{port}"))
RULE = ClassicRule(interval_s=5.0, window_s=30.0, consecutive=3)
GATE = Gate("ok", RatioSli("requests_total", good=(("outcome", ("ok",)),)), objective=Objective(0.95), rule=RULE)
STEPS: tuple[Step, ...] = (SetWeight(2_000), Pause(), SetWeight(5_000), Analysis(("ok",)))


class Happenings(Moments):
    """What happens once, before or after a call: ``once["before commit"] = action``. ``names`` are the calls made,
    ``silent`` those that never answer.
    """

    def __init__(self) -> None:
        super().__init__()
        self.silent: set[str] = set()
        self.once: dict[str, Callable[[], Awaitable[Any]]] = {}

    async def pass_one(self, name: str) -> None:
        await super().pass_one(name)
        if name.removeprefix("before ") in self.silent:
            await asyncio.Event().wait()
        if (happening := self.once.pop(name, None)) is not None:
            await happening()

    def count(self, name: str) -> int:
        """How often this call was made."""
        return self.names.count(f"before {name}")


class Saying:
    """A measurer that says so, and of what could be measured ``why`` not."""

    def __init__(self, answer: Measured | Exception) -> None:
        self.answer = answer
        self.asked: list[Question] = []
        self.probed: list[Question] = []
        self.why: str | None = None

    async def measure(self, question: Question) -> Measured:
        self.asked.append(question)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def probe(self, question: Question) -> str | None:
        self.probed.append(question)
        return self.why


@dataclass
class Site:
    """One control plane process. ``down``: it cannot reach the store."""

    name: str
    happenings: Happenings
    spool: FileSpool
    down: bool = False
    reconciler: Reconciler = field(init=False)
    rollouts: Rollouts = field(init=False)
    catalog: Catalog = field(init=False)

    def trouble(self) -> Exception | None:
        return Transient("the database does not answer") if self.down else None


@dataclass
class Shop:
    """The world, with a first control plane ``a``."""

    store: SqlStore
    folder: Path
    clock: VirtualClock = field(default_factory=VirtualClock)

    def __post_init__(self) -> None:
        self.router = MemoryRouter(self.clock)
        self.workloads = MemoryWorkloads(self.clock)
        self.metrics = ScriptedMetrics(self.clock, self.router)
        self.measurer = Saying(Measured())
        self.a = self.site("a")

    def site(self, name: str, *, jumped_s: float = 0.0) -> Site:
        """A control plane as it starts; what waited on its disk is still there. Meanwhile the clock was set forward."""
        site = Site(name, Happenings(), FileSpool(self.folder / f"{name}.jsonl"))
        seen = partial(exposed, moments=site.happenings)
        ports = Ports(
            store=exposed(self.store, site.happenings, site.trouble),
            leases=exposed(self.store.leases, site.happenings, site.trouble),
            journal=exposed(self.store, site.happenings, site.trouble),
            spool=site.spool,
            router=seen(self.router),
            workloads=seen(self.workloads),
            metrics=seen(self.metrics),
            measurer=self.measurer,
            clock=self.clock,
            pins=exposed(self.store, site.happenings, site.trouble),
            almanac=Recurrences(frozenset({"production"})),
        )
        site.reconciler = Reconciler(ports, holder=f"{name}-{id(site)}", jumped_s=jumped_s)
        site.rollouts = Rollouts(ports, site.reconciler)
        site.catalog = Catalog(ports, site.reconciler)
        return site

    async def declare(self, *specs: Spec, releases: Sequence[str] = ()) -> None:
        documents = [
            Document(type(spec).__name__.removesuffix("Spec"), spec.name, f"sha256:{hash(spec)}", spec, {})
            for spec in specs
        ]
        added = [Release("shop", version, PROCESS, f"sha256:{version}") for version in releases]
        await self.a.catalog.apply(documents, added, actor="anna")

    async def open(
        self,
        *,
        steps: Sequence[Step] = STEPS,
        guards: Sequence[str] = ("ok",),
        affinity: Affinity | None = None,
        **timing: float,
    ) -> None:
        """The service is declared and 1.0.0 serves everybody."""
        service = Service(
            "shop", ("/shop",), PROCESS, attribute_headers=(("employee", "x-employee"),), affinity=affinity
        )
        strategy = RolloutSpec("shop", "shop", tuple(steps), tuple(guards), timing=Timing(**timing))
        await self.declare(service, GATE, strategy, releases=("1.0.0", "1.1.0", "1.2.0"))
        await self.a.rollouts.start("shop", "1.0.0", ANNA)
        await self.turn(3)

    async def roll_out(self, version: str = "1.1.0") -> str:
        """A rollout that stands at its first pause, at 20 %; its id."""
        outcome = await self.a.rollouts.start("shop", version, ANNA)
        await self.turn(3)
        found = await self.state(outcome.rollout.value.id)
        assert (found.phase, found.confirmed_bp) == ("paused", 2_000), found
        return found.id

    async def start_bar(self) -> str:
        """Another service's first release; the rollout's id."""
        bar = Service("bar", ("/bar",), PROCESS)
        await self.declare(bar, RolloutSpec("bar", "bar", (SetWeight(2_000), Pause())))
        await self.a.catalog.apply([], [Release("bar", "1.0.0", PROCESS, "sha256:b")], actor="anna")
        return (await self.a.rollouts.start("bar", "1.0.0", ANNA)).rollout.value.id

    def harm(self, rollout: str) -> Intent:
        """An abort that somebody asks for while it cannot be recorded."""
        return Intent(rollout, AbortStarted(Cause.PERSON, "harm", self.clock.now()), "boris")

    async def turn(self, times: int = 1, *, after: float = 3.0, site: Site | None = None) -> None:
        """The loop turns; players play and time passes before each turn."""
        for _ in range(times):
            await self.wait(after)
            await (site or self.a).reconciler.tick()

    async def wait(self, seconds: float) -> None:
        self.metrics.flow()
        await self.clock.advance(seconds)
        self.metrics.flow()

    @asynccontextmanager
    async def looping(self, site: Site | None = None, *, interval_s: float = 3_600.0) -> AsyncIterator[None]:
        """The loop runs by itself, one turn an interval and whenever it is woken."""
        stop = asyncio.Event()
        running = asyncio.ensure_future((site or self.a).reconciler.run(interval_s, stop))
        try:
            yield
        finally:
            stop.set()
            async with asyncio.timeout(120):
                await running

    async def until(self, rollout: str, phase: str) -> None:
        """Wait for the rollout's phase; virtual time stands still."""
        async with asyncio.timeout(120):
            while (await self.state(rollout)).phase != phase:
                await asyncio.sleep(0.002)

    async def until_served(self, version: str, weight_bp: int) -> None:
        """Wait for the data plane; virtual time stands still."""
        async with asyncio.timeout(120):
            while self.served.weight_of(version) != weight_bp:
                await asyncio.sleep(0.002)

    async def damage(self, rollout: str) -> None:
        """Somebody's hand, or a disk, spoils what is stored of the rollout."""
        async with self.store._database.engine.begin() as connection:
            await connection.execute(text("UPDATE rollouts SET state = '{}' WHERE id = :id"), {"id": rollout})

    async def state(self, rollout: str) -> RolloutState:
        stored = await self.store.rollout(rollout)
        assert stored is not None
        return stored.value

    async def events(self, rollout: str) -> list[str]:
        return [event.type for event in await self.store.history(rollout)]

    async def entries(self) -> int:
        return (await self.store.head()).size

    async def newest(self) -> Entry:
        """What was recorded last."""
        (recorded,) = await self.store.latest(1)
        return recorded.entry

    def woken(self) -> bool:
        """Whether the loop was told to begin its next turn at once, since this was asked last."""
        told = self.a.reconciler.woken
        self.a.reconciler._urgent.clear()
        return told

    @property
    def served(self) -> ServiceRoutes:
        routes = self.router.routes("shop")
        assert routes is not None
        return routes

    def running(self) -> set[str]:
        return {key.version for key in self.workloads.running}

    @staticmethod
    def key(version: str) -> VersionKey:
        return VersionKey("shop", version)


@pytest.fixture
async def store() -> AsyncIterator[SqlStore]:
    opened = await store_in_memory()
    yield opened
    await opened.close()


@pytest.fixture
async def bare(store: SqlStore, tmp_path: Path) -> Shop:
    """Nothing is declared yet."""
    return Shop(store, tmp_path)


@pytest.fixture
async def shop(bare: Shop) -> Shop:
    """1.0.0 serves everybody; 1.1.0 and 1.2.0 can be rolled out."""
    await bare.open()
    return bare
