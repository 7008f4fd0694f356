"""Kayenta's judge: Mann-Whitney on the points of both versions (spinnaker/kayenta, ``MannWhitneyClassifier.scala`` and
``NetflixACAJudge.scala``), over all points so far, every five minutes, at its most sensitive: one metric fails the run.

A metric is High when the lower end of the 98 % interval of the shift lies above a quarter of the Hodges-Lehmann
estimate, and the ratio of the means reaches the allowed increase; with a baseline of nothing but zeros the ratio counts
as 1. The interval is R's asymptotic one, with its corrections for ties and for continuity, so its lower end lies above
a shift exactly when the one-sided test just beyond that shift rejects at 1 %: that is how it is asked here. "Beyond"
matters where most points are zero, as with rare errors: there the interval ends at zero, which is not above zero.

Kind reading: points without data are left out (upstream takes them for zero unless told otherwise).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from benchmarks.gates._world import Arm
from benchmarks.gates.peers.steps import Said, Steps
from scipy.stats import mannwhitneyu

_LEVEL: Final = 0.98
_TOLERANCE: Final = 0.25
_ALLOWED: Final = 1.1
_ALLOWED_LATENCY: Final = 1.2
_BEYOND: Final = 1e-6
"""As exactly as its solver finds the ends of the interval."""


class Kayenta:
    """``every``: samples between two judgements."""

    def __init__(self, steps: Steps, *, every: int = 30) -> None:
        self._steps, self._every = steps, every
        self._canary: list[list[float | None]] = []
        self._baseline: list[list[float | None]] = []

    @property
    def weight(self) -> float:
        return self._steps.weight

    @property
    def whole(self) -> bool:
        return self._steps.whole

    def see(self, canary: Arm | None, baseline: Arm | None) -> Said:
        self._canary.append(_points(canary))
        self._baseline.append(_points(baseline))
        if len(self._canary) % self._every == 0 and self._judged():
            return Said.BACK
        return self._steps.go_on()

    def _judged(self) -> bool:
        columns = zip(zip(*self._canary, strict=True), zip(*self._baseline, strict=True), strict=True)
        for index, (canary, baseline) in enumerate(columns):
            allowed = _ALLOWED_LATENCY if index == 1 else _ALLOWED
            if high(_known(canary), _known(baseline), allowed=allowed):
                return True
        return False


def high(experiment: Sequence[float], control: Sequence[float], *, allowed: float = _ALLOWED) -> bool:
    """Whether the judge calls this metric High; ``allowed`` is the ratio of the means from which on it matters."""
    if not experiment or not control or len({*experiment, *control}) == 1:
        return False
    x, y = np.asarray(experiment), np.asarray(control)
    mean = float(y.mean())
    if (float(x.mean()) / mean if mean else 1.0) < allowed:
        return False
    shift = _TOLERANCE * abs(float(np.median(np.subtract.outer(x, y))))
    test = mannwhitneyu(x - shift - _BEYOND, y, alternative="greater", method="asymptotic", use_continuity=True)
    return bool(test.pvalue < (1.0 - _LEVEL) / 2)


def _points(arm: Arm | None) -> list[float | None]:
    if arm is None:
        return [None] * 7
    rates = [failed / made if made else None for made, failed in arm.deposits]
    return [arm.errors / arm.requests if arm.requests else None, arm.p95_ms, *rates]


def _known(points: Sequence[float | None]) -> list[float]:
    return [point for point in points if point is not None]
