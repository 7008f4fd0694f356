"""Whether a group of the canary has a counterpart in the baseline, or is only seldom heard of there. Used by the tests.

At a high weight most samples of a small group hold events of the canary only. To ask the objective then would convict
whoever has more of the players of a provider that is out for both versions; and to pass then would be to pass without
having been compared. All of it goes by totals, and by failures of samples before: so every bet stays fair.
"""

import math
from typing import Final, NamedTuple

from croupier.core.gates.sequential.bound import interval
from croupier.core.gates.sli import Counts
from croupier.core.segments import BUCKETS

_VANISHED: Final = 7.0
"""A gap that chance makes so long in one case of a thousand says that there is no baseline any more (a logarithm)."""
_UNKNOWN: Final = 1.0
"""What an event without a counterpart says where neither the weight nor what was seen tells how many to expect."""
_REMEMBERED: Final = 0.9
"""What an event of the baseline counts for after the next one: the last ten matter."""
_LATELY: Final = 0.97
"""What a sample counts for after the next one: the last thirty matter."""
_LEAST: Final = 0.1
"""Of a failure of the baseline, what is still remembered and no more taken for an incident."""
COMPARED: Final = 0.5
"""The canary is compared where so much of its events had a counterpart."""


class Counterpart(NamedTuple):
    """What is known of a group's counterpart.

    ``unmet`` of the canary's events came since the baseline's last one; up to then it had ``canary`` events at this
    weight, and the baseline ``baseline``. ``missed`` of the ``heard`` last events of the baseline were bad, ``bad`` of
    the ``total`` last ones of the canary; ``met`` of those had a counterpart in their sample. These five have faded.
    """

    unmet: int = 0
    canary: int = 0
    baseline: int = 0
    missed: float = 0.0
    heard: float = 0.0
    bad: float = 0.0
    total: float = 0.0
    met: float = 0.0

    @property
    def surprise(self) -> float | None:
        """How much each of the canary's events says that there is no baseline where it has none beside it, by what was
        seen at this weight: minus the logarithm of the canary's share. ``None``: nothing was seen of the baseline.
        """
        return math.log1p(self.baseline / self.canary) if self.baseline and self.canary else None


UNHEARD: Final = Counterpart()


def heard(before: Counterpart, canary: Counts, baseline: Counts, *, fresh: bool) -> Counterpart:
    """One sample more; ``fresh``: it is the first at its weight."""
    unmet, ours, theirs = (0, 0, 0) if fresh else before[:3]
    if baseline.total:
        ours, theirs, unmet = ours + unmet + canary.total, theirs + baseline.total, 0
    else:
        unmet += canary.total
    fades = _LATELY * _REMEMBERED**baseline.total
    return Counterpart(
        unmet,
        ours,
        theirs,
        before.missed * fades + baseline.bad,
        before.heard * fades + baseline.total,
        before.bad * _LATELY + canary.bad,
        before.total * _LATELY + canary.total,
        before.met * _LATELY + (canary.total if baseline.total else 0),
    )


def vanished(group: Counterpart, whole: Counterpart, weight_bp: int, permitted: float) -> bool:
    """Whether the group has no baseline any more at this weight (basis points; 0: unknown): by the weight or by what
    was seen, whichever expects less, since in a segment the canary has other players than by the weight. Not while
    the baseline's last events missed what is ``permitted`` themselves: then it is an incident.
    """
    if group.missed > max(permitted * group.heard, _LEAST):
        return False
    by_weight = -math.log(weight_bp / BUCKETS) if 0 < weight_bp < BUCKETS else None
    seen = group.surprise if group.surprise is not None or by_weight is not None else whole.surprise
    says = min((each for each in (by_weight, seen) if each is not None), default=_UNKNOWN)
    return group.unmet * says >= _VANISHED


def unanswered(group: Counterpart, permitted: float) -> bool:
    """Whether the canary's last events clearly miss what is ``permitted``, and there was too little to compare most of
    them with: nobody can say whose fault it is.
    """
    if not group.bad or group.bad <= permitted * group.total or group.met >= COMPARED * group.total:
        return False
    lowest, _ = interval(round(group.bad), max(round(group.total), round(group.bad)))
    return lowest > permitted
