"""What every peer says of a sample, and the steps by which weights rise whatever the metrics say."""

from collections.abc import Sequence
from enum import Enum, auto
from typing import Final, Protocol

from benchmarks.gates._world import Arm

WEIGHTS: Final = (0.01, 0.05, 0.10, 0.25, 0.50, 1.00)
STEP_TICKS: Final = 30
"""Five minutes a step."""
FOREVER: Final = 10**9


class Said(Enum):
    """After a sample: watch on, go back, or all is done."""

    WATCH = auto()
    BACK = auto()
    DONE = auto()


class Peer(Protocol):
    """A rule with its schedule. ``weight`` is the canary's share (0 to 1) for the next sample, ``whole`` whether it is
    the last one.
    """

    @property
    def weight(self) -> float: ...

    @property
    def whole(self) -> bool: ...

    def see(self, canary: Arm | None, baseline: Arm | None) -> Said:
        """One sample more; ``None`` where metrics are missing."""
        ...


class Steps:
    """Weights that rise by the clock: each holds so many samples."""

    def __init__(self, weights: Sequence[float], ticks: Sequence[int]) -> None:
        self._plan = list(zip(weights, ticks, strict=True))
        self._spent = 0

    @property
    def weight(self) -> float:
        return self._plan[0][0]

    @property
    def whole(self) -> bool:
        return len(self._plan) == 1

    def go_on(self) -> Said:
        """A sample has gone by."""
        self._spent += 1
        if self._spent < self._plan[0][1]:
            return Said.WATCH
        if self.whole:
            return Said.DONE
        self._plan.pop(0)
        self._spent = 0
        return Said.WATCH


def usual() -> Steps:
    """Five minutes a weight, up to everybody."""
    return Steps(WEIGHTS, [STEP_TICKS] * len(WEIGHTS))


def fast(per_s: float) -> Steps:
    """As fast as rules on evidence go: a minute a weight, five minutes at half, then all but a small baseline."""
    last = last_weight(per_s)
    if last == WEIGHTS[-2]:
        return Steps(WEIGHTS[:-1], [6, 6, 6, 6, FOREVER])
    return Steps([*WEIGHTS[:-1], last], [6, 6, 6, 6, STEP_TICKS, FOREVER])


def last_weight(per_s: float) -> float:
    """The most while watching: 5 % stay for comparison, or 10 requests/s, or half, whichever is right for the rate."""
    return 1.0 - max(0.05, min(0.5, 10.0 / per_s))
