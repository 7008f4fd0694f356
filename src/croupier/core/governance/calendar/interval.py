"""Times as plain intervals, in epoch seconds, and what is made of them. A beginning belongs to its interval, an end
does not. Pure.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """From ``begins`` until just before ``ends``."""

    begins: float
    ends: float

    def __post_init__(self) -> None:
        if not self.begins < self.ends:
            raise ValueError(f"an interval ends after its beginning, not {self.begins} to {self.ends}")

    def holds(self, at: float) -> bool:
        return self.begins <= at < self.ends

    def meets(self, other: "Interval") -> bool:
        """Whether any moment is in both."""
        return self.begins < other.ends and other.begins < self.ends


def merged(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """The same moments in as few intervals as can be, in order."""
    out: list[Interval] = []
    for each in sorted(intervals):
        if out and each.begins <= out[-1].ends:
            out[-1] = Interval(out[-1].begins, max(out[-1].ends, each.ends))
        else:
            out.append(each)
    return tuple(out)


def gaps(intervals: Iterable[Interval], within: Interval) -> tuple[Interval, ...]:
    """The moments of ``within`` that are in none of them."""
    out: list[Interval] = []
    at = within.begins
    for each in merged(intervals):
        if at < min(each.begins, within.ends):
            out.append(Interval(at, min(each.begins, within.ends)))
        at = max(at, each.ends)
    if at < within.ends:
        out.append(Interval(at, within.ends))
    return tuple(out)
