"""How failures clump in the stable version just before a start: gates that begin without knowing it take retries for
evidence until they have learnt it. Called by ``planning``.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, TypeGuard

from croupier.control.hearing import ask
from croupier.control.observe import turns_of_sources
from croupier.control.ports import Ports, Query
from croupier.core.gates import Counts, Gate, Reading, SequentialRule
from croupier.core.gates.model import Rule
from croupier.core.gates.sequential.dispersion import measured

SAMPLES: Final = 20
SAMPLE_S: Final = 30.0
"""Ten minutes, in samples that are long enough for a source that measures twice a minute."""
WITHIN_S: Final = 10.0
"""How long a start waits for them. What came by then counts: it is the latest, which says most."""


async def with_clumps(ports: Ports, gates: Sequence[Gate], service: str, stable: str) -> tuple[Gate, ...]:
    """The gates, those that measure clumps with what their sources tell. Silence is no reason not to start: such a
    gate learns as it goes.
    """
    turns = turns_of_sources()

    async def one(gate: Gate) -> Gate:
        if not measures_clumps(gate.rule):
            return gate
        async with turns[gate.source]:
            seen = measured(await _samples(ports, gate, service, stable))
        return replace(gate, rule=replace(gate.rule, dispersion=seen))

    return tuple(await asyncio.gather(*map(one, gates)))


def measures_clumps(rule: Rule) -> TypeGuard[SequentialRule]:
    """Whether gates of this rule measure clumps by themselves."""
    return isinstance(rule, SequentialRule) and rule.clumps is None


async def _samples(ports: Ports, gate: Gate, service: str, stable: str) -> list[Sequence[Counts]]:
    """What each instance counted up to now, the oldest sample first; without those that the source cannot tell."""
    now = ports.clock.now()
    told, found = set[str](), list[Sequence[Counts]]()
    try:
        async with asyncio.timeout(WITHIN_S):
            for ago in range(SAMPLES):
                until = now - ago * SAMPLE_S
                said = await ask(
                    ports.metrics,
                    Query(gate.sli, (), service, stable, None, until - SAMPLE_S, until, gate.source),
                    told,
                )
                if isinstance(said, Reading):
                    found.append([one.counts for one in said.instances])
                await asyncio.sleep(0)  # a source in memory answers at once: the loop gets its turn
    except TimeoutError:
        pass
    return found[::-1]
