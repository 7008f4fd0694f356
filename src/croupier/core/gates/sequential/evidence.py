"""What a sequential gate remembers: its tests of every group, and what was counted since the rollout began."""

from dataclasses import dataclass
from typing import Final

from croupier.core.gates.sequential.capital import Capital
from croupier.core.gates.sequential.dispersion import Dispersion
from croupier.core.gates.sli import Counts, Group

_DENSE: Final = 5
"""Of so many events in a sample, on average, hardly ever none comes by chance."""


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

    ``samples`` told something of the canary at the present weight, at which it was ``heard`` of in so many events, and
    not at all in the last ``quiet`` samples. ``seconds`` of data there were in all, up to ``until`` (epoch seconds):
    what lies before was counted and never is again. ``dispersion`` is measured once the baseline was seen in parts.
    """

    trials: tuple[Trial, ...]
    incident: Capital | None
    until: float
    seconds: float = 0.0
    samples: int = 0
    dispersion: Dispersion | None = None
    heard: int = 0
    quiet: int = 0

    @property
    def sparse(self) -> bool:
        """Whether the canary has so few events at this weight that a sample without any may be chance."""
        return self.heard < _DENSE * max(self.samples, 1)
