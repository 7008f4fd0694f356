"""Rollouts that are over and still matter: those whose versions are kept running, and may be gone back to.

Read from the record, so that a restart of the control plane stops nothing early. Used by the reconciler after each
reading; a service whose delivery did not change since is not read again.
"""

from collections.abc import Mapping

from croupier.control.fleet import FURTHEST, Fleet
from croupier.control.ports import Store, Stored
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.state import RolloutState
from croupier.errors import Corrupt


async def with_kept(store: Store, fleet: Fleet, before: Fleet | None) -> Mapping[str, Stored[RolloutState]]:
    """The fleet's rollouts with those that ended, newest first of each service, back to the one that made its stable
    version so. Who has just started (nothing was known ``before``) looks further back: what an earlier one left may be
    kept for longer, and nobody remembers it.
    """
    found = dict(fleet.rollouts)
    for service, delivery in fleet.deliveries.items():
        known = before.deliveries.get(service) if before is not None else None
        if before is not None and known is not None and known.version == delivery.version:
            ended = [each for each in before.rollouts.values() if each.value.service == service]
        else:
            until = delivery.value.stable if before is not None else None
            ended = await _ended(store, service, delivery.value.rollouts, until)
        for each in ended:
            if not each.value.phase.active:
                found.setdefault(each.value.id, each)
    return found


async def _ended(store: Store, service: str, newest: int, stable: str | None) -> list[Stored[RolloutState]]:
    """Back to the one that made this version ``stable``, if one is named."""
    found: list[Stored[RolloutState]] = []
    for number in range(newest, max(newest - FURTHEST, 0), -1):
        try:
            stored = await store.rollout(f"{service}-{number}")
        except Corrupt:  # it keeps nothing, and nobody goes back to it
            continue
        if stored is not None:
            found.append(stored)
            if stored.value.phase is Phase.SUCCEEDED and stored.value.canary == stable:
                break
    return found
