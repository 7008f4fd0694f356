"""Who has the canary: a share of everybody, and shares of single segments. Pure.

A player who is in several of them has the highest share that applies. So raising any one of them moves nobody back,
whatever the order in which they were set. Shares are basis points; one salt serves all, so smaller ones lie inside
larger ones.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from croupier.core.segments import Segment


@dataclass(frozen=True, slots=True)
class Inside:
    """The canary's share of the players in the segment."""

    segment: Segment
    weight_bp: int


Insides: TypeAlias = tuple[Inside, ...]
NOBODY: Final[Insides] = ()


def given(insides: Insides, segment: Segment, weight_bp: int) -> Insides:
    """The shares with this segment's share in them, each segment once."""
    changed = Inside(segment, weight_bp)
    if any(each.segment.name == segment.name for each in insides):
        return tuple(changed if each.segment.name == segment.name else each for each in insides)
    return (*insides, changed)


def beyond(weight_bp: int, insides: Insides) -> Insides:
    """The shares that say something beside everybody's, the highest first: who is in several has the first."""
    return tuple(sorted((each for each in insides if each.weight_bp > weight_bp), key=lambda each: -each.weight_bp))


def named(weight_bp: int, insides: Insides) -> tuple[tuple[str, int], ...]:
    """The same as names and shares."""
    return tuple((each.segment.name, each.weight_bp) for each in beyond(weight_bp, insides))


def rose(before: tuple[int, Insides], after: tuple[int, Insides]) -> bool:
    """Whether anybody may have the canary after, who may not before: of everybody, or in one of the segments."""
    shares = {each.segment.name: each.weight_bp for each in before[1]}
    return after[0] > before[0] or any(
        max(each.weight_bp, after[0]) > max(shares.get(each.segment.name, 0), before[0]) for each in after[1]
    )


def exposure(weight_bp: int, insides: Iterable[tuple[str, int]] = ()) -> str:
    """``5 %``; with segments (name and share, those beyond everybody's) ``100 % of employees, 10 % of se``."""
    parts = [f"{percent(share)} of {name}" for name, share in insides]
    if not parts:
        return percent(weight_bp)
    return ", ".join([*parts, f"{percent(weight_bp)} of everybody else"] if weight_bp else parts)


def percent(weight_bp: int) -> str:
    """A weight as people write it: ``5 %``, ``0.25 %``."""
    return f"{weight_bp / 100:g} %"
