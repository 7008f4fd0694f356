"""The tests of a gate's groups: their parts of the budget, and one sample more for each.

A part is fixed before the group's first sample is counted. Where there are groups the whole holds a quarter of the
gate's budget; of the rest, groups that appear together get nine tenths of what is left, evenly, so that there is always
something for one that comes later.
"""

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from croupier.core.gates.model import Gate, SequentialRule
from croupier.core.gates.sequential.bets import Pair, against_baseline, against_objective
from croupier.core.gates.sequential.capital import Capital, grown, lower, stake, trickled
from croupier.core.gates.sequential.counterpart import Counterpart, vanished
from croupier.core.gates.sequential.evidence import Evidence, Suspect, Trial
from croupier.core.gates.sequential.samples import ALL, NONE, arm, pair, strata
from croupier.core.gates.sequential.terms import Terms, terms
from croupier.core.gates.sequential.waiting import Waiting, enough, with_sample
from croupier.core.gates.sli import Counts, Group, Reading
from croupier.core.segments import BUCKETS

_GROUPS: Final = 3
"""All groups together have so many times the part of the whole: they are what such a gate is for."""
_AT_ONCE: Final = 0.9
_LEAST: Final = 1e-9
_MOST_GROUPS: Final = 100
"""Groups that have tests of their own; others, and those for which no budget is left, count in the whole only."""


def begin(gate: Gate, rule: SequentialRule, at: float) -> Evidence:
    """The evidence before the first sample, which begins ``at`` (epoch seconds)."""
    whole = _trial(gate, rule, ALL, rule.budget / (1 + _GROUPS) if gate.by else rule.budget)
    incident = stake(len(whole.relative.bets)) if gate.objective is not None else None
    return Evidence((whole,), incident, at, dispersion=rule.dispersion)


def with_new_groups(gate: Gate, rule: SequentialRule, evidence: Evidence, reading: Reading) -> Evidence:
    """Groups that are seen for the first time get their part: because there are events, whatever became of them."""
    if not gate.by:
        return evidence
    whole, *others = evidence.trials
    seen = {group for arm in (reading.canary, reading.baseline or {}) for group, counts in arm.items() if counts.total}
    new = sorted(seen - {trial.group for trial in evidence.trials})[: _MOST_GROUPS - len(others)]
    if not new:
        return evidence
    left = _GROUPS * whole.budget - math.fsum(trial.budget for trial in others)
    if left < _LEAST * whole.budget:
        return evidence
    trials = [_trial(gate, rule, group, _AT_ONCE * left / len(new)) for group in new]
    return replace(evidence, trials=(*evidence.trials, *trials))


def tried(
    gate: Gate,
    trial: Trial,
    held: Terms,
    reading: Reading,
    arms: tuple[Counts, Counts],
    *,
    counterpart: Counterpart,
    alone: bool,
    seconds: float,
    fresh: bool,
    phi: float,
) -> Trial:
    """One sample more, of so many ``seconds``, for the group's tests; ``arms`` are its counts of canary and baseline.
    ``counterpart`` has it already, and ``alone`` says that the group has no baseline any more; ``fresh``: it is the
    first one at its weight, ``phi``: how many failures may come of one fault.
    """
    canary, baseline = arms
    relative, left = trial.relative, None
    if gate.by and trial.group == ALL:
        bet = _compared(relative, held, strata(reading), fresh=fresh, phi=phi)
    elif trial.waiting is None and enough(canary.total, baseline.total):  # as most are: nothing has to be added up
        bet = _compared(relative, held, [pair(canary, baseline)], fresh=fresh, phi=phi)
    else:
        if fresh and trial.waiting is not None:  # for nothing any more: what follows has other shares
            relative = _waited(relative, held, trial.waiting) or relative
        waiting = with_sample(trial.waiting, canary, baseline, seconds, fresh=fresh, phi=phi)
        bet, left = _waited(relative, held, waiting) if waiting.over else None, waiting.left
    if bet is not None:
        relative = bet
    elif alone:
        relative, left = weighed(relative, held, canary, trickled(fresh=fresh), held.limit, phi), None
    absolute = trial.absolute and weighed(trial.absolute, held, canary, trickled(fresh=fresh), held.limit, phi)
    seen = trial.canary.plus(canary), trial.baseline.plus(baseline)
    return Trial(trial.group, trial.budget, relative, absolute, *seen, counterpart, left)


def _waited(capital: Capital, held: Terms, waiting: Waiting) -> Capital | None:
    """Bet on what waited, as one sample; ``None`` where one version had nothing."""
    pairs = [pair(waiting.canary, waiting.baseline)]
    return _compared(capital, held, pairs, fresh=waiting.fresh, phi=waiting.phi)


def _compared(capital: Capital, held: Terms, pairs: Iterable[Pair], *, fresh: bool, phi: float) -> Capital | None:
    gains = against_baseline(pairs, tolerance=held.tolerance, ratios=held.ratios)
    return None if gains is None else grown(capital, gains, trickle=trickled(fresh=fresh), cap=held.limit, phi=phi)


def without_baseline(
    gate: Gate,
    group: Group,
    counterpart: Counterpart,
    whole: Counterpart,
    reading: Reading,
    *,
    weight_bp: int,
    permitted: float,
) -> bool:
    """Whether the group has nothing to be compared with at this weight (basis points; 0: unknown); ``permitted`` is the
    share that may be bad.
    """
    if reading.baseline is None:
        return True
    if reading.baseline.get(group, NONE).total:
        return False
    ago = gate.comparison is not None and gate.comparison.ago_s > 0.0
    if weight_bp == BUCKETS and not ago:
        return True
    # Another day's players all had one version, so that the weight says nothing of it.
    return vanished(counterpart, whole, 0 if ago else weight_bp, permitted)


def weighed(capital: Capital, held: Terms, counts: Counts, trickle: float, limit: float, phi: float) -> Capital:
    """One sample more against the objective, if there is one."""
    if not held.shares:
        return capital
    gains = against_objective(arm(counts), held.shares, permitted=held.permitted)
    return capital if gains is None else grown(capital, gains, trickle=trickle, cap=limit, phi=phi)


def taken_back(trials: tuple[Trial, ...], sick: Suspect) -> tuple[Trial, ...]:
    """The tests without what they won since this instance failed first, the whole without its counts. A group that was
    not seen then keeps what it has.
    """
    was = {trial.group: trial for trial in sick.earlier}
    whole, *others = (_without_wins(trial, was[trial.group]) if trial.group in was else trial for trial in trials)
    return replace(whole, canary=whole.canary.without(sick.counts)), *others


def _without_wins(trial: Trial, was: Trial) -> Trial:
    absolute = lower(trial.absolute, was.absolute) if trial.absolute and was.absolute else None
    return replace(trial, relative=lower(trial.relative, was.relative), absolute=absolute, waiting=None)


def spent(evidence: Evidence | None) -> float:
    """The logarithm of what a part of the gate's budget has become at the most: 0 or more convicts.

    The largest part decides, not their sum, which would be a test as well: the whole and its groups see the same burst,
    and together they would convict in fewer samples than each is held to.
    """
    return evidence.worst.spent if evidence else -math.inf


def _trial(gate: Gate, rule: SequentialRule, group: Group, budget: float) -> Trial:
    held = terms(gate, rule, budget)
    whole = stake(len(held.ratios))
    # Next to a comparison, which says it sooner, the objective would only ever repeat it.
    absolute = whole if held.shares and gate.comparison is None else None
    return Trial(group, budget, whole, absolute, NONE, NONE)
