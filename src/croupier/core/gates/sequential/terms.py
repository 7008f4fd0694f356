"""On what terms a group is tried: what is tolerated, which bets are made, how far one sample may move them.

Fixed by the gate and by the group's part of the budget before the first sample. Asked by ``trials``, and by forecasts,
which play the same bets on counts that may come.
"""

from functools import lru_cache
from typing import Final, NamedTuple

from croupier.core.gates.model import Gate, SequentialRule
from croupier.core.gates.sequential.bets import RATIOS, TAIL_RATIOS, alternatives
from croupier.core.gates.sequential.budget import needed
from croupier.core.gates.sequential.capital import cap
from croupier.core.gates.sli import LatencySli

_COMMON_TOLERANCE: Final = 1.1
_NEARLY: Final = 1e-6
"""Of nothing and of everything, where a bet would be infinite."""


class Terms(NamedTuple):
    """How many times the baseline's rate is tolerated and the ``ratios`` bet on above it, the share that may be bad and
    the ``shares`` bet on (as many; none without an objective), and the most (a logarithm) that one sample moves a bet.
    """

    tolerance: float
    ratios: tuple[float, ...]
    permitted: float
    shares: tuple[float, ...]
    limit: float


def terms(gate: Gate, rule: SequentialRule, budget: float) -> Terms:
    """Those of a group with this part of the budget."""
    tolerance = gate.comparison.max_ratio if gate.comparison is not None else 1.0
    at_least = gate.objective.at_least if gate.objective is not None else None
    return _terms(isinstance(gate.sli, LatencySli), tolerance, at_least, rule.samples, budget)


@lru_cache(maxsize=4_096)
def _terms(slow: bool, tolerance: float, at_least: float | None, samples: int, budget: float) -> Terms:
    usual = TAIL_RATIOS if slow else RATIOS
    # All above what is tolerated: a bet below it would be one that the canary is better.
    ratios = usual if tolerance <= _COMMON_TOLERANCE else tuple(ratio * tolerance for ratio in usual)
    # So many may just suffice, with what trickles in meanwhile; one less never does.
    limit = cap(needed(budget), samples=samples + 1)
    if at_least is None:
        return Terms(tolerance, ratios, 1.0, (), limit)
    permitted = min(max(1.0 - at_least, _NEARLY), 1.0 - _NEARLY)
    return Terms(tolerance, ratios, permitted, alternatives(permitted, usual), limit)
