"""What would make a gate find a fault that it cannot find in the time given: another weight, more time, fewer groups.

Each is found by playing, not by rule of thumb.
"""

import math
from dataclasses import dataclass, replace
from typing import Final

from croupier.core.gates.forecast.flow import Stretch
from croupier.core.rollout.outlook.sights import LIKELY, Play, Sight
from croupier.core.rollout.outlook.stages import Stage
from croupier.core.rollout.outlook.traffic import Traffic
from croupier.core.segments import BUCKETS

UNLIKELY: Final = 0.5
"""A gate that finds it with less is warned of."""
_WEIGHTS: Final = (100, 200, 500, 1_000, 1_500, 2_000, 2_500, 3_000, 4_000, 5_000)
_RUNS: Final = 150
_LONGEST_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Remedy:
    """Any one of these would find it with the probability ``LIKELY``; ``None``: that alone would not."""

    weight_bp: int | None
    seconds: float | None
    groups: int | None


def remedy(sight: Sight, stage: Stage, traffic: Traffic, play: Play, *, group: bool) -> Remedy:
    """What would help at this stage."""

    def finds(weight: float, groups: int) -> bool:
        flow = replace(traffic, groups=groups).group if groups else traffic.bad
        return play(flow, [Stretch(weight, sight.seconds)], groups, _RUNS).by(sight.seconds) >= LIKELY

    own = traffic.groups if group else 0
    heavier = [weight for weight in _WEIGHTS if weight > stage.weight_bp]
    fewer = [count for count in (20, 10, 5, 3, 2, 1) if count < own]
    return Remedy(
        next((weight for weight in heavier if finds(weight / BUCKETS, own)), None),
        _rounded(sight.likely_s) if sight.likely_s <= _LONGEST_S else None,
        next((count for count in fewer if finds(stage.weight, count)), None),
    )


def _rounded(seconds: float) -> float:
    """Up to what people write: whole minutes, quarters of an hour, hours."""
    unit = next(unit for most, unit in ((3_600, 60), (14_400, 900), (math.inf, 3_600)) if seconds <= most)
    return math.ceil(seconds / unit) * unit
