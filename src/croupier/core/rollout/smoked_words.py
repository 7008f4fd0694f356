"""Smoke checks in words: what a run came to, and what a rollout waits for. Pure; for ``explain`` and ``headline``."""

from croupier.core.rollout import smoking
from croupier.core.rollout.smoked import Occasion
from croupier.core.rollout.spec import Resort
from croupier.core.rollout.state import RolloutState
from croupier.core.smoke import CheckResult


def ran(results: tuple[CheckResult, ...]) -> str:
    """``money passed; limits failed: step "withdraw too much": …``."""
    return "; ".join(f"{each.check} {each.outcome}" + ("" if each.passed else f": {each.said}") for each in results)


def kept_by_smoke(state: RolloutState, now: float) -> str | None:
    """What the rollout waits for, where it is the result of smoke checks."""
    asked = smoking.wanted(state, now)
    if asked is None:
        return None
    names = ", ".join(check.name for check in asked.checks)
    what = "the smoke step" if asked.occasion is Occasion.STEP else "the switch"
    ends = [(waited, policy) for waited, policy in smoking.waits(state, now) if policy.then is not Resort.HOLD]
    then = "".join(
        f"; {'goes back' if policy.then is Resort.ABORT else 'waits for a person'} without a result in "
        f"{max(policy.after_s - waited, 0.0):.0f} s"
        for waited, policy in ends
    )
    return f"running smoke checks for {what} at {state.exposure}: {names}{then}"
