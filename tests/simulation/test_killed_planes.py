"""Two control planes on one PostgreSQL, killed by SIGKILL again and again, one or both, between any two calls and in
the middle of commits, or standing still until they are replaced, while people roll out: with rounds open, a freeze,
checks, copies and approvals, from blue to green and back, several services as one, and a version that must be stopped
at once.

Each seed plays other chapters in another order: ``SIMULATION_SEED=7`` for one, ``KILLED_SEEDS=100`` for so many.
"""

import asyncio
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from tests.simulation.plane import BROKEN, Running, Traffic, noted, ports

from croupier.adapters.store.sql import SqlStore, open_store
from croupier.control.catalog import Catalog
from croupier.control.fleet import read_fleet
from croupier.control.ports import Document, VersionKey
from croupier.control.ports.pins import Opened, PinReport
from croupier.control.reconcile import Reconciler
from croupier.control.rollouts import Ask, Rollouts
from croupier.core.gates import ClassicRule, Gate, HardStop, Objective, RatioSli
from croupier.core.governance.calendar.model import Calendar, Entry, Kind
from croupier.core.releases import Affinity, ProcessTemplate, Release, Service
from croupier.core.releases.affinity import by_header
from croupier.core.rollout.approval import digest
from croupier.core.rollout.blue_green import steps_of
from croupier.core.rollout.consent import Consent
from croupier.core.rollout.machine import evolve, opened, replay
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause, Hold
from croupier.core.rollout.spec import (
    Analysis,
    Approval,
    BlueGreen,
    Pause,
    RolloutSpec,
    SetWeight,
    Shadow,
    Smoke,
    Timing,
)
from croupier.core.rollout.state import RolloutState, routes
from croupier.core.smoke import SmokeCheck
from croupier.errors import Conflict
from croupier.testing import Moments

pytestmark = pytest.mark.postgres

PLANE = Path(__file__).parent / "plane.py"
SEEDS = int(os.environ.get("KILLED_SEEDS", "2"))
ONE = os.environ.get("SIMULATION_SEED")
PATIENCE_S = 120.0
SERVICES = ("wallet", "shop")
PROCESS = ProcessTemplate(command=("serve", "--port", "{port}"))
ROUNDS = Affinity((by_header("round", "x-round-id"),), ttl_s=600.0, drain_s=300.0)
GATE = Gate(
    "ok",
    RatioSli("requests_total", good=(("outcome", ("ok",)),)),
    objective=Objective(0.95),
    hard_stop=HardStop(failing=0.5),
    rule=ClassicRule(interval_s=0.1, window_s=0.5, consecutive=2),
)
KEPT = Timing(keep_stable_s=600.0, keep_canary_s=0.5)
MONEY = Smoke(("money",))
SWITCH = BlueGreen(watch_s=0.3, checks=MONEY)
CAREFUL = RolloutSpec(
    "shop",
    "shop",
    (
        MONEY,
        Shadow(1_000, 0.2),
        SetWeight(2_000),
        Pause(0.2),
        Approval(Consent()),
        SetWeight(5_000),
        Analysis(("ok",)),
        SetWeight(10_000),
    ),
    ("ok",),
    timing=KEPT,
    smoke=MONEY,
)
CASHIER = RolloutSpec(
    "cashier",
    "wallet",
    (SetWeight(2_000), Pause(0.2), SetWeight(6_000), Analysis(("ok",))),
    ("ok",),
    timing=KEPT,
    services=SERVICES,
)
SPECS = (
    GATE,
    SmokeCheck("money"),
    *(Service(name, (f"/{name}",), PROCESS, affinity=ROUNDS if name == "shop" else None) for name in SERVICES),
    CAREFUL,
    CASHIER,
    RolloutSpec("wallet", "wallet", (SetWeight(10_000),)),
    RolloutSpec("switch", "shop", steps_of(SWITCH), ("ok",), timing=KEPT, blue_green=SWITCH),
)
ANNA, BORIS = Ask("anna", "because"), Ask("boris", "looks well", role="operator")
FROZEN = Entry("final", Kind.FREEZE, "2020-01-01T00:00", "2120-01-01T00:00", why="the final")
ONCE = ("created", "frozen", "freeze_overridden", "approved", "promoted", "rounds_moved", "aborted", "abort_started")
"""What happens once at the most in a rollout here."""


