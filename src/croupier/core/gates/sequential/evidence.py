"""What a sequential gate remembers: its tests of every group, and what was counted since the rollout began."""

import math
from dataclasses import dataclass
from typing import Final, NamedTuple

from croupier.core.gates.sequential.capital import Capital
from croupier.core.gates.sequential.counterpart import UNHEARD, Counterpart
from croupier.core.gates.sequential.dispersion import Dispersion
from croupier.core.gates.sequential.waiting import Waiting
from croupier.core.gates.sli import Counts, Group

UNLIKELY: Final = 5.0
"""Where so many events are due, hardly ever none comes by chance (in one case of 150)."""


@dataclass(frozen=True, slots=True)
class Trial:
    """The tests of one group, ``()`` being the whole, and its counts since the beginning.

    ``budget`` is the probability with which it may ever blame a canary that is no worse. ``relative`` is one stake for
    two questions, whichever a sample can answer: against the concurrent baseline or, while there is none, against the
    objective. ``absolute`` always asks the objective; where nothing else is asked both must speak, so that an outage
    that the baseline has likewise blames nobody. ``counterpart`` says whether the group has a baseline: while a
    sample has none of its events by chance, ``relative`` is asked nothing. ``waiting`` are counts that it was not asked
    about yet, since they are few.
    """

    group: Group
    budget: float
    relative: Capital
    absolute: Capital | None
    canary: Counts
    baseline: Counts
    counterpart: Counterpart = UNHEARD
    waiting: Waiting | None = None

    @property
    def log_e(self) -> float:
        """The logarithm of the group's e-value."""
        return self.relative.log_e if self.absolute is None else min(self.relative.log_e, self.absolute.log_e)

    @property
    def spent(self) -> float:
        """The logarithm of what its part of the budget has become; 0 or more convicts."""
        return math.log(self.budget) + self.log_e


class Suspect(NamedTuple):
    """An instance of the canary that failed, its counts since, between which seconds of data (``Evidence.seconds``) it
    did so first and last, and what the tests were before.
    """

    name: str
    counts: Counts
    began_s: float
    failed_s: float
    earlier: tuple[Trial, ...]

    @property
    def lasted_s(self) -> float:
        """From its first failing sample to the end of its last one (seconds of data)."""
        return self.failed_s - self.began_s


class Heard(NamedTuple):
    """``samples`` told something of the canary at the present weight; in the last ``quiet`` ones it had no event, where
    by its weight ``missed`` were due.
    """

    samples: int
    quiet: int
    missed: float

    def quiet_by_chance(self, dwell: int) -> bool:
        """Whether the canary's silence may be chance: few events were due, and it was heard of not long ago."""
        return self.quiet < dwell and self.missed < UNLIKELY


NOTHING: Final = Heard(0, 0, 0.0)


@dataclass(frozen=True, slots=True)
class Evidence:
    """``trials`` stand in the order in which groups appeared. ``incident`` tests the baseline against the objective.

    ``samples``, ``quiet`` and ``missed`` are what was ``heard``. ``seconds`` of data there were in all, up to ``until``
    (epoch seconds): what lies before was counted and never is again. ``dispersion`` is measured once the baseline was
    seen in parts, also before the start. For ``excused_s`` seconds of data a sick instance was not held against the
    release; ``suspects`` are followed, the one with the clearest trouble first.
    """

    trials: tuple[Trial, ...]
    incident: Capital | None
    until: float
    seconds: float = 0.0
    samples: int = 0
    dispersion: Dispersion | None = None
    quiet: int = 0
    missed: float = 0.0
    excused_s: float = 0.0
    suspects: tuple[Suspect, ...] = ()

    @property
    def worst(self) -> Trial:
        """The group that is nearest to being blamed."""
        return max(self.trials, key=lambda trial: trial.spent)

    @property
    def heard(self) -> Heard:
        """What was heard of the canary at the present weight."""
        return Heard(self.samples, self.quiet, self.missed)
