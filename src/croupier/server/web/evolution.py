"""Evidence over time: what is kept of the looks of a gate that gathers it, and how that is drawn. Pure.

Two drawings: how far each group has come to being blamed, and between what the true good share of canary and baseline
is. Both are of all that was counted up to each look, unlike ``charts``, which shows each sample by itself.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from croupier.core.gates import Counts, EventsSli, Gate, Group, SequentialRule
from croupier.core.gates.sequential import bound
from croupier.core.gates.sequential.budget import used
from croupier.core.gates.sequential.evidence import Evidence

WIDTH: Final = 600.0
HEIGHT: Final = 100.0
"""The drawing's own units; it is stretched to the room there is."""
CURVES: Final = 3
"""So many groups are drawn: those nearest to being blamed."""
_MOST: Final = 160
"""Looks that are kept at the most are twice so many; of two neighbours the one that says more against the canary."""
_SHADES: Final = 32
"""Looks at which the intervals are drawn."""
_TOP: Final = 1.12
"""What lies at the upper edge, where 1 is to be blamed."""

interval = lru_cache(maxsize=20_000)(bound.interval)
"""A page draws the same intervals again and again."""


@dataclass(frozen=True, slots=True)
class Held:
    """What is held against one group at one look: 0 is nothing, 1 convicts; and its counts up to then."""

    way: float
    canary: Counts
    baseline: Counts


@dataclass(frozen=True, slots=True)
class Look:
    """One look, at epoch seconds: the whole, and every group against which something is held."""

    at: float
    groups: Mapping[Group, Held]

    @property
    def worst(self) -> float:
        return max(held.way for held in self.groups.values())


@dataclass(slots=True)
class Track:
    """The looks of one gate in one attempt, oldest first, thinned as they grow many."""

    looks: list[Look] = field(default_factory=list)

    def take(self, gate: Gate, evidence: Evidence | None, at: float) -> None:
        """One look more, with the evidence after it."""
        if evidence is None or not isinstance(gate.rule, SequentialRule):
            return
        budget = gate.rule.budget
        held = {t.group: Held(used(t.spent, budget), t.canary, t.baseline) for t in evidence.trials}
        self.looks.append(Look(at, {group: each for group, each in held.items() if not group or each.way > 0.0}))
        if len(self.looks) > 2 * _MOST:
            pairs = zip(self.looks[0::2], self.looks[1::2], strict=False)
            last = self.looks[-1:] if len(self.looks) % 2 else []
            self.looks = [max(pair, key=lambda look: (look.worst, look.at)) for pair in pairs] + last


@dataclass(frozen=True, slots=True)
class Curve:
    """One group's way to being blamed, and how far it is now (0 to 1)."""

    group: Group
    way: float
    path: str


@dataclass(frozen=True, slots=True)
class Arm:
    """One version's good share (0 to 1) by all its counts: the line, the band with the true one, and the last."""

    canary: bool
    path: str
    band: str
    counts: Counts
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Estimates:
    """Both versions of one group; ``low`` and ``high`` are the shares at the edges."""

    group: Group
    arms: tuple[Arm, ...]
    low: float
    high: float
    objective: float | None


@dataclass(frozen=True, slots=True)
class Evolution:
    """A gate's evidence as paths in ``WIDTH`` x ``HEIGHT``, the group nearest to being blamed first; no ``curves``
    where nothing was ever held against any.
    """

    since: float
    until: float
    curves: tuple[Curve, ...]
    blamed_at: float
    estimates: Estimates | None
    marks: tuple[tuple[float, float], ...]


