"""Could this gate turn red in this plan? Tried out before the start, on the gate's own rule and the rollout's machine.

A canary of which everything is bad is led through the plan in made-up time, next to a stable version as it usually is.
A gate that does not condemn even that one guards nobody. Pure; called for a rollout that is about to start, and for
documents that are read.
"""

import math
from dataclasses import dataclass, replace
from typing import Final

from croupier.core.gates import (
    AnalysisRule,
    BurnRule,
    Counts,
    EventsSli,
    Gate,
    Judgement,
    Measured,
    Opinion,
    PopulationRule,
    Reading,
    SequentialRule,
    Verdict,
)
from croupier.core.gates.analysis.verdict import due, next_at
from croupier.core.gates.analysis.witness import failing
from croupier.core.gates.edition import EDITION
from croupier.core.gates.judge import Said
from croupier.core.rollout import events as e
from croupier.core.rollout.asking import watching_since
from croupier.core.rollout.decide import Evidence, Look, decide, looks
from croupier.core.rollout.machine import create, evolve
from croupier.core.rollout.spec import (
    INCONCLUSIVE,
    NO_DATA,
    Analysis,
    Approval,
    Pause,
    Plan,
    SegmentFail,
    SetFlag,
    SetSegment,
    Shadow,
    Smoke,
    Step,
)
from croupier.core.rollout.state import RolloutState, routes

MOST_LOOKS: Final = 2_000
"""A gate that so many looks do not convince is never convinced; at a look every 10 s they take five hours."""

_MOST_OF_A_WINDOW: Final = 10 * MOST_LOOKS
"""Looks that a budget may take to burn; whatever a gate asks for, its trial ends."""

_PLENTY: Final = 10_000
"""Events of each version in one look, and more where the gate asks for more: traffic is not what is tried here."""

_STABLE: Final = "stable"
_ENOUGH: Final = 100
"""Fewer events do not say how the stable version usually is."""


@dataclass(frozen=True, slots=True)
class Proof:
    """How the trial ended: seconds from the first player of the canary to the red verdict, or why there was none."""

    red_after_s: float | None
    looks: int = 0
    why: str = ""
    hint: str = ""


def prove(plan: Plan, name: str, usual: Counts | None = None) -> Proof:
    """Lead a canary of which everything is bad through the plan, watched by the gate ``name`` alone.

    ``usual`` is what the stable version counted lately; without it, or with too little of it, nothing of it is bad.
    """
    gate = plan.gate(name)
    state, now = create(e.Created("trial", "trial", _STABLE, "canary", "", _watched_by(plan, gate), 0.0)), 0.0
    began, looked, count = math.inf, dict[str, float](), 0
    ticks, most = 0, _most_looks(gate)
    while state.phase.active and count < most and ticks < 3 * most:  # looks, and the steps between them
        ticks += 1
        due = looks(state, now, looked)
        said = {look.gate.name: _all_bad(look, state, usual) for look in due}
        looked |= dict.fromkeys(said, now)
        count += len(said)
        events = decide(state, Evidence(True, None, routes(state), said), now)
        for event in events:
            state = evolve(state, event)
        latest = state.gate_state(name).latest
        if latest is not None and (latest.verdict is Verdict.FAIL or _alarms(gate, latest)):
            return Proof(max(now - began, 0.0), count)  # before the first player: at once
        if state.exposing and state.confirmed_at is not None:
            began = min(began, state.confirmed_at)
        if not events:
            now = _next_moment(state, gate, looked.get(name), now)
    return Proof(None, count, *_excuse(gate, count, usual))


def _most_looks(gate: Gate) -> int:
    """A budget may take its whole window to burn, however often the gate looks meanwhile."""
    window = gate.rule.window_s / gate.rule.interval_s if isinstance(gate.rule, BurnRule) else 0.0
    return MOST_LOOKS + math.ceil(min(window, _MOST_OF_A_WINDOW))


def _watched_by(plan: Plan, gate: Gate) -> Plan:
    """The plan as if this were its only gate, the others passed at once, nobody took their time, and no group was acted
    upon instead.
    """
    name = gate.name
    guards = tuple(each for each in plan.guards if each == name)
    steps = tuple(_hurried(step, name) for step in plan.steps)
    alone = replace(gate, on_group_fail=None)
    return replace(
        plan,
        steps=steps,
        guards=guards,
        gates=(alone,),
        on_inconclusive=INCONCLUSIVE,
        on_no_data=NO_DATA,
        edition=EDITION,
        smoke=None,
        consent=None,
        disruption=None,
    )


