"""Services that move as one, in virtual time, by seeds: crashes between any two awaits, outages, a broken member.

Whatever happens, each commit keeps the order (``Order``: up in order, back in reverse, the flag after all and before
all, promoted all or none), and so does what players meet. As in ``test_simulation``:
``SIMULATION_SEED=123 pytest tests/simulation``.
"""

import os
import random
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest
from tests.core.rollout.together.order import Order

from croupier.adapters.store.sql import SqlStore
from croupier.control.ports import Clock, Commit, VersionKey
from croupier.control.recording import CONTROLLER
from croupier.control.rollouts import Ask
from croupier.core.gates import ClassicRule, Gate, HardStop, Objective, RatioSli
from croupier.core.journal.verify import Verification
from croupier.core.rollout.blue_green import steps_of
from croupier.core.rollout.flags.turned import unsettled
from croupier.core.rollout.machine import replay
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.spec import Analysis, BlueGreen, Pause, RolloutSpec, SetFlag, SetWeight, Smoke, Timing
from croupier.core.rollout.state import RolloutState
from croupier.core.smoke import CheckResult, Outcome, SmokeCheck
from croupier.errors import Conflict, Rejected, Transient
from croupier.testing import crash
from croupier.testing.simulation import Simulation

SEEDS = int(os.environ.get("SIMULATION_SEEDS", "60"))
ONE = os.environ.get("SIMULATION_SEED")
SERVICES = ("wallet", "payments", "lobby")
VERSIONS = {"wallet": "2.0.0", "payments": "3.0.0", "lobby": "4.0.0"}
OK = (("outcome", ("ok",)),)
GATE = Gate(
    "errors",
    RatioSli("requests_total", good=OK),
    objective=Objective(0.95),
    hard_stop=HardStop(failing=0.6),
    rule=ClassicRule(interval_s=5.0, window_s=30.0, consecutive=2),
)
CASHIER = RolloutSpec(
    "cashier",
    "wallet",
    (
        SetWeight(500),
        SetFlag("new-cashier", share_bp=500),
        Pause(5.0),
        SetWeight(2_500),
        Analysis(("errors",)),
        SetWeight(1_000),
        Pause(2.0),
        SetWeight(5_000),
        Pause(5.0),
    ),
    guards=("errors",),
    services=SERVICES,
    timing=Timing(keep_stable_s=3_600.0),
)
STACKS = BlueGreen(wait_s=5.0, watch_s=10.0)
SWITCHED = replace(
    CASHIER,
    steps=(*steps_of(STACKS), SetFlag("new-cashier", share_bp=5_000)),
    blue_green=STACKS,
)
ALONE = tuple(RolloutSpec(name, name, (SetWeight(10_000),)) for name in SERVICES)
ANNA = Ask("anna")
MONEY = SmokeCheck("money")


@dataclass
class Checks:
    """Smoke checks that take a while, cannot be run now and then, and fail now and then where they are to."""

    clock: Clock
    chance: random.Random
    failing: bool

    async def run(self, check: SmokeCheck, key: VersionKey, others: Sequence[VersionKey] = ()) -> CheckResult:
        assert {each.service: each.version for each in (*others, key)} == VERSIONS
        await self.clock.sleep(self.chance.uniform(0.0, 4.0))
        if self.chance.random() < 0.1:
            raise Transient("the edge cannot be reached.")
        failed = self.failing and self.chance.random() < 0.2
        return CheckResult(check.name, Outcome.FAILED if failed else Outcome.PASSED)


class Watched:
    """The store, each commit of which is held against the order with what players met just before it."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self.world: Simulation | None = None
        self.order = Order({})
        self.unrecorded = False
        """Whether the store was out of reach since the release was given up."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, change: Commit) -> Sequence[int]:
        positions = await self._store.commit(change)
        states = [stored.value for stored in change.rollouts]
        if self.world is not None and not self.order.known:
            self.order.known = {state.service: state for state in states if state.plan.together is not None}
        elif self.world is not None:
            waits = {intent.rollout for intent in self.world.sites[0].spool.pending()}
            self.unrecorded |= bool(waits)
            self._flags_first(states)
            self.order.commit(
                states,
                dict(zip(SERVICES, served(self.world), strict=True)),
                self.world.clock.now(),
                asked=change.entries[0].actor != CONTROLLER,
                excused=[name for name in SERVICES if f"{name}-2" in waits],
            )
        return positions

    def _flags_first(self, states: Sequence[RolloutState]) -> None:
        """Flags are put back while the players who saw them are there, where that could be recorded at once."""
        for state in states:
            before = self.order.known.get(state.service)
            put_back = before is not None and len(unsettled(before.turned)) > len(unsettled(state.turned))
            if put_back and not (self.unrecorded or served(cast("Simulation", self.world))[-1]):
                self.order.broken.append(f"{state.service} took its players back before its flag")

    def turned(self) -> None:
        """After each turn: flags were put back before the last member's players were taken back, if that could be
        recorded.
        """
        if self.world is None or not self.order.known:
            return
        last = self.order.known[SERVICES[-1]]
        self.unrecorded = last.abort is not None and (self.unrecorded or self.world.store_down)
        spooled = bool(self.world.sites[0].spool.pending())
        if last.abort is not None and unsettled(last.turned) and not (self.unrecorded or spooled):
            assert served(self.world)[-1] > 0, "the flag is on for players who left"


