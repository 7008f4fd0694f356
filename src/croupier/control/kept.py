"""Rollouts that are over and still matter: those whose versions are kept running, and may be gone back to, and those
that were given up, so that nobody is led back.

Read from the record, so that a restart of the control plane stops nothing early. Used by the reconciler after each
reading; a service whose delivery did not change since is not read again.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from croupier.control.fleet import FURTHEST, Fleet
from croupier.control.ports import Store, Stored
from croupier.control.waiting import Patient
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.state import RolloutState
from croupier.errors import Corrupt

PROMOTIONS: Final = 10
"""So many of a service are read back, however many rollouts were given up in between."""

_Rollouts = Sequence[Stored[RolloutState]]


async def with_kept(
    store: Store, said: Patient, fleet: Fleet, before: Fleet | None
) -> Mapping[str, Stored[RolloutState]]:
    """The fleet's rollouts with those that ended. ``before`` is what was known until now: what it says of a service
    whose delivery is the same still holds. Each answer of the store is waited for by itself: where there are many
    services, together they may take longer than anybody is patient.
    """
    found = dict(fleet.rollouts)
    known = _by_service(before)
    for service, delivery in fleet.deliveries.items():
        same = before is not None and before.deliveries.get(service) == delivery
        # Who was in progress and is not any more has ended between two readings, and how is not known.
        if same and all(each.value.id in fleet.rollouts for each in known.get(service, ()) if each.value.phase.active):
            ended = known.get(service, ())
        else:
            ended = await _ended(store, said, service, delivery.value.rollouts)
        for each in ended:
            if not each.value.phase.active:
                found.setdefault(each.value.id, each)
    return found


def _by_service(before: Fleet | None) -> Mapping[str, _Rollouts]:
    found: dict[str, list[Stored[RolloutState]]] = {}
    for stored in before.rollouts.values() if before is not None else ():
        found.setdefault(stored.value.service, []).append(stored)
    return found


async def _ended(store: Store, said: Patient, service: str, newest: int) -> _Rollouts:
    """The last ones of all, and the last promotions: one of them leads back, whatever came to nothing since."""
    try:
        last = await said(store.rollouts(service=service, limit=FURTHEST))
        promoted = await said(store.rollouts(service=service, phases=(Phase.SUCCEEDED,), limit=PROMOTIONS))
    except Corrupt:
        return await _one_by_one(store, said, service, newest)
    return (*last.items, *promoted.items)


async def _one_by_one(store: Store, said: Patient, service: str, newest: int) -> _Rollouts:
    """Those that can be read: of another one nothing is kept, and nobody goes back to it."""
    found: list[Stored[RolloutState]] = []
    for number in range(newest, max(newest - FURTHEST, 0), -1):
        try:
            stored = await said(store.rollout(f"{service}-{number}"))
        except Corrupt:
            continue
        found += [stored] if stored is not None else []
    return found
