"""The sequential rule: one sample more for every test of a gate, and what all of it says now. Called by ``judge`` only.

Each group has a part of the gate's false-rollback budget, fixed before its first sample is counted. Where there are
groups the whole holds one half; of the other half, groups that appear together get nine tenths of what is left, evenly,
so that there is always something for one that comes later.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from croupier.core.gates.hard_stop import stops
from croupier.core.gates.model import Gate, SequentialRule
from croupier.core.gates.sequential.bets import (
    RATIOS,
    TAIL_RATIOS,
    Arm,
    Pair,
    against_baseline,
    against_objective,
    alternatives,
)
from croupier.core.gates.sequential.bound import FAILURES, SLOW, evidence_below
from croupier.core.gates.sequential.budget import Held, needed, together
from croupier.core.gates.sequential.capital import (
    STAKED,
    TRICKLE,
    TRICKLE_AFTER_CHANGE,
    Capital,
    cap,
    grown,
    stake,
)
from croupier.core.gates.sequential.evidence import Evidence, Trial
from croupier.core.gates.sli import Counts, Group, LatencySli, Reading
from croupier.core.gates.verdict import Finding, Judgement, Opinion, Verdict
from croupier.core.gates.wording import describe
from croupier.core.segments import BUCKETS

CALM: Final = math.log(3.0)
"""Evidence below which nothing speaks against the canary (a log e-value)."""

_SUSPECT: Final = math.log(100.0)
"""Evidence of a single group with which nothing passes, however small the group's part of the budget."""
_INCIDENT: Final = math.log(100.0)
_OUTAGE: Final = 0.5
"""A canary of which so much fails does not go on, even where the baseline fails likewise."""
_COMPARED: Final = 0.5
"""A sample counts towards passing when so much of the canary's events had a counterpart."""
_EXCLUDED: Final = -math.log(0.05)
_REACTION_S: Final = 40.0
"""What the gate needs to answer at the next weight."""
_SLOW_PER_FAILED: Final = 10.0
"""So many slow requests cost as much as a failed one."""
_AT_MOST: Final = 0.999
_AT_ONCE: Final = 0.9
_COMMON_TOLERANCE: Final = 1.1
_LEAST: Final = 1e-9
_MOST_GROUPS: Final = 100
"""Groups that have tests of their own; others, and those for which no budget is left, count in the whole only."""
_SHORTEST_S: Final = 0.001
"""A sample of no length would make traffic infinite."""

_ALL: Group = ()
_NONE: Final = Counts(0, 0)


def look(
    gate: Gate,
    rule: SequentialRule,
    before: Evidence | None,
    reading: Reading,
    now: float,
    *,
    watching_since: float,
    next_bp: int,
) -> tuple[Evidence, Judgement]:
    """The evidence with this sample in it, and the judgement. ``watching_since`` is when the data plane confirmed the
    present weight, ``next_bp`` the weight (basis points) that a pass would lead to.
    """
    fresh = before is None or before.until <= watching_since
    evidence = _with_new_groups(gate, before or _begin(gate, rule, reading.since), reading)
    trickle = TRICKLE_AFTER_CHANGE if fresh else TRICKLE
    trials = tuple(_tried(gate, rule, trial, reading, trickle) for trial in evidence.trials)
    canary, baseline = _of(reading, _ALL)
    after = replace(
        evidence,
        trials=trials,
        incident=_weighed(evidence.incident, gate, rule, baseline, trickle, math.inf),
        until=reading.until,
        seconds=evidence.seconds + max(reading.until - reading.since, _SHORTEST_S),
        samples=(0 if fresh else evidence.samples) + _informative(gate, reading),
    )
    findings = tuple(_findings(gate, trials, reading))
    stopped = [finding for finding in findings if stops(gate, finding.canary, finding.baseline)]
    if stopped:
        worst = max(stopped, key=lambda finding: (finding.canary.bad_share, finding.canary.bad))
        said = Verdict.FAIL, f"hard stop: {describe(gate, worst.group, worst.canary, worst.baseline)}"
    else:
        said = _sum_up(gate, rule, after, canary, baseline, next_bp)
    return after, Judgement(gate.name, said[0], now, reading.since, reading.until, said[1], findings, bool(stopped))