def _hurried(step: Step, name: str) -> Step:
    if isinstance(step, Analysis):
        gates = tuple(each for each in step.gates if each == name)
        return replace(step, gates=gates, on_inconclusive=None, on_no_data=None)
    if isinstance(step, SetSegment):
        return replace(step, guards=tuple(each for each in step.guards if each == name), on_fail=SegmentFail.ABORT)
    if isinstance(step, Shadow):
        return Pause(step.duration_s)
    by_hand = isinstance(step, Pause) and step.duration_s is None
    return Pause(0.0) if by_hand or isinstance(step, Smoke | SetFlag | Approval) else step


def _alarms(gate: Gate, latest: Judgement) -> bool:
    """Whether a gate that never fails says all that it can."""
    violated = any(finding.opinion is Opinion.VIOLATED for finding in latest.findings)
    return isinstance(gate.rule, PopulationRule) and violated


def _all_bad(look: Look, state: RolloutState, usual: Counts | None) -> Said:
    """Everything that the canary does is bad; of a population, nobody is sent to it."""
    gate = look.gate
    if isinstance(gate.rule, AnalysisRule):
        metrics = due(gate.rule, state.gate_state(gate.name).analysis, look.since, look.until)
        return Measured(tuple(bad for metric in metrics if (bad := failing(metric, look.until))))
    if isinstance(gate.rule, PopulationRule):
        everybody = Counts(_PLENTY, _PLENTY)
        return Reading(look.since, look.until, {(): Counts(0, 0)}, {(): everybody})
    most = max(
        _PLENTY,
        0 if isinstance(gate.rule, SequentialRule | PopulationRule) else gate.rule.min_samples,
        max(gate.hard_stop.samples, gate.hard_stop.events or 0) if gate.hard_stop is not None else 0,
    )
    served = _STABLE in routes(state).versions
    bad_share = usual.bad_share if usual is not None and usual.total >= _ENOUGH else 0.0
    fine = Counts(most - round(most * bad_share), most) if served else Counts(0, 0)
    if isinstance(gate.sli, EventsSli):
        fine = Counts(0, 0)
    groups = {(), tuple((label, "any") for label in gate.by)}
    return Reading(look.since, look.until, dict.fromkeys(groups, Counts(0, most)), dict.fromkeys(groups, fine))


def _next_moment(state: RolloutState, gate: Gate, looked_at: float | None, now: float) -> float:
    """When something can happen next: the gate's next look, or the end of a pause."""
    if isinstance(gate.rule, AnalysisRule):
        since = watching_since(state, gate, now)
        looked_at = (next_at(gate.rule, state.gate_state(gate.name).analysis, since) or math.inf) - gate.rule.interval_s
    ends = getattr(state.current_step, "duration_s", None)
    moments = [
        now + gate.rule.interval_s if looked_at is None else looked_at + gate.rule.interval_s,
        math.inf if ends is None or state.step_started_at is None else state.step_started_at + ends,
    ]
    # By a little more than the moment, which may be rounded to just before it.
    later = [moment for moment in moments if moment > now] or [now]
    return min(later) + gate.rule.interval_s * 1e-6


def _excuse(gate: Gate, count: int, usual: Counts | None) -> tuple[str, str]:
    if not count:
        return (
            "no step gives the canary players while it watches, so it can never look",
            "Put a setWeight above 0, with a pause or an analysis, into the steps.",
        )
    if usual is not None and usual.total >= _ENOUGH and usual.bad:
        own = f"{100 * usual.bad_share:.3g} % of the stable version's own events are bad ({usual.bad} of {usual.total})"
        return (
            f"{own}, so a canary of which everything is bad would not be worse enough to fail it",
            "Count as good what is good, or ask for less: a smaller maxRatio or slack, or an objective.",
        )
    if isinstance(gate.rule, AnalysisRule):
        return (
            f"its rollout went on after {count} failed measurements, so it can never fail in time",
            "Write a count or a smaller failureLimit, or name it as a guard (canary.analysis).",
        )
    tried = f"{count} looks ({count * gate.rule.interval_s:g} s)"
    return (
        f"it did not fail a canary of which everything was bad in {tried}, so it can never fail in time",
        "Ask for less proof: fewer samples, less slack, a smaller maxRatio or a stricter objective.",
    )
