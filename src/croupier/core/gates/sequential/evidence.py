"""What a sequential gate remembers: its tests of every group, and what was counted since the rollout began."""

from dataclasses import dataclass
from typing import Final

from croupier.core.gates.sequential.capital import Capital
from croupier.core.gates.sequential.dispersion import Dispersion
from croupier.core.gates.sli import Counts, Group

UNLIKELY: Final = 5.0
"""Where so many events are due, hardly ever none comes by chance (in one case of 150)."""


@dataclass(frozen=True, slots=True)
class Trial:
    """The tests of one group, ``()`` being the whole, and its counts since the beginning.

    ``budget`` is the probability with which it may ever blame a canary that is no worse. ``relative`` tests against the
    concurrent baseline, ``absolute`` against the objective while there is a baseline, ``alone`` while there is none.
    """

    group: Group
    budget: float
    relative: Capital
    absolute: Capital | None
    alone: Capital | None
    canary: Counts
    baseline: Counts


@dataclass(frozen=True, slots=True)
class Evidence:
    """``trials`` stand in the order in which groups appeared. ``incident`` tests the baseline against the objective.

    ``samples`` told something of the canary at the present weight; in the last ``quiet`` ones it had no event, where by
    its weight ``missed`` were due. ``seconds`` of data there were in all, up to ``until`` (epoch seconds): what lies
    before was counted and never is again. ``dispersion`` is measured once the baseline was seen in parts.
    """

    trials: tuple[Trial, ...]
    incident: Capital | None
    until: float
    seconds: float = 0.0
    samples: int = 0
    dispersion: Dispersion | None = None
    quiet: int = 0
    missed: float = 0.0

    def quiet_by_chance(self, dwell: int) -> bool:
        """Whether the canary's silence may be chance: few events were due, and it was heard of not long ago."""
        return self.quiet < dwell and self.missed < UNLIKELY
