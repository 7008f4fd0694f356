"""Players, faults and metric sources of made-up minutes: what the recorded histories of an edition were judged on.

Seeded and slow on purpose: every event is drawn by itself, with nothing but ``random``, so that the same seed gives the
same counts on every machine and every Python.
"""

import random
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from croupier.core.gates import (
    AnalysisRule,
    Counts,
    EventsSli,
    Gate,
    Instance,
    LatencySli,
    Measured,
    PopulationRule,
    Reading,
    Silence,
)
from croupier.core.gates.analysis.measurement import Measurement, measured
from croupier.core.gates.analysis.verdict import due
from croupier.core.gates.judge import Said
from croupier.core.gates.sli import Group
from croupier.core.rollout.decide import Look, looks
from croupier.core.segments import BUCKETS
from croupier.testing import Rehearsal

TICK_S: Final = 10.0
EVERYBODY: Final[Mapping[str, float]] = {"": 1.0}


@dataclass(frozen=True)
class World:
    """``per_s`` events of both versions together, dealt to the groups by their ``shares``; the share ``usual`` of them
    is bad, and of the canary's ``fault(seconds, group)``. A bad event comes with others of its clump. The baseline has
    so many ``instances``, the first of which has the share ``sick`` of the failures more. In ``silent`` seconds there
    is no source, in ``common`` ones an incident that both versions have. The canary gets ``drift`` times its players.
    It has so many ``pods`` (0: nobody tells), the first of which fails a third of its requests in ``ill`` seconds.
    """

    per_s: float = 40.0
    usual: float = 0.002
    fault: Callable[[float, str], float] | None = None
    shares: Mapping[str, float] = field(default_factory=lambda: EVERYBODY)
    clump: int = 1
    instances: int = 1
    sick: float = 0.0
    silent: tuple[float, float] = (0.0, 0.0)
    common: tuple[float, float] = (0.0, 0.0)
    drift: float = 1.0
    pods: int = 0
    ill: tuple[float, float] = (0.0, 0.0)
    alone: bool = False
    tick_s: float = TICK_S


