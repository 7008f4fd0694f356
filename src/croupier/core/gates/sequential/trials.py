"""The tests of a gate's groups: their parts of the budget, and one sample more for each.

A part is fixed before the group's first sample is counted. Where there are groups the whole holds a quarter of the
gate's budget; of the rest, groups that appear together get nine tenths of what is left, evenly, so that there is always
something for one that comes later.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final, NamedTuple

from croupier.core.gates.model import Gate, SequentialRule
from croupier.core.gates.sequential.bets import RATIOS, TAIL_RATIOS, against_baseline, against_objective, alternatives
from croupier.core.gates.sequential.budget import Held, needed, together
from croupier.core.gates.sequential.capital import Capital, cap, grown, stake
from croupier.core.gates.sequential.evidence import Evidence, Trial
from croupier.core.gates.sequential.samples import ALL, NONE, arm, of, pair, strata
from croupier.core.gates.sli import Counts, Group, LatencySli, Reading

ALONE: Final = 0.1
"""Of a group's budget, the part for when there is nothing to compare with."""
_GROUPS: Final = 3
"""All groups together have so many times the part of the whole: they are what such a gate is for."""
_AT_ONCE: Final = 0.9
_COMMON_TOLERANCE: Final = 1.1
_LEAST: Final = 1e-9
_MOST_GROUPS: Final = 100
"""Groups that have tests of their own; others, and those for which no budget is left, count in the whole only."""


def begin(gate: Gate, rule: SequentialRule, at: float) -> Evidence:
    """The evidence before the first sample, which begins ``at`` (epoch seconds)."""
    whole = _trial(gate, ALL, rule.budget / (1 + _GROUPS) if gate.by else rule.budget)
    return Evidence((whole,), stake(len(_shares(gate))) if gate.objective is not None else None, at)


def with_new_groups(gate: Gate, evidence: Evidence, reading: Reading) -> Evidence:
    """Groups that are seen for the first time get their part: because there are events, whatever became of them."""
    if not gate.by:
        return evidence
    whole, *others = evidence.trials
    seen = {group for arm in (reading.canary, reading.baseline or {}) for group, counts in arm.items() if counts.total}
    new = sorted(seen - {trial.group for trial in evidence.trials})[: _MOST_GROUPS - len(others)]
    left = _GROUPS * whole.budget - math.fsum(trial.budget for trial in others)
    if left < _LEAST * whole.budget:
        return evidence
    trials = [_trial(gate, group, _AT_ONCE * left / len(new)) for group in new]
    return replace(evidence, trials=(*evidence.trials, *trials))


def tried(gate: Gate, rule: SequentialRule, trial: Trial, reading: Reading, trickle: float, phi: float) -> Trial:
    """One sample more for the group's tests; ``trickle`` is the share of the reserve that moves into the bets, ``phi``
    how many failures may come of one fault.
    """
    canary, baseline = of(reading, trial.group)
    limit, limit_alone = _limits(gate, rule, trial)
    pairs = strata(reading) if gate.by and trial.group == ALL else [pair(canary, baseline)]
    gains = against_baseline(pairs, tolerance=_tolerance(gate), ratios=_ratios(gate))
    relative = trial.relative if gains is None else grown(trial.relative, gains, trickle=trickle, cap=limit, phi=phi)
    paired = baseline.total > 0
    return replace(
        trial,
        relative=relative,
        absolute=weighed(trial.absolute, gate, canary if paired else NONE, trickle, limit, phi),
        alone=weighed(trial.alone, gate, NONE if paired else canary, trickle, limit_alone, phi),
        canary=_sum(trial.canary, canary),
        baseline=_sum(trial.baseline, baseline),
    )


def weighed(
    capital: Capital | None, gate: Gate, counts: Counts, trickle: float, limit: float, phi: float
) -> Capital | None:
    """One sample more against the objective."""
    if capital is None:
        return None
    gains = against_objective(arm(counts), _shares(gate), permitted=_permitted(gate))
    return capital if gains is None else grown(capital, gains, trickle=trickle, cap=limit, phi=phi)


def log_e(gate: Gate, trial: Trial) -> float:
    """The group's log e-value. Where only an objective is asked for, both tests must speak: an outage that the baseline
    has likewise blames nobody.
    """
    tests = [trial.relative.log_e]
    if gate.comparison is None and trial.absolute is not None:
        tests = [min(trial.relative.log_e, trial.absolute.log_e)]
    if trial.alone is not None:
        return together([Held(1.0 - ALONE, tests[0]), Held(ALONE, trial.alone.log_e)])
    return tests[0]


def spent(gate: Gate, evidence: Evidence | None) -> float:
    """The logarithm of what a part of the gate's budget has become at the most: 0 or more convicts.

    The largest part decides, not their sum, which would be a test as well: the whole and its groups see the same burst,
    and together they would convict in fewer samples than each is held to.
    """
    return max(part(gate, trial) for trial in evidence.trials) if evidence else -math.inf


def part(gate: Gate, trial: Trial) -> float:
    """The logarithm of what the group's part of the budget has become; 0 or more convicts."""
    return math.log(trial.budget) + log_e(gate, trial)


class Terms(NamedTuple):
    """On what terms a group is tried: how many times the baseline's rate is tolerated and the ``ratios`` bet on above
    it, the share that may be bad and the ``shares`` bet on, and the most (a logarithm) that one sample moves a bet,
    next to a baseline and alone.
    """

    tolerance: float
    ratios: Sequence[float]
    permitted: float
    shares: Sequence[float]
    limit: float
    limit_alone: float


def terms(gate: Gate, rule: SequentialRule, trial: Trial) -> Terms:
    """For forecasts, which play the same bets on counts that may come."""
    return Terms(_tolerance(gate), _ratios(gate), _permitted(gate), _shares(gate), *_limits(gate, rule, trial))


def _trial(gate: Gate, group: Group, budget: float) -> Trial:
    ratios = _ratios(gate)
    objective = stake(len(_shares(gate))) if gate.objective is not None else None
    return Trial(group, budget, stake(len(ratios)), objective, objective, NONE, NONE)


def _limits(gate: Gate, rule: SequentialRule, trial: Trial) -> tuple[float, float]:
    """The most that one sample moves a bet, next to a baseline and alone: each test convicts by its own part."""
    if gate.objective is None:
        return _cap(rule.samples, trial.budget), 0.0
    return _cap(rule.samples, (1.0 - ALONE) * trial.budget), _cap(rule.samples, ALONE * trial.budget)


@lru_cache(maxsize=4_096)
def _cap(samples: int, budget: float) -> float:
    # So many may just suffice, with what trickles in meanwhile; one less never does.
    return cap(needed(budget), samples=samples + 1)


def _usual(gate: Gate) -> tuple[float, ...]:
    return TAIL_RATIOS if isinstance(gate.sli, LatencySli) else RATIOS


def _ratios(gate: Gate) -> tuple[float, ...]:
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


def _sum(one: Counts, other: Counts) -> Counts:
    return Counts(one.good + other.good, one.total + other.total)
