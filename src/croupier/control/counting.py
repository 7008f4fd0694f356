"""How much the gates of a service would see: what its stable version has counted lately. Called by the API, for plans.

Asks the metric source just as gates do, so that what it cannot count for a plan it could not count for a rollout.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from croupier.control.fleet import read_fleet
from croupier.control.hearing import ask
from croupier.control.ports import Ports, Query, Store
from croupier.control.ports import ServiceState as Delivery
from croupier.core.gates import Gate, Reading, Silence
from croupier.errors import Corrupt, NotFound

LOOKED_BACK_S: Final = 600.0
"""What was counted longer ago says little of the traffic now."""
_LEAST_S: Final = 60.0
"""Less says nothing, even right after a promotion."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What each gate counted, by its name: as ``canary`` of a reading what the stable version had, and during a rollout
    what both versions had together as ``canary`` and ``baseline``. ``stable`` is ``None`` where nothing serves yet.
    """

    stable: str | None
    said: Mapping[str, Reading | Silence]


async def count(ports: Ports, service: str, gates: Sequence[Gate]) -> Counted:
    """Ask for every gate at once. Raises ``NotFound`` for an unknown service."""
    fleet = await read_fleet(ports.store, 0)
    if service not in fleet.services:
        raise NotFound(f"There is no service '{service}'.", hint="Apply its Service document first.")
    delivery, rollout = fleet.deliveries.get(service), fleet.rollout_of(service)
    if delivery is None or delivery.value.stable is None:
        return Counted(None, {gate.name: Silence(f"nothing serves {service} yet") for gate in gates})
    stable = delivery.value.stable
    other = rollout.canary if rollout is not None and rollout.exposing else None
    now = ports.clock.now()
    since = max(now - LOOKED_BACK_S, min(await _settled_at(ports.store, delivery.value), now - _LEAST_S))
    queries = [
        # The stable version is asked for as the baseline, too, by which its instances are told apart.
        Query(gate.sli, gate.by, service, other or stable, stable, since, now, gate.source)
        for gate in gates
    ]
    told: set[str] = set()
    said = await asyncio.gather(*(ask(ports.metrics, query, told) for query in queries))
    named = {gate.name: answer for gate, answer in zip(gates, said, strict=True)}
    return Counted(stable, named if other else {name: _once(answer) for name, answer in named.items()})


async def _settled_at(store: Store, delivery: Delivery) -> float:
    """When the last rollout ended: before, the stable version was a canary with a share of the players, or left one to
    another, so that it counted less than there is.
    """
    number = delivery.rollouts - (delivery.active is not None)
    with suppress(Corrupt):  # told where it is looked at
        stored = await store.rollout(f"{delivery.service}-{number}")
        return (stored.value.ended_at if stored is not None else None) or 0.0
    return 0.0


def _once(said: Reading | Silence) -> Reading | Silence:
    """Asked for as both versions, it is counted once."""
    return said if isinstance(said, Silence) else Reading(said.since, said.until, said.canary, None, said.parts)
