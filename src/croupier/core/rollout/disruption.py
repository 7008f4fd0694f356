"""How fast players may be moved: time between two rises of the canary's share, and how far one rise may go. Pure.

``decide`` waits, ``commands`` refuses people who are faster, ``check`` refuses steps that are too high. Going back is
never bound by it. What a rise moves are new requests: a socket that is open stays where it is until it closes.
"""

from collections.abc import Iterator, Sequence

from croupier.core.rollout.exposure import percent
from croupier.core.rollout.profile.model import Disruption
from croupier.core.rollout.spec import Asked, Auto, RolloutSpec, SetWeight
from croupier.core.rollout.state import RolloutState
from croupier.core.segments import BUCKETS
from croupier.errors import Conflict, Problem, Rejected

_STEPS = ("spec", "strategy", "canary", "steps")


def wait_s(state: RolloutState, now: float) -> float:
    """For how many seconds more the canary's share may not rise. Nothing is waited for before the first players."""
    budget = state.plan.disruption
    if budget is None or not state.exposing or state.confirmed_at is None:
        return 0.0
    return max(state.confirmed_at + budget.between_s - now, 0.0)


def too_fast(state: RolloutState, now: float, *, full: bool) -> Rejected | Conflict | None:
    """Why a person may not raise the share now; ``full`` gives it to everybody at once."""
    budget = state.plan.disruption
    if budget is not None and full and BUCKETS - state.weight_bp > budget.jump_bp and state.stable is not None:
        return Rejected(
            f"{state.id} cannot be promoted in full: from {percent(state.weight_bp)} to everybody is more than the "
            f"{percent(budget.jump_bp)} that may be moved at once.",
            hint="Promote it step by step.",
        )
    left = wait_s(state, now)
    if not left:
        return None
    return Conflict(
        f"{state.id} cannot be promoted yet: its players were moved less than {budget.between_s if budget else 0:g} s "
        "ago.",
        hint=f"Ask again in {left:.0f} s.",
    )


def wrong_disruption(spec: RolloutSpec) -> Iterator[Problem]:
    """Steps that move more players at once than the rollout permits. ``auto`` is looked at when it becomes steps."""
    if spec.disruption is not None and not any(isinstance(step, Auto) for step in spec.steps):
        yield from too_high(spec.steps, spec.disruption)


def too_high(steps: Sequence[Asked], budget: Disruption) -> Iterator[Problem]:
    """The rises that are higher than the budget, with their places; the last is the one to everybody."""
    weight = 0
    hint = f"Write a step in between, or disruption: {{jump: …}} with more than {budget.jump_bp / 100:g}."
    for index, step in enumerate(steps):
        if isinstance(step, SetWeight):
            if step.weight_bp - weight > budget.jump_bp:
                yield Problem(_moves(weight, step.weight_bp, budget), (*_STEPS, index, "setWeight"), hint)
            weight = step.weight_bp
    if BUCKETS - weight > budget.jump_bp:
        yield Problem(_moves(weight, BUCKETS, budget), (*_STEPS,), hint)


def _moves(before_bp: int, after_bp: int, budget: Disruption) -> str:
    return (
        f"from {percent(before_bp)} to {percent(after_bp)} moves more of the players at once than the "
        f"{percent(budget.jump_bp)} of the disruption budget."
    )
