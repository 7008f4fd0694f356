"""What the record keeps of segments that are held alone. Part of a rollout's state; called by ``state`` and ``effect``.

Entries are only added and marked: whether a gate held a segment once before decides what its next failure does.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from croupier.core.segments import Segment


@dataclass(frozen=True, slots=True)
class Kept:
    """The segment's players have the stable version from ``at`` (epoch seconds) until ``released_at`` (``None``: still)
    because ``gate`` failed on them, or because a person said so (``None``).
    """

    segment: Segment
    reason: str
    at: float
    gate: str | None = None
    released_at: float | None = None


def still(kept: Iterable[Kept]) -> tuple[Segment, ...]:
    """The segments that are held now, each once, in the order in which they were held."""
    return tuple(dict.fromkeys(each.segment for each in kept if each.released_at is None))


def let_go(kept: tuple[Kept, ...], segment: Segment, at: float) -> tuple[Kept, ...]:
    """The record after a person released the segment."""
    return tuple(
        replace(each, released_at=at) if each.segment == segment and each.released_at is None else each for each in kept
    )


def by_people(kept: Iterable[Kept]) -> tuple[Kept, ...]:
    """What outlives a new attempt: what a person holds, only a person releases. Gates begin anew."""
    return tuple(each for each in kept if each.gate is None and each.released_at is None)


def held_by_gate(kept: Iterable[Kept], segment: Segment) -> bool:
    """Whether a gate has held the segment in this attempt, released since or not."""
    return any(each.segment == segment and each.gate is not None for each in kept)


def changes(kept: Iterable[Kept]) -> int:
    """How many times players were held or released: the traffic is another one after each."""
    return sum(1 if each.released_at is None else 2 for each in kept)


def latest_change(kept: Iterable[Kept]) -> float | None:
    """When (epoch seconds) that was last."""
    return max((each.at if each.released_at is None else each.released_at for each in kept), default=None)


def within(segment: Segment, outer: Segment) -> bool:
    """Whether every player of the segment is surely in the other one: it asks for all that the other asks for."""
    asked = {match.attribute: set(match.values) for match in segment.matches}
    return all(match.attribute in asked and asked[match.attribute] <= set(match.values) for match in outer.matches)
