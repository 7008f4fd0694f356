"""Blue and green in words: which stack serves, which is only previewed, which is kept and for how long. Pure; API, page
and terminal say it.
"""

from dataclasses import dataclass
from typing import Literal

from croupier.core.rollout.explain import duration
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.state import RolloutState
from croupier.core.rollout.undo import kept_until


@dataclass(frozen=True, slots=True)
class Stack:
    """One of the two: ``blue`` is the version before, ``green`` the new one."""

    colour: Literal["blue", "green"]
    version: str
    serves: bool
    text: str


def stacks(state: RolloutState, now: float) -> tuple[Stack, ...]:
    """Both stacks of a ``blueGreen`` rollout at ``now`` (epoch seconds), the one before first; none of any other."""
    if state.plan.blue_green is None or state.stable is None:
        return ()
    switched = state.phase is Phase.SUCCEEDED or (state.phase.active and state.exposing)
    blue, green = (_left(state, now), _new(state)) if switched else ("serves everybody", _waiting(state, now))
    return Stack("blue", state.stable, not switched, blue), Stack("green", state.canary, switched, green)


def _new(state: RolloutState) -> str:
    if state.phase is Phase.SUCCEEDED:
        return "serves everybody"
    seen = state.confirmed_bp == state.weight_bp
    return "serves everybody, watched" if seen else "is being switched to: not confirmed by the data plane yet"


def _left(state: RolloutState, now: float) -> str:
    """Of the version before, once everybody has the new one."""
    if state.phase.active:
        return "kept running: the way back"
    until = kept_until(state)
    return _for(until, now, "kept for {} more: the way back") if until is not None else "gone"


def _waiting(state: RolloutState, now: float) -> str:
    """Of the new version, while nobody has it, or nobody any more."""
    if state.phase is Phase.ABORTING:
        return "is being left"
    if not state.phase.active:
        ended = state.ended_at if state.ended_at is not None else now
        return _for(ended + state.plan.timing.keep_canary_s, now, "left; kept for {} more, and nobody has it")
    return "previewed: nobody has it yet" if state.step >= 0 else "is being started: nobody has it yet"


def _for(until: float, now: float, text: str) -> str:
    return text.format(duration(until - now)) if until > now else "gone"
