"""How bad the canary may still be: an upper bound of its failure rate that holds at all times at once.

Called by the promotion rule: a step ends when what is not yet excluded would cost little at the next weight.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

_HALVINGS: Final = 60
"""Enough to place a bound in (0, 1) to the last bit that a float has."""


class Prior(NamedTuple):
    """Beta prior of the failure rate, fixed before the rollout; ``FAILURES`` expects rare ones, ``SLOW`` some."""

    a: float
    b: float


FAILURES: Final = Prior(0.5, 500.0)
SLOW: Final = Prior(0.5, 20.0)
_USUAL: Final = 0.8
"""Of the stake, what expects the usual prior: surprises are few."""
_EXPECTED: Final = (FAILURES, SLOW, Prior(0.5, 0.5))


def evidence_below(rate: float, bad: int, total: int, prior: Prior) -> float:
    """The log e-value against "the failure rate is ``rate`` or more"; 0 where the counts themselves are not below it.

    Beta-binomial mixture of Lindon and Malek; agrees with ``confseq`` and ``savvi``.
    """
    return _below(rate, bad, total, _evenly((prior,)))


def surely_below(rate: float, bad: int, total: int, prior: Prior) -> float:
    """The same for whom a surprise must not hold up for long: most of the stake expects ``prior``, the rest something
    else. Three failures of 24 say that less than half of all fail, which who expects one of a thousand sees late.
    """
    return _below(rate, bad, total, _mostly(prior))


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


def evidence_against(rate: float, bad: float, total: float, priors: tuple[Prior, ...] = _EXPECTED) -> float:
    """The log e-value against "the failure rate is ``rate``", on whichever side of it the counts are."""
    return _against(rate, bad, total, _mixture(bad, total, _evenly(priors)))


def interval(
    bad: int, total: int, *, error: float = 0.05, priors: tuple[Prior, ...] = _EXPECTED
) -> tuple[float, float]:
    """Between which failure rates (0 to 1) the true one is: at all times at once, but with probability ``error``.

    For people, who want to know how bad it is whatever was expected. The average of several mixtures is an e-value as
    well, so it is narrow for rare failures and for common ones, and both ends come of the same one (a confidence
    sequence). ``priors`` are fixed before the first event.
    """
    if not total:
        return 0.0, 1.0
    mixture = _mixture(bad, total, _evenly(priors))

    def excluded(rate: float) -> bool:
        return _against(rate, bad, total, mixture) >= -math.log(error)

    share = bad / total
    return _edge(excluded, share, 0.0), _edge(excluded, share, 1.0)


class _Stake(NamedTuple):
    """The prior's parameters, and the logarithm of its share of the stake over what it makes of no counts."""

    a: float
    b: float
    worth: float


@lru_cache(maxsize=256)
def _evenly(priors: tuple[Prior, ...]) -> tuple[_Stake, ...]:
    return tuple(_staked(prior, 1.0 / len(priors)) for prior in priors)


@lru_cache(maxsize=256)
def _mostly(prior: Prior) -> tuple[_Stake, ...]:
    others = [each for each in _EXPECTED if each != prior]
    return _staked(prior, _USUAL), *(_staked(each, (1.0 - _USUAL) / len(others)) for each in others)


def _staked(prior: Prior, share: float) -> _Stake:
    return _Stake(prior.a, prior.b, math.log(share) - _log_beta(*prior))


def _mixture(bad: float, total: float, stakes: tuple[_Stake, ...]) -> float:
    """The logarithm of what the priors, each with its share of the stake, make of the counts."""
    good = total - bad
    mixtures = [worth + _log_beta(a + bad, b + good) for a, b, worth in stakes]
    highest = max(mixtures)
    return highest + math.log(math.fsum([math.exp(each - highest) for each in mixtures]))


def _below(rate: float, bad: int, total: int, stakes: tuple[_Stake, ...]) -> float:
    if not total or bad >= rate * total:
        return 0.0
    if rate >= 1.0:
        return math.inf  # one good event refutes it
    return _against(rate, bad, total, _mixture(bad, total, stakes))


def _against(rate: float, bad: float, total: float, mixture: float) -> float:
    # A hair inside of 0 and 1, which a single event refutes.
    rate = min(max(rate, 1e-12), 1.0 - 1e-12)
    return mixture - bad * math.log(rate) - (total - bad) * math.log1p(-rate)


def _edge(excluded: Callable[[float], bool], inside: float, outside: float) -> float:
    """Where exclusion begins on the way outwards; the far end where it never does."""
    if not excluded(outside):
        return outside
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if excluded(middle) else (middle, outside)
    return outside


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
