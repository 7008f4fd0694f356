"""What a rollout that shadows waits for, in words. Pure; called by ``headline``."""

from croupier.core.rollout.exposure import percent
from croupier.core.rollout.shadow.ending import over, recorded
from croupier.core.rollout.shadow.words import requests, summary, too_many
from croupier.core.rollout.spec import Shadow
from croupier.core.rollout.state import RolloutState


def shadowing(state: RolloutState, step: Shadow, now: float) -> str | None:
    """What the step in progress waits for; ``None`` once it is over."""
    from croupier.core.rollout.explain import duration  # it describes these steps, too

    what = f"copying {percent(step.share_bp)} of {requests(step.allowed)} to {state.canary}"
    if not over(state, step, now):
        left = (now if state.step_started_at is None else state.step_started_at) + step.duration_s - now
        return f"{what} for {duration(left)} more, at {state.exposure}"
    if step.compare is not None and step.compare.most is not None and recorded(state) is None:
        return f"{what}: waiting until {step.compare.at_least:,} answers are compared"
    return None


def why_paused(state: RolloutState) -> str:
    """Why a person has to look at the answers."""
    report, step = recorded(state), state.current_step
    if report is None or not isinstance(step, Shadow) or step.compare is None or step.compare.most is None:
        return "the canary's answers differ too often"
    return too_many(report, step.compare.most)


def outcome(state: RolloutState) -> str | None:
    """What the last comparison came to."""
    return summary(state.compared[-1]) if state.compared else None
