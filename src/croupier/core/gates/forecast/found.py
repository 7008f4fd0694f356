"""The outcome of a forecast: in how many of the rollouts played the gate found the fault, and when."""

import math
from bisect import bisect_right
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Found:
    """``at`` are the seconds after which it was found, in order, of those of the ``runs`` in which it was. They were
    played for ``seconds``; ``pace_s`` is about how long it takes at the last weight in the long run (infinite: time
    alone will not do), where the rule can tell.
    """

    at: tuple[float, ...]
    runs: int
    seconds: float
    pace_s: float = math.inf

    def by(self, seconds: float) -> float:
        """The probability (0 to 1) that it is found by then."""
        return bisect_right(self.at, seconds + 1e-6) / self.runs

    def within(self, probability: float) -> float | None:
        """The seconds after which it is found with this probability; ``None``: not while it was played."""
        index = math.ceil(probability * self.runs) - 1
        return self.at[index] if index < len(self.at) else None
