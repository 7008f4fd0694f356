"""``rollout undo``: everybody back to the version before while that is kept, promoted or not. Used by ``rollouts``.

Nothing is waited for: not the version that is left, which may be broken in any way, and not the store (``urgent``).
What is asked first is only whether there is something to go back to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from croupier.control.fleet import Fleet
from croupier.control.ports import Health, Ports, Stored, VersionKey
from croupier.control.ports import ServiceState as Delivery
from croupier.core.rollout import events as e
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause
from croupier.core.rollout.state import RolloutState
from croupier.core.rollout.together import commands as whole
from croupier.core.rollout.together.decide import everybody_leaves
from croupier.core.rollout.together.whole import Events
from croupier.core.rollout.undo import undo
from croupier.errors import Rejected, Transient


def undone(
    state: RolloutState, delivery: Delivery, now: float, *, reason: str, gone: str | None
) -> tuple[e.Event, ...]:
    """As ``undo``, for a service that ``delivery`` says the state of. Raises ``Rejected`` where another rollout came
    after this one.
    """
    if state.phase is Phase.SUCCEEDED:
        if delivery.active == state.id:  # its turn comes, or it was undone since its state was read
            return ()
        if delivery.active is not None:
            raise Rejected(
                f"{state.id} cannot be undone: {delivery.active} is in progress.",
                hint=f"Abort that one first: croupier rollout abort {delivery.active}",
            )
        if delivery.stable != state.canary:
            raise Rejected(
                f"{state.id} cannot be undone: {delivery.stable} serves {state.service} by now, not {state.canary}.",
                hint="See: croupier rollout list",
            )
    return undo(state, now, reason=reason, gone=gone)


def undone_together(
    states: Sequence[RolloutState],
    deliveries: Mapping[str, Delivery],
    now: float,
    *,
    reason: str,
    gone: Mapping[str, str | None],
) -> Events:
    """The same of rollouts that move as one: all of them, the last one first, or none. The others follow as it is gone
    (``decide_each``). While one goes on they are aborted.
    """
    if any(state.phase.active and state.phase is not Phase.ABORTING for state in states):
        return whole.abort(states, now, reason=reason)
    if any(state.abort is not None for state in states):
        return ((),) * len(states)
    events = tuple(
        undone(state, deliveries[state.service], now, reason=reason, gone=gone.get(state.id)) for state in states
    )
    return (*(() for _ in events[1:]), events[-1])


def awaiting_their_turn(
    states: Sequence[RolloutState], deliveries: Mapping[str, Stored[Delivery]], decided: Events
) -> tuple[Stored[Delivery], ...]:
    """What is recorded with an undo for the services that follow: until their turn nothing else begins there, and the
    version that they go back to is kept running.
    """
    causes = {event.cause for events in decided for event in events if isinstance(event, e.AbortStarted)}
    return tuple(
        Stored(replace(deliveries[state.service].value, active=state.id), deliveries[state.service].version)
        for state, events in zip(states, decided, strict=True)
        if Cause.UNDO in causes and not events
    )


def may_be_undone(fleet: Fleet, state: RolloutState) -> bool:
    """Whether what was promoted still serves its service, and what was promoted with it still serves its own: an undo
    that waited for the store must not end what others began meanwhile, nor take back a part of a whole.
    """
    promoted = members(fleet, state)
    return len(promoted) == len(state.as_one) and all(
        each.value.phase is not Phase.SUCCEEDED or _serves_still(fleet, each.value) for each in promoted
    )


def members(fleet: Fleet, state: RolloutState) -> Sequence[Stored[RolloutState]]:
    """The rollouts that move as one with this one, as far as they are known; itself, where it moves alone."""
    return [fleet.rollouts[name] for name in state.as_one if name in fleet.rollouts]


def leaving_as_one(
    fleet: Fleet, stored: Stored[RolloutState], event: e.AbortStarted | e.SegmentHeld
) -> Sequence[tuple[Stored[RolloutState], tuple[e.Event, ...]]]:
    """What is recorded of what waited for the store. Of several that move as one all are given up, or taken back, in
    one commit: nothing could be recorded when they left, so they left without their order.
    """
    if isinstance(event, e.SegmentHeld):
        return ((stored, (event,)),)
    known = members(fleet, stored.value)
    states = [each.value for each in known]
    asked = tuple((event,) if state.id == stored.value.id else () for state in states)
    leaving = zip(known, everybody_leaves(states, asked, event.at), strict=True)
    return [(each, (abort,)) for each, abort in leaving if abort is not None]


def leaves_with(state: RolloutState, asked: RolloutState, event: e.AbortStarted) -> e.AbortStarted | None:
    """How this rollout leaves when that is ``asked`` of one that it moves as one with; ``None``: it has left."""
    return everybody_leaves((asked, state), ((event,), ()), event.at)[1]


def _serves_still(fleet: Fleet, state: RolloutState) -> bool:
    delivery = fleet.deliveries.get(state.service)
    if delivery is None or delivery.value.stable != state.canary:
        return False
    return delivery.value.active in (None, state.id)  # of its own: it waits for its turn


async def why_gone(ports: Ports, state: RolloutState) -> str | None:
    """Why the version before cannot serve; ``None`` where it can, or nobody can say."""
    if state.phase is not Phase.SUCCEEDED or state.stable is None:
        return None
    try:
        status = (await ports.workloads.observe()).get(VersionKey(state.service, state.stable))
    except Transient:
        return None
    if status is None:
        return "does not run any more"
    if status.health is Health.FAILED or not status.endpoints:
        return f"does not run: {status.reason or status.health}"
    return None
