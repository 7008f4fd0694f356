"""Counts that wait until there are enough of them to be compared. Called by ``trials``.

A pair of a few events is worth little: the canary's failures are mostly in samples in which it has more events than
usual, and by that share each is measured. So the events of a group that is heard of seldom are bet on together. Whether
they are enough says their number alone, never what became of them, so the bets stay fair.
"""

from typing import Final, NamedTuple

from croupier.core.gates.sequential.samples import NONE
from croupier.core.gates.sli import Counts

_ENOUGH: Final = 3
"""So many of the baseline's events, and one of the canary's. With fewer a bet wins half of what it could; with more a
provider that is down is found later.
"""
_SAMPLES: Final = 6
_SECONDS: Final = 59.0
"""So many samples and so long (a minute, less what their bounds may lack) they wait for that at the most: the level of
failures, which cancels within a pair, moves meanwhile.
"""


class Waiting(NamedTuple):
    """What was counted in so many ``samples`` and ``seconds`` that no bet was made on. ``fresh``: the weight is another
    one since. ``phi`` is the clump size that was known before the first of them: what is counted may not choose how it
    is weighed.
    """

    canary: Counts = NONE
    baseline: Counts = NONE
    samples: int = 0
    seconds: float = 0.0
    fresh: bool = False
    phi: float = 1.0

    @property
    def over(self) -> bool:
        """Whether they wait no longer."""
        return over(self.canary.total, self.baseline.total, self.samples, self.seconds)

    @property
    def left(self) -> "Waiting | None":
        """What waits on, if anything does. Where no bet could be made the new weight has had none yet."""
        if not self.over:
            return self
        compared = self.canary.total > 0 and self.baseline.total > 0
        return Waiting(fresh=True) if self.fresh and not compared else None


def enough(canary: int, baseline: int) -> bool:
    """Whether so many events of both versions can be compared."""
    return canary > 0 and baseline >= _ENOUGH


def over(canary: int, baseline: int, samples: int, seconds: float) -> bool:
    """Whether so many events of so many samples and seconds wait no longer."""
    return enough(canary, baseline) or (samples >= _SAMPLES and seconds >= _SECONDS)


def with_sample(
    before: Waiting | None, canary: Counts, baseline: Counts, seconds: float, *, fresh: bool, phi: float
) -> Waiting:
    """With one sample more, of so many seconds. At another weight others begin to wait: the versions' shares differ."""
    if fresh or before is None:
        return Waiting(canary, baseline, 1, seconds, fresh, phi)
    if not before.samples:
        return Waiting(canary, baseline, 1, seconds, before.fresh, phi)
    both = before.canary.plus(canary), before.baseline.plus(baseline)
    return Waiting(*both, before.samples + 1, before.seconds + seconds, before.fresh, before.phi)
