"""What became of one rollout, and of many alike."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.gates._scenarios import Scenario
from benchmarks.gates._world import Arm


@dataclass(frozen=True, slots=True)
class Result:
    """``back_s`` is when it was rolled back (``None``: never), ``harm`` what failed until then, ``whole_s`` when it
    came to the last weight.
    """

    back_s: float | None
    harm: int
    whole_s: float | None


@dataclass(frozen=True, slots=True)
class Cell:
    """One rule in one scenario at one rate. ``median_s`` and ``p95_s`` are over all rollouts: ``None`` where so many
    were not rolled back. ``whole_s``: median of those that came to the last weight.
    """

    rollouts: int
    back: int
    median_s: float | None
    p95_s: float | None
    harm: float
    whole_s: float | None

    @property
    def share(self) -> float:
        """How many were rolled back, 0 to 1."""
        return self.back / self.rollouts


def summed_up(results: Sequence[Result]) -> Cell:
    """The figures of all rollouts of a cell."""
    back = sorted(result.back_s for result in results if result.back_s is not None)
    whole = [result.whole_s for result in results if result.whole_s is not None]

    def late(part: float) -> float | None:
        rank = math.ceil(part * len(results)) - 1
        return back[rank] if rank < len(back) else None

    suffered = statistics.fmean(result.harm for result in results)
    return Cell(len(results), len(back), late(0.5), late(0.95), suffered, statistics.median(whole) if whole else None)


def harm(scenario: Scenario, canary: Arm) -> int:
    """What a sample's players suffered: slow requests, failed deposits or errors, as the story has it."""
    if scenario.latency > 1.0:
        return canary.slow
    return sum(failed for _, failed in canary.deposits) if scenario.provider is not None else canary.errors
