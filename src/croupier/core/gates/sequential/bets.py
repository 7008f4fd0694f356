"""What one sample's counts are worth to each bet: the logarithms of fair factors. Each is at most 1 on average if the
hypothesis holds, whatever the traffic, the weight and the error level of that sample.

A bet names an alternative: "the canary fails r times as often". The bets are fixed before the first sample.
"""

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

RATIOS: Final = (1.6, 2.5, 5.0, 12.0, 40.0, 200.0)
"""Alternatives for rare failures: so many times the rate that is permitted."""

TAIL_RATIOS: Final = (1.2, 1.5, 2.0, 3.0, 6.0)
"""Alternatives for the share of slow requests, which is not rare."""


class Arm(NamedTuple):
    """One version's sample: so many bad events of so many."""

    bad: int
    total: int


class Pair(NamedTuple):
    """Both versions' samples of the same span, of one stratum (a market, a provider)."""

    canary: Arm
    baseline: Arm


def against_baseline(pairs: Iterable[Pair], *, tolerance: float, ratios: Sequence[float]) -> tuple[float, ...] | None:
    """Each bet's gain if the canary may fail at most ``tolerance`` times as often as the concurrent baseline.

    The baseline's own level cancels, so an incident common to both versions is worth nothing. Strata are compared each
    for itself: a canary that merely received more of a bad market is not blamed. ``None``: no stratum had both
    versions, so nothing can be learnt. (Lindon and Malek's conditional test with a one-sided tolerance.)
    """
    gains = [0.0] * len(ratios)
    worth = _worth_above(tuple(ratios), tolerance)
    seen = False
    for canary, baseline in pairs:
        if canary.total and baseline.total:
            seen = True
            bad = canary.bad + baseline.bad
            if not bad:
                continue  # whoever bets on failures learns nothing where there was none
            permitted = canary.total * tolerance + baseline.total
            gains = [
                gain + canary.bad * of_bad - bad * math.log((canary.total * ratio + baseline.total) / permitted)
                for gain, of_bad, ratio in zip(gains, worth, ratios, strict=True)
            ]
    return tuple(gains) if seen else None


def against_objective(canary: Arm, alternatives: Sequence[float], *, permitted: float) -> tuple[float, ...] | None:
    """Each bet's gain if at most the share ``permitted`` (0 to 1) of the canary's events may be bad; ``alternatives``
    are shares too. ``None`` without events.
    """
    if not canary.total:
        return None
    good = canary.total - canary.bad
    worth = _worth(tuple(alternatives), permitted)
    return tuple([canary.bad * of_bad + good * of_good for of_bad, of_good in worth])


@lru_cache(maxsize=1_024)
def _worth_above(ratios: tuple[float, ...], tolerance: float) -> tuple[float, ...]:
    """What a failure of the canary is worth to each bet, whoever else fails."""
    return tuple(math.log(ratio / tolerance) for ratio in ratios)


@lru_cache(maxsize=1_024)
def _worth(alternatives: tuple[float, ...], permitted: float) -> tuple[tuple[float, float], ...]:
    """What a bad event is worth to each bet, and a good one."""
    return tuple((math.log(share / permitted), math.log1p(-share) - math.log1p(-permitted)) for share in alternatives)


@lru_cache(maxsize=1_024)
def alternatives(permitted: float, ratios: tuple[float, ...]) -> tuple[float, ...]:
    """The shares to bet on, one for each ratio: that multiple of the permitted one, at most half-way from it to
    everything.
    """
    return tuple([min(ratio * permitted, (1.0 + permitted) / 2.0) for ratio in ratios])
