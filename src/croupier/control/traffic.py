"""How many requests a service gets, by what its gates count. Asked when a rollout starts whose weights depend on it.

A metric source may count only what is asked for, so the server asks all along for what a rollout that starts looks back
at: else the first one would start on a guess, of its traffic and of how failures clump.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from croupier.control.clumps import measures_clumps
from croupier.control.hearing import ask
from croupier.control.ports import Ports, Query, Stored
from croupier.control.ports import ServiceState as Delivery
from croupier.core.gates import PROMETHEUS, Gate, Silence
from croupier.core.rollout.profile.fill import with_usual
from croupier.core.rollout.resolve import gate_uses
from croupier.core.rollout.spec import Auto, RolloutSpec
from croupier.core.rollout.state import RolloutState
from croupier.core.rollout.together.parts import parts
from croupier.errors import CroupierError

_SPAN_S: Final = 60.0
"""The minute before the start."""
_SHORTEST_S: Final = 5.0
"""Counts of less time say little."""
_EVERY_S: Final = 15.0

log = logging.getLogger("croupier.control")


@dataclass(frozen=True, slots=True)
class Serving:
    """Who has the service's players: a version, another one beside it (a canary), and since when that is so (epoch
    seconds; ``None``: for long).
    """

    service: str
    version: str
    beside: str | None = None
    since: float | None = None


async def serving(ports: Ports, delivery: Delivery, active: Stored[RolloutState] | None) -> Serving | None:
    """Who has the players of the service now; ``None`` before its first deployment."""
    if delivery.stable is None:
        return None
    if active is not None:
        exposed = active.value.exposing and active.value.confirmed_at is not None
        return Serving(delivery.service, delivery.stable, active.value.canary if exposed else None)
    # Before the last rollout ended some of the players were elsewhere, and counted there.
    last = await ports.store.rollout(delivery.latest)
    return Serving(delivery.service, delivery.stable, since=last.value.ended_at if last is not None else None)


def counting(spec: RolloutSpec, gates: Mapping[str, Gate]) -> tuple[Gate, ...]:
    """The gates by whose indicators the traffic is known: every guard, whatever its rule. The one that decides may
    count something rare, and be the only one.
    """
    return tuple(gates[name] for name in spec.guards if name in gates)


async def requests_per_s(
    ports: Ports, gates: Iterable[Gate], whom: Serving, told: set[str] | None = None
) -> float | None:
    """Requests a second of the service: of its gates' indicators, the one that counts most. ``None`` where nobody can
    say, or nothing came in. ``told`` are the mistakes of sources that were logged already.
    """
    now, busiest = ports.clock.now(), 0.0
    since = now - _SPAN_S if whom.since is None else max(now - _SPAN_S, whom.since)
    told = set[str]() if told is None else told
    for gate in gates if now - since >= _SHORTEST_S else ():
        asked = Query(gate.sli, (), whom.service, whom.version, whom.beside, since, now, gate.source)
        said = await ask(ports.metrics, asked, told)
        if isinstance(said, Silence):
            log.info("the traffic of %s is not known: %s", whom.service, said.reason)
        elif said.until - said.since >= _SHORTEST_S:
            arms = [arm[()].total for arm in (said.canary, said.baseline or {}) if () in arm]
            busiest = max(busiest, sum(arms) / (said.until - said.since))
    return busiest or None


async def keep_counting(ports: Ports) -> None:
    """Ask again and again; for ever, as a task."""
    told: set[str] = set()
    while True:
        try:
            await count_once(ports, told)
        except CroupierError as trouble:
            log.info("traffic was not asked for: %s", trouble)
        except Exception:  # a mistake of ours: were the task to end, the next rollout would start on a guess
            log.exception("traffic was not asked for; going on")
        await ports.clock.sleep(_EVERY_S)


async def count_once(ports: Ports, told: set[str] | None = None) -> None:
    """Ask for what every service's next rollout will look back at."""
    told = set[str]() if told is None else told
    specs = [stored.value.spec for stored in await ports.store.documents("Rollout")]
    documents = [stored.value.spec for stored in await ports.store.documents("Gate")]
    gates = {gate.name: gate for gate in documents if isinstance(gate, Gate)}
    stable = {stored.value.service: stored.value.stable for stored in await ports.store.services()}
    now = ports.clock.now()
    for each in (each for spec in specs if isinstance(spec, RolloutSpec) for each in parts(spec)):
        if version := stable.get(each.service):
            for gate in looked_back_at(each, gates):
                asked = Query(gate.sli, (), each.service, version, None, now - _SPAN_S, now, gate.source)
                await ask(ports.metrics, asked, told)


def looked_back_at(spec: RolloutSpec, gates: Mapping[str, Gate]) -> Iterator[Gate]:
    """The gates whose past the rollout looks at when it starts, and whose source keeps only what it is asked for."""
    known = with_usual(spec, gates)
    pacing = counting(spec, known) if paces(spec) else ()
    for name in dict.fromkeys(name for name, _ in gate_uses(spec)):
        gate = known.get(name)
        if gate is not None and gate.source != PROMETHEUS and (gate in pacing or measures_clumps(gate.rule)):
            yield gate


def paces(spec: RolloutSpec) -> bool:
    """Whether the rollout's weights depend on traffic."""
    return any(isinstance(step, Auto) for step in spec.steps)
