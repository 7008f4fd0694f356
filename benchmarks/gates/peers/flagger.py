"""Flagger's canary analysis as ``pkg/controller/scheduler.go`` has it (fluxcd/flagger, 0016895).

A check that fails, by a metric or for want of values, halts the advance and adds to ``status.failedChecks``, which
nothing resets while the analysis runs. Whether it reached ``threshold`` is looked at before the next analysis, so the
rollback comes one interval later.

Kind readings: upstream advances at every passed check, here a weight has five; and a provider without deposits in the
window is not "no values".
"""

from benchmarks.gates._world import Arm
from benchmarks.gates.peers.metrics import Window
from benchmarks.gates.peers.steps import STEP_TICKS, WEIGHTS, Said


class Flagger:
    """``interval`` in samples, which is the metrics' window as well; ``threshold`` failed checks in all go back."""

    def __init__(self, *, threshold: int = 5, interval: int = 6) -> None:
        self._threshold, self._interval = threshold, interval
        self._window = Window(interval)
        self._tick = self._step = self._failed = self._passed = 0

    @property
    def weight(self) -> float:
        return WEIGHTS[self._step]

    @property
    def whole(self) -> bool:
        return self._step == len(WEIGHTS) - 1

    def see(self, canary: Arm | None, baseline: Arm | None) -> Said:
        self._tick += 1
        self._window.push(canary)
        if self._tick % self._interval:
            return Said.WATCH
        if self._failed >= self._threshold:
            return Said.BACK
        if (canary is None and baseline is None) or self._window.empty or any(self._window.violated()):
            self._failed += 1
            return Said.WATCH
        self._passed += 1
        if self._passed < STEP_TICKS // self._interval:
            return Said.WATCH
        if self.whole:
            return Said.DONE
        self._step, self._passed = self._step + 1, 0
        return Said.WATCH
