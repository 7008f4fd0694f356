"""What a bucketing algorithm can do. An algorithm never changes: an improved one gets a new name.

Implemented once per file beside this one, listed in ``registry``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Inside: TypeAlias = Callable[[str], bool]
"""A player's key -> whether they are inside of the share."""

Split: TypeAlias = Callable[[str], int]
"""A player's key -> the index of the part that they are in."""


@dataclass(frozen=True, slots=True)
class Algorithm:
    """``inside(salt, share)``: a share in basis points; a larger share never loses a player of a smaller one.
    ``split(salt, weights)``: parts of these weights, in this order, each >= 0 and at least one above.
    """

    inside: Callable[[str, int], Inside]
    split: Callable[[str, Sequence[int]], Split]


def part_at(edges: Sequence[float], place: float) -> int:
    """The index of the first part that ends above ``place``; the last one if rounding left none."""
    for index, edge in enumerate(edges):
        if place < edge:
            return index
    return len(edges) - 1
