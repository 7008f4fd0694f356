"""flagd's ``fractional``, in the three versions that deal players differently; murmur3 (x86, 32 bits, seed 0) in all.

Version 1 divides the absolute value of the signed hash, version 2 multiplies the unsigned one by the weights, version 3
does as 2 but hashes canonical CBOR: of the pair of flag key and player, or (``VALUE_3``) of the text that they join to.
"""

import struct
from collections.abc import Callable, Sequence
from itertools import accumulate

import mmh3

from croupier.core.flags.bucketing.algorithm import Algorithm, Inside, Split, part_at
from croupier.core.segments import BUCKETS

_LARGEST_INT32 = 2**31 - 1


def _split_1(salt: str, weights: Sequence[int]) -> Split:
    total = sum(weights)
    edges = tuple(accumulate(weight * 100 / total for weight in weights))
    return lambda key: part_at(edges, abs(mmh3.hash(salt + key)) / _LARGEST_INT32 * 100)


def _split_by(hashed: Callable[[str, str], int]) -> Callable[[str, Sequence[int]], Split]:
    def split(salt: str, weights: Sequence[int]) -> Split:
        total = sum(weights)
        edges = tuple(accumulate(weights))
        return lambda key: part_at(edges, hashed(salt, key) * total >> 32)

    return split


def _share_of(split: Callable[[str, Sequence[int]], Split]) -> Algorithm:
    """A share is the first of two parts."""

    def inside(salt: str, share: int) -> Inside:
        part = split(salt, (share, BUCKETS - share))
        return lambda key: part(key) == 0

    return Algorithm(inside, split)


def _text(salt: str, key: str) -> int:
    return mmh3.hash(salt + key, signed=False)


def _pair(salt: str, key: str) -> int:
    return mmh3.hash(b"\x82" + _cbor(salt) + _cbor(key), signed=False)


def _value(salt: str, key: str) -> int:
    return mmh3.hash(_cbor(salt + key), signed=False)


def _cbor(text: str) -> bytes:
    """The text as canonical CBOR (RFC 8949, 4.2): major type 3, its length in as few bytes as possible, UTF-8."""
    data = text.encode()
    if len(data) < 24:
        return bytes((0x60 | len(data),)) + data
    if len(data) < 1 << 8:
        return struct.pack(">BB", 0x78, len(data)) + data
    if len(data) < 1 << 16:
        return struct.pack(">BH", 0x79, len(data)) + data
    return struct.pack(">BI", 0x7A, len(data)) + data


FLAGD_1 = _share_of(_split_1)
FLAGD_2 = _share_of(_split_by(_text))
FLAGD_3 = _share_of(_split_by(_pair))
FLAGD_3_VALUE = _share_of(_split_by(_value))
