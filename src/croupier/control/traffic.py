"""How many requests a service gets, by what its gates count. Asked when a rollout starts whose weights depend on it.

A metric source may count only what is asked for, so the server asks all along for services that such a rollout may come
for: else the first one would start on a guess.
"""

import logging
from collections.abc import Iterable
from typing import Final

from croupier.control.ports import Ports, Query
from croupier.core.gates import Gate, Reading
from croupier.core.rollout.pace import deciding
from croupier.core.rollout.spec import Auto, RolloutSpec
from croupier.errors import CroupierError, Transient

_SPAN_S: Final = 60.0
"""The minute before the start."""
_EVERY_S: Final = 15.0

log = logging.getLogger("croupier.control")


async def requests_per_s(ports: Ports, gates: Iterable[Gate], service: str, stable: str) -> float | None:
    """Requests a second of the service's stable version: of its gates' indicators, the one that counts most. ``None``
    where nobody can say, or nothing came in.
    """
    now, busiest = ports.clock.now(), 0.0
    for gate in gates:
        try:
            said = await ports.metrics.read(_last_minute(gate, service, stable, now))
        except Transient as trouble:
            log.info("the traffic of %s is not known: %s", service, trouble)
            continue
        if isinstance(said, Reading) and said.until > said.since and () in said.canary:
            busiest = max(busiest, said.canary[()].total / (said.until - said.since))
    return busiest or None


async def keep_counting(ports: Ports) -> None:
    """Ask again and again; for ever, as a task."""
    while True:
        try:
            await count_once(ports)
        except CroupierError as trouble:
            log.info("traffic was not asked for: %s", trouble)
        await ports.clock.sleep(_EVERY_S)


async def count_once(ports: Ports) -> None:
    """Ask for the traffic of every service whose weights depend on it."""
    specs = [stored.value.spec for stored in await ports.store.documents("Rollout")]
    pacing = [spec for spec in specs if isinstance(spec, RolloutSpec) and paces(spec)]
    if pacing:
        documents = [stored.value.spec for stored in await ports.store.documents("Gate")]
        gates = {gate.name: gate for gate in documents if isinstance(gate, Gate)}
        stable = {stored.value.service: stored.value.stable for stored in await ports.store.services()}
        for spec in pacing:
            if version := stable.get(spec.service):
                await requests_per_s(ports, [gates[name] for name in deciding(spec, gates)], spec.service, version)


def paces(spec: RolloutSpec) -> bool:
    """Whether the rollout's weights depend on traffic."""
    return any(isinstance(step, Auto) for step in spec.steps)


def _last_minute(gate: Gate, service: str, stable: str, now: float) -> Query:
    return Query(gate.sli, (), service, stable, None, now - _SPAN_S, now, gate.source)
