"""The burn rule: an error budget burnt too fast over a long window, and still now. Called by ``judge`` only.

An objective of 99 % leaves 1 % to fail: a canary of which 10 % fail burns that budget ten times too fast. The long
window says that it has cost something, the short one that it still does (SRE Workbook, chapter 5, multiwindow alerts).
The part of the long window before the present weight counts as spotless, so a few seconds at a new weight condemn
nobody; they pass nobody either: what was seen must burn slower by itself. What the baseline burns likewise is an
incident and not blamed on the release.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from croupier.core.gates.hard_stop import stopped, worse
from croupier.core.gates.model import BurnRule, Comparison, Gate
from croupier.core.gates.sli import Counts, Group, Reading
from croupier.core.gates.verdict import Finding, Judgement, Opinion, Verdict
from croupier.core.gates.wording import describe, times

_ALL: Final[Group] = ()
_NONE: Final = Counts(0, 0)


def look(gate: Gate, rule: BurnRule, reading: Reading, now: float) -> Judgement:
    """One look at both windows of every group; the verdict is that of the worst group."""
    covered = min(1.0, (reading.until - reading.since) / rule.window_s)
    found = [_group(gate, rule, group, reading) for group in sorted({_ALL, *reading.canary})]
    verdict, reason, hard = _sum_up(gate, rule, found, covered)
    findings = tuple(burn.finding for burn in found)
    return Judgement(gate.name, verdict, now, reading.since, reading.until, reason, findings, hard)


@dataclass(frozen=True, slots=True)
class _Burn:
    """How fast one group burns the budget: over all that was seen of the long window, and now."""

    finding: Finding
    seen: float
    now: float


def _group(gate: Gate, rule: BurnRule, group: Group, reading: Reading) -> _Burn:
    lately = reading.canary if reading.recent is None else reading.recent
    canary, recent = reading.canary.get(group, _NONE), lately.get(group, _NONE)
    baseline = None if reading.baseline is None else reading.baseline.get(group, _NONE)
    seen, fast = _speed(gate, canary), _speed(gate, recent)
    return _Burn(
        Finding(group, canary, baseline, _opinion(gate, rule, canary, baseline, seen), recent=recent), seen, fast
    )


def _speed(gate: Gate, counts: Counts) -> float:
    """So many times as fast as the objective permits; ``check_gate`` sees to it that there is a budget."""
    # Of 0.99 the rest is 0.01, as people mean it, and not 0.010000000000000009.
    budget = round(1.0 - gate.objective.at_least, 12) if gate.objective is not None else 1.0
    return counts.bad_share / budget


def _opinion(gate: Gate, rule: BurnRule, canary: Counts, baseline: Counts | None, seen: float) -> Opinion:
    if canary.total < rule.min_samples:
        return Opinion.FEW
    if seen < rule.factor:
        return Opinion.GOOD
    peer = baseline if baseline is not None and baseline.total >= rule.min_samples else None
    if peer is not None and not worse(gate.comparison or Comparison(), canary, peer):
        return Opinion.COMMON
    return Opinion.VIOLATED


def _sum_up(gate: Gate, rule: BurnRule, found: Iterable[_Burn], covered: float) -> tuple[Verdict, str, bool]:
    found = tuple(found)
    if stopping := stopped(gate, [burn.finding for burn in found]):
        return (
            Verdict.FAIL,
            f"hard stop: {_describe(gate, _fastest([b for b in found if b.finding in stopping]))}",
            True,
        )
    burning = [burn for burn in found if burn.finding.opinion is Opinion.VIOLATED and burn.now >= rule.factor]
    spent = [burn for burn in burning if burn.seen * covered >= rule.factor]
    if spent:
        return Verdict.FAIL, _describe(gate, _fastest(spent)), False
    if burning:
        worst = _fastest(burning)
        return Verdict.INCONCLUSIVE, f"{_describe(gate, worst)}; {_more(rule, worst, covered)}", False
    burnt = [burn for burn in found if burn.finding.opinion is Opinion.VIOLATED]
    if burnt:
        return Verdict.INCONCLUSIVE, f"{_describe(gate, _fastest(burnt))}, but hardly now", False
    common = [burn for burn in found if burn.finding.opinion is Opinion.COMMON]
    if common:
        reason = f"{_describe(gate, _fastest(common))}; the baseline burns likewise, so the release is not blamed"
        return Verdict.INCONCLUSIVE, reason, False
    total = found[0]
    if total.finding.canary.total == 0:
        return Verdict.NO_DATA, "the canary had no matching events in the window", False
    if total.finding.opinion is Opinion.FEW:
        few = f"{total.finding.canary.total} of the {rule.min_samples} canary events needed for an opinion"
        return Verdict.INCONCLUSIVE, few, False
    return Verdict.PASS, _describe(gate, total), False


def _more(rule: BurnRule, worst: _Burn, covered: float) -> str:
    """How much longer it must go on to fail."""
    missing_s = max(0.0, (rule.factor / worst.seen - covered) * rule.window_s)
    return f"it fails if this goes on for {missing_s:.0f} s more"


def _describe(gate: Gate, burn: _Burn) -> str:
    said = describe(gate, burn.finding.group, burn.finding.canary, burn.finding.baseline)
    return f"{said}; burns its budget {times(burn.seen)}, now {times(burn.now)}"


def _fastest(found: list[_Burn]) -> _Burn:
    """The group to name: the one that burns fastest, and of equals the narrowest, since it says where."""
    return max(found, key=lambda burn: (burn.seen, len(burn.finding.group), burn.finding.canary.bad))
