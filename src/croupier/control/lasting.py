"""Whether a service is still there, and keeps open rounds as a rollout counts on it, when an aborted rollout is begun
again.

Called by the use cases, with the service as it is recorded now; while a rollout is in progress ``catalog`` sees to it.
"""

from collections.abc import Sequence

from croupier.control.ports import Store
from croupier.core.releases import Service
from croupier.core.releases.affinity import left_out, shortened
from croupier.core.rollout.events import Event, Retried
from croupier.core.rollout.state import RolloutState
from croupier.errors import NotFound, Rejected


async def check_lasting(store: Store, state: RolloutState, events: Sequence[Event]) -> None:
    """Raises ``NotFound`` where the service was taken out meanwhile, and ``Rejected`` where the plan was held against
    its profile with more than the service has by now: it would begin again less careful than anybody approved of.
    """
    if not any(isinstance(event, Retried) for event in events):
        return
    specs = [stored.value.spec for stored in await store.documents("Service")]
    service = next((each for each in specs if isinstance(each, Service) and each.name == state.service), None)
    if service is None:
        raise NotFound(f"There is no service '{state.service}' any more.", hint="Apply its Service document first.")
    now = service.affinity
    if less := (*left_out(state.plan.affinity, now), *shortened(state.plan.affinity, now)):
        raise Rejected(
            f"The affinity of {state.service} is less than it was when {state.id} began: {', '.join(less)}.",
            hint="Apply the former one again, or start it by what is declared now: croupier rollout start.",
        )
