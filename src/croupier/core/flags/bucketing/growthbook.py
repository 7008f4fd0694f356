"""GrowthBook's bucketing: FNV-1a (32 bits) over UTF-16 code units, in 1/1 000 (hash version 1) or 1/10 000 (version 2).

The salt is the rule's or the experiment's seed, or the key that stands in for it.
"""

from collections.abc import Callable, Sequence
from itertools import accumulate

from croupier.core.flags.bucketing.algorithm import Algorithm, Inside, Split, part_at
from croupier.core.segments import BUCKETS


def _fnv1a(text: str) -> int:
    data = text.encode("utf-16-le")
    value = 0x811C9DC5
    for low, high in zip(data[::2], data[1::2], strict=True):
        value = (value ^ (low | high << 8)) * 0x01000193 & 0xFFFFFFFF
    return value


def _place_1(seed: str, key: str) -> float:
    return _fnv1a(key + seed) % 1000 / 1000


def _place_2(seed: str, key: str) -> float:
    return _fnv1a(str(_fnv1a(seed + key))) % 10_000 / 10_000


def _algorithm(place: Callable[[str, str], float]) -> Algorithm:
    def inside(salt: str, share: int) -> Inside:
        edge = share / BUCKETS
        return lambda key: place(salt, key) < edge

    def split(salt: str, weights: Sequence[int]) -> Split:
        total = sum(weights)
        edges = tuple(accumulate((weight / total for weight in weights), initial=0.0))[1:]
        return lambda key: part_at(edges, place(salt, key))

    return Algorithm(inside, split)


GROWTHBOOK_1 = _algorithm(_place_1)
GROWTHBOOK_2 = _algorithm(_place_2)
