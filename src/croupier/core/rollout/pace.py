"""``steps: auto``: explicit steps for a service's traffic, made once, when a rollout starts. Pure; used by ``resolve``.

The first weight is the largest at which a total failure costs at most a request a second. The last one leaves a
baseline of a twentieth, or of thirty requests a second where that is more (half at the most): without it, what happens
to everybody would be blamed on the release, and next to a small one a late fault is found late. Traffic that nobody
knows counts as large for the first weight and as small for the last. Services that move as one have one ladder.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from croupier.core.gates import Gate, SequentialRule
from croupier.core.rollout.spec import Analysis, Asked, Auto, Pace, Pause, RolloutSpec, SetWeight, Step
from croupier.core.segments import BUCKETS

LOST_PER_S: Final = 1.0
"""What a total failure may cost at the first weight: 60 requests a minute."""
_BASELINE: Final = 0.05
_BASELINE_PER_S: Final = 30.0
_BASELINE_MOST: Final = 0.5
_PERCENT: Final = 100
_TENTH: Final = 10
_WORTH_A_STEP: Final = 1.5


def deciding(spec: RolloutSpec, gates: Mapping[str, Gate]) -> tuple[str, ...]:
    """The guards that gather evidence and whose word counts: those that ``steps: auto`` waits for, by name."""
    known = [gates[name] for name in spec.guards if name in gates]
    return tuple(gate.name for gate in known if isinstance(gate.rule, SequentialRule) and not gate.advisory)


def paced(spec: RolloutSpec, gates: Mapping[str, Gate], per_s: float | None) -> tuple[tuple[Step, ...], Pace | None]:
    """The spec's steps, all explicit, and how they were chosen, if they were; ``per_s`` is the service's traffic."""
    steps: list[Step] = []
    pace: Pace | None = None
    for asked in spec.steps:
        if isinstance(asked, Auto):
            reached = _reached(steps)
            ladder, last_bp = weights(asked, per_s, above_bp=reached)
            pace = Pace(per_s, ladder[0] if ladder else last_bp, last_bp)
            steps += _steps(asked, ladder, last_bp, reached, deciding(spec, gates))
        else:
            steps.append(asked)
    return tuple(steps), pace


def pinned(spec: RolloutSpec, rates: Sequence[float | None]) -> tuple[RolloutSpec, float | None]:
    """The rollout of several services with the first and the last weight of ``auto`` chosen for all of them, and the
    requests a second that a total failure of all would cost. Such a failure costs requests in each, so the first weight
    is for the traffic of all; the last one leaves a baseline in each, so it is for the least. ``None``: not known, of
    one or of all.
    """
    known = [rate for rate in rates if rate is not None]
    whole, least = (sum(known), min(known)) if len(known) == len(rates) else (None, None)

    def chosen(step: Asked) -> Asked:
        if not isinstance(step, Auto):
            return step
        last_bp = step.last_bp if step.last_bp is not None else _last(least)
        first_bp = step.first_bp if step.first_bp is not None else _first(step, whole)
        return replace(step, first_bp=min(first_bp, last_bp), last_bp=last_bp)

    return replace(spec, steps=tuple(chosen(step) for step in spec.steps)), whole


def weights(auto: Auto, per_s: float | None, *, above_bp: int = 0) -> tuple[tuple[int, ...], int]:
    """The weights to go through, rising and above ``above_bp``, and the last one, which may be among them."""
    last_bp = auto.last_bp if auto.last_bp is not None else _last(per_s)
    first_bp = auto.first_bp if auto.first_bp is not None else _first(auto, per_s)
    # A step that hardly raises the weight would only cost time.
    ladder = (first_bp, *(weight for weight in auto.weights_bp if weight >= _WORTH_A_STEP * first_bp))
    return tuple(weight for weight in ladder if above_bp < weight <= last_bp), max(last_bp, above_bp)


def _first(auto: Auto, per_s: float | None) -> int:
    """The largest that is bearable, to the tenth of a percent; never below the lowest of the weights to choose from,
    whatever that may cost, nor above the highest.
    """
    lowest, highest = min(auto.weights_bp), max(auto.weights_bp)
    if not per_s:
        return lowest
    bearable = math.floor(round(LOST_PER_S / max(per_s, LOST_PER_S) * BUCKETS / _TENTH, 6)) * _TENTH
    return min(max(bearable, lowest), highest)


def _last(per_s: float | None) -> int:
    """To the whole percent, in favour of the baseline."""
    share = _BASELINE_MOST if not per_s else max(_BASELINE, min(_BASELINE_MOST, _BASELINE_PER_S / per_s))
    return BUCKETS - math.ceil(round(share * BUCKETS / _PERCENT, 6)) * _PERCENT


def _steps(
    auto: Auto, ladder: tuple[int, ...], last_bp: int, reached_bp: int, gates: tuple[str, ...]
) -> Iterator[Step]:
    ladder = ladder or (last_bp,)
    for weight in ladder:
        if weight > reached_bp:
            yield SetWeight(weight)
        yield _ask(auto, gates, bake=weight == ladder[-1])
    if last_bp > ladder[-1]:
        yield SetWeight(last_bp)
    if auto.watch_s:
        yield Pause(auto.watch_s)
        yield _ask(auto, gates, bake=False)
    elif last_bp > ladder[-1]:
        yield _ask(auto, gates, bake=False)


def _ask(auto: Auto, gates: tuple[str, ...], *, bake: bool) -> Analysis:
    # A bake of fewer samples than the dwell would make the last step before the final weight the shortest.
    dwell = auto.bake if bake and auto.bake > (auto.dwell or 0) else auto.dwell
    return Analysis(gates, harm=auto.harm, dwell=dwell)


def _reached(steps: list[Step]) -> int:
    return next((step.weight_bp for step in reversed(steps) if isinstance(step, SetWeight)), 0)
