"""How much one counter has grown, and when: exact differences between scrapes, whatever resets lie between.

Growth is dated at the scrape that saw it. Pure; held by the targets of the ledger.
"""

import math
from array import array
from bisect import bisect_right
from collections.abc import Mapping

from croupier.adapters.metrics.embedded.tally import MOST


class Series:
    """One counter of one process. ``labels`` are fixed; ``last`` is the value that the next one is compared with."""

    __slots__ = ("_at", "_before", "_grown", "labels", "last")

    def __init__(self, labels: Mapping[str, str], base: float) -> None:
        self.labels, self.last = labels, base
        self._before = 0.0
        self._at = array("d")
        self._grown = array("d")

    def take(self, at: float, value: float) -> None:
        """A scrape at ``at`` (later than those before) read ``value``. A counter that fell was reset: it counts from
        0. What no counter can be grows without end, so that nobody counts on it.
        """
        increase = value - self.last if value >= self.last else value
        increase = increase if value <= MOST else math.inf
        self.last = value
        if increase > 0:
            self._grown.append(self.grown(at) + increase)
            self._at.append(at)

    def grown(self, at: float) -> float:
        """All growth seen up to and including ``at``."""
        index = bisect_right(self._at, at)
        return self._grown[index - 1] if index else self._before

    def forget(self, before: float) -> None:
        """Drop the dates of what was seen by then; the sum stays."""
        index = bisect_right(self._at, before)
        if index:
            self._before = self._grown[index - 1]
            del self._at[:index]
            del self._grown[:index]
