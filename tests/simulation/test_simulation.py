"""The whole control plane in virtual time, by seeds: crashes between any two awaits, outages, clocks that jump, two
sites racing for the lease, people at random moments. After each turn the design's invariants are checked by number.

A failure names its seed. To run that seed again: ``SIMULATION_SEED=123 pytest tests/simulation``. More seeds:
``SIMULATION_SEEDS=2000 pytest tests/simulation``.
"""

import os
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, cast

import pytest

from croupier.adapters.store.sql import SqlStore
from croupier.control.ports import Commit, VersionKey
from croupier.control.rollouts import Ask
from croupier.control.whom import Whom
from croupier.core.gates import (
    ClassicRule,
    Comparison,
    Gate,
    HardStop,
    Objective,
    RatioSli,
    SequentialRule,
    Verdict,
)
from croupier.core.rollout import events as e
from croupier.core.rollout.machine import create, evolve
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause
from croupier.core.rollout.routes import ServiceRoutes, stable_routes
from croupier.core.rollout.segments.commands import may_be_held
from croupier.core.rollout.spec import (
    Analysis,
    Asked,
    Auto,
    Pause,
    Resort,
    RolloutSpec,
    SetWeight,
    Undecided,
)
from croupier.core.rollout.state import RolloutState, routes
from croupier.core.segments import AttributeMatch, Segment
from croupier.errors import Conflict, Rejected, Transient
from croupier.testing import Crash, crash, version_for
from croupier.testing.simulation import SERVICE, Memory, Simulation, Site

SEEDS = int(os.environ.get("SIMULATION_SEEDS", "100"))
ONE = os.environ.get("SIMULATION_SEED")
BATCH = 20

STAFF = Segment("staff", (AttributeMatch("employee", ("yes",)),))
PLAYERS = [(f"player-{n}", {"employee": "yes" if n % 4 == 0 else "no"}) for n in range(24)]
RULE = ClassicRule(interval_s=5.0, window_s=30.0, consecutive=2)
OK = (("outcome", ("ok",)),)
STOP = HardStop(failing=0.6)
GATES = [
    Gate("errors", RatioSli("requests_total", good=OK), objective=Objective(0.95), rule=RULE),
    Gate("deposits", RatioSli("deposits_total", good=OK), objective=Objective(0.9), hard_stop=STOP, rule=RULE),
    Gate(
        "evidence",
        RatioSli("bets_total", good=OK),
        comparison=Comparison(),
        rule=SequentialRule(interval_s=5.0, samples=3, dwell=2),
        warmup_s=6.0,
    ),
]
EMPLOYEES = Whom(match=(("employee", ("yes",)),))
KEEPS = (Phase.PROGRESSING, Phase.PAUSED, Phase.PROMOTING, Phase.SUCCEEDED)
VERSIONS = ("1.1.0", "1.2.0", "1.3.0", "1.4.0")


# --- what is checked after each turn ----------------------------------------------------------------------------------


