"""The house's own bucketing, the same as the data plane's: a canary and a flag of one salt have the same players."""

from collections.abc import Sequence
from itertools import accumulate

from croupier.core.flags.bucketing.algorithm import Algorithm, Inside, Split, part_at
from croupier.core.segments import BUCKETS, bucket


def _inside(salt: str, share: int) -> Inside:
    return lambda key: bucket(salt, key) < share


def _split(salt: str, weights: Sequence[int]) -> Split:
    """In whole numbers: bucket b is in the first part whose accumulated weight exceeds ``b * total / BUCKETS``."""
    total = sum(weights)
    edges = tuple(accumulate(weight * BUCKETS for weight in weights))
    return lambda key: part_at(edges, bucket(salt, key) * total)


NATIVE_1 = Algorithm(_inside, _split)
