"""Croupier's own rules, driven sample by sample through the real ``decide`` by a rehearsal."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from benchmarks.gates._result import Result, harm
from benchmarks.gates._scenarios import Scenario
from benchmarks.gates._world import EDGES_MS, PROVIDERS, SLO_MS, TICK_S, Arm, Part, World

from croupier.control.clumps import SAMPLE_S, SAMPLES, measures_clumps
from croupier.core.gates import (
    ClassicRule,
    Comparison,
    Counts,
    Gate,
    HardStop,
    Instance,
    LatencySli,
    Objective,
    RatioSli,
    Reading,
    SequentialRule,
    Silence,
)
from croupier.core.gates.model import BY_GROUP
from croupier.core.gates.sequential.dispersion import measured
from croupier.core.gates.sli import Group
from croupier.core.rollout.decide import looks
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.resolve import resolve
from croupier.core.rollout.spec import Auto, Pause, Plan, RolloutSpec, SetWeight, Step
from croupier.testing import Rehearsal

_EDGES: Final = {"p75": (0, 1), "p95": (2, 3)}
"""Which of the histogram's edges counts for the baseline, and which for the canary."""
WATCH_S: Final = 1800.0
_OK: Final = (("outcome", ("ok",)),)
_WEIGHTS: Final = (100, 500, 1_000, 2_500, 5_000)
_ERRORS: Final = Gate("errors", RatioSli("requests_total", _OK), objective=Objective(0.999), comparison=Comparison())
_DEPOSITS: Final = Gate("deposits", RatioSli("deposits_total", _OK), by=("psp",), objective=Objective(0.99))
_SLOW: Final = Gate("slow", LatencySli("latency_seconds", SLO_MS / 1_000), objective=Objective(0.95))
_SLOWER: Final = tuple(
    Gate(
        name,
        LatencySli("latency_seconds", EDGES_MS[edge] / 1_000),
        comparison=Comparison(max_ratio=1.0, slack=0.0, canary_threshold_s=EDGES_MS[edge + 1] / 1_000),
    )
    for name, edge in (("p75", 0), ("p95", 2))
)
"""No more than 20 % slower, at two thresholds taken from the stable version's own histogram."""


_RULE: Final = SequentialRule()


def sequential(per_s: float, rule: SequentialRule = _RULE, *, harm: int = BY_GROUP.harm) -> Plan:
    """What a user writes for sequential gates: ``steps: auto``, watched to the end; ``harm`` in that on deposits."""
    errors = replace(_ERRORS, hard_stop=HardStop(failing=0.5, samples=20))
    gates = [replace(gate, rule=rule) for gate in (errors, *_SLOWER)]
    gates.append(replace(_DEPOSITS, rule=replace(rule, harm=harm)))
    names = tuple(gate.name for gate in gates)
    return resolve(RolloutSpec("shop", "shop", (Auto(watch_s=WATCH_S),), names), gates, [], per_s=per_s)


def classic() -> Plan:
    """Five minutes a weight; three bad minutes in a row go back."""
    rule = ClassicRule(interval_s=60, window_s=60, consecutive=3, min_samples=1)
    gates = [replace(gate, comparison=None, rule=rule) for gate in (_ERRORS, _SLOW, _DEPOSITS)]
    names = tuple(gate.name for gate in gates)
    steps: list[Step] = []
    for weight in (*_WEIGHTS, 9_500):
        steps += [SetWeight(weight), Pause(300.0)]
    return resolve(RolloutSpec("shop", "shop", (*steps, Pause()), names), gates, [])


