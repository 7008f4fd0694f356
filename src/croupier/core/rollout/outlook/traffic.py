"""What is assumed of the events that a gate will see, and the fault that it should find.

Counts of the stable version are better than any assumption; ``assumed`` is for what nobody has counted or said.
"""

from dataclasses import dataclass
from typing import Final

from croupier.core.gates import Gate, LatencySli
from croupier.core.gates.forecast.flow import Flow
from croupier.core.gates.sequential.dispersion import UNMEASURED

_BAD: Final = 0.0005
_WORSE: Final = 10.0
_SLOW: Final = 0.02
_SLOWER: Final = 4.0
_MOST: Final = 0.5
_LEAST: Final = 0.00005
"""Ten times nothing would be nothing."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """``per_s`` events a second of both versions together, of which the share ``usual`` (0 to 1) is bad today; the gate
    should find a canary of which the share ``fault`` is. ``groups`` that are judged one by one share the events evenly.
    ``what`` the events are called.
    """

    per_s: float
    usual: float
    fault: float
    groups: int = 0
    clumps: float = UNMEASURED
    what: str = "requests"

    @property
    def bad(self) -> Flow:
        """The whole, if all of the canary has the fault."""
        return Flow(self.per_s, self.usual, self.fault, self.clumps)

    @property
    def healthy(self) -> Flow:
        """The whole, if the canary is like the stable version."""
        return Flow(self.per_s, self.usual, self.usual, self.clumps)

    @property
    def group(self) -> Flow:
        """One group, if it has the fault."""
        return Flow(self.per_s / max(self.groups, 1), self.usual, self.fault, self.clumps)

    @property
    def healthy_group(self) -> Flow:
        """One group, if the canary is like the stable version."""
        return Flow(self.per_s / max(self.groups, 1), self.usual, self.usual, self.clumps)


def usual_of(gate: Gate) -> float:
    """The share that is bad today, if nobody says: half of what the objective permits, or 0.05 % (2 % of slow ones)."""
    if gate.objective is not None:
        return (1.0 - gate.objective.at_least) / 2
    return _SLOW if isinstance(gate.sli, LatencySli) else _BAD


def fault_of(gate: Gate, usual: float) -> float:
    """The share that is bad in a fault worth finding, if nobody says: ten times the usual (four times the slow ones),
    and plainly more than the objective permits.
    """
    permitted = 1.0 - gate.objective.at_least if gate.objective is not None else 0.0
    times = _SLOWER if isinstance(gate.sli, LatencySli) else _WORSE
    usual = max(usual, _LEAST)
    return max(min(max(times * usual, 2.0 * permitted), _MOST), min(2.0 * usual, 1.0))
