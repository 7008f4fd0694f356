"""By how much failures come in clumps, measured on parts of the baseline, which should differ by chance only (A/A).

Retries and sticky players make one fault count several times; a test that takes each count for independent then blames
the healthy. What is common to all parts cancels, so a noisy day does not slow a gate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from croupier.core.gates.sequential.bets import Arm

WEIGHT_OF_NONE: Final = 30.0
"""Degrees of freedom of "no clumps" mixed into the estimate, so that a few samples do not swing it."""

LARGEST: Final = 10.0


@dataclass(frozen=True, slots=True)
class Dispersion:
    """Pearson's sum over the samples so far and its degrees of freedom."""

    chi: float = 0.0
    freedom: float = 0.0

    @property
    def phi(self) -> float:
        """The estimated clump size, 1 (independent) to 10."""
        estimate = (WEIGHT_OF_NONE + self.chi) / (WEIGHT_OF_NONE + self.freedom)
        return min(max(estimate, 1.0), LARGEST)


def observed(dispersion: Dispersion, parts: Sequence[Arm]) -> Dispersion:
    """The estimate after one more sample of the baseline's parts (pods or groups of players). To be used from the next
    sample on: a sample may not choose how it is weighed itself.
    """
    bad, total = sum(part.bad for part in parts), sum(part.total for part in parts)
    if not bad or len(parts) < 2 or not all(part.total for part in parts):
        return dispersion
    expected = [bad * part.total / total for part in parts]
    chi = sum((part.bad - mean) ** 2 / mean for part, mean in zip(parts, expected, strict=True))
    return Dispersion(dispersion.chi + chi, dispersion.freedom + len(parts) - 1)