class Watch:
    """Reads the record and the data plane after each turn, and knows what neither may ever do."""

    def __init__(self, world: Simulation, store: "FencedStore") -> None:
        self.world, self.store, self.commits = world, store, 0
        self.states: dict[str, RolloutState] = {}
        self.said: dict[str, dict[str, Verdict]] = {}
        self.seen = 0
        self.stable: str | None = None
        self._length: dict[str, int] = {}
        self.recorded: set[ServiceRoutes] = {stable_routes(SERVICE, None)}
        self.emptied: set[tuple[str, int]] = set()
        self.exposed: dict[str, set[int]] = {}
        self.unrecorded: set[str] = set()
        self.held: set[str] = set()
        """Rollouts in which employees were held, if only for a while."""
        self.past: dict[str, list[RolloutState]] = {}

    async def check(self) -> None:
        pending = [intent for site in self.world.sites for intent in site.spool.pending()]
        self.unrecorded.update(intent.rollout for intent in pending if isinstance(intent.event, e.AbortStarted))
        self._note_holds([(each.rollout, each.event) for each in pending if isinstance(each.event, e.SegmentHeld)])
        if self.commits != self.store.commits:
            self.commits = self.store.commits
            await self._read_the_record()
        self._look_at_players()

    def _note_holds(self, pending: Sequence[tuple[str, e.SegmentHeld]]) -> None:
        """Holds that wait for the store are acted on, by sites that may know an older state."""
        for name, event in pending:
            self.held.add(name)
            for state in self.past.get(name, ()):
                if may_be_held(state, event.segment):
                    self.recorded.add(routes(evolve(state, event)))

    def check_converged(self) -> None:
        """After an undisturbed turn of the site that acts."""
        active = [state for state in self.states.values() if state.phase.active]
        assert len(active) <= 1, "invariant 11: two rollouts of one service are in progress"
        wanted = routes(active[0]) if active else stable_routes(SERVICE, self.stable)
        assert self.world.router.routes(SERVICE) == wanted, "invariant 12: what is served is not what is recorded"

    async def _read_the_record(self) -> None:
        for found in await self.store.entries(after=self.seen - 1, limit=1_000):
            self.seen = found.seq + 1
            kind, _, name = found.entry.subject.partition("/")
            if kind == "rollout" and found.entry.events:
                await self._follow(name)

    async def _follow(self, name: str) -> None:
        history = await self.store.history(name)
        stored = await self.store.rollout(name)
        assert stored is not None
        known = self._length.get(name, 0)
        for event in history[known:]:
            self._one_event(name, event)
        self._length[name] = len(history)
        assert self.states[name] == stored.value, "invariant 10: the events rebuild the recorded state"

    def _one_event(self, name: str, event: e.Event) -> None:
        if isinstance(event, e.Created):
            self.states[name] = create(event)
            self.said[name] = {}
            self.recorded.add(stable_routes(SERVICE, event.stable))
            return
        before, said = self.states[name], self.said[name]
        after = self.states[name] = evolve(before, event)
        self.recorded.add(routes(after))
        self.past.setdefault(name, []).append(after)
        self._check_held(name, event, after)
        if isinstance(event, e.Promoted):
            self.stable = after.canary
        for share in routes(after).shares:
            assert sum(weight for _, weight in share.weights) == 10_000, "invariant 1"
        if isinstance(event, e.GateJudged) and event.state.latest is not None:
            said[event.state.gate] = event.state.latest.verdict
        self._check_rise(before, after, said)
        if isinstance(event, e.AbortStarted):
            assert routes(after).weight_of(after.canary) == 0, "invariant 3: zero at once"
            if event.cause in (Cause.GATE, Cause.HARD_STOP):
                assert event.gate is not None
                # Without the store a gate fails all the same; then the abort is recorded, later, and not the look.
                blamed = said.get(event.gate) is Verdict.FAIL or name in self.unrecorded
                assert blamed, "invariant 4: only a failing verdict blames a gate"
            if event.cause in (Cause.INCONCLUSIVE, Cause.NO_DATA):
                waits = before.plan.on_no_data if event.cause is Cause.NO_DATA else before.plan.on_inconclusive
                assert waits.then is Resort.ABORT, f"invariant 4: nobody asked for going back: {event.reason}"
                last = said.get(event.gate or "")
                assert last == event.cause.value or name in self.unrecorded, f"invariant 4: it said {last}"
        if before.phase in (Phase.ABORTING, Phase.ABORTED) and not isinstance(event, e.Retried):
            assert routes(after).weight_of(after.canary) == 0, "invariant 3: zero until a person retries"
        if before.weight_bp != after.weight_bp or isinstance(event, e.Retried):
            said.clear()
        step = after.current_step
        if isinstance(event, e.StepStarted) and isinstance(step, Analysis):
            for gate in step.gates:
                said.pop(gate, None)

    def _check_held(self, name: str, event: e.Event, after: RolloutState) -> None:
        if isinstance(event, e.SegmentHeld):
            self.held.add(name)
        kept = [segment for segment in after.held if after.phase not in (Phase.PROMOTING, Phase.SUCCEEDED)]
        for player, who in PLAYERS:
            held = any(segment.contains(who) for segment in kept)
            assert not held or version_for(routes(after), player, who) != after.canary, f"{player} is held and has it"

    def _check_rise(self, before: RolloutState, after: RolloutState, said: dict[str, Verdict]) -> None:
        if not 0 < before.weight_bp < after.weight_bp:
            return
        step = before.current_step
        guards = set(before.plan.guards) | (set(step.gates) if isinstance(step, Analysis) else set())
        for gate in guards - set(before.waived):
            assert said.get(gate) is Verdict.PASS, f"invariant 2: rose while {gate} said {said.get(gate)}"
        assert before.confirmed_bp == before.weight_bp, "invariant 2: rose from a weight that nobody saw"

    def _look_at_players(self) -> None:
        served = self.world.router.routes(SERVICE)
        if served is None:
            return
        for share in served.shares:
            assert sum(weight for _, weight in share.weights) == 10_000, "invariant 1"
        assert served in self.recorded, f"invariant 12: serves what nobody recorded: {served}"
        running = self.world.workloads.running
        missing = [version for version in served.versions if VersionKey(SERVICE, version) not in running]
        assert not missing, f"invariant 12: players are sent to {missing}, which was stopped"
        for player, who in PLAYERS:
            # 1.0.0 never fails by itself, so whoever it should answer and does not was lost by our doing.
            wanted, found = version_for(served, player, who), self.world.router.backend(SERVICE, player, who)
            assert wanted != "1.0.0" or found == wanted, f"invariant 12: {player} got no answer"
        for name, state in self.states.items():
            self._look_at_canary(name, state, served)

    def _look_at_canary(self, name: str, state: RolloutState, served: ServiceRoutes) -> None:
        attempt = (name, state.attempt)
        newer = any(other.canary == state.canary and other.id != name for other in self.states.values())
        if state.phase in (Phase.ABORTING, Phase.ABORTED, Phase.SUPERSEDED) and not newer:
            if served.weight_of(state.canary) == 0 and not self.world.router.in_flight:
                self.emptied.add(attempt)
            assert attempt not in self.emptied or served.weight_of(state.canary) == 0, (
                f"invariant 3: players are back on {state.canary}, which was given up"
            )
        if served.salt not in ("", state.salt):
            return  # the data plane is still where another rollout wanted it, which may have been of the same version
        on_it = {n for n, (player, who) in enumerate(PLAYERS) if version_for(served, player, who) == state.canary}
        key = f"{name}.{state.attempt}"
        newest = name == list(self.states)[-1]
        if newest and state.phase in KEEPS and name not in self.unrecorded:
            held = {n for n, (_, who) in enumerate(PLAYERS) if STAFF.contains(who)} if name in self.held else set()
            back = self.exposed.get(key, set()) - on_it - held
            assert not back, f"invariant 5: players {back} were moved back from {state.canary}"
        self.exposed[key] = on_it


