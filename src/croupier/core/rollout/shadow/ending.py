"""When a ``shadow`` step is over, and what comparing answers had to do with it. Pure; called by ``decide``.

Too many differences never take the canary back by themselves: nobody was served them. They ask a person, as a gate that
cannot decide does; too few comparisons are waited for.
"""

from croupier.core.rollout import events as e
from croupier.core.rollout.reasons import Hold
from croupier.core.rollout.shadow.mirror import Compare
from croupier.core.rollout.shadow.report import ShadowReport
from croupier.core.rollout.shadow.words import too_many
from croupier.core.rollout.spec import Shadow
from croupier.core.rollout.state import RolloutState


def over(state: RolloutState, step: Shadow, now: float) -> bool:
    """Whether its time is up."""
    return state.step_started_at is not None and now - state.step_started_at >= step.duration_s


def recorded(state: RolloutState) -> ShadowReport | None:
    """What was recorded of the step in progress."""
    return next((report for report in state.compared if report.step == state.step), None)


def at_the_end(
    state: RolloutState, step: Shadow, found: ShadowReport | None, now: float
) -> tuple[bool, e.ShadowCompared | e.Paused | None]:
    """Of a step whose time is up: whether it may be left, and what is to be recorded first."""
    asked = step.compare
    if asked is None:
        return True, None
    known = recorded(state)
    if known is None:
        if not enough(asked, found):
            return False, None
        return False, e.ShadowCompared(found or ShadowReport(state.step), now)
    if asked.most is not None and known.share > asked.most:
        return False, e.Paused(Hold.DIFFERENCES, now, reason=too_many(known, asked.most))
    return True, None


def enough(asked: Compare, found: ShadowReport | None) -> bool:
    """Whether as many answers were compared as the bound asks for; without a bound nobody has to wait for any."""
    return asked.most is None or (found is not None and found.compared >= asked.at_least)
