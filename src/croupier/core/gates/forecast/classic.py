"""The classic rule played on counts that may come: after how many seconds it would fail the canary.

The rule's own opinion of each window decides; only the counts are drawn.
"""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from croupier.core.gates.classic import opinion
from croupier.core.gates.forecast.chance import Chance, Draw, poisson
from croupier.core.gates.forecast.flow import Flow, Stretch
from croupier.core.gates.forecast.found import Found
from croupier.core.gates.hard_stop import stops
from croupier.core.gates.model import ClassicRule, Gate
from croupier.core.gates.sli import Counts
from croupier.core.gates.verdict import Opinion


class _Leg(NamedTuple):
    """A stretch made ready: good and bad events of canary and baseline in one interval."""

    start_s: float
    looks: int
    canary: tuple[Draw, Draw]
    baseline: tuple[Draw, Draw] | None


def play(
    gate: Gate, rule: ClassicRule, flow: Flow, stretches: Sequence[Stretch], *, chance: Chance, runs: int
) -> Found:
    """When this group's windows would fail a canary with that ``flow``."""
    legs: list[_Leg] = []
    start_s = 0.0
    for stretch in stretches:
        ours = flow.per_s * rule.interval_s * stretch.weight
        theirs = flow.per_s * rule.interval_s - ours
        legs.append(
            _Leg(
                start_s,
                int(stretch.seconds / rule.interval_s + 1e-9),
                _draws(ours, flow.canary, chance),
                _draws(theirs, flow.baseline, chance) if stretch.weight < 1.0 else None,
            )
        )
        start_s += stretch.seconds
    found = sorted(at for _ in range(runs) if (at := _run(gate, rule, legs)) is not None)
    return Found(tuple(found), runs, start_s)


def _draws(events: float, bad: float, chance: Chance) -> tuple[Draw, Draw]:
    return poisson(events * (1.0 - bad), chance), poisson(events * bad, chance)


def _run(gate: Gate, rule: ClassicRule, legs: Sequence[_Leg]) -> float | None:
    streak = 0
    for leg in legs:
        # A window never reaches back beyond the present weight.
        canary, baseline = _Window(rule), _Window(rule)
        for look in range(1, leg.looks + 1):
            ours = canary.moved(leg.canary)
            theirs = None if leg.baseline is None else baseline.moved(leg.baseline)
            said = opinion(gate, rule, ours, theirs)
            if said is Opinion.VIOLATED:
                streak += 1
            elif said is not Opinion.FEW:
                streak = 0
            if streak >= rule.consecutive or stops(gate, ours, theirs):
                return leg.start_s + look * rule.interval_s
    return None


class _Window:
    """The counts of the last so many intervals."""

    __slots__ = ("bad", "good", "intervals")

    def __init__(self, rule: ClassicRule) -> None:
        self.intervals: deque[tuple[int, int]] = deque(maxlen=max(1, round(rule.window_s / rule.interval_s)))
        self.good = self.bad = 0

    def moved(self, draws: tuple[Draw, Draw]) -> Counts:
        """The window one interval later."""
        if len(self.intervals) == self.intervals.maxlen:
            good, bad = self.intervals[0]
            self.good, self.bad = self.good - good, self.bad - bad
        drawn = draws[0](), draws[1]()
        self.intervals.append(drawn)
        self.good, self.bad = self.good + drawn[0], self.bad + drawn[1]
        return Counts(self.good, self.good + self.bad)
