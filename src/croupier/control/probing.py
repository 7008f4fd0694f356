"""What a start asks of the metric sources before anybody is exposed: whether each gate could judge, and how the stable
version usually is.

All gates at once, each for a bounded time. Called by ``planning``.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from croupier.control.observe import turns_of_sources, usual_counts, why_no_past
from croupier.control.ports import Ports, Question
from croupier.core.gates import AnalysisRule, Counts, Gate
from croupier.errors import Transient

WITHIN_S: Final = 30.0
"""How long the questions of one gate may take together."""
_AWAY: Final = "Nobody is exposed. Start again when it answers, or by a Rollout without the gate: --strategy NAME."


@dataclass(frozen=True, slots=True)
class Probed:
    """Why the gate could never judge, if so; else what the stable version counted lately (``None``: nobody can say)."""

    gate: Gate
    blind: str | None = None
    usual: Counts | None = None


async def probe(ports: Ports, gates: Iterable[Gate], service: str, stable: str) -> list[Probed]:
    """Every gate, in their order. Raises what a source raised, of several the first gate's: ``Transient`` while it does
    not answer.
    """
    turns = turns_of_sources()

    async def one(gate: Gate) -> Probed:
        async with turns[gate.source]:
            try:
                async with asyncio.timeout(WITHIN_S):
                    return await _probed(ports, gate, service, stable)
            except TimeoutError:
                raise _unasked(gate, service, f"its metric source did not answer within {WITHIN_S:g} s") from None
            except Transient as away:
                raise _unasked(gate, service, away.message) from away

    out: list[Probed] = []
    for found in await asyncio.gather(*(one(gate) for gate in gates), return_exceptions=True):
        if isinstance(found, BaseException):
            raise found
        out.append(found)
    return out


def _unasked(gate: Gate, service: str, why: str) -> Transient:
    return Transient(f"Whether gate {gate.name} can judge {service} is not known: {why}.", hint=_AWAY)


async def _probed(ports: Ports, gate: Gate, service: str, stable: str) -> Probed:
    if isinstance(gate.rule, AnalysisRule):
        # It counts nothing. Asked of the stable version: of the canary there is nothing yet.
        asked = Question("", gate.name, gate.rule.deciding, gate.rule.args, service, stable, stable, ports.clock.now())
        return Probed(gate, await ports.measurer.probe(asked))
    for sli in dict.fromkeys((gate.sli, gate.canary_sli)):
        blind = await ports.metrics.probe(sli, gate.by, service, stable, gate.source)
        if blind is not None:
            return Probed(gate, blind)
    past = None if gate.advisory else await why_no_past(ports, gate, service, stable)
    if past is not None:
        return Probed(gate, past)
    return Probed(gate, usual=await usual_counts(ports, gate, service, stable))