def log_e(gate: Gate, trial: Trial) -> float:
    """The group's log e-value. Where only an objective is asked for, both tests must speak: an outage that the baseline
    has likewise blames nobody.
    """
    tests = [trial.relative.log_e]
    if gate.comparison is None and trial.absolute is not None:
        tests = [min(trial.relative.log_e, trial.absolute.log_e)]
    if trial.alone is not None:
        # Two tests of the same group share its budget evenly.
        return together([Held(0.5, tests[0]), Held(0.5, trial.alone.log_e)])
    return tests[0]


def spent(gate: Gate, evidence: Evidence | None) -> float:
    """The logarithm of what a part of the gate's budget has become at the most: 0 or more convicts.

    The largest part decides, not their sum, which would be a test as well: the whole and its groups see the same burst,
    and together they would convict in fewer samples than each is held to.
    """
    return max(_part(gate, trial) for trial in evidence.trials) if evidence else -math.inf


def _part(gate: Gate, trial: Trial) -> float:
    return math.log(trial.budget) + log_e(gate, trial)


def _begin(gate: Gate, rule: SequentialRule, at: float) -> Evidence:
    whole = _trial(gate, _ALL, rule.budget / 2 if gate.by else rule.budget)
    return Evidence((whole,), stake(len(_shares(gate))) if gate.objective is not None else None, at)


def _with_new_groups(gate: Gate, evidence: Evidence, reading: Reading) -> Evidence:
    """Groups that are seen for the first time get their part: because there are events, whatever became of them."""
    if not gate.by:
        return evidence
    whole, *others = evidence.trials
    seen = {group for arm in (reading.canary, reading.baseline or {}) for group, counts in arm.items() if counts.total}
    new = sorted(seen - {trial.group for trial in evidence.trials})[: _MOST_GROUPS - len(others)]
    left = whole.budget - math.fsum(trial.budget for trial in others)
    if left < _LEAST * whole.budget:
        return evidence
    trials = [_trial(gate, group, _AT_ONCE * left / len(new)) for group in new]
    return replace(evidence, trials=(*evidence.trials, *trials))


def _trial(gate: Gate, group: Group, budget: float) -> Trial:
    ratios = _ratios(gate)
    objective = stake(len(_shares(gate))) if gate.objective is not None else None
    return Trial(group, budget, stake(len(ratios)), objective, objective, _NONE, _NONE)


def _tried(gate: Gate, rule: SequentialRule, trial: Trial, reading: Reading, trickle: float) -> Trial:
    canary, baseline = _of(reading, trial.group)
    limit = _cap(rule, trial)
    pairs = _strata(reading) if gate.by and trial.group == _ALL else [_pair(canary, baseline)]
    gains = against_baseline(pairs, tolerance=_tolerance(gate), ratios=_ratios(gate))
    relative = (
        trial.relative if gains is None else grown(trial.relative, gains, trickle=trickle, cap=limit, phi=rule.clumps)
    )
    paired = baseline.total > 0
    return replace(
        trial,
        relative=relative,
        absolute=_weighed(trial.absolute, gate, rule, canary if paired else _NONE, trickle, limit),
        alone=_weighed(trial.alone, gate, rule, _NONE if paired else canary, trickle, limit),
        canary=_sum(trial.canary, canary),
        baseline=_sum(trial.baseline, baseline),
    )


