"""Where several rollouts that move as one are: what follows from their states, and from those that are not there.

Only a whole is promoted, and only a whole begins; so a member that is no longer in progress was given up, whatever
became of its record. Used by ``decide`` and ``commands`` beside.
"""

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from croupier.core.rollout import events as e
from croupier.core.rollout.decide import after_step, rises
from croupier.core.rollout.machine import evolve
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause
from croupier.core.rollout.state import RolloutState

TURN_S: Final = 2.0
"""For so long a member that goes back waits for the later ones to be gone. Leaving outranks the order."""

Events: TypeAlias = tuple[tuple[e.Event, ...], ...]
"""What happens to each member, in their order."""


def in_order(states: Iterable[RolloutState]) -> tuple[RolloutState, ...]:
    """The members of one whole, in the order of moving up."""
    known = tuple(states)
    return tuple(sorted(known, key=lambda state: state.as_one.index(state.id)))


def given_up(states: Sequence[RolloutState]) -> str | None:
    """Why the whole goes back, from what is recorded; ``None`` where it does not."""
    for state in reversed(states):
        if state.abort is not None:
            return told(state.id, state.abort.cause, state.abort.reason)
        if state.phase is Phase.SUPERSEDED:
            return f"{state.id} was superseded by {state.superseded_by}"
    there = {state.id for state in states}
    gone = [rollout for rollout in states[0].as_one if rollout not in there]
    return f"{gone[0]} is no longer in progress" if gone else None


def turn_back(states: Sequence[RolloutState], state: RolloutState) -> str | None:
    """What one of them waits for while the whole goes back and its own turn has not come; ``None`` where it has."""
    undone = any(each.abort is not None and each.abort.cause is Cause.UNDO for each in states)
    comes = state.phase.active or (undone and state.phase is Phase.SUCCEEDED)
    if state.abort is not None or not comes or (reason := given_up(states)) is None:
        return None
    place = state.as_one.index(state.id)  # by name: the two may have been read at different moments
    later = [each for each in states if each.weight_bp and each.as_one.index(each.id) > place]
    who = f" as soon as nobody is sent to {later[0].canary} of {later[0].service} any more" if later else ""
    return f"given up: {reason}; going back{who}"


def told(rollout: str, cause: Cause, reason: str) -> str:
    """Why a member goes back, for the others; what it says of another one is for all of them."""
    return reason if cause in (Cause.TOGETHER, Cause.PERSON, Cause.UNDO) else f"{rollout}: {reason}"


def moves(state: RolloutState, before: RolloutState | None, now: float) -> e.StepStarted | e.PromotionStarted:
    """How this member goes on; after one that went ``before`` it, to where that one is."""
    if before is not None and before.phase is Phase.PROMOTING:
        return e.PromotionStarted(now)
    return after_step(state, now)


def order(states: Sequence[RolloutState], now: float) -> tuple[int, ...]:
    """The order of the next move: up, but where it takes players away, down."""
    places = tuple(range(len(states)))
    if any(state.phase is Phase.PROMOTING for state in states):
        return places
    behind = min(states, key=lambda state: state.step)
    event = after_step(behind, now)
    after = evolve(behind, event)
    falls = not rises(behind, event) and (after.weight_bp, after.insides) != (behind.weight_bp, behind.insides)
    return places[::-1] if falls else places
