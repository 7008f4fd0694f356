"""LaunchDarkly's bucketing: the first 60 bits of SHA-1 of ``salt.player``, weights in 1/100 000.

The salt is ``flag key.flag salt``, or the rollout's seed. What the weights leave of 100 000 belongs to the last one.
"""

from collections.abc import Sequence
from hashlib import sha1
from itertools import accumulate

from croupier.core.flags.bucketing.algorithm import Algorithm, Inside, Split, part_at
from croupier.core.segments import BUCKETS

_SCALE = float(0xFFFFFFFFFFFFFFF)
_WHOLE = 100_000.0


def _place(salt: str, key: str) -> float:
    digest = sha1(f"{salt}.{key}".encode(), usedforsecurity=False).hexdigest()
    return int(digest[:15], 16) / _SCALE


def _inside(salt: str, share: int) -> Inside:
    edge = share * (_WHOLE / BUCKETS) / _WHOLE
    return lambda key: _place(salt, key) < edge


def _split(salt: str, weights: Sequence[int]) -> Split:
    edges = tuple(accumulate((weight / _WHOLE for weight in weights), initial=0.0))[1:]
    return lambda key: part_at(edges, _place(salt, key))


LAUNCHDARKLY_1 = Algorithm(_inside, _split)
