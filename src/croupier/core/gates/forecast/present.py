"""What will become of a gate's evidence if the counts go on as they were: when it would blame, when it would pass.

Goes on from what the gate holds now, not from the beginning. Called by whoever explains a gate.
"""

from dataclasses import dataclass, replace
from typing import Final

from croupier.core.gates.forecast.chance import Chance
from croupier.core.gates.forecast.flow import Flow, Stretch
from croupier.core.gates.forecast.found import Found
from croupier.core.gates.forecast.sequential import play
from croupier.core.gates.model import Gate, SequentialRule
from croupier.core.gates.sequential.dispersion import UNMEASURED
from croupier.core.gates.sequential.evidence import Evidence, Trial
from croupier.core.gates.sequential.opinion import sum_up
from croupier.core.gates.sequential.trials import log_e, part
from croupier.core.gates.sli import Counts, Reading
from croupier.core.gates.verdict import Verdict

_RUNS: Final = 200
_LOOKS: Final = 360
_NOBODY: Final = Counts(0, 0)


@dataclass(frozen=True, slots=True)
class Ahead:
    """``blames``: when the group nearest to being blamed would be, played for ``_LOOKS`` looks. ``passes_s``: seconds
    until the gate would pass (0: it does), ``None`` where it would not in that time.
    """

    blames: Found
    passes_s: float | None


def ahead(gate: Gate, rule: SequentialRule, evidence: Evidence, last: Reading, chance: Chance, next_bp: int) -> Ahead:
    """If the traffic stays as in the ``last`` sample, and failures as they were in all. ``next_bp`` is the weight
    (basis points) that a pass would lead to.
    """
    worst = max(evidence.trials, key=lambda trial: part(gate, trial))
    seconds = max(last.until - last.since, 1e-3)
    canary, baseline = _events(last, worst)
    dispersion = evidence.dispersion
    flow = Flow(
        (canary + baseline) / seconds,
        _share(worst.baseline),
        worst.canary.bad_share,
        UNMEASURED if dispersion is None else dispersion.phi,
    )
    weight = canary / (canary + baseline) if canary else 0.0
    going_on = [Stretch(weight, _LOOKS * rule.interval_s, fresh=False)]
    found = play(gate, rule, worst, flow, going_on, chance=chance, runs=_RUNS)
    return Ahead(found, _passes(gate, rule, evidence, last, next_bp))


def _events(last: Reading, trial: Trial) -> tuple[int, int]:
    canary = last.canary.get(trial.group, _NOBODY).total
    return canary, (last.baseline or {}).get(trial.group, _NOBODY).total


def _share(counts: Counts) -> float:
    """The bad share; where nothing failed, half of one failure."""
    return max(counts.bad, 0.5) / counts.total if counts.total else 0.0


def _passes(gate: Gate, rule: SequentialRule, evidence: Evidence, last: Reading, next_bp: int) -> float | None:
    """The rule is asked again and again, with so many average samples more and its doubts as they are."""
    whole, *others = evidence.trials
    canary, baseline = _events(last, whole)
    odds = {trial.group: log_e(gate, trial) for trial in evidence.trials}
    if not canary:
        return None
    for samples in range(max(rule.patience - evidence.samples, 0) + 1):
        grown = replace(
            whole, canary=_more(whole.canary, canary * samples), baseline=_more(whole.baseline, baseline * samples)
        )
        said = replace(
            evidence,
            trials=(grown, *others),
            samples=evidence.samples + samples,
            seconds=evidence.seconds + samples * rule.interval_s,
        )
        now = (last.canary.get((), _NOBODY), (last.baseline or {}).get((), _NOBODY))
        verdict, _ = sum_up(gate, rule, said, odds, canary=now[0], baseline=now[1], next_bp=next_bp)
        if verdict is Verdict.PASS:
            return samples * rule.interval_s
    return None


def _more(counts: Counts, events: int) -> Counts:
    bad = counts.bad + round(events * counts.bad_share)
    total = counts.total + events
    return Counts(total - min(bad, total), total)
