"""One series of one process: what each point adds to what was counted before, exactly once. Pure.

Senders repeat, delay and reorder points. A cumulative point says how much there was since a start, so within one start
the highest value counts, whatever the order; another start is another process, which counts from 0. A delta point says
how much there was in a window of time, so each window counts once. The sender's clock is used for nothing else.
"""

from bisect import bisect_left
from collections.abc import Collection, Mapping
from typing import Final

from croupier.adapters.metrics.growth import Growth
from croupier.adapters.metrics.otlp.points import Point, Value

STARTS: Final = 4
"""So many processes are told apart that follow each other under one name; points of earlier ones are dropped."""

WINDOWS: Final = 64
"""So many windows with gaps between them are remembered; what is older than all of them is dropped."""


class Stream:
    """``growth`` holds how many events there were (``None``) and, per edge that is asked for, how many at most that."""

    __slots__ = ("_forgotten", "_labels", "_starts", "_windows", "edgeless", "growth", "last_at", "weight")

    def __init__(self, labels: Mapping[str, str], edges: Collection[float]) -> None:
        self._labels = labels
        self.growth: dict[float | None, Growth] = {None: Growth(labels)}
        self.edgeless: set[float] = set()
        """Edges that were asked for and at which no bucket ends."""
        self.last_at = 0.0
        """When, by our clock, a point was last counted."""
        self.weight = 0
        """As how many series it counts, by the sender's rule."""
        self._starts: dict[int, tuple[int, Value]] = {}
        self._windows: list[tuple[int, int]] = []
        self._forgotten = 0
        """The end of the last window that is not remembered any more."""
        self.ask(edges)

    def ask(self, edges: Collection[float]) -> None:
        """Keep these edges from now on, and no others."""
        wanted: set[float | None] = {None, *edges}
        for gone in self.growth.keys() - wanted:
            del self.growth[gone]
        for new in wanted - self.growth.keys():
            self.growth[new] = Growth(self._labels)
        self.edgeless &= set(edges)

    def take_total(self, at: float, point: Point, *, from_zero: bool) -> bool:
        """A cumulative point, received ``at``; whether it says anything new. ``from_zero``: the first one counts whole,
        else it is only the base of what follows.
        """
        known = self._starts.get(point.start)
        if known is None:
            if self._starts and point.start < max(self._starts):
                return False  # a process that was followed by another one before we knew it
            # A point without duration says where an observer began to look, not what happened (OTLP data model).
            is_base = point.start == point.at or not (from_zero or self._starts)
            self._count(at, point.value if is_base else None, point.value)
        else:
            newest, value = known
            if point.value.count > value.count or (point.value.count == value.count and point.at > newest):
                self._count(at, value, point.value)
            elif point.at > newest:
                self._count(at, None, point.value)  # it fell: it was reset, and nobody said so
            else:
                return False
            point = point._replace(at=max(newest, point.at))
        self._starts[point.start] = (point.at, point.value)
        if len(self._starts) > STARTS:
            del self._starts[min(self._starts)]
        self.last_at = at
        return True

    def take_change(self, at: float, point: Point) -> bool:
        """A delta point, received ``at``; whether it was counted. What overlaps a window before was counted then."""
        start = point.start if 0 < point.start < point.at else point.at - 1
        place = bisect_left(self._windows, (start, point.at))
        if place and self._windows[place - 1][1] > start:
            return False
        if place < len(self._windows) and self._windows[place][0] < point.at:
            return False
        if start < self._forgotten:
            return False
        self._windows.insert(place, (start, point.at))
        self._join(place)
        if len(self._windows) > WINDOWS:
            self._forgotten = self._windows.pop(0)[1]
        self._count(at, None, point.value)
        self.last_at = at
        return True

    def forget(self, before: float) -> None:
        for growth in self.growth.values():
            growth.forget(before)

    def _join(self, place: int) -> None:
        """Make one of windows that touch."""
        if place + 1 < len(self._windows) and self._windows[place][1] == self._windows[place + 1][0]:
            self._windows[place : place + 2] = [(self._windows[place][0], self._windows[place + 1][1])]
        if place and self._windows[place - 1][1] == self._windows[place][0]:
            self._windows[place - 1 : place + 1] = [(self._windows[place - 1][0], self._windows[place][1])]

    def _count(self, at: float, before: Value | None, now: Value) -> None:
        for edge, growth in self.growth.items():
            if edge is None:
                growth.add(at, now.count - (before.count if before else 0.0))
                continue
            good = now.at_most(edge)
            if good is None:
                self.edgeless.add(edge)
            else:
                growth.add(at, good - ((before.at_most(edge) or 0.0) if before else 0.0))
