"""The classic rule: a point estimate over a sliding window; n violations in a row fail. Called by ``judge`` only.

What Argo Rollouts users know, with two mends. An objective that the baseline misses likewise is an incident, not the
release: it holds and never blames. And a look without enough events is no opinion: it neither ends a streak nor adds to
it.
"""

from collections.abc import Iterable, Mapping

from croupier.core.gates.hard_stop import stopped, worse
from croupier.core.gates.model import ClassicRule, Comparison, Gate
from croupier.core.gates.sli import Counts, EventsSli, Group, Reading
from croupier.core.gates.verdict import Finding, GateState, Judgement, Opinion, Verdict
from croupier.core.gates.wording import describe, name

_ALL: Group = ()


def look(gate: Gate, rule: ClassicRule, state: GateState, reading: Reading, now: float) -> Judgement:
    """One look at every group; the verdict is that of the worst group, the total must have enough events to pass."""
    findings = tuple(_findings(gate, rule, dict(state.streaks), reading))
    verdict, reason, hard = _sum_up(gate, rule, findings)
    return Judgement(gate.name, verdict, now, reading.since, reading.until, reason, findings, hard)


def _findings(gate: Gate, rule: ClassicRule, streaks: Mapping[Group, int], reading: Reading) -> Iterable[Finding]:
    baselines = reading.baseline
    for group in sorted({_ALL, *reading.canary, *streaks}):
        canary = reading.canary.get(group, Counts(0, 0))
        baseline = None if baselines is None else baselines.get(group, Counts(0, 0))
        said = opinion(gate, rule, canary, baseline)
        streak = streaks.get(group, 0)
        if said is Opinion.VIOLATED:
            streak += 1
        elif said is not Opinion.FEW:
            streak = 0
        yield Finding(group, canary, baseline, said, streak)


def opinion(gate: Gate, rule: ClassicRule, canary: Counts, baseline: Counts | None) -> Opinion:
    """What the window says of one group. For forecasts, too."""
    if isinstance(gate.sli, EventsSli):
        return Opinion.GOOD if canary.total == 0 else Opinion.VIOLATED
    if canary.total < rule.min_samples:
        return Opinion.FEW
    peer = baseline if baseline is not None and baseline.total >= rule.min_samples else None
    missed = gate.objective is not None and _missed(gate.objective.at_least, canary)
    if peer is None:
        if missed:
            return Opinion.VIOLATED
        return Opinion.FEW if gate.objective is None and gate.comparison is not None else Opinion.GOOD
    behind = worse(gate.comparison or Comparison(), canary, peer)
    if missed and not behind:
        return Opinion.COMMON
    return Opinion.VIOLATED if missed or (behind and gate.comparison is not None) else Opinion.GOOD


def _missed(at_least: float, counts: Counts) -> bool:
    # Divided, not multiplied: 5600 / 10000 is exactly the float that people write as 0.56; 0.56 * 10000 is above 5600.
    return counts.total > 0 and counts.good / counts.total < at_least


def _sum_up(gate: Gate, rule: ClassicRule, findings: tuple[Finding, ...]) -> tuple[Verdict, str, bool]:
    total = next(finding for finding in findings if finding.group == _ALL)
    if stopping := stopped(gate, findings):
        return Verdict.FAIL, f"hard stop: {_describe(gate, _clearest(stopping))}", True
    needed = rule.consecutive
    failed = [finding for finding in findings if finding.streak >= needed]
    if failed:
        worst = _clearest(failed)
        return Verdict.FAIL, f"{_describe(gate, worst)}, {worst.streak} looks in a row{_where(worst, findings)}", False
    suspect = [finding for finding in findings if finding.streak]
    if suspect:
        worst = max(suspect, key=lambda finding: finding.streak)
        return Verdict.INCONCLUSIVE, f"{_describe(gate, worst)}, look {worst.streak} of {needed}", False
    common = [finding for finding in findings if finding.opinion is Opinion.COMMON]
    if common:
        reason = f"{_describe(gate, _clearest(common))}; the baseline misses it likewise, so the release is not blamed"
        return Verdict.INCONCLUSIVE, reason, False
    if total.opinion is Opinion.FEW:
        return *_too_few(rule, total), False
    return Verdict.PASS, _describe(gate, total), False


def _too_few(rule: ClassicRule, total: Finding) -> tuple[Verdict, str]:
    needed = rule.min_samples
    if total.canary.total == 0:
        return Verdict.NO_DATA, "the canary had no matching events in the window"
    if total.canary.total < needed:
        return Verdict.INCONCLUSIVE, f"{total.canary.total} of the {needed} canary events needed for an opinion"
    return Verdict.INCONCLUSIVE, f"the baseline has fewer than the {needed} events needed for a comparison"


def _describe(gate: Gate, finding: Finding) -> str:
    return describe(gate, finding.group, finding.canary, finding.baseline)


def _clearest(findings: list[Finding]) -> Finding:
    """The finding to name: most bad events, and of equals the narrowest group, since it says where."""
    return max(findings, key=lambda finding: (finding.canary.bad_share, len(finding.group), finding.canary.bad))


def _where(worst: Finding, findings: tuple[Finding, ...]) -> str:
    """Where the harm is, when the whole fails before any of its groups has events enough to fail by itself."""
    harmed = [finding for finding in findings if finding.group and finding.canary.bad]
    if worst.group or not harmed:
        return ""
    place = max(harmed, key=lambda finding: (finding.canary.bad, finding.canary.bad_share))
    return f"; {place.canary.bad} of {worst.canary.bad} bad in {name(place.group)}"
