"""How much one counter has grown, and when: exact differences between scrapes, whatever resets lie between.

Growth is dated at the scrape that saw it. Pure; held by the targets of the ledger.
"""

import math
from collections.abc import Mapping

from croupier.adapters.metrics.embedded.tally import MOST
from croupier.adapters.metrics.growth import Growth


class Series(Growth):
    """One counter of one process; ``last`` is the value that the next one is compared with."""

    __slots__ = ("last",)

    def __init__(self, labels: Mapping[str, str], base: float) -> None:
        super().__init__(labels)
        self.last = base

    def take(self, at: float, value: float) -> None:
        """A scrape at ``at`` (later than those before) read ``value``. A counter that fell was reset: it counts from
        0. What no counter can be grows without end, so that nobody counts on it.
        """
        increase = value - self.last if value >= self.last else value
        increase = increase if value <= MOST else math.inf
        self.last = value
        self.add(at, increase)
