"""What the evidence of a gate says now: blame, doubt, or that the canary may go on. Called by ``look``."""

import math
from collections.abc import Mapping
from typing import Final

from croupier.core.gates.model import Gate, SequentialRule
from croupier.core.gates.sequential.bound import FAILURES, SLOW, surely_below
from croupier.core.gates.sequential.budget import Held, needed, together
from croupier.core.gates.sequential.counterpart import unanswered
from croupier.core.gates.sequential.evidence import Evidence, Trial
from croupier.core.gates.sequential.samples import ALL
from croupier.core.gates.sequential.terms import terms
from croupier.core.gates.sli import Counts, Group, LatencySli
from croupier.core.gates.verdict import Verdict
from croupier.core.gates.wording import describe
from croupier.core.segments import BUCKETS

CALM: Final = math.log(3.0)
"""Evidence below which nothing speaks against the canary (a log e-value)."""

_HOLDS: Final = math.log(0.03)
"""Of a gate's budget, what may be spent before it holds: who asks often, of many gates, meets 3 to 1 by chance."""

SUSPECT: Final = math.log(100.0)
"""Evidence of a single group with which nothing passes, however small the group's part of the budget."""
INCIDENT: Final = math.log(100.0)
"""Evidence with which the baseline itself misses the objective."""
_OUTAGE: Final = 0.5
"""A canary of which so much fails does not go on, even where the baseline fails likewise."""
_EXCLUDED: Final = -math.log(0.05)
_REACTION_S: Final = 40.0
"""What the gate needs to answer at the next weight."""
_SLOW_PER_FAILED: Final = 10.0
"""So many slow requests cost as much as a failed one."""
_AT_MOST: Final = 0.999


def sum_up(
    gate: Gate,
    rule: SequentialRule,
    evidence: Evidence,
    odds: Mapping[Group, float],
    *,
    canary: Counts,
    baseline: Counts,
    next_bp: int,
) -> tuple[Verdict, str]:
    """The verdict and why; ``odds`` are the log e-values of the groups, ``canary`` and ``baseline`` this sample's."""
    parts = {trial.group: math.log(trial.budget) + odds[trial.group] for trial in evidence.trials}
    worst = max(evidence.trials, key=lambda trial: parts[trial.group])
    if parts[worst.group] >= 0.0:
        groups = [trial for trial in evidence.trials if trial.group and parts[trial.group] >= 0.0]
        # A single group says where it is; of several, whatever says it loudest.
        return Verdict.FAIL, f"{_against(gate, groups[0] if len(groups) == 1 else worst, odds)} than permitted"
    if evidence.incident is not None and evidence.incident.log_e >= INCIDENT:
        common = f"{describe(gate, ALL, canary, baseline)}; by all that was counted the baseline misses it likewise"
        return Verdict.INCONCLUSIVE, f"{common}, so the release is not blamed"
    suspect = max(evidence.trials, key=lambda trial: odds[trial.group])
    suspect = suspect if odds[suspect.group] >= SUSPECT else worst
    if odds[suspect.group] >= SUSPECT or not _calm(rule, evidence, odds):
        return Verdict.INCONCLUSIVE, f"{_against(gate, suspect, odds)}, {_odds(needed(suspect.budget))} needed"
    if canary.bad_share >= _OUTAGE:
        return Verdict.INCONCLUSIVE, f"{describe(gate, ALL, canary, baseline)}; too much fails to go on"
    verdict, why = _good_enough(gate, rule, evidence, next_bp)
    if verdict is Verdict.PASS and (open_ := _unanswered(gate, rule, evidence)) is not None:
        said = describe(gate, open_.group, open_.canary, open_.baseline)
        return Verdict.INCONCLUSIVE, f"{said}; it misses the objective, and there is too little to compare it with"
    by_chance = baseline.total > 0 and evidence.heard.quiet_by_chance(rule.dwell)
    if canary.total or (by_chance and verdict is Verdict.PASS):
        return verdict, why
    return Verdict.NO_DATA, "the canary had no matching events in this sample"


def _calm(rule: SequentialRule, evidence: Evidence, odds: Mapping[Group, float]) -> bool:
    """Whether nothing speaks against the canary: the groups' e-values on average, which is never above the largest."""
    bearable = max(CALM, _HOLDS + needed(rule.budget))
    if max(odds.values()) < bearable:
        return True
    whole = math.fsum(trial.budget for trial in evidence.trials)
    return together(Held(trial.budget / whole, odds[trial.group]) for trial in evidence.trials) < bearable


def _against(gate: Gate, trial: Trial, odds: Mapping[Group, float]) -> str:
    counted = describe(gate, trial.group, trial.canary, trial.baseline)
    return f"{counted}: {_odds(odds[trial.group])} that it is worse"


def _good_enough(gate: Gate, rule: SequentialRule, evidence: Evidence, next_bp: int) -> tuple[Verdict, str]:
    """Nothing speaks against the canary: whether enough speaks for it."""
    whole = evidence.trials[0]
    seen = describe(gate, ALL, whole.canary, whole.baseline)
    if evidence.samples < rule.dwell:
        return Verdict.INCONCLUSIVE, f"{seen}; {evidence.samples} of the {rule.dwell} samples needed at this weight"
    if _excluded(gate, rule, evidence, next_bp):
        return Verdict.PASS, f"{seen}; worse than the next weight can bear is excluded"
    if evidence.samples >= rule.patience:
        return Verdict.PASS, f"{seen}; nothing spoke against it in {evidence.samples} samples"
    return Verdict.INCONCLUSIVE, f"{seen}; what is not excluded yet could cost too much at the next weight"


def _unanswered(gate: Gate, rule: SequentialRule, evidence: Evidence) -> Trial | None:
    """A group that misses the objective lately, and may do so for both versions or for the canary alone."""
    allowed = terms(gate, rule, evidence.trials[0].budget).permitted
    return next((trial for trial in evidence.trials if unanswered(trial.counterpart, allowed)), None)


def _excluded(gate: Gate, rule: SequentialRule, evidence: Evidence, next_bp: int) -> bool:
    """Whether a canary that is as bad as is not excluded yet would cost at most ``harm`` failed requests at the next
    weight until the gate answers. What the objective permits is always good enough.
    """
    whole = evidence.trials[0]
    canary, baseline = whole.canary, whole.baseline
    if not canary.total + baseline.total:
        return False  # a forecast of rare events asks before there is any
    per_s = (canary.total + baseline.total) / evidence.seconds
    room = max(rule.harm, per_s / 100) / (per_s * next_bp / BUCKETS * _REACTION_S)
    slow = isinstance(gate.sli, LatencySli)
    usual = (baseline.bad + 0.5) / (baseline.total + (10.0 if slow else 1000.0))
    permitted = 1.0 - gate.objective.at_least if gate.objective is not None else 0.0
    rate = min(max(usual + room * (_SLOW_PER_FAILED if slow else 1.0), permitted), _AT_MOST)
    return surely_below(rate, canary.bad, canary.total, SLOW if slow else FAILURES) >= _EXCLUDED


def _odds(log: float) -> str:
    """``2,400 to 1``."""
    return f"{math.exp(min(log, 20.0)):,.0f} to 1"
