"""Counts that may come: Poisson numbers by the inverse of their distribution. Called by the rules that are played."""

import math
from bisect import bisect_left
from collections.abc import Callable
from typing import Final, TypeAlias

Chance: TypeAlias = Callable[[], float]
"""The next number from 0 to 1, evenly spread: ``random.Random(seed).random``."""

Draw: TypeAlias = Callable[[], int]
"""The next count."""

_SPREADS: Final = 8.0
"""So many standard deviations around the mean are told apart; what lies outside counts as the last of them."""
_FAR: Final = 40.0
"""Standard deviations beyond which a float holds no probability."""
_MOST: Final = 1e9


def poisson(mean: float, chance: Chance) -> Draw:
    """Counts with this mean (0 to 10^9; more is taken for that)."""
    mean = min(mean, _MOST)
    if mean <= 0.0:
        return lambda: 0
    reach = _SPREADS * math.sqrt(mean)
    low, high = max(0, math.floor(mean - reach)), math.ceil(mean + reach + _SPREADS)
    step = max(1, (high - low) // 10_000)  # beyond that, neighbours are as good as equal
    upto: list[float] = []
    whole = 0.0
    for count in range(low, high, step):
        whole += step * math.exp(count * math.log(mean) - mean - math.lgamma(count + 1))
        upto.append(whole)
    last = len(upto) - 1
    return lambda: low + step * min(bisect_left(upto, chance()), last)


def at_least(count: int, mean: float) -> float:
    """The probability (0 to 1) of so many or more events where there are ``mean`` on average."""
    if mean <= 0.0:
        return 1.0 if count <= 0 else 0.0
    # Counts further away than this never come; whoever asks for a thousand million of them need not wait for the sum.
    reach = _FAR * (math.sqrt(mean) + 1.0)
    if count > mean + reach:
        return 0.0
    low = max(0, math.floor(mean - reach))
    fewer = math.fsum(math.exp(few * math.log(mean) - mean - math.lgamma(few + 1)) for few in range(low, count))
    return min(max(1.0 - fewer, 0.0), 1.0)
