"""The rule that people have in mind: a rate over a minute, looked at every minute, three violations in a row.

No tool has exactly this; it is the kindest reading of "Argo Rollouts with a sensible threshold". A failed query counts
at the usual interval, five in a row end the rollout.
"""

from typing import Final

from benchmarks.gates._world import Arm
from benchmarks.gates.peers.metrics import LIMITS, Window
from benchmarks.gates.peers.steps import Said, Steps

_ERRORS_IN_A_ROW: Final = 4


class Threshold:
    """``window`` and ``interval`` in samples; goes back when one metric violates ``consecutive`` looks in a row."""

    def __init__(self, steps: Steps, *, window: int = 6, interval: int = 6, consecutive: int = 3) -> None:
        self._steps, self._interval, self._consecutive = steps, interval, consecutive
        self._window = Window(window)
        self._tick = self._errors = 0
        self._streaks = [0] * len(LIMITS)

    @property
    def weight(self) -> float:
        return self._steps.weight

    @property
    def whole(self) -> bool:
        return self._steps.whole

    def see(self, canary: Arm | None, baseline: Arm | None) -> Said:  # noqa: ARG002 - it does not compare
        self._tick += 1
        self._window.push(canary)
        if self._tick % self._interval == 0 and self._looked(missing=canary is None):
            return Said.BACK
        return self._steps.go_on()

    def _looked(self, *, missing: bool) -> bool:
        if missing:
            self._errors += 1
            return self._errors > _ERRORS_IN_A_ROW
        self._errors = 0
        violated = self._window.violated()
        self._streaks = [streak + 1 if bad else 0 for streak, bad in zip(self._streaks, violated, strict=True)]
        return max(self._streaks) >= self._consecutive
