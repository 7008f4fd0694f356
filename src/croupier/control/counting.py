"""How much the gates of a service would see: what its stable version has counted lately. Called by the API, for plans.

Asks the metric source just as gates do, so that what it cannot count for a plan it could not count for a rollout.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from croupier.control.fleet import read_fleet
from croupier.control.hearing import ask
from croupier.control.ports import Ports, Query
from croupier.core.gates import Gate, Reading, Silence
from croupier.errors import NotFound

LOOKED_BACK_S: Final = 600.0
"""What was counted longer ago says little of the traffic now."""


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
    stable = delivery.value.stable if delivery is not None else None
    if stable is None:
        return Counted(None, {gate.name: Silence(f"nothing serves {service} yet") for gate in gates})
    other = rollout.canary if rollout is not None and rollout.exposing else None
    now = ports.clock.now()
    queries = [
        # The stable version is asked for as the baseline, too, by which its instances are told apart.
        Query(gate.sli, gate.by, service, other or stable, stable, now - LOOKED_BACK_S, now, gate.source)
        for gate in gates
    ]
    told: set[str] = set()
    said = await asyncio.gather(*(ask(ports.metrics, query, told) for query in queries))
    named = {gate.name: answer for gate, answer in zip(gates, said, strict=True)}
    return Counted(stable, named if other else {name: _once(answer) for name, answer in named.items()})


def _once(said: Reading | Silence) -> Reading | Silence:
    """Asked for as both versions, it is counted once."""
    return said if isinstance(said, Silence) else Reading(said.since, said.until, said.canary, None, said.parts)
