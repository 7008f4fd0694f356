"""Is the canary's population what its weight says? The rule of a ``population`` gate; called by ``judge`` only.

Not each request is dealt, but each player, once and for the whole rollout: their requests come together. So a share of
requests that is off by more than chance allows for requests proves nothing yet. Two numbers say how far it may be off:
how many players there are in effect (``players``), whose buckets the salt draws anew for each rollout, and how many
events come of one visit (``visit``). If the router does what it should, the canary's events of a weight are
beta-binomial with these numbers; the alternatives are populations far from that. The ratio of both is a fair bet, which
may be looked at always (Lindon and Malek's sample-ratio test, with players instead of requests). It holds, and never
rolls back: a wrong share is the router's fault or the visible part of another one.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from croupier.core.gates.model import Gate, PopulationRule
from croupier.core.gates.sli import Counts, Group, Reading
from croupier.core.gates.verdict import Finding, Judgement, Opinion, Population, Verdict
from croupier.core.gates.wording import name
from croupier.core.segments import BUCKETS

_ALL: Final[Group] = ()
_NONE: Final = Counts(0, 0)
_ODDS: Final = (0.02, 0.2, 0.5, 2.0, 5.0, 50.0)
"""Alternatives: the canary's odds to get a player are so many times those of its weight."""
_CALM: Final = math.log(3.0)
_LEAST_PLAYERS: Final = 2.0


def look(
    gate: Gate, rule: PopulationRule, before: Population | None, reading: Reading, now: float, *, began: float, bp: int
) -> tuple[Population, Judgement]:
    """One look more at the weight ``bp`` (basis points) that was confirmed at ``began`` (epoch seconds)."""
    after = _counted(before, reading, began)
    bets = list(_bets(rule, after, bp / BUCKETS))
    verdict, reason = _sum_up(rule, after, bets, bp)
    # What the reading said, so that the verdict can be made again.
    baselines = reading.baseline or {}
    findings = tuple(
        Finding(
            bet.group,
            reading.canary.get(bet.group, _NONE),
            baselines.get(bet.group, _NONE),
            Opinion.VIOLATED if bet.alarms else Opinion.GOOD,
        )
        for bet in bets
    )
    return after, Judgement(gate.name, verdict, now, reading.since, reading.until, reason, findings)


@dataclass(frozen=True, slots=True)
class _Bet:
    """What a group's events say: the log e-value against "the canary got its share", and what is needed of it."""

    group: Group
    canary: int
    total: int
    log_e: float
    needed: float

    @property
    def alarms(self) -> bool:
        return self.log_e >= self.needed


def log_e(canary: float, total: float, share: float, players: float) -> float:
    """The log e-value of so many visits of the canary, of so many in all, against its ``share`` (0 to 1) of ``players``
    players.
    """
    if total <= 0.0 or not 0.0 < share < 1.0:
        return 0.0
    odds = share / (1.0 - share)
    others = [odds * factor / (1.0 + odds * factor) for factor in _ODDS]
    terms = [_log_likelihood(canary, total, other, players) for other in others]
    highest = max(terms)
    mixed = highest + math.log(math.fsum(math.exp(term - highest) for term in terms) / len(terms))
    return mixed - _log_likelihood(canary, total, share, players)


def _log_likelihood(canary: float, total: float, share: float, players: float) -> float:
    """Beta-binomial, without the factor that all alternatives share."""
    a, b = players * share, players * (1.0 - share)
    return _log_beta(a + canary, b + total - canary) - _log_beta(a, b)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _counted(before: Population | None, reading: Reading, began: float) -> Population:
    """With the reading's events; a weight begins anew, since it has another population."""
    same = before is not None and before.began == began
    counted = {group: (canary, total) for group, canary, total in before.counted} if before and same else {}
    baseline = reading.baseline or {}
    for group in dict.fromkeys((_ALL, *sorted({*reading.canary, *baseline}))):
        canary, stable = reading.canary.get(group, _NONE).total, baseline.get(group, _NONE).total
        old = counted.get(group, (0, 0))
        counted[group] = (old[0] + canary, old[1] + canary + stable)
    weights = 1 if before is None else before.weights + (not same)
    return Population(began, reading.until, tuple((group, *pair) for group, pair in counted.items()), weights)


def _bets(rule: PopulationRule, population: Population, share: float) -> Iterator[_Bet]:
    """Of the error budget the first weight gets one half, the second a sixth, and so on; of a weight's part the whole
    gets one half, and groups the other likewise, in the order in which they were seen.
    """
    part = rule.error / (population.weights * (population.weights + 1))
    grouped = len(population.counted) > 1
    whole = max(population.counted[0][2], 1)
    for place, (group, canary, total) in enumerate(population.counted):
        budget = part if not grouped else part / 2 if not place else part / 2 / (place * (place + 1))
        players = max(rule.players * total / whole, _LEAST_PLAYERS)
        found = log_e(canary / rule.visit, total / rule.visit, share, players)
        yield _Bet(group, canary, total, found, -math.log(budget))


def _sum_up(rule: PopulationRule, population: Population, bets: list[_Bet], bp: int) -> tuple[Verdict, str]:
    whole = bets[0]
    alarming = [bet for bet in bets if bet.alarms]
    if alarming:
        worst = max(alarming, key=lambda bet: (bet.log_e - bet.needed, len(bet.group)))
        why = "the router deals otherwise than it should, or a version loses or keeps players"
        return Verdict.INCONCLUSIVE, f"sample-ratio mismatch: {_said(worst, bp)}; {why}"
    if not whole.total:
        return Verdict.NO_DATA, "nobody was counted in either version"
    missing_s = rule.samples * rule.interval_s - (population.until - population.began)
    if missing_s > 0:
        return Verdict.INCONCLUSIVE, f"{_said(whole, bp)}; {missing_s:.0f} s more are needed at this weight"
    suspect = max(bets, key=lambda bet: bet.log_e)
    if whole.log_e >= _CALM:
        return Verdict.INCONCLUSIVE, f"{_said(suspect, bp)}; that may still be chance"
    return Verdict.PASS, _said(whole, bp)


def _said(bet: _Bet, bp: int) -> str:
    where = f"{name(bet.group)}: " if bet.group else ""
    share = bet.canary / bet.total if bet.total else 0.0
    return f"{where}{100 * share:.3g} % of {bet.total} are the canary's, {bp / 100:g} % were due"
