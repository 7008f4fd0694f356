"""The verdicts of a rollout made again from the counts that were recorded with them. Pure.

Whoever doubts a rollback, or a promotion, need not believe it: the same counts must give the same verdict. Called by
the API's replay.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Final

from croupier.core.gates import GateState, Judgement, Measured, Reading, Silence, Verdict
from croupier.core.gates.edition import lacks
from croupier.core.gates.judge import Said
from croupier.core.rollout import events as e
from croupier.core.rollout.asking import heard
from croupier.core.rollout.machine import evolve, opened
from croupier.core.rollout.state import RolloutState
from croupier.errors import Corrupt, Rejected


@dataclass(frozen=True, slots=True)
class Rejudged:
    """One recorded verdict (of ``gate``, ``at`` epoch seconds) and the one that its counts give now."""

    gate: str
    at: float
    recorded: Verdict
    again: Verdict
    same_evidence: bool

    @property
    def agrees(self) -> bool:
        """Whether verdict and evidence are the same: counts exactly, logarithms to nine digits."""
        return self.recorded is self.again and self.same_evidence


def rejudge(history: Iterable[e.Event]) -> Iterator[Rejudged]:
    """Every recorded look of the rollout, in order. Raises ``Corrupt`` where the history breaks, and ``Rejected`` at a
    verdict that was made with an arithmetic that this program has not: it would only find differences.
    """
    state, events = opened(history)
    for event in events:
        if isinstance(event, e.GateJudged):
            yield _again(state, event)
        state = evolve(state, event)


def _again(state: RolloutState, event: e.GateJudged) -> Rejudged:
    recorded: GateState = event.state
    latest = recorded.latest
    if latest is None or state.confirmed_at is None:
        raise Corrupt(f"rollout {state.id}: gate {recorded.gate} judged at {event.at} without having looked")
    if strange := lacks(state.plan.edition):
        raise Rejected(
            f"the verdicts of {state.id} cannot be made again: it {strange}.",
            hint="Ask the Croupier that judged it: 'croupier --version' names the editions that one has. The recorded "
            f"verdicts and counts can be read here all the same: croupier rollout history {state.id} --looks",
        )
    made = heard(state, recorded.gate, _said(latest), latest.at)
    again = made.latest.verdict if made.latest is not None else Verdict.NO_DATA
    same = _same(made.evidence, recorded.evidence) and _same(made.population, recorded.population)
    same = same and made.analysis == recorded.analysis
    return Rejudged(recorded.gate, event.at, latest.verdict, again, same)


def _said(judgement: Judgement) -> Said:
    """What the source had said."""
    if judgement.measured:
        return Measured(judgement.taken)
    if not judgement.findings:
        return Silence(judgement.reason)
    alone = all(finding.baseline is None for finding in judgement.findings)
    return Reading(
        judgement.since,
        judgement.until,
        {finding.group: finding.canary for finding in judgement.findings},
        None if alone else {f.group: f.baseline for f in judgement.findings if f.baseline is not None},
        judgement.parts,
        {f.group: f.recent for f in judgement.findings if f.recent is not None} or None,
        judgement.instances,
        judgement.overtaken,
    )


_DIGITS: Final = 1e-9
"""Mathematical libraries round the last bit of a logarithm each in its own way. A count that was changed shows anyway:
counts are part of the evidence.
"""


def _same(made: object, recorded: object) -> bool:
    """Equal, but for the rounding of logarithms."""
    if isinstance(made, float) and isinstance(recorded, float):
        return math.isclose(made, recorded, rel_tol=_DIGITS, abs_tol=_DIGITS)
    if isinstance(made, tuple) and isinstance(recorded, tuple):
        return len(made) == len(recorded) and all(map(_same, made, recorded))
    if is_dataclass(made) and type(made) is type(recorded):
        return all(_same(getattr(made, field.name), getattr(recorded, field.name)) for field in fields(made))
    return made == recorded
