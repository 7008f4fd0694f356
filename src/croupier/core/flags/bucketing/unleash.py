"""Unleash's bucketing: murmur3 of ``group:player``; one seed says who is in, in whole per cent, another which variant.

The salt is the strategy's ``groupId`` (the variant salt too, or the feature's name for variants of the feature).
"""

from collections.abc import Sequence
from itertools import accumulate

import mmh3

from croupier.core.flags.bucketing.algorithm import Algorithm, Inside, Split, part_at

_VARIANT_SEED = 86028157


def _inside(salt: str, share: int) -> Inside:
    """The player's number, 1 to 100, against the percentage; a finer share is rounded down."""
    percentage = share // 100
    return lambda key: mmh3.hash(f"{salt}:{key}", signed=False) % 100 + 1 <= percentage


def _split(salt: str, weights: Sequence[int]) -> Split:
    total = sum(weights)
    edges = tuple(accumulate(weights))
    return lambda key: part_at(edges, mmh3.hash(f"{salt}:{key}", _VARIANT_SEED, signed=False) % total)


UNLEASH_1 = Algorithm(_inside, _split)