class FencedStore:
    """The store, noting under which lease each commit was made."""

    def __init__(self, store: SqlStore) -> None:
        self._store, self._token, self.commits = store, 0, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, change: Commit) -> Sequence[int]:
        self.commits += 1
        seqs = await self._store.commit(change)
        if change.lease is not None:
            assert change.lease.token >= self._token, "invariant 11: a site that was replaced acted"
            self._token = change.lease.token
        return seqs


# --- what happens -----------------------------------------------------------------------------------------------------


def plan(chance: random.Random) -> tuple[Asked, ...]:
    plans: list[tuple[Asked, ...]] = [
        (SetWeight(500), Pause(10.0), Analysis(("errors",)), SetWeight(2_500), SetWeight(5_000), Pause(15.0)),
        (SetWeight(100), SetWeight(1_000), Analysis(("errors", "deposits")), SetWeight(5_000)),
        (SetWeight(500), Pause(), SetWeight(5_000)),
        (Pause(5.0), SetWeight(2_500), SetWeight(10_000), Pause(15.0)),
        (Auto(bake=3, watch_s=10.0),),
        (SetWeight(100), Pause(5.0), Auto(weights_bp=(500, 2_500), dwell=3, harm=50, bake=3, watch_s=0.0)),
    ]
    return chance.choice(plans)


