"""Moments up to which everybody has told what they counted: where the spans of answers begin and end. Pure.

Processes push each at their own time, so what was counted up to a moment is known when all have pushed after the last
one. Both versions are compared over the same span, and adjacent spans neither overlap nor leave a gap. A boundary is
made as pushes arrive and never changed afterwards. The ledger keeps a ``Pair`` for any two versions that are compared.
"""

from array import array
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field

from croupier.adapters.metrics.otlp.points import SenderId
from croupier.control.ports import VersionKey


class Boundaries:
    """The boundaries of the retention window, oldest first."""

    def __init__(self, first: float) -> None:
        self._at: array[float] = array("d", [first])

    def add(self, at: float) -> None:
        if at > self._at[-1]:
            self._at.append(at)

    def forget(self, before: float) -> None:
        """Drop what is older, but keep one: it is the base of the rest."""
        del self._at[: max(0, bisect_right(self._at, before) - 1)]

    def span(self, since: float, until: float, known_from: float) -> tuple[float, float] | None:
        """The last boundaries not after ``since`` and ``until``, from ``known_from`` on; where nothing is known at
        ``since``, the first after it. ``None`` when there is none at all.
        """
        first = bisect_right(self._at, known_from) - 1
        if first < 0 or self._at[first] < known_from:
            first += 1
        end = bisect_right(self._at, until) - 1
        if end < first:
            return None
        start = max(first, bisect_right(self._at, since) - 1)
        return self._at[min(start, end)], self._at[end]


@dataclass(slots=True)
class Pair:
    """Versions that are compared, and who of them has been heard since the last boundary.

    The last one to be heard makes a boundary; but one collection may come in several requests, so it is moved to the
    last of them, and settled when no more come.
    """

    versions: frozenset[VersionKey]
    boundaries: Boundaries
    asked_at: float
    settle_s: float
    awaited: SenderId | None = None
    """One of those who had not been heard when it was last asked."""
    _heard: set[SenderId] = field(default_factory=set)
    _heard_at: float = 0.0
    _next: float | None = None
    """The boundary that is not settled yet; ``_heard`` then are those who came after it."""

    def hear(self, sender: SenderId, at: float, *, rest: bool) -> None:
        """It pushed; the ``rest`` of what it began before belongs to that."""
        self._heard_at = at
        if self._next is not None and rest and sender not in self._heard:
            self._next = at
            self._heard.clear()
        else:
            self._heard.add(sender)

    def settle(self, now: float, complete: Callable[[set[SenderId]], bool]) -> None:
        """Make the boundaries that can be made by now."""
        while True:
            if self._next is None and self._heard and complete(self._heard):
                self._next = self._heard_at
                self._heard.clear()
            if self._next is None or now - self._next < self.settle_s:
                return
            self.boundaries.add(self._next)
            self._next = None
