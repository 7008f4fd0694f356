"""Which gates judge a single segment's players, and which of them guard the canary now. Pure.

A step of a plan names its segment's gates, and they stay: the segment is guarded for as long as any of its players has
the canary. Called by ``decide``, ``prove`` and whoever tells people.
"""

from dataclasses import dataclass

from croupier.core.rollout.segments.kept import within
from croupier.core.rollout.spec import Plan, SegmentFail, SetSegment
from croupier.core.rollout.state import RolloutState
from croupier.core.segments import Segment


@dataclass(frozen=True, slots=True)
class Judges:
    """A gate that judges ``segment`` alone: made of ``base``, and what it does when it fails."""

    segment: Segment
    base: str
    on_fail: SegmentFail


def name_of(base: str, segment: Segment) -> str:
    """``deposits@se``: what the gate ``deposits`` is called where it judges that segment alone."""
    return f"{base}@{segment.name}"


def judges(plan: Plan, name: str) -> Judges | None:
    """Whom the gate judges alone; ``None`` for one that judges everybody."""
    for step in plan.steps:
        if isinstance(step, SetSegment) and name in step.guards:
            return Judges(step.segment, name.removesuffix(f"@{step.segment.name}"), step.on_fail)
    return None


def of_segments(plan: Plan) -> tuple[str, ...]:
    """All gates of the plan that judge a single segment alone."""
    return tuple(gate.name for gate in plan.gates if judges(plan, gate.name) is not None)


def named_by_steps(plan: Plan) -> tuple[str, ...]:
    """The segments that the steps name, each once."""
    return tuple(dict.fromkeys(step.segment.name for step in plan.steps if isinstance(step, SetSegment)))


def judging(plan: Plan, segment: Segment) -> tuple[str, ...]:
    """The gates that judge this segment alone, at any step."""
    steps = (step for step in plan.steps if isinstance(step, SetSegment) and step.segment == segment)
    return tuple(dict.fromkeys(name for step in steps for name in step.guards))


def guarding_segments(state: RolloutState) -> tuple[str, ...]:
    """The gates of segments whose players have the canary now, or are about to."""
    shares = {each.segment: max(each.weight_bp, state.weight_bp) for each in state.insides}
    names: list[str] = []
    for step in state.plan.steps[: state.step + 1]:
        if isinstance(step, SetSegment) and shares.get(step.segment) and not _set_aside(state, step.segment):
            names += step.guards
    return tuple(dict.fromkeys(names))


def _set_aside(state: RolloutState, segment: Segment) -> bool:
    """Whether none of its players has the canary, since a held segment holds them all."""
    return any(within(segment, outer) for outer in state.held)
