"""By how much failures come in clumps, measured on parts of the baseline, which should differ by chance only (A/A).

Retries and sticky players make one fault count several times; a test that takes each count for independent then blames
the healthy. What is common to all parts cancels, so a noisy day does not slow a gate. ``control.clumps`` measures the
minutes before the start, ``look`` goes on.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from croupier.core.gates.sli import Counts

WEIGHT_OF_NONE: Final = 10.0
"""Degrees of freedom of "no clumps" mixed into the estimate, so that a few samples do not swing it."""

LARGEST: Final = 10.0

_KEPT: Final = 0.99
"""What a sample counts for after the next one: half after 70. An instance that was sick for a moment is forgotten."""

UNMEASURED: Final = 2.0
"""The clump size assumed where the baseline has no parts that could be compared."""

_PARTS: Final = 8
"""Instances beyond so many are counted together: more tell hardly more, and all are recorded."""


@dataclass(frozen=True, slots=True)
class Dispersion:
    """Pearson's sum over the samples so far and its degrees of freedom, older ones faded. One sample adds no more than
    the largest clumps would: one sick instance is no clump.
    """

    chi: float = 0.0
    freedom: float = 0.0

    @property
    def phi(self) -> float:
        """The estimated clump size, 1 (independent) to 10. What chance alone may add to it, a standard deviation, is no
        clump: every gate on independent failures would be slower for it.
        """
        chance = math.sqrt(2.0 * self.freedom)
        estimate = (WEIGHT_OF_NONE + self.chi - chance) / (WEIGHT_OF_NONE + self.freedom)
        return min(max(estimate, 1.0), LARGEST)


def measured(samples: Iterable[Sequence[Counts]]) -> Dispersion | None:
    """What samples of the baseline by instance tell, the oldest first; ``None`` where none of them can be compared."""
    seen = None
    for parts in map(comparable, samples):
        if len(parts) > 1:
            seen = observed(seen or Dispersion(), parts)
    return seen


def comparable(parts: Sequence[Counts]) -> tuple[Counts, ...]:
    """The parts (instances) that had events, eight at the most. Which they are does not depend on failures."""
    busy = tuple(part for part in parts if part.total)
    if len(busy) <= _PARTS:
        return busy
    dealt = (busy[first::_PARTS] for first in range(_PARTS))
    return tuple(Counts(sum(part.good for part in hand), sum(part.total for part in hand)) for hand in dealt)


def observed(dispersion: Dispersion, parts: Sequence[Counts]) -> Dispersion:
    """The estimate after one more sample of the baseline's ``comparable`` parts. To be used from the next sample on: a
    sample may not choose how it is weighed itself.
    """
    failures = [part.bad for part in parts]
    bad = sum(failures)
    if not bad or len(parts) < 2:
        return dispersion
    total = sum([part.total for part in parts])
    freedom = len(parts) - 1
    expected = [bad * part.total / total for part in parts]
    chi = sum([(seen - mean) ** 2 / mean for seen, mean in zip(failures, expected, strict=True)])
    return Dispersion(_KEPT * dispersion.chi + min(chi, LARGEST * freedom), _KEPT * dispersion.freedom + freedom)