def waits(chance: random.Random) -> Undecided:
    return Undecided(chance.choice(list(Resort)), chance.choice([10.0, 20.0, 60.0]))


class Story:
    """One seed's course of events."""

    def __init__(self, seed: int, store: SqlStore) -> None:
        self.chance = random.Random(seed)
        self.names = ("a", "b") if self.chance.random() < 0.5 else ("a",)
        noted = FencedStore(store)
        self.world = Simulation(cast("Memory", noted), seed, self.names)
        self.watch = Watch(self.world, noted)

    async def run(self) -> None:
        world = self.world
        steps = plan(self.chance)
        paced = any(isinstance(step, Auto) for step in steps)
        spec = RolloutSpec(
            SERVICE,
            SERVICE,
            steps,
            ("deposits", "evidence") if paced else ("deposits",),
            "staff" if self.chance.random() < 0.25 else None,
            on_inconclusive=waits(self.chance),
            on_no_data=waits(self.chance),
        )
        await world.declare(spec, GATES, [STAFF])
        for version in ("1.0.0", *VERSIONS):
            await world.release(version)
        await world.sites[0].rollouts.start(SERVICE, "1.0.0", Ask("anna"))
        await self.calm(4)
        for _ in range(40):
            await self.turn()
        await self.heal()

    async def turn(self) -> None:
        """Something changes outside, perhaps a person asks, and the sites turn."""
        self.outside()
        if self.chance.random() < 0.3:
            await self.person()
        for site in self.chance.sample(self.world.sites, len(self.world.sites)):
            self.plan_moments(site)
            disturbed = bool(site.moments.planned) or self.troubled()
            await self.world.tick(site)
            site.moments.restart()
            await self.watch.check()
            if not disturbed and site.reconciler._lease is not None:
                self.watch.check_converged()
        await self.world.pass_time(self.chance.choice([0.5, 1.0, 5.0, 5.0, 6.0, 12.0]))

    def outside(self) -> None:
        """Trouble begins or ends. What fails mends itself sooner than something else breaks."""
        if self.chance.random() < 0.4:
            self.mend()
        world, router, metrics = self.world, self.world.router, self.world.metrics
        version, key = self.chance.choice(VERSIONS), VersionKey(SERVICE, self.chance.choice(VERSIONS))
        happen: list[tuple[int, Callable[[], object]]] = [
            (40, lambda: None),
            (20, lambda: metrics.break_version(version, self.chance.choice([0.0, 0.08, 0.2, 0.9]))),
            (6, partial(setattr, metrics, "outage", "the metric source is down")),
            (2, partial(setattr, metrics, "unreachable", True)),
            (3, partial(setattr, metrics, "incident", 0.3)),
            (4, partial(setattr, router, "unreachable", True)),
            (2, partial(setattr, router, "refuses", "no listener")),
            (3, partial(setattr, router, "loses", True)),
            (5, partial(setattr, router, "confirms_after_s", 3.0)),
            (5, partial(setattr, world, "store_down", True)),
            (5, lambda: world.clock.jump(self.chance.choice([-60.0, -3.0, 7.0, 45.0]))),
            (2, lambda: world.workloads.crash(key, 20.0)),
            (2, lambda: world.workloads.crash_loop(key, "exit status 1")),
            (2, partial(setattr, world.workloads, "unreachable", True)),
        ]
        (what,) = self.chance.choices([act for _, act in happen], [weight for weight, _ in happen])
        what()

    def mend(self) -> None:
        world = self.world
        world.store_down = world.router.unreachable = world.router.loses = world.workloads.unreachable = False
        world.router.refuses = world.metrics.outage = None
        world.router.confirms_after_s = world.metrics.incident = 0.0
        world.metrics.unreachable = False

    def plan_moments(self, site: Site) -> None:
        """At some moments of this turn: the end, trouble, another site's turn, or a person."""
        happenings: dict[int, Callable[[], Awaitable[None]]] = {}
        if self.chance.random() < 0.4:
            what = self.chance.choice([crash, crash, self.trouble, self.person, lambda: self.other(site)])
            happenings[self.chance.randrange(40)] = what
        site.moments.restart(happenings)

    def troubled(self) -> bool:
        """Whether something that a turn needs does not work now."""
        world, router = self.world, self.world.router
        outside = router.unreachable or router.loses or router.refuses is not None or router.confirms_after_s > 0
        return outside or world.store_down or world.workloads.unreachable or world.metrics.unreachable

    async def trouble(self) -> None:
        raise Transient("something failed just now")

    async def other(self, site: Site) -> None:
        """This site is stalled so long that another one may take over, and it does."""
        others = [one for one in self.world.sites if one is not site]
        if not others:
            return
        await self.world.pass_time(self.chance.choice([1.0, 11.0]))
        await self.world.tick(others[0])

    async def person(self) -> None:
        """A person asks one of the sites for something; being refused is an answer, too."""
        rollouts = self.chance.choice(self.world.sites).rollouts
        known = list(self.watch.states)
        name = known[-1] if self.chance.random() < 0.9 else self.chance.choice(known)
        if self.watch.states[name].phase.active:
            asks = ["start", "promote", "promote", "full", "waive", "pause", "resume", "resume", "abort"]
            asks += ["hold", "release"]
        else:
            asks = ["start", "start", "start", "retry"]
        what = self.chance.choice(asks)
        ask = Ask("boris", "because")
        try:
            match what:
                case "start":
                    await rollouts.start(SERVICE, self.chance.choice(VERSIONS), ask)
                case "promote":
                    await rollouts.promote(name, ask)
                case "full":
                    await rollouts.promote(name, ask, full=True)
                case "waive":
                    await rollouts.promote(name, ask, waive=("errors",))
                case "pause":
                    await rollouts.pause(name, ask)
                case "resume":
                    await rollouts.resume(name, ask)
                case "abort":
                    await rollouts.abort(name, ask)
                case "hold" | "release":
                    await getattr(rollouts, what)(name, ask, EMPLOYEES)
                case _:
                    await rollouts.retry(name, ask)
        except (Rejected, Conflict, Transient):
            pass

    async def calm(self, turns: int) -> None:
        for _ in range(turns):
            for site in self.world.sites:
                await self.world.tick(site)
            await self.watch.check()
            await self.world.pass_time(5.0)

    async def heal(self) -> None:
        """Everything outside works again: in the end what is served is what is recorded, and nothing is left over."""
        world = self.world
        self.mend()
        await world.pass_time(70.0)  # leases of the dead run out, also those from before a clock was set back
        await self.calm(16)
        for stored in await self.watch.store.active():
            assert stored.value.phase is not Phase.ABORTING, "invariant 12: an abort was never finished"
        self.watch.check_converged()
        verified = await self.watch.store.verify()
        assert verified.ok, f"invariant 10: {verified.discrepancies}"


# --- the runs ---------------------------------------------------------------------------------------------------------


Open = Callable[[int], AbstractAsyncContextManager[SqlStore]]


@pytest.mark.parametrize("first", [int(ONE)] if ONE else range(0, SEEDS, BATCH))
async def test_invariants_hold_whatever_happens(opened: Open, first: int) -> None:
    for seed in [first] if ONE else range(first, min(first + BATCH, SEEDS)):
        async with opened(seed) as store:
            try:
                await Story(seed, store).run()
            except (Exception, Crash) as failure:
                raise AssertionError(f"seed {seed}: {type(failure).__name__}: {failure}") from failure
