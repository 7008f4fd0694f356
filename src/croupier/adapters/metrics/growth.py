"""How much of something happened, and when we heard of it. Pure; held by sources that keep counts themselves.

Growth is dated by our clock, at the scrape or the push that told of it, and only ever added at the end: what was
answered for a span never changes afterwards.
"""

from array import array
from bisect import bisect_right
from collections.abc import Mapping


class Growth:
    """``labels`` are the series', as gates may name them."""

    __slots__ = ("_at", "_before", "_grown", "labels")

    def __init__(self, labels: Mapping[str, str]) -> None:
        self.labels = labels
        self._before = 0.0
        self._at = array("d")
        self._grown = array("d")

    def add(self, at: float, increase: float) -> None:
        """``at`` is not earlier than any before."""
        if increase > 0:
            grown = (self._grown[-1] if self._grown else self._before) + increase
            if self._at and self._at[-1] == at:
                self._grown[-1] = grown
            else:
                self._at.append(at)
                self._grown.append(grown)

    def grown(self, at: float) -> float:
        """All growth up to and including ``at``."""
        index = bisect_right(self._at, at)
        return self._grown[index - 1] if index else self._before

    def forget(self, before: float) -> None:
        """Drop the dates of what was seen by then; the sum stays."""
        index = bisect_right(self._at, before)
        if index:
            self._before = self._grown[index - 1]
            del self._at[:index]
            del self._grown[:index]
