"""What people may ask about one segment alone: hold it on the stable version, or let it go with the others again. Pure:
``(state, now) -> events``.

Holding takes players away, so that nothing stands against it. Releasing gives players the canary, so that it is asked
for like any rise (invariant 2).
"""

from croupier.core.rollout import events as e
from croupier.core.rollout.decide import rise_blocked
from croupier.core.rollout.groups.words import still_held
from croupier.core.rollout.machine import evolve
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Hold
from croupier.core.rollout.segments.kept import still
from croupier.core.rollout.spec import SetSegment
from croupier.core.rollout.state import RolloutState
from croupier.core.segments import Segment
from croupier.errors import Conflict, Rejected


def known(state: RolloutState) -> dict[str, Segment]:
    """The segments that the rollout's steps name, and those that are held, by name."""
    steps = [step.segment for step in state.plan.steps if isinstance(step, SetSegment)]
    own = [state.plan.segment] if state.plan.segment is not None else []
    return {each.name: each for each in (*steps, *own, *state.held)}


def may_be_held(state: RolloutState, segment: Segment) -> bool:
    """Whether the segment's players can have the stable version while the others go on, and have not yet."""
    phases = (Phase.PENDING, Phase.PROGRESSING, Phase.PAUSED)
    return state.phase in phases and state.stable is not None and segment not in state.held


def hold(state: RolloutState, now: float, *, segment: Segment, reason: str) -> tuple[e.Event, ...]:
    """Keep the segment's players on the stable version, whatever the steps do, until somebody releases them. Raises
    ``Rejected`` where the rollout has no two versions to choose from.
    """
    if not state.phase.active or state.phase is Phase.ABORTING:
        raise Rejected(f"{state.id} is {state.phase}: nobody gets {state.canary} by it any more, or everybody has it.")
    if segment in state.held:
        return ()
    if state.stable is None:
        raise Rejected(
            f"{state.service} has no stable version yet that {segment.name} could be held on.",
            hint=f"To take {state.canary} from everybody: croupier rollout abort {state.id}.",
        )
    if state.phase is Phase.PROMOTING:
        raise Rejected(
            f"{state.id} is moving everybody to {state.canary}: no segment can be held any more.",
            hint=f"To take it from everybody: croupier rollout abort {state.id}.",
        )
    return (e.SegmentHeld(segment, reason, now),)


def release(state: RolloutState, now: float, *, segment: Segment, unready: str | None = None) -> tuple[e.Event, ...]:
    """Let the segment's players go with the others again: from now on they have what the steps say.

    Raises ``Rejected`` while a gate that guards the canary does not say ``pass``, or where a gate's action holds the
    players; ``Conflict`` while the canary is not ready (``unready`` says why).
    """
    if not state.phase.active or state.phase in (Phase.ABORTING, Phase.PROMOTING):
        raise Rejected(f"{state.id} is {state.phase}: there is nothing to release.")
    if segment not in still(state.kept):
        if segment in state.held:
            raise Rejected(
                f"{segment.name} is held by a gate's action on groups (onGroupFail), which stays for this rollout.",
                hint="After the last step the rollout asks whether they are to get it, too.",
            )
        names = still_held(still(state.kept)) if still(state.kept) else "no segment is held"
        raise Rejected(f"{segment.name} is not held in {state.id}: {names}.")
    if state.exposing and (why := rise_blocked(state)):
        raise Rejected(
            f"{segment.name} cannot be released: {why}.",
            hint="Wait for it: players get the canary only while every gate that guards it says pass.",
        )
    if state.exposing and unready:
        raise Conflict(
            f"{segment.name} cannot be released: {state.canary} is not ready: {unready}.",
            hint="Ask again when it is.",
        )
    released = e.SegmentReleased(segment, now)
    if state.hold is Hold.GROUPS and not evolve(state, released).held:
        return released, e.Resumed(now)  # what a person was asked about is settled
    return (released,)