def _strata(reading: Reading) -> list[Pair]:
    """The whole, group by group: another mix of players is no fault. What has no counterpart is compared together."""
    pairs = [_pair(*_of(reading, group)) for group in _groups(reading)]
    met = [pair for pair in pairs if pair.canary.total and pair.baseline.total]
    canary, baseline = (_arm(counts) for counts in _of(reading, _ALL))
    rest = Pair(
        Arm(
            max(0, canary.bad - sum(p.canary.bad for p in met)), max(0, canary.total - sum(p.canary.total for p in met))
        ),
        Arm(
            max(0, baseline.bad - sum(p.baseline.bad for p in met)),
            max(0, baseline.total - sum(p.baseline.total for p in met)),
        ),
    )
    return [*met, rest]


def _informative(gate: Gate, reading: Reading) -> bool:
    """Whether the sample says something of the canary: most of it had a counterpart, or an objective to meet."""
    canary = reading.canary.get(_ALL, _NONE)
    if gate.objective is not None:
        return canary.total > 0
    pairs = _strata(reading) if gate.by else [_pair(*_of(reading, _ALL))]
    compared = sum(pair.canary.total for pair in pairs if pair.baseline.total)
    return compared > 0 and compared >= _COMPARED * canary.total


def _groups(reading: Reading) -> list[Group]:
    return sorted({*reading.canary, *(reading.baseline or {})} - {_ALL})


def _weighed(
    capital: Capital | None, gate: Gate, rule: SequentialRule, counts: Counts, trickle: float, limit: float
) -> Capital | None:
    """One sample more against the objective."""
    if capital is None:
        return None
    gains = against_objective(_arm(counts), _shares(gate), permitted=_permitted(gate))
    return capital if gains is None else grown(capital, gains, trickle=trickle, cap=limit, phi=rule.clumps)


def _sum_up(
    gate: Gate, rule: SequentialRule, evidence: Evidence, canary: Counts, baseline: Counts, next_bp: int
) -> tuple[Verdict, str]:
    """The verdict and why; ``canary`` and ``baseline`` are this sample's."""
    worst = max(evidence.trials, key=lambda trial: _part(gate, trial))
    if _part(gate, worst) >= 0.0:
        return Verdict.FAIL, f"{_against(gate, worst)} than permitted"
    if evidence.incident is not None and evidence.incident.log_e >= _INCIDENT:
        common = f"{describe(gate, _ALL, canary, baseline)}; the baseline misses it likewise"
        return Verdict.INCONCLUSIVE, f"{common}, so the release is not blamed"
    suspect = max(evidence.trials, key=lambda trial: log_e(gate, trial))
    suspect = suspect if log_e(gate, suspect) >= _SUSPECT else worst
    whole = math.fsum(trial.budget for trial in evidence.trials)
    average = together(Held(trial.budget / whole, log_e(gate, trial)) for trial in evidence.trials)
    if average >= CALM or log_e(gate, suspect) >= _SUSPECT:
        return Verdict.INCONCLUSIVE, f"{_against(gate, suspect)}, {_odds(needed(suspect.budget))} needed"
    if canary.bad_share >= _OUTAGE:
        return Verdict.INCONCLUSIVE, f"{describe(gate, _ALL, canary, baseline)}; too much fails to go on"
    return _good_enough(gate, rule, evidence, next_bp, any_now=canary.total > 0)


def _against(gate: Gate, trial: Trial) -> str:
    return f"{describe(gate, trial.group, trial.canary, trial.baseline)}: {_odds(log_e(gate, trial))} that it is worse"


def _good_enough(
    gate: Gate, rule: SequentialRule, evidence: Evidence, next_bp: int, *, any_now: bool
) -> tuple[Verdict, str]:
    """Nothing speaks against the canary: whether enough speaks for it."""
    whole = evidence.trials[0]
    seen = describe(gate, _ALL, whole.canary, whole.baseline)
    if not any_now:
        return Verdict.NO_DATA, "the canary had no matching events in this sample"
    if evidence.samples < rule.dwell:
        return Verdict.INCONCLUSIVE, f"{seen}; {evidence.samples} of the {rule.dwell} samples needed at this weight"
    if _excluded(gate, rule, evidence, next_bp):
        return Verdict.PASS, f"{seen}; worse than the next weight can bear is excluded"
    if evidence.samples >= rule.patience:
        return Verdict.PASS, f"{seen}; nothing spoke against it in {evidence.samples} samples"
    return Verdict.INCONCLUSIVE, f"{seen}; what is not excluded yet could cost too much at the next weight"


