"""The seven metrics that every peer looks at, over a sliding window: errors, slow requests, deposits by provider."""

from collections import deque
from typing import Final

from benchmarks.gates._world import PROVIDERS, Arm

LIMITS: Final = (0.001, 0.05, *[0.01] * len(PROVIDERS))
"""The share that may be bad, by metric."""
_NOTHING: Final = ((0, 0),) * len(LIMITS)


class Window:
    """The canary's (bad, total) of each metric over the last samples."""

    def __init__(self, ticks: int) -> None:
        self._samples: deque[tuple[tuple[int, int], ...]] = deque([_NOTHING] * ticks, maxlen=ticks)
        self._sums = [[0, 0] for _ in LIMITS]

    def push(self, arm: Arm | None) -> None:
        """One sample more; a missing one is a sample without requests."""
        counts = _NOTHING if arm is None else _counts(arm)
        gone = self._samples[0]
        self._samples.append(counts)
        for sums, new, old in zip(self._sums, counts, gone, strict=True):
            sums[0] += new[0] - old[0]
            sums[1] += new[1] - old[1]

    @property
    def empty(self) -> bool:
        """Whether the canary had no request in the window."""
        return self._sums[0][1] == 0

    def violated(self) -> tuple[bool, ...]:
        """Which metrics are over their limit; one without events is not (a kind reading of 0/0)."""
        return tuple(total > 0 and bad > limit * total for (bad, total), limit in zip(self._sums, LIMITS, strict=True))


def _counts(arm: Arm) -> tuple[tuple[int, int], ...]:
    return (
        (arm.errors, arm.requests),
        (arm.slow, arm.requests),
        *((failed, made) for made, failed in arm.deposits),
    )