def play(
    plan: Plan, scenario: Scenario, per_s: float, seed: int, *, tick_s: float = TICK_S, alone: bool = False
) -> Result:
    """One rollout of half an hour; ``alone`` keeps the baseline from the gates."""
    world, story = World(scenario, per_s, seed, tick_s), Rehearsal(_with_clumps(plan, scenario, per_s, seed))
    story.settle()
    begin, suffered, whole_s = story.now, 0, None
    last = max(step.weight_bp for step in plan.steps if isinstance(step, SetWeight))
    seen: list[tuple[float, Arm | None, Arm | None]] = []
    for tick in range(int(WATCH_S / tick_s)):
        canary, baseline = world.sample(tick, story.state.weight_bp / 10_000)
        story.now = begin + (tick + 1) * tick_s
        seen.append((story.now, canary, baseline))
        suffered += harm(scenario, canary) if canary is not None else 0
        due = looks(story.state, story.now)
        said = {look.gate.name: _said(look.gate.name, look.since, story.now, seen, alone=alone) for look in due}
        if not story.tick(said):
            continue
        if story.state.phase is Phase.ABORTING:
            return Result(story.now - begin, suffered, whole_s)
        story.settle()
        if whole_s is None and story.state.weight_bp == last:
            whole_s = story.now - begin
    return Result(None, suffered, whole_s)


def _with_clumps(plan: Plan, scenario: Scenario, per_s: float, seed: int) -> Plan:
    """The plan with what its gates measure before the start, as ``control.clumps`` does. The minutes before are luck of
    their own, so that every rule is judged by the same samples.
    """
    before = World(scenario, per_s, (seed, 1), SAMPLE_S)
    samples = [arm for tick in range(-SAMPLES, 0) if (arm := before.sample(tick, 0.0)[1]) is not None]

    def lately(gate: Gate) -> Gate:
        if not measures_clumps(gate.rule):
            return gate
        edge, _ = _EDGES.get(gate.name, (-1, -1))
        seen = measured(tuple(_parts(gate.name, [arm], edge)) for arm in samples)
        return replace(gate, rule=replace(gate.rule, dispersion=seen))

    return replace(plan, gates=tuple(map(lately, plan.gates)))


def _said(
    name: str, since: float, until: float, seen: Sequence[tuple[float, Arm | None, Arm | None]], *, alone: bool
) -> Reading | Silence:
    """What a source says of the span that the gate asks for, or of what it has of it since it was silent."""
    canaries: list[Arm] = []
    baselines: list[Arm] = []
    for at, canary, baseline in reversed(seen):
        if at <= since + 1e-6:
            break
        if canary is None or baseline is None:
            if not canaries:
                return Silence("no metrics")
            since = at
            break
        canaries.append(canary)
        baselines.append(baseline)
    # Each version at its own edge of the histogram.
    theirs, ours = _EDGES.get(name, (-1, -1))
    counted = _counted(name, canaries, ours)
    instances = tuple(Instance(f"pod-{pod}", counts) for pod, counts in enumerate(_parts(name, canaries, ours)))
    if alone:
        return Reading(since, until, counted, None, instances=instances)
    compared, parts = _counted(name, baselines, theirs), tuple(_parts(name, baselines, theirs))
    return Reading(since, until, counted, compared, parts, instances=instances)


def _parts(name: str, arms: Sequence[Arm], edge: int) -> Iterator[Counts]:
    """What each pod, or each part of the baseline, counted."""
    for each in zip(*(arm.parts for arm in arms), strict=True):
        yield _counts(_part(name, part, edge) for part in each)


def _part(name: str, part: Part, edge: int) -> tuple[int, int]:
    if name == "errors":
        return part.errors, part.requests
    return (part.failed, part.deposits) if name == "deposits" else (part.slower[edge], part.requests)


def _counted(name: str, arms: Sequence[Arm], edge: int) -> Mapping[Group, Counts]:
    if name == "errors":
        return {(): _counts((arm.errors, arm.requests) for arm in arms)}
    if name != "deposits":
        return {(): _counts((arm.slower[edge], arm.requests) for arm in arms)}
    groups: dict[Group, Counts] = {}
    for index in range(len(PROVIDERS)):
        groups[(("psp", f"p{index}"),)] = _counts((arm.deposits[index][1], arm.deposits[index][0]) for arm in arms)
    whole = Counts(sum(counts.good for counts in groups.values()), sum(counts.total for counts in groups.values()))
    return {(): whole, **groups}


def _counts(pairs: Iterable[tuple[int, int]]) -> Counts:
    bad, total = (sum(column) for column in zip(*pairs, strict=True))
    return Counts(total - bad, total)