def drawn(gate: Gate, looks: Sequence[Look], marks: Iterable[tuple[float, float]] = ()) -> Evolution | None:
    """What to draw; ``None`` before the second look. ``marks`` are times and weights (percent) of the canary."""
    if len(looks) < 2 or looks[0].at >= looks[-1].at:
        return None
    since, until = looks[0].at, looks[-1].at

    def x(at: float) -> float:
        return round(WIDTH * (at - since) / (until - since), 1)

    now = looks[-1].groups
    ranked = sorted(now, key=lambda group: (-now[group].way, group != ()))
    held = any(look.worst > 0.0 for look in looks)
    near = [ranked[0], *(group for group in ranked[1:CURVES] if now[group].way > 0.0)]
    curves = tuple(Curve(group, now[group].way, _way(group, looks, x)) for group in near) if held else ()
    estimates = None if isinstance(gate.sli, EventsSli) else _estimates(gate, ranked[0], looks, x)
    shown = tuple((x(at), weight) for at, weight in marks if since <= at <= until)
    return Evolution(since, until, curves, _height(1.0), estimates, shown)


def _height(way: float) -> float:
    return round(HEIGHT * (1.0 - way / _TOP), 1)


def _way(group: Group, looks: Sequence[Look], x: Callable[[float], float]) -> str:
    """A line from look to look; where nothing was held against the group, it lies at the bottom."""
    places = [(x(look.at), _height(held.way if (held := look.groups.get(group)) else 0.0)) for look in looks]
    return "M" + "L".join(f"{at:g} {y:g}" for at, y in _bends(places))


def _bends(places: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Without the places in the middle of a level line."""
    inner = [
        place
        for before, place, after in zip(places, places[1:], places[2:], strict=False)
        if not before[1] == place[1] == after[1]
    ]
    return [places[0], *inner, places[-1]]


def _estimates(gate: Gate, group: Group, looks: Sequence[Look], x: Callable[[float], float]) -> Estimates | None:
    stride = 1
    while len(looks) / stride > _SHADES:
        stride *= 2  # the same looks are drawn again until there are twice as many
    seen = [look for index, look in enumerate(looks) if index % stride == 0 or look is looks[-1]]
    there = [(look.at, look.groups[group]) for look in seen if group in look.groups]
    both = [
        (canary, [(at, counts) for at, held in there if (counts := held.canary if canary else held.baseline).total])
        for canary in (True, False)
    ]
    both = [(canary, points) for canary, points in both if points]
    if not both:
        return None
    objective = gate.objective.at_least if gate.objective is not None else None
    low = _floor([points for _, points in both], objective)

    def y(share: float) -> float:
        return round(HEIGHT * (1.0 - max(share - low, 0.0) / (1.0 - low)), 1)

    arms = tuple(_arm(canary, points, x, y) for canary, points in both)
    return Estimates(group, arms, low, 1.0, None if objective is None else y(objective))


def _floor(lines: Sequence[Sequence[tuple[float, Counts]]], objective: float | None) -> float:
    """The share at the lower edge: what is known by now is in sight, the wide guesses of the beginning are cut."""
    last = [points[-1][1] for points in lines]
    late = [counts for points in lines for _, counts in points[len(points) // 3 :]]
    lowest = [1.0 - interval(counts.bad, counts.total)[1] for counts in last]
    least = min(*lowest, *(1.0 - counts.bad_share for counts in late), 1.0 if objective is None else objective)
    return max(0.0, min(least - 0.08 * (1.0 - least), 0.9999))


def _arm(
    canary: bool, points: Sequence[tuple[float, Counts]], x: Callable[[float], float], y: Callable[[float], float]
) -> Arm:
    bounds = [(x(at), counts, *interval(counts.bad, counts.total)) for at, counts in points]
    upper = [f"{at:g} {y(1.0 - low):g}" for at, _, low, _ in bounds]
    lower = [f"{at:g} {y(1.0 - high):g}" for at, _, _, high in bounds]
    line = [f"{at:g} {y(1.0 - counts.bad_share):g}" for at, counts, _, _ in bounds]
    _, counts, low, high = bounds[-1]
    band = f"M{'L'.join([*upper, *reversed(lower)])}Z"
    return Arm(canary, f"M{'L'.join(line)}", band, counts, 1.0 - high, 1.0 - low)
