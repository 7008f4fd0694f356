"""A look at a canary that warms up: its first seconds say how cold it is, not how good. Called by ``judge`` only.

What must not happen at all must not happen then either: hard stops count.
"""

from collections.abc import Iterator

from croupier.core.gates.hard_stop import stops
from croupier.core.gates.model import Gate
from croupier.core.gates.sli import Counts, Reading
from croupier.core.gates.verdict import Finding, Judgement, Opinion, Verdict
from croupier.core.gates.wording import describe


def look(gate: Gate, reading: Reading, now: float, warm_at: float) -> Judgement:
    """A hard stop, or no opinion yet; ``warm_at`` (epoch seconds) is when the canary counts as warm."""
    findings = tuple(_findings(gate, reading))
    stopped = [finding for finding in findings if finding.opinion is Opinion.VIOLATED]
    verdict, reason = Verdict.INCONCLUSIVE, f"the canary warms up: {warm_at - now:.0f} s more"
    if not any(finding.canary.total for finding in findings):
        verdict, reason = Verdict.NO_DATA, "the canary had no matching events while it warmed up"
    if stopped:
        worst = max(stopped, key=lambda finding: (finding.canary.bad_share, finding.canary.bad))
        verdict, reason = (
            Verdict.FAIL,
            f"hard stop: {describe(gate, worst.group, worst.canary, worst.baseline)}",
        )
    return Judgement(gate.name, verdict, now, reading.since, reading.until, reason, findings, bool(stopped))


def _findings(gate: Gate, reading: Reading) -> Iterator[Finding]:
    for group in sorted({(), *reading.canary}):
        canary = reading.canary.get(group, Counts(0, 0))
        baseline = None if reading.baseline is None else reading.baseline.get(group, Counts(0, 0))
        stopped = stops(gate, canary, baseline)
        yield Finding(group, canary, baseline, Opinion.VIOLATED if stopped else Opinion.FEW)
