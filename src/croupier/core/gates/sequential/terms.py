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

ALONE: Final = 0.1
"""Of a group's budget, the part for when there is nothing to compare with."""
_COMMON_TOLERANCE: Final = 1.1
_NEARLY: Final = 1e-6
"""Of nothing and of everything, where a bet would be infinite."""


class Terms(NamedTuple):
    """How many times the baseline's rate is tolerated and the ``ratios`` bet on above it, the share that may be bad and
    the ``shares`` bet on, and the most (a logarithm) that one sample moves a bet, next to a baseline and alone.
    """

    tolerance: float
    ratios: tuple[float, ...]
    permitted: float
    shares: tuple[float, ...]
    limit: float
    limit_alone: float


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
    if at_least is None:
        return Terms(tolerance, ratios, 1.0, (), _limit(samples, budget), 0.0)
    permitted = min(max(1.0 - at_least, _NEARLY), 1.0 - _NEARLY)
    # Each test convicts by its own part.
    limits = _limit(samples, (1.0 - ALONE) * budget), _limit(samples, ALONE * budget)
    return Terms(tolerance, ratios, permitted, alternatives(permitted, usual), *limits)


def _limit(samples: int, budget: float) -> float:
    # So many may just suffice, with what trickles in meanwhile; one less never does.
    return cap(needed(budget), samples=samples + 1)
