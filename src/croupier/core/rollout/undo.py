"""The way back after a promotion, while the version before still runs: ``(state, now) -> events``. Pure.

It is an abort that comes late: the same event in the same rollout, so that traffic moves in one push, the abort's
precautions hold (a store or a new version that does not answer keeps nobody) and the record tells it as one story.
Called by ``control.way_back`` and by the abort without a record.
"""

from croupier.core.rollout import events as e
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause
from croupier.core.rollout.state import RolloutState
from croupier.errors import Rejected


def kept_until(state: RolloutState) -> float | None:
    """Until when (epoch seconds) the version that a promotion left behind is kept running; ``None`` where there is
    none.
    """
    if state.phase is not Phase.SUCCEEDED or state.stable is None or state.ended_at is None:
        return None
    return state.ended_at + state.plan.timing.keep_stable_s


def undo(state: RolloutState, now: float, *, reason: str, gone: str | None = None) -> tuple[e.Event, ...]:
    """Everybody back to the version before, at once. A rollout in progress is aborted. ``gone`` is why the version
    before cannot serve any more, if so. No events: it is so already.

    Raises ``Rejected`` where there is nothing to go back to, or it is not kept any more.
    """
    if state.phase.active:
        return () if state.phase is Phase.ABORTING else (e.AbortStarted(Cause.PERSON, reason, now),)
    if state.phase is Phase.ABORTED:
        return ()
    again = f"To go back all the same: croupier rollout start {state.service} {state.stable or 'VERSION'}."
    until = kept_until(state)
    if until is None:
        why = "nothing served before it" if state.stable is None else f"it was superseded by {state.superseded_by}"
        raise Rejected(f"{state.id} cannot be undone: {why}.", hint="See: croupier rollout list")
    if now >= until:
        raise Rejected(
            f"{state.id} cannot be undone: {state.stable} was kept for "
            f"{state.plan.timing.keep_stable_s:g} s after the promotion, and is gone.",
            hint=again,
        )
    if gone is not None:
        raise Rejected(f"{state.id} cannot be undone: {state.stable} {gone}.", hint=again)
    return (e.AbortStarted(Cause.UNDO, reason, now),)