def _excluded(gate: Gate, rule: SequentialRule, evidence: Evidence, next_bp: int) -> bool:
    """Whether a canary that is as bad as is not excluded yet would cost at most ``harm`` failed requests at the next
    weight until the gate answers. What the objective permits is always good enough.
    """
    whole = evidence.trials[0]
    canary, baseline = whole.canary, whole.baseline
    per_s = (canary.total + baseline.total) / evidence.seconds
    room = max(rule.harm, per_s / 100) / (per_s * next_bp / BUCKETS * _REACTION_S)
    slow = isinstance(gate.sli, LatencySli)
    usual = (baseline.bad + 0.5) / (baseline.total + (10.0 if slow else 1000.0))
    permitted = 1.0 - gate.objective.at_least if gate.objective is not None else 0.0
    rate = min(max(usual + room * (_SLOW_PER_FAILED if slow else 1.0), permitted), _AT_MOST)
    return evidence_below(rate, canary.bad, canary.total, SLOW if slow else FAILURES) >= _EXCLUDED


def _findings(gate: Gate, trials: Sequence[Trial], reading: Reading) -> Iterator[Finding]:
    """Every group's counts, so that the verdict can be made again; those with tests first."""
    odds = {trial.group: log_e(gate, trial) for trial in trials}
    for group in dict.fromkeys((*odds, *_groups(reading))):
        canary, baseline = _of(reading, group)
        suspect = odds.get(group, 0.0) >= CALM
        opinion = Opinion.VIOLATED if suspect else Opinion.GOOD if canary.total else Opinion.FEW
        yield Finding(group, canary, None if reading.baseline is None else baseline, opinion)


def _cap(rule: SequentialRule, trial: Trial) -> float:
    # As if the weight changed with every sample, when the most of the reserve is in the bets.
    staked = 1.0 - (1.0 - STAKED) * (1.0 - TRICKLE_AFTER_CHANGE) ** (rule.samples - 1)
    return cap(needed(trial.budget), samples=rule.samples, staked=staked)


def _usual(gate: Gate) -> Sequence[float]:
    return TAIL_RATIOS if isinstance(gate.sli, LatencySli) else RATIOS


def _ratios(gate: Gate) -> Sequence[float]:
    """All above what is tolerated: a bet below it would be one that the canary is better."""
    tolerance = _tolerance(gate)
    return _usual(gate) if tolerance <= _COMMON_TOLERANCE else tuple(ratio * tolerance for ratio in _usual(gate))


def _shares(gate: Gate) -> Sequence[float]:
    return alternatives(_permitted(gate), _usual(gate))


def _permitted(gate: Gate) -> float:
    """The share that may be bad, within a millionth of nothing and of everything, where a bet would be infinite."""
    return min(max(1.0 - gate.objective.at_least, 1e-6), 1.0 - 1e-6) if gate.objective is not None else 1.0


def _tolerance(gate: Gate) -> float:
    return gate.comparison.max_ratio if gate.comparison is not None else 1.0


def _of(reading: Reading, group: Group) -> tuple[Counts, Counts]:
    baseline = reading.baseline.get(group, _NONE) if reading.baseline is not None else _NONE
    return reading.canary.get(group, _NONE), baseline


def _arm(counts: Counts) -> Arm:
    return Arm(counts.bad, counts.total)


def _pair(canary: Counts, baseline: Counts) -> Pair:
    return Pair(_arm(canary), _arm(baseline))


def _sum(one: Counts, other: Counts) -> Counts:
    return Counts(one.good + other.good, one.total + other.total)


def _odds(log: float) -> str:
    """``2,400 to 1``."""
    return f"{math.exp(min(log, 20.0)):,.0f} to 1"
