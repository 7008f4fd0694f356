"""What one gate can find at each weight of a rollout: by itself at that weight, and with all that was before."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from croupier.core.gates import AnalysisRule, BurnRule, ClassicRule, Gate, PopulationRule, SequentialRule
from croupier.core.gates.forecast import classic, sequential
from croupier.core.gates.forecast.chance import Chance
from croupier.core.gates.forecast.flow import Flow, Stretch
from croupier.core.gates.forecast.found import Found
from croupier.core.rollout.outlook.traffic import Traffic

RUNS: Final = 400
"""Rollouts that are played for a probability: it is known to 2.5 percentage points (a standard error)."""
LIKELY: Final = 0.8
"""The probability with which a gate should find what it is there for."""
_LOOKS: Final = 360
"""Beyond what a stage takes, so many looks are played to find out how long would do."""
_COARSEST: Final = 168.0
"""Looks that are made in one at the most: a week of looks every 10 s."""


class Play(Protocol):
    """Plays a gate's rule."""

    def __call__(self, flow: Flow, stretches: Sequence[Stretch], groups: int, runs: int, looks: float = 1.0) -> Found:
        """When a fault is found with this flow over these stretches, judged as one of so many groups (0: the whole), in
        ``runs`` rollouts; so many ``looks`` are made in one, where the time is so long that it makes no difference.
        """
        ...


@dataclass(frozen=True, slots=True)
class Sight:
    """What the gate can find in ``seconds`` at one weight: the ``probability`` (0 to 1) that it finds the fault if it
    begins from rest, and the seconds that it takes to find it with 50 % (``half_s``) and with ``LIKELY`` (infinite: not
    within a week). ``by_then`` is the probability that it was found by the end of this stage with all that was seen
    before; ``blamed`` that a healthy canary was blamed, in whichever group, ``None`` where a budget bounds that.
    """

    seconds: float
    probability: float
    half_s: float
    likely_s: float
    by_then: float
    blamed: float | None


def player(gate: Gate, chance: Callable[[], Chance]) -> Play:
    """Plays the gate's rule; ``chance`` begins the same numbers anew, so that two forecasts differ by what is asked."""

    def play(flow: Flow, stretches: Sequence[Stretch], groups: int, runs: int, looks: float = 1.0) -> Found:
        if isinstance(gate.rule, BurnRule | PopulationRule | AnalysisRule):
            raise TypeError(f"when gate {gate.name} fails is not forecast")
        if isinstance(gate.rule, SequentialRule):
            rule = replace(gate.rule, interval_s=gate.rule.interval_s * looks)
            trial = sequential.trials(gate, rule, groups)[-1]
            return sequential.play(gate, rule, trial, flow, stretches, chance=chance(), runs=runs)
        return classic.play(gate, gate.rule, flow, stretches, chance=chance(), runs=runs)

    return play


def sights(gate: Gate, traffic: Traffic, stretches: Sequence[Stretch], play: Play, *, group: bool) -> tuple[Sight, ...]:
    """What the gate can find of a fault in the whole, or in one group, stage by stage."""
    flow, groups = (traffic.group, traffic.groups) if group else (traffic.bad, 0)
    found = play(flow, stretches, groups, RUNS)
    blamed: Found | None = None
    if isinstance(gate.rule, ClassicRule):
        blamed = play(traffic.healthy_group if group else traffic.healthy, stretches, 0, RUNS)
    seen: list[Sight] = []
    upto = 0.0
    for stretch in stretches:
        upto += stretch.seconds
        alone = play(flow, [Stretch(stretch.weight, stretch.seconds)], groups, RUNS)
        half_s, likely_s = _long(gate, flow, stretch, play, groups, alone)
        wrongly = None if blamed is None else 1.0 - (1.0 - blamed.by(upto)) ** max(groups, 1)
        seen.append(Sight(stretch.seconds, alone.by(stretch.seconds), half_s, likely_s, found.by(upto), wrongly))
    return tuple(seen)


def _long(gate: Gate, flow: Flow, stretch: Stretch, play: Play, groups: int, played: Found) -> tuple[float, float]:
    """How long it takes to find it with 50 % and with ``LIKELY``; played longer, and then in coarser looks, until it is
    found.
    """
    looks = 1.0
    while played.within(LIKELY) is None and looks <= _COARSEST:
        seconds = max(stretch.seconds, _LOOKS * gate.rule.interval_s * looks)
        longer = [Stretch(stretch.weight, seconds)]
        played = play(flow, longer, groups, RUNS // 4 if isinstance(gate.rule, ClassicRule) else RUNS // 2, looks)
        if isinstance(gate.rule, ClassicRule):
            return _extrapolated(played, 0.5), _extrapolated(played, LIKELY)
        if played.pace_s == math.inf:
            break
        looks = max(4.0 * looks, 2.0 * played.pace_s / (_LOOKS * gate.rule.interval_s))
    half_s, likely_s = played.within(0.5), played.within(LIKELY)
    return math.inf if half_s is None else half_s, math.inf if likely_s is None else likely_s


def _extrapolated(played: Found, probability: float) -> float:
    """A window forgets, so that what one hour does not find the next one finds with the same probability."""
    within, found = played.within(probability), played.by(played.seconds)
    if within is not None or found == 0.0:
        return math.inf if within is None else within
    return played.seconds * math.log1p(-probability) / math.log1p(-found)