async def begun(world: Simulation, *, smoked: bool, switched: bool) -> None:
    """Every service has a stable version."""
    cashier = SWITCHED if switched else CASHIER
    cashier = replace(cashier, smoke=Smoke((MONEY.name,))) if smoked else cashier
    await world.declare_several(SERVICES, (*ALONE, cashier), [GATE], [MONEY])
    await world.declare_flags({"feature": "new-cashier", "type": "ops"})
    for name in SERVICES:
        await world.release("1.0.0", name)
        await world.release(VERSIONS[name], name)
        await world.sites[0].rollouts.start(name, "1.0.0", ANNA, strategy=name)
    for _ in range(6):
        await world.pass_time(1.0)
        await world.tick(world.sites[0])


async def members(store: SqlStore) -> list[RolloutState]:
    found = [await store.rollout(f"{name}-2") for name in SERVICES]
    return [stored.value for stored in found if stored is not None]


def served(world: Simulation) -> list[int]:
    found = [(name, world.router.routes(name)) for name in SERVICES]
    return [routes.weight_of(VERSIONS[name]) if routes is not None else 0 for name, routes in found]


@pytest.mark.parametrize("seed", [int(ONE)] if ONE else range(SEEDS))
async def test_all_or_none(seed: int, opened: Callable[[int], AbstractAsyncContextManager[SqlStore]]) -> None:
    chance = random.Random(seed)
    async with opened(seed) as store:
        watched = Watched(store)
        world = Simulation(cast("SqlStore", watched), seed=seed)
        smoked = bool(seed % 2)
        world.smoke = Checks(world.clock, random.Random(seed), failing=seed % 4 == 1)
        world.restart(world.sites[0])
        await begun(world, smoked=smoked, switched=seed % 5 == 4)
        await world.release("3.1.0", "payments")
        site, watched.world = world.sites[0], world
        await site.rollouts.start_together(VERSIONS, ANNA)
        with pytest.raises(Conflict, match="moves together with wallet-2, lobby-2, by payments-2"):
            await site.rollouts.start("payments", "3.1.0", ANNA)
        broken = chance.choice((*SERVICES, None))
        at = chance.randrange(25)
        for turn in range(70):
            if turn == at and broken is not None:
                world.metrics.break_version(VERSIONS[broken], chance.choice((0.3, 1.0)))
            await trouble(world, chance)
            await world.pass_time(chance.choice((0.5, 1.0, 5.0)))
            await world.tick(site)
            watched.turned()
            states = await members(store)
            assert watched.order.broken == []
            going = all(state.phase.active and state.phase is not Phase.ABORTING for state in states)
            if going and not site.spool.pending():
                assert served(world) == sorted(served(world), reverse=True)
        ended = await over(watched, world)
        runs = (await members(store))[-1].smokes
        assert all(run.passed for run in runs) or ended is Phase.ABORTED
        if ended is Phase.SUCCEEDED:
            assert (runs[-1].exposure if runs else None) == ("100 %" if smoked else None)
            assert await undone(watched, world, chance) is Phase.ABORTED
        states = await members(store)
        for state in states:
            assert replay(await store.history(state.id)) == state
        assert isinstance(await store.verify(), Verification)


async def over(watched: Watched, world: Simulation) -> Phase:
    """Where all of them end when nothing is in their way."""
    await calm(world)
    for _ in range(60):
        await world.pass_time(5.0)
        await world.tick(world.sites[0])
        watched.turned()
    assert watched.order.broken == []
    (ended,) = {state.phase for state in await members(cast("SqlStore", watched))}
    assert served(world) == [10_000 if ended is Phase.SUCCEEDED else 0] * 3
    flag = next(each for each in (await watched.flags()).states if each.key == "new-cashier")
    assert bool(flag.flag.rules) == (ended is Phase.SUCCEEDED)
    return ended


async def undone(watched: Watched, world: Simulation, chance: random.Random) -> Phase:
    """They were promoted, and are taken back, whatever is in their way."""
    world.store_down = chance.random() < 0.3
    with suppress(Transient):
        await world.sites[0].rollouts.undo("payments-2", Ask("anna", "late"))
    for _ in range(8):
        await trouble(world, chance)
        await world.pass_time(chance.choice((0.1, 0.5, 3.0)))
        await world.tick(world.sites[0])
        watched.turned()
    await calm(world)
    with suppress(Conflict):
        await world.sites[0].rollouts.undo("payments-2", Ask("anna", "late"))
    return await over(watched, world)


async def trouble(world: Simulation, chance: random.Random) -> None:
    site = world.sites[0]
    match chance.randrange(12):
        case 0:
            site.moments.restart({chance.randrange(30): crash})
        case 1:
            world.store_down = not world.store_down
        case 2:
            world.router.unreachable = not world.router.unreachable
        case 3:
            world.router.confirms_after_s = chance.choice((0.0, 1.5, 6.0))
        case 4:
            with suppress(Transient, Rejected, Conflict):
                await getattr(site.rollouts, chance.choice(("pause", "resume", "promote")))("payments-2", ANNA)
        case 5 if chance.random() < 0.1:
            with suppress(Transient, Rejected):
                await site.rollouts.abort("wallet-2", ANNA)
        case _:
            world.store_down = world.router.unreachable = False


async def calm(world: Simulation) -> None:
    world.store_down = world.router.unreachable = False
    world.router.confirms_after_s = 0.0
    world.sites[0].moments.restart()
    await world.pass_time(1.0)
    await world.tick(world.sites[0])
    with suppress(Rejected, Conflict):
        await world.sites[0].rollouts.resume("wallet-2", ANNA)
