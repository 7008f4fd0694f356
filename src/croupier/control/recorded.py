"""What is recorded under a name, or a ``NotFound`` that says where to look. Used by the use cases and the API."""

from difflib import get_close_matches

from croupier.control.ports import ServiceState as Delivery
from croupier.control.ports import Store, Stored
from croupier.core.releases import Release
from croupier.core.rollout.state import RolloutState
from croupier.errors import NotFound


async def recorded_rollout(store: Store, rollout: str) -> Stored[RolloutState]:
    """The rollout of this id."""
    stored = await store.rollout(rollout)
    if stored is None:
        raise NotFound(f"There is no rollout '{rollout}'.", hint="See: croupier rollout list")
    return stored


async def recorded_release(store: Store, service: str, version: str) -> Release:
    """The release of this service and version."""
    release = await store.release(service, version)
    if release is None:
        await recorded_delivery(store, service)  # where it is the service that is not there, that is to be said
        raise NotFound(f"{service} has no release {version}.", hint=f"See: croupier release list {service}")
    return release


async def recorded_delivery(store: Store, service: str) -> Stored[Delivery]:
    """What serves the service, and what is in progress."""
    known = {stored.value.service: stored for stored in await store.services()}
    if service in known:
        return known[service]
    near = get_close_matches(service, known, n=1)
    hint = f"Did you mean '{near[0]}'?" if near else "Apply its Service document first."
    raise NotFound(f"There is no service '{service}'.", hint=hint)
