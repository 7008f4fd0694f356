"""An Argo Rollouts AnalysisRun as ``analysis/analysis.go`` has it (argoproj/argo-rollouts, c9dd7ea).

``failureLimit`` is cumulative: a metric fails when it failed *more* often in all. A measurement that errs is repeated
after 10 s, whatever the interval; more than ``consecutiveErrorLimit`` (4) in a row end the run in Error, which aborts
the rollout. A query with an empty result errs, since the usual condition reads ``result[0]``.

Kind readings: an ``initialDelay`` of one interval, and 0/0 passes.
"""

from typing import Final

from benchmarks.gates._world import Arm
from benchmarks.gates.peers.metrics import LIMITS, Window
from benchmarks.gates.peers.steps import Said, Steps

_CONSECUTIVE_ERROR_LIMIT: Final = 4
_RETRY: Final = 1
"""Samples of 10 s until a measurement that erred is taken again."""


class ArgoRun:
    """``window`` and ``interval`` in samples of 10 s."""

    def __init__(self, steps: Steps, *, window: int = 30, interval: int = 6, failure_limit: int = 3) -> None:
        self._steps, self._interval, self._limit = steps, interval, failure_limit
        self._window = Window(window)
        self._tick, self._next, self._errors = 0, interval, 0
        self._failed = [0] * len(LIMITS)

    @property
    def weight(self) -> float:
        return self._steps.weight

    @property
    def whole(self) -> bool:
        return self._steps.whole

    def see(self, canary: Arm | None, baseline: Arm | None) -> Said:
        self._tick += 1
        self._window.push(canary)
        unreachable = canary is None and baseline is None
        if self._tick >= self._next and self._measured(errs=unreachable or self._window.empty):
            return Said.BACK
        return self._steps.go_on()

    def _measured(self, *, errs: bool) -> bool:
        if errs:
            self._next = self._tick + _RETRY
            self._errors += 1
            return self._errors > _CONSECUTIVE_ERROR_LIMIT
        self._next = self._tick + self._interval
        self._errors = 0
        violated = self._window.violated()
        self._failed = [failed + bad for failed, bad in zip(self._failed, violated, strict=True)]
        return max(self._failed) > self._limit