class Story:
    """What people ask for, in a process that lives; ``count`` makes new versions."""

    def __init__(self, seed: int, store: SqlStore, folder: Path) -> None:
        self.chance, self.store, self.folder = random.Random(seed), store, folder
        outside = ports(store, folder, "people", Moments())
        loop = Reconciler(outside, holder="people")
        self.rollouts, self.catalog = Rollouts(outside, loop), Catalog(outside, loop)
        self.count = 1
        self.harmed = ""

    async def play(self) -> None:
        await self.declare(*SPECS)
        for service in SERVICES:
            await self.release(service, "1.0.0")
            first = await self.rollouts.start(service, "1.0.0", ANNA, strategy=service)
            await self.phase(first.rollout.value.id, Phase.SUCCEEDED)
        chapters: list[Callable[[], Awaitable[None]]] = [self.careful, self.switched, self.together, self.harmful]
        self.chance.shuffle(chapters)
        for chapter in chapters:
            await chapter()
        await self.told_late()

    async def careful(self) -> None:
        """A freeze, a check, copies, an approval; rounds of both versions end where they began."""
        old = (await self.delivery("shop")).stable
        await self.declare(Calendar("sports", (FROZEN,)))
        name, new = await self.start("shop")
        await self.until(name, lambda state: bool(state.frozen))
        if self.chance.random() < 0.5:
            await self.rollouts.override(name, BORIS, "final")
        await self.declare(Calendar("sports"))
        asking = await self.until(name, lambda state: state.hold is Hold.APPROVAL)
        assert (asking.confirmed_bp, asking.smokes[-1].passed) == (2_000, True)
        for version in (old, new):
            await self.say(version, opened=2)
        if self.chance.random() < 0.5:
            await self.rollouts.approve(name, BORIS, digest=digest(asking))
            left = old
            await self.phase(name, Phase.SUCCEEDED)
        else:
            await self.rollouts.abort(name, ANNA)
            left = new
            await self.phase(name, Phase.ABORTED)
        await self.served("shop", lambda served: left not in served.assigned and left in served.pins.targets)
        assert VersionKey("shop", left) in Running(self.folder).versions()
        for version in (old, new):
            await self.say(version, closed=2)
        await self.served("shop", lambda served: left not in served.versions)

    async def switched(self) -> None:
        """From blue to green, and back, or not."""
        old = (await self.delivery("shop")).stable
        name, new = await self.start("switch")
        promoted = await self.phase(name, Phase.SUCCEEDED)
        assert [run.exposure for run in promoted.smokes] == ["0 %"]
        if self.chance.random() < 0.7:
            assert VersionKey("shop", old) in Running(self.folder).versions(), "it is kept"
            await self.rollouts.undo(name, ANNA)
            undone = await self.phase(name, Phase.ABORTED)
            assert undone.abort is not None
            assert undone.abort.cause is Cause.UNDO
            new = old
        await self.served("shop", lambda served: served.assigned == (new,))

    async def together(self) -> None:
        """Two services as one, and all of it or nothing."""
        version = self.next()
        for service in SERVICES:
            await self.release(service, version)
        asked = dict.fromkeys(SERVICES, version)
        first = (await self.rollouts.start_together(asked, ANNA, strategy="cashier")).rollout.value
        if self.chance.random() < 0.5:
            await self.until(first.id, lambda state: (state.confirmed_bp or 0) >= 2_000)
            with suppress(Conflict):  # it is over
                await self.rollouts.abort(first.id, ANNA)
        ends = [await self.until(each, lambda state: not state.phase.active) for each in first.as_one]
        assert len({state.phase for state in ends}) == 1, ends

    async def harmful(self) -> None:
        """It is stopped at once, and what was begun there is moved and listed, once."""
        await self.say(BROKEN, opened=3)
        name, _ = await self.start("shop", BROKEN)
        await self.until(name, lambda state: state.abort is not None)
        ended = await self.phase(name, Phase.ABORTED)
        assert ended.abort is not None
        assert ended.abort.cause is Cause.HARD_STOP
        await self.served("shop", lambda served: BROKEN not in served.versions)
        moved = (await self.store.pins("shop", moved_by=name)).items
        assert len(moved) == 3
        assert [each.count for each in ended.moved] == [3]
        self.harmed = name

    async def told_late(self) -> None:
        """A round of what was stopped is told of after others came and went: it is listed, and nobody is led back."""
        deadline = time.monotonic() + PATIENCE_S
        while VersionKey("shop", BROKEN) in Running(self.folder).versions():  # it may have been stopped just now
            assert time.monotonic() < deadline, "it runs on"
            await asyncio.sleep(0.03)
        before = sum(1 for _ in noted(self.folder))
        await self.say(BROKEN, opened=4)
        while len((await self.store.pins("shop", moved_by=self.harmed)).items) < 4:
            assert time.monotonic() < deadline, "it is in no list"
            await asyncio.sleep(0.03)
        since = list(noted(self.folder))[before:]
        assert all(BROKEN not in what["shop"].versions for kind, what in since if kind == "served")
        assert VersionKey("shop", BROKEN) not in Running(self.folder).versions()

    async def start(self, strategy: str, version: str = "") -> tuple[str, str]:
        version = version or self.next()
        await self.release("shop", version)
        return (await self.rollouts.start("shop", version, ANNA, strategy=strategy)).rollout.value.id, version

    def next(self) -> str:
        self.count += 1
        return f"{self.count}.0.0"

    async def declare(self, *specs: Any) -> None:
        kinds = [(type(spec).__name__.removesuffix("Spec"), spec) for spec in specs]
        documents = [Document(kind, spec.name, f"sha256:{hash(spec)}", spec, {}) for kind, spec in kinds]
        await self.catalog.apply(documents, (), actor="anna")

    async def release(self, service: str, version: str) -> None:
        await self.catalog.apply((), (Release(service, version, PROCESS, f"sha256:{version}"),), actor="anna")

    async def say(self, version: str | None, *, opened: int = 0, closed: int = 0) -> None:
        """Its process says what is open there."""
        now = time.time()
        ids = [f"r{number}@{version}" for number in range(opened or closed)]
        rounds = [Opened("round", each, "olga", now) for each in ids] if opened else []
        gone = [("round", each) for each in ids] if closed else []
        report = PinReport("shop", f"{version}-0", str(version), rounds, gone, now, now, ROUNDS.ttl_s)
        await self.store.report_pins([report])

    async def delivery(self, service: str) -> Any:
        return next(each.value for each in await self.store.services() if each.value.service == service)

    async def phase(self, name: str, phase: Phase) -> RolloutState:
        return await self.until(name, lambda state: state.phase is phase)

    async def until(self, name: str, what: Callable[[RolloutState], bool]) -> RolloutState:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            stored = await self.store.rollout(name)
            assert stored is not None
            if what(stored.value):
                return stored.value
            assert time.monotonic() < deadline, f"{stored.value}"
            await asyncio.sleep(0.03)

    async def served(self, service: str, what: Callable[[Any], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not what(found := (await Traffic(self.folder).served())[service]):
            assert time.monotonic() < deadline, f"{found}"
            await asyncio.sleep(0.03)


@asynccontextmanager
async def planes(url: str, folder: Path, seed: int) -> AsyncIterator[None]:
    """Two lines of planes. They are calm at the end, and are told to stop."""
    lines = [
        await asyncio.create_subprocess_exec(
            sys.executable, str(PLANE), url, str(folder), name, str(seed), start_new_session=True
        )
        for name in ("a", "b")
    ]
    try:
        yield
    finally:
        (folder / "calm").touch()
        for line in lines:
            with suppress(ProcessLookupError):
                os.killpg(line.pid, signal.SIGKILL)  # the group is ours alone: start_new_session
            await line.wait()


async def converged(store: SqlStore, folder: Path) -> None:
    """Nobody dies any more: what is served is what is recorded."""
    (folder / "calm").touch()
    fleet = await read_fleet(store, 0)
    wanted = {name: (fleet.unpinned_routes(name).shares, fleet.unpinned_routes(name).default) for name in SERVICES}
    deadline = time.monotonic() + PATIENCE_S
    while (found := {n: (each.shares, each.default) for n, each in (await Traffic(folder).served()).items()}) != wanted:
        assert time.monotonic() < deadline, f"{found} instead of {wanted}"
        await asyncio.sleep(0.03)


async def check(store: SqlStore, folder: Path) -> None:
    """The record is whole, each thing happened once, one acted at a time, and only what was recorded was served."""
    verified = await store.verify()
    assert verified.ok, verified.discrepancies
    recorded: set[tuple[str, Any, Any]] = {(name, (), None) for name in SERVICES}
    for stored in (await store.rollouts(limit=1_000)).items:
        history = list(await store.history(stored.value.id))
        assert stored.value == replay(history), stored.value.id
        times = Counter[str](event.type for event in history)
        assert all(times[kind] <= 1 for kind in ONCE), (stored.value.id, times)
        steps = [event.index for event in history if event.type == "step_started"]
        assert steps == sorted(set(steps)), (stored.value.id, steps)
        tried = [(event.occasion, event.exposure) for event in history if event.type == "smoke_finished"]
        assert len(tried) == len(set(tried)), (stored.value.id, tried)
        state, events = opened(history)
        for seen in accumulate(events, evolve, initial=state):
            wanted = routes(seen)
            recorded.add((wanted.service, wanted.shares, wanted.default))
    acted: dict[int, str] = {}
    last = (0, 0)
    for kind, what in noted(folder):
        if kind == "committed":
            seq, token, holder, acts = what
            assert token >= acts, f"{holder} committed {seq} after it was replaced"
            assert acted.setdefault(token, holder) == holder, "one lease, one holder"
        if kind == "served":
            for service, each in what.items():
                assert (service, each.shares, each.default) in recorded, f"nobody recorded {each}"
    commits = sorted(what[:2] for kind, what in noted(folder) if kind == "committed")
    for seq, token in commits:
        assert token >= last[1], f"{seq} was committed under lease {token}, after one under {last[1]}"
        last = (seq, token)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [int(ONE)] if ONE else range(SEEDS))
async def test_what_two_killed_planes_leave_is_whole(postgres_database: str, tmp_path: Path, seed: int) -> None:
    store = await open_store(postgres_database)
    try:
        async with planes(postgres_database, tmp_path, seed):
            await Story(seed, store, tmp_path).play()
            await converged(store, tmp_path)
        await check(store, tmp_path)
        deaths = [what for kind, what in noted(tmp_path) if kind == "died"]
        assert {code for _, _, code in deaths} == {-signal.SIGKILL}, "nobody ended by themselves"
        assert "tick failed" not in (tmp_path / "log").read_text()
    finally:
        await store.close()
