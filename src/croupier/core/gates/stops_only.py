"""A look at which only hard stops count: the canary warms up, so that its first seconds say how cold it is and not how
good, or the rollout began with an arithmetic that this program has not, or the answer came when its question was over.
Called by ``judge`` and ``asking``.

What must not happen at all must not happen then either.
"""

from collections.abc import Iterator
from dataclasses import replace

from croupier.core.gates.hard_stop import stopped
from croupier.core.gates.model import Gate
from croupier.core.gates.sli import Counts, Reading
from croupier.core.gates.verdict import Finding, GateState, Judgement, Opinion, Verdict
from croupier.core.gates.wording import describe


def look(gate: Gate, reading: Reading, now: float, why: str) -> Judgement:
    """A hard stop, or no opinion, and ``why``."""
    findings = tuple(_findings(reading))
    stopping = stopped(gate, findings)
    findings = tuple(replace(each, opinion=Opinion.VIOLATED) if each in stopping else each for each in findings)
    verdict, reason = Verdict.INCONCLUSIVE, why
    if not any(finding.canary.total for finding in findings):
        verdict, reason = Verdict.NO_DATA, f"the canary had no matching events ({why})"
    if stopping:
        worst = max(stopping, key=lambda finding: (finding.canary.bad_share, finding.canary.bad))
        verdict, reason = (
            Verdict.FAIL,
            f"hard stop: {describe(gate, worst.group, worst.canary, worst.baseline)}",
        )
    return Judgement(gate.name, verdict, now, reading.since, reading.until, reason, findings, bool(stopping))


def overtaken(gate: Gate, state: GateState, reading: Reading, now: float) -> GateState:
    """The state after an answer that something has overtaken: a hard stop, or nothing new."""
    latest = replace(look(gate, reading, now, ""), overtaken=True)
    if not latest.hard:
        return state
    began = latest.since if state.violated_since is None else state.violated_since
    return replace(state, judged_at=now, passed_at=None, violated_since=began, latest=latest, blind_since=None)


def _findings(reading: Reading) -> Iterator[Finding]:
    for group in sorted({(), *reading.canary}):
        canary = reading.canary.get(group, Counts(0, 0))
        baseline = None if reading.baseline is None else reading.baseline.get(group, Counts(0, 0))
        yield Finding(group, canary, baseline, Opinion.FEW)
