"""How a gate is asked at the present step: by which bounds, from when on, and what it makes of an answer. Pure.

Deciding and judging again from the record both ask here, so that they cannot differ.
"""

from dataclasses import replace
from typing import Final

from croupier.core.gates import AnalysisRule, Gate, GateState, PopulationRule, Reading, SequentialRule, stops_only
from croupier.core.gates.edition import lacks
from croupier.core.gates.judge import Said, judge, span
from croupier.core.rollout.groups.readings import only, without
from croupier.core.rollout.groups.watch import aside, watch_gate, watched_by
from croupier.core.rollout.segments.kept import changes
from croupier.core.rollout.spec import Analysis, SetSegment, SetWeight, Step
from croupier.core.rollout.state import RolloutState
from croupier.core.segments import BUCKETS

_LATELY_S: Final = 60.0
"""What hard stops look at in a rollout of another edition, whose gates read on from nowhere."""


def asked(state: RolloutState, name: str) -> Gate:
    """The plan's gate, with the bounds of the analysis that asks it now. They only say when it passes: what it holds
    against the canary, and the budget for that, stay as they are. Or the watch of a group that was acted upon.
    """
    watched = watched_by(state, name)
    if watched is not None:
        return watch_gate(*watched)
    return bounded(state.plan.gate(name), state.current_step)


def bounded(gate: Gate, step: Step | None) -> Gate:
    """The gate with the bounds of this step, if it is an analysis that asks it."""
    if not isinstance(step, Analysis) or gate.name not in step.gates or not isinstance(gate.rule, SequentialRule):
        return gate
    if step.dwell is step.patience is step.harm is None:
        return gate
    rule = gate.rule
    dwell = rule.dwell if step.dwell is None else step.dwell
    patience = rule.patience if step.patience is None else step.patience
    harm = rule.harm if step.harm is None else step.harm
    return replace(gate, rule=replace(rule, dwell=dwell, patience=max(patience, dwell), harm=harm))


def watching_since(state: RolloutState, gate: Gate, now: float) -> float:
    """Since when what the gate sees counts: the present weight, once the canary is warm. An analysis that a step asks
    begins with the step.
    """
    confirmed_at = state.confirmed_at if state.confirmed_at is not None else now
    if isinstance(gate.rule, AnalysisRule):
        guards = not isinstance(state.current_step, Analysis) or gate.name in state.plan.guards
        return confirmed_at if guards else max(confirmed_at, state.step_started_at or confirmed_at)
    if lacks(state.plan.edition):
        return max(confirmed_at, now - _LATELY_S)
    warm = warm_at(state, gate)
    return confirmed_at if warm is None or now < warm else max(confirmed_at, warm)


def stretch(state: RolloutState, gate: Gate, now: float) -> tuple[str, int, int, float]:
    """What a question of the gate is about; an answer that comes late counts while this is still the same. It is the
    step, how often groups and segments were set aside, and since when the gate watches; for a rule that gathers, where
    it reads on.
    """
    since = watching_since(state, gate, now)
    if isinstance(gate.rule, SequentialRule | PopulationRule):
        since, _ = span(gate, state.gate_state(gate.name), now, watching_since=since)
    if lacks(state.plan.edition) and state.confirmed_at is not None:
        since = state.confirmed_at  # it gathers nothing, and what it looks at moves on with the clock
    return state.salt, state.step, len(state.acted) + changes(state.kept), since


def overtaken(state: RolloutState, name: str, said: Said | None, now: float) -> Reading | None:
    """The answer, if it is about what came before the gate began to watch: the weight moved, a group was acted upon or
    the canary became warm while it was under way. Nobody asks for that time again, so its hard stops count.
    """
    if not isinstance(said, Reading) or said.until > watching_since(state, asked(state, name), now):
        return None
    return replace(said, overtaken=True)


def warm_at(state: RolloutState, gate: Gate) -> float | None:
    """Until when (epoch seconds) only hard stops of the gate count, if it has a warm-up."""
    return state.exposed_at + gate.warmup_s if gate.warmup_s and state.exposed_at is not None else None


def counting(state: RolloutState, name: str, said: Said) -> Said:
    """The part of a gate's reading that counts for it: not the groups that were set aside; for a watch, its group."""
    if not isinstance(said, Reading):
        return said
    watched = watched_by(state, name)
    if watched is not None:
        return only(said, watched[1].group)
    return without(said, [acted.group for acted in aside(state, name)])


def heard(state: RolloutState, name: str, said: Said, now: float) -> GateState:
    """What the gate makes at ``now`` (epoch seconds) of what counts for it of what the metric source said."""
    gate = asked(state, name)
    if isinstance(said, Reading) and said.overtaken:
        return stops_only.overtaken(gate, state.gate_state(name), said, now)
    return judge(
        gate,
        state.gate_state(name),
        said,
        now,
        watching_since=watching_since(state, gate, now),
        next_bp=next_weight(state),
        withheld=withheld(state, gate, now),
        # What share of all events a segment's players make nobody knows.
        weight_bp=0 if state.shares else state.weight_bp,
    )


def withheld(state: RolloutState, gate: Gate, now: float) -> str | None:
    """Why only hard stops of the gate count now, if so. To go on with another arithmetic on evidence of this one would
    be a test that nobody has proven; to stop looking would leave players unguarded.
    """
    if strange := lacks(state.plan.edition):
        return f"the rollout {strange}, so only hard stops count: abort and retry it"
    warm = warm_at(state, gate)
    return f"the canary warms up: {warm - now:.0f} s more" if warm is not None and now < warm else None


def next_weight(state: RolloutState) -> int:
    """The weight (basis points) that the canary is given next, if all goes well. Of a segment it is the most that can
    be: as if everybody were in it.
    """
    shares = {each.segment.name: each.weight_bp for each in state.insides}
    for step in state.plan.steps[state.step + 1 :]:
        if isinstance(step, SetWeight) and step.weight_bp > state.weight_bp:
            return step.weight_bp
        if isinstance(step, SetSegment) and step.weight_bp > max(shares.get(step.segment.name, 0), state.weight_bp):
            return step.weight_bp
    return BUCKETS
