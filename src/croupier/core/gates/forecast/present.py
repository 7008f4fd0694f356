"""What will become of a gate's evidence if the counts go on as they were: when it would blame, when it would pass.

Goes on from what the gate holds now, not from the beginning. Called by whoever explains a gate.
"""

from dataclasses import dataclass, replace
from typing import Final

from croupier.core.gates.forecast.chance import Chance
from croupier.core.gates.forecast.flow import Flow, Stretch
from croupier.core.gates.forecast.found import Found
from croupier.core.gates.forecast.passing import NEVER, told
from croupier.core.gates.forecast.sequential import play
from croupier.core.gates.model import Gate, SequentialRule
from croupier.core.gates.sequential.dispersion import UNMEASURED
from croupier.core.gates.sequential.evidence import Evidence, Trial
from croupier.core.gates.sequential.opinion import sum_up
from croupier.core.gates.sli import Counts
from croupier.core.gates.verdict import Verdict

_RUNS: Final = 200
_LOOKS: Final = 360


@dataclass(frozen=True, slots=True)
class Ahead:
    """``blames``: when the group nearest to being blamed would be, played for ``_LOOKS`` looks. ``passes_s``: seconds
    until the gate would pass (0: it does), ``None`` where it would not in that time.
    """

    blames: Found
    passes_s: float | None


def ahead(gate: Gate, rule: SequentialRule, evidence: Evidence, weight: float, chance: Chance, next_bp: int) -> Ahead:
    """If traffic and failures go on as they were since the rollout began, at the share ``weight`` (0 to 1).
    ``next_bp`` is the weight (basis points) that a pass would lead to.
    """
    worst = evidence.worst
    dispersion = evidence.dispersion
    flow = Flow(
        _per_s(evidence, worst),
        _share(worst.baseline),
        worst.canary.bad_share,
        UNMEASURED if dispersion is None else dispersion.phi,
    )
    # A group that only the canary has goes on to have nothing to be compared with.
    share = weight if worst.baseline.total else 1.0
    going_on = [Stretch(share, _LOOKS * rule.interval_s, fresh=False)]
    found = play(gate, rule, worst, flow, going_on, chance=chance, runs=_RUNS)
    return Ahead(found, _passes(gate, rule, evidence, weight, next_bp))


def _per_s(evidence: Evidence, trial: Trial) -> float:
    return (trial.canary.total + trial.baseline.total) / max(evidence.seconds, 1e-3)


def _share(counts: Counts) -> float:
    """The bad share; where nothing failed, half of one failure."""
    return max(counts.bad, 0.5) / counts.total if counts.total else 0.0


def _passes(gate: Gate, rule: SequentialRule, evidence: Evidence, weight: float, next_bp: int) -> float | None:
    """The rule is asked again and again, with so many average samples more and its doubts as they are."""
    whole, *others = evidence.trials
    events = _per_s(evidence, whole) * rule.interval_s
    counted = told(gate, rule, _per_s(evidence, whole), weight)
    if counted < NEVER:
        return None
    odds = {trial.group: trial.log_e for trial in evidence.trials}
    for samples in range(max(rule.patience - evidence.samples, 0) + 1):
        canary = _more(whole.canary, round(events * weight * samples))
        baseline = _more(whole.baseline, round(events * (1.0 - weight) * samples))
        said = replace(
            evidence,
            trials=(replace(whole, canary=canary, baseline=baseline), *others),
            samples=evidence.samples + samples,
            seconds=evidence.seconds + samples * rule.interval_s,
        )
        verdict, _ = sum_up(gate, rule, said, odds, canary=canary, baseline=baseline, next_bp=next_bp)
        if verdict is Verdict.PASS:
            return samples * rule.interval_s / counted
    return None


def _more(counts: Counts, events: int) -> Counts:
    bad = counts.bad + round(events * counts.bad_share)
    total = counts.total + events
    return Counts(total - min(bad, total), total)