@dataclass
class Source:
    """What a metric source has counted of one gate's events, tick by tick."""

    world: World
    seed: str
    ticks: list[tuple[float, Reading]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def count(self, gate: Gate, seconds: float, now: float, weight_bp: int) -> None:
        """One tick more, which ends ``now``, ``seconds`` after the rollout's start."""
        world, share = self.world, weight_bp / BUCKETS * self.world.drift
        events = round(world.per_s * world.tick_s)
        mine = sum(self._random.random() < share for _ in range(events))
        ours, theirs = self._split(mine), self._split(0 if world.alone else events - mine)
        incident = world.common[0] <= seconds < world.common[1]

        def bad(count: int, group: str, *, canary: bool) -> int:
            rate = world.fault(seconds, group) if canary and world.fault else world.usual
            rate = 0.3 if incident else rate
            faults = sum(self._random.random() < rate / world.clump for _ in range(count))
            return min(count, faults * world.clump)

        label = gate.by[0] if gate.by else ""
        if isinstance(gate.sli, EventsSli):
            ours = {group: bad(count, group, canary=True) for group, count in ours.items()}
            canary = {_named(label, group): Counts(0, count) for group, count in ours.items()}
            baseline = dict.fromkeys(canary, Counts(0, 0))
        else:
            canary = {
                _named(label, group): _good(n, bad(n, group, canary=True), gate) for group, n in ours.items() if n
            }
            baseline = {
                _named(label, group): _good(n, bad(n, group, canary=False), gate) for group, n in theirs.items() if n
            }
        if gate.by:
            canary, baseline = {(): _total(canary.values()), **canary}, {(): _total(baseline.values()), **baseline}
        pods: tuple[Instance, ...] = ()
        if world.pods:
            pods = tuple(self._pods(canary.get((), Counts(0, 0)), seconds))
            canary = {(): _total([pod.counts for pod in pods])}
        whole = baseline.get((), Counts(0, 0))
        parts = self._parts(whole) if world.instances > 1 else ()
        self.ticks.append(
            (now, Reading(now - world.tick_s, now, canary, None if world.alone else baseline, parts, None, pods))
        )

    def said(self, gate: Gate, since: float, until: float, seconds: float) -> Reading | Silence:
        """What it answers when asked for that span."""
        if self.world.silent[0] <= seconds < self.world.silent[1]:
            return Silence("the source does not answer")
        seen = [reading for at, reading in self.ticks if since < at <= until]
        if not seen:
            return Silence("nothing was counted yet")
        short = [reading for at, reading in self.ticks if at > until - getattr(gate.rule, "short_s", 0.0)]
        last = seen[-1].baseline
        return Reading(
            max(since, seen[0].since),
            until,
            _added([reading.canary for reading in seen]),
            None if last is None else _added([reading.baseline or {} for reading in seen]),
            seen[-1].parts if len(seen) == 1 else (),
            _added([reading.canary for reading in short]) if gate.rule.kind == "burn" else None,
            seen[-1].instances if len(seen) == 1 else (),
        )

    def _split(self, events: int) -> dict[str, int]:
        names = list(self.world.shares)
        dealt = self._random.choices(names, list(self.world.shares.values()), k=events)
        return {name: dealt.count(name) for name in names}

    def _pods(self, whole: Counts, seconds: float) -> Iterator[Instance]:
        many, ill = self.world.pods, self.world.ill[0] <= seconds < self.world.ill[1]
        for index in range(many):
            bad = whole.bad // many + (index < whole.bad % many)
            good = whole.good // many + (index < whole.good % many)
            sick = sum(self._random.random() < 1 / 3 for _ in range(good)) if ill and index == 0 else 0
            yield Instance(f"pod-{index}", Counts(good - sick, good + bad))

    def _parts(self, whole: Counts) -> tuple[Counts, ...]:
        many = self.world.instances
        sick = round(whole.bad * self.world.sick)
        bad = [(whole.bad - sick) // many] * many
        bad[0] += sick + (whole.bad - sick) % many
        total = [whole.total // many + (index < whole.total % many) for index in range(many)]
        return tuple(Counts(max(n - b, 0), n) for b, n in zip(bad, total, strict=True))


def play(story: Rehearsal, world: World, ticks: int, seed: str) -> None:
    """The rollout, tick by tick, until it ends."""
    began = story.now
    counted = [gate for gate in story.state.plan.gates if not isinstance(gate.rule, AnalysisRule)]
    sources = {gate.name: Source(world, f"{seed}/{gate.name}") for gate in counted}

    def said(look: Look, seconds: float) -> Said:
        if isinstance(look.gate.rule, AnalysisRule):
            return _measured(story, look, look.gate.rule, world, seconds)
        return sources[look.gate.name].said(look.gate, look.since, look.until, seconds)

    story.settle()
    for _ in range(ticks):
        story.now += world.tick_s
        seconds = story.now - began
        for gate in counted:
            sources[gate.name].count(gate, seconds, story.now, story.state.weight_bp)
        story.tick({look.gate.name: said(look, seconds) for look in looks(story.state, story.now)})
        story.killed = frozenset(flag for acted in story.state.acted for flag in acted.kills)
        story.settle()
        if not story.state.phase.active:
            return


def _measured(story: Rehearsal, look: Look, rule: AnalysisRule, world: World, seconds: float) -> Measured:
    """The share of bad events, as a vector of one number; an empty one where there is ``alone`` nobody to ask."""
    wanted = due(rule, story.state.gate_state(look.gate.name).analysis, look.since, look.until)
    if world.silent[0] <= seconds < world.silent[1]:
        return Measured(tuple(Measurement(each.name, look.until, error="no answer") for each in wanted))
    share = world.fault(seconds, "") if world.fault else world.usual
    return Measured(tuple(measured(each.name, look.until, [] if world.alone else [share]) for each in wanted))


def _named(label: str, group: str) -> Group:
    return ((label, group),) if label else ()


def _good(count: int, bad: int, gate: Gate) -> Counts:
    if isinstance(gate.rule, PopulationRule):
        return Counts(count, count)
    # Slow ones are more usual than failed ones.
    return Counts(count - min(count, bad * (20 if isinstance(gate.sli, LatencySli) else 1)), count)


def _total(counts: Collection[Counts]) -> Counts:
    return Counts(sum(each.good for each in counts), sum(each.total for each in counts))


def _added(readings: list[Mapping[Group, Counts]]) -> dict[Group, Counts]:
    groups = sorted({group for counted in readings for group in counted})
    return {group: _total([each[group] for each in readings if group in each]) for group in groups}
