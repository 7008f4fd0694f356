"""``rollout undo``: everybody back to the version before while that is kept, promoted or not. Used by ``rollouts``.

Nothing is waited for: not the version that is left, which may be broken in any way, and not the store (``urgent``).
What is asked first is only whether there is something to go back to.
"""

from collections.abc import Mapping, Sequence

from croupier.control.ports import Health, Ports, VersionKey
from croupier.control.ports import ServiceState as Delivery
from croupier.core.rollout import events as e
from croupier.core.rollout.state import Phase, RolloutState
from croupier.core.rollout.together import commands as whole
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
    """The same of rollouts that move as one: all of them at once, or none. While one goes on they are aborted."""
    if any(state.phase.active and state.phase is not Phase.ABORTING for state in states):
        return whole.abort(states, now, reason=reason)
    return tuple(
        undone(state, deliveries[state.service], now, reason=reason, gone=gone.get(state.id)) for state in states
    )


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
