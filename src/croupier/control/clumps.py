"""How failures clump in the stable version just before a start: gates that begin without knowing it take retries for
evidence until they have learnt it. Called by ``planning``.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, TypeGuard

from croupier.control.hearing import ask
from croupier.control.observe import Turns
from croupier.control.ports import Ports, Query
from croupier.core.gates import Counts, Gate, Reading, SequentialRule, Sli
from croupier.core.gates.model import Rule
from croupier.core.gates.sequential.dispersion import Dispersion, measured

SAMPLES: Final = 20
SAMPLE_S: Final = 30.0
"""Ten minutes, in samples that are long enough for a source that measures twice a minute."""
WITHIN_S: Final = 10.0
"""How long a start waits for all of them. What came by then counts: it is the latest, which says most."""
ONE_WITHIN_S: Final = 2.0
"""How long it waits for one; a source that takes longer is asked no more. Sooner than a source gives up by itself: it
would take that for an outage, and the gates of rollouts that are under way would hear nothing.
"""
_AT_ONCE: Final = 4
"""Questions to one source at a time: other rollouts' gates ask it meanwhile."""


class _What(NamedTuple):
    """What the stable version of a service counts there."""

    source: str
    sli: Sli
    service: str
    stable: str


@dataclass(slots=True)
class Lately:
    """What one start has measured, of all its services, which sources were too slow for it, and how many seconds it may
    still wait for them. A start that is planned anew, since somebody else wrote first, does not measure anew: whoever
    supersedes a rollout that is looked at all the time would be late each time.
    """

    left_s: float = WITHIN_S
    seen: dict[_What, Dispersion | None] = field(default_factory=dict)
    slow: set[str] = field(default_factory=set)


async def with_clumps(
    ports: Ports, gates: Sequence[Gate], service: str, stable: str, lately: Lately
) -> tuple[Gate, ...]:
    """The gates, those that measure clumps with what their sources tell. Silence is no reason not to start: such a
    gate learns as it goes.
    """
    asked = {gate: _What(gate.source, gate.sli, service, stable) for gate in gates if measures_clumps(gate.rule)}
    found = {what: list[Sequence[Counts]]() for what in asked.values() if what not in lately.seen}
    turns: Turns = defaultdict(lambda: asyncio.Semaphore(_AT_ONCE))
    began = asyncio.get_running_loop().time()
    with suppress(TimeoutError):
        async with asyncio.timeout(lately.left_s):
            await asyncio.gather(*(_look_back(ports, what, turns, lately.slow, into) for what, into in found.items()))
    lately.left_s = max(lately.left_s - (asyncio.get_running_loop().time() - began), 0.0)
    lately.seen |= {what: measured(reversed(samples)) for what, samples in found.items()}
    return tuple(
        replace(gate, rule=replace(gate.rule, dispersion=lately.seen[asked[gate]]))
        if measures_clumps(gate.rule)
        else gate
        for gate in gates
    )


def measures_clumps(rule: Rule) -> TypeGuard[SequentialRule]:
    """Whether gates of this rule measure clumps by themselves."""
    return isinstance(rule, SequentialRule) and rule.clumps is None


async def _look_back(ports: Ports, what: _What, turns: Turns, slow: set[str], into: list[Sequence[Counts]]) -> None:
    """Puts what each instance counted ``into`` the samples, the latest first; without those that the source cannot
    tell. Every question takes its turn, so that of all gates the latest is known.
    """
    now, told = ports.clock.now(), set[str]()
    for ago in range(SAMPLES):
        until = now - ago * SAMPLE_S
        query = Query(what.sli, (), what.service, what.stable, None, until - SAMPLE_S, until, what.source)
        async with turns[what.source]:
            if what.source in slow:
                return
            try:
                async with asyncio.timeout(ONE_WITHIN_S):
                    said = await ask(ports.metrics, query, told)
            except TimeoutError:
                slow.add(what.source)
                return
        if isinstance(said, Reading):
            into.append([one.counts for one in said.instances])
        await asyncio.sleep(0)  # a source in memory answers at once: the loop gets its turn
