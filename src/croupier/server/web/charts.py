"""Charts of canary against baseline: which points to draw and where. Pure; the drawing is the template's and uPlot's.

A ratio or latency gate is drawn as its good share, a gate on events as the bad events in its window.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from croupier.control.ports import Sample
from croupier.core.gates import EventsSli, Gate
from croupier.core.rollout.state import RolloutState

WIDTH: Final = 600.0
HEIGHT: Final = 150.0
"""The drawing's own units; it is stretched to the room there is."""
ALONE_S: Final = 5.0
"""Looks of one single moment are drawn in the middle of twice so many seconds."""
MOST: Final = 240
"""Points of a line in a drawing; looks in between are left out, never the worst of them."""

Unit = Literal["share", "events"]


@dataclass(frozen=True, slots=True)
class Point:
    """One look: epoch seconds and the counts of its window."""

    at: float
    good: int
    total: int


@dataclass(frozen=True, slots=True)
class Line:
    """One version's looks, oldest first."""

    version: str
    canary: bool
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """From here on the canary had this share, in percent: the highest that any segment gave it."""

    at: float
    weight: float


@dataclass(frozen=True, slots=True)
class Chart:
    """One gate's looks at both versions. ``objective`` is the share of good events that it asks for, 0 to 1."""

    gate: str
    unit: Unit
    objective: float | None
    lines: tuple[Line, ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart as paths in ``WIDTH`` × ``HEIGHT``; ``low`` and ``high`` are the values at its edges.

    ``dots`` are looks with none beside them: no line goes through those.
    """

    since: float
    until: float
    low: float
    high: float
    paths: tuple[tuple[bool, str], ...]
    dots: tuple[tuple[bool, str], ...]
    objective: float | None
    marks: tuple[tuple[float, float], ...]


def charts(state: RolloutState, kept: Sequence[Sample], marks: Sequence[Mark]) -> dict[str, Chart]:
    """Per gate what to draw of this attempt."""
    return {gate.name: _chart(gate, state, kept, marks) for gate in state.plan.gates}


def marks(events: Iterable[Mapping[str, Any]], before: Sequence[Mark] = ()) -> tuple[Mark, ...]:
    """When the data plane began to serve which weight, in the present attempt: after these recorded events, which
    follow those that ``before`` came of.
    """
    found = list(before)
    for event in events:
        match event:
            case {"type": "retried"}:
                found = []
            case {"type": "weight_confirmed", "weight_bp": weight_bp, "at": at}:
                found.append(Mark(at, max(weight_bp, *(share for _, share in event.get("segments", ())), 0) / 100))
            case {"type": "aborted", "at": at} if found:
                found.append(Mark(at, 0.0))
            case _:
                pass
    return tuple(found)


def value(point: Point, unit: Unit) -> float | None:
    """What is drawn of a look; ``None`` where nothing happened, which is a gap and not a zero."""
    if unit == "events":
        return float(point.total - point.good)
    return point.good / point.total if point.total else None


def thin(points: Sequence[Point], unit: Unit, most: int = MOST) -> tuple[Point, ...]:
    """At most so many points, evenly over time; of those that share a place, the worst."""
    if len(points) <= most:
        return tuple(points)
    size = -(-len(points) // most)

    def badness(point: Point) -> float:
        seen = value(point, unit)
        return -1.0 if seen is None else (seen if unit == "events" else 1.0 - seen)

    return tuple(max(points[start : start + size], key=badness) for start in range(0, len(points), size))


def draw(chart: Chart) -> Drawing | None:
    """The chart's paths; ``None`` while there is nothing to draw."""
    times = [point.at for line in chart.lines for point in line.points]
    if not times:
        return None
    since, until = min(times), max(times)
    if since == until:
        since, until = since - ALONE_S, until + ALONE_S
    shown = [line for line in chart.lines if line.points]
    values = [seen for line in shown for p in line.points if (seen := value(p, chart.unit)) is not None]
    low, high = _range(values, chart)

    def x(at: float) -> float:
        return round(WIDTH * (at - since) / (until - since), 1)

    def y(seen: float) -> float:
        return round(HEIGHT * (high - seen) / (high - low), 1)

    paths: list[tuple[bool, str]] = []
    dots: list[tuple[bool, str]] = []
    for line in shown:
        looks = [(p.at, value(p, chart.unit)) for p in thin(line.points, chart.unit)]
        runs = _runs([None if seen is None else f"{x(at):g} {y(seen):g}" for at, seen in looks])
        if path := "".join(f"M{'L'.join(run)}" for run in runs if len(run) > 1):
            paths.append((line.canary, path))
        if path := "".join(f"M{run[0]}h0" for run in runs if len(run) == 1):
            dots.append((line.canary, path))
    drawn = tuple((x(mark.at), mark.weight) for mark in chart.marks if since <= mark.at <= until)
    objective = y(chart.objective) if chart.objective is not None and chart.unit == "share" else None
    return Drawing(since, until, low, high, tuple(paths), tuple(dots), objective, drawn)


def _chart(gate: Gate, state: RolloutState, kept: Sequence[Sample], weights: Sequence[Mark]) -> Chart:
    lines: list[Line] = []
    for canary in (True, False):
        until = math.inf if state.ended_at is None else state.ended_at
        mine = [s for s in kept if s.gate == gate.name and s.canary is canary and state.started_at <= s.at <= until]
        version = mine[-1].version if mine else (state.canary if canary else state.stable or "")
        lines.append(Line(version, canary, tuple(Point(s.at, s.good, s.total) for s in mine)))
    unit: Unit = "events" if isinstance(gate.sli, EventsSli) else "share"
    objective = gate.objective.at_least if gate.objective else None
    return Chart(gate.name, unit, objective, tuple(lines), tuple(weights))


def _range(values: Sequence[float], chart: Chart) -> tuple[float, float]:
    """Values at the lower and the upper edge: near what is there, with the objective in sight."""
    if chart.unit == "events":
        return 0.0, max([*values, 4.0])
    seen = [*values, chart.objective if chart.objective is not None else 1.0]
    room = max((1.0 - min(seen)) * 0.15, 0.002)
    return max(0.0, min(seen) - room), 1.0


def _runs(places: Sequence[str | None]) -> list[list[str]]:
    """The places, cut where one is missing."""
    runs: list[list[str]] = [[]]
    for place in places:
        if place is None:
            runs.append([])
        else:
            runs[-1].append(place)
    return [run for run in runs if run]
