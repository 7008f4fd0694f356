"""How bad the canary may still be: an upper bound of its failure rate that holds at all times at once.

Called by the promotion rule: a step ends when what is not yet excluded would cost little at the next weight.
"""

import math
from typing import Final, NamedTuple

_HALVINGS: Final = 60
"""Enough to place a bound in (0, 1) to the last bit that a float has."""


class Prior(NamedTuple):
    """Beta prior of the failure rate, fixed before the rollout; ``FAILURES`` expects rare ones, ``SLOW`` some."""

    a: float
    b: float


FAILURES: Final = Prior(0.5, 500.0)
SLOW: Final = Prior(0.5, 20.0)


def evidence_below(rate: float, bad: int, total: int, prior: Prior) -> float:
    """The log e-value against "the failure rate is ``rate`` or more"; 0 where the counts themselves are not below it.

    Beta-binomial mixture of Lindon and Malek; agrees with ``confseq`` and ``savvi``.
    """
    if not total or bad >= rate * total:
        return 0.0
    if rate >= 1.0:
        return math.inf  # one good event refutes it
    mixture = _log_beta(prior.a + bad, prior.b + total - bad) - _log_beta(*prior)
    return mixture - bad * math.log(rate) - (total - bad) * math.log1p(-rate)


def upper(bad: int, total: int, prior: Prior, *, error: float = 0.05) -> float:
    """A failure rate (0 to 1) that the true one exceeds, at any time, with probability ``error`` at most."""
    needed = -math.log(error)
    low, high = (bad / total if total else 0.0), 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if evidence_below(middle, bad, total, prior) >= needed:
            high = middle
        else:
            low = middle
    return high


def lower(bad: int, total: int, prior: Prior, *, error: float = 0.05) -> float:
    """A failure rate (0 to 1) that the true one is below, at any time, with probability ``error`` at most. Together
    with ``upper`` it is an interval that errs with that same probability: both ends come of one e-process.
    """
    if not bad:
        return 0.0
    mixture = _log_beta(prior.a + bad, prior.b + total - bad) - _log_beta(*prior) + math.log(error)
    low, high = 0.0, bad / total
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        # The counts make a rate of 0 or 1 impossible only by degrees: there the logarithm is taken a hair inside.
        good = (total - bad) * math.log1p(-min(middle, 1.0 - 1e-12))
        if mixture - bad * math.log(max(middle, 1e-300)) - good >= 0.0:
            low = middle
        else:
            high = middle
    return low


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
