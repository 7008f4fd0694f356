"""Flagger's two metrics without a query, counted by Croupier's own edge: answers that are no 5xx, and a p99. Called by
``metrics``.
"""

from collections.abc import Mapping
from typing import Any, Final

from croupier.adapters.imports.flagger.query import number_text
from croupier.adapters.imports.made import Made, Path

EDGE_BUCKETS_MS: Final = (5, 10, 25, 50, 100, 150, 200, 250, 300, 400, 500, 750, 1000, 2500, 5000)
"""Only up to these does the edge count how many requests were faster."""


def demand_of(metric: Mapping[str, Any], at: Path, made: Made) -> dict[str, Any] | None:
    """What the Gate counts, and its objective; ``None`` where there is none."""
    bounds = metric.get("thresholdRange")
    is_rate = metric["name"] == "request-success-rate"
    place: Path = (*at, "thresholdRange")
    if bounds is None:
        place, bounds = (*at, "threshold"), {"min" if is_rate else "max": metric.get("threshold") or 0}
    other = "max" if is_rate else "min"
    if bounds.get(other) is not None:
        words = "too many good answers are no fault" if is_rate else "answers that are too fast are no fault"
        made.lost((*at, "thresholdRange", other), f"{words} here: an objective has no other end")
    bound = bounds.get("min" if is_rate else "max")
    if place[-1] == "thresholdRange":
        place = (*place, "min" if is_rate else "max")
    if bound is None:
        made.lost(at, "there is no bound that it could miss; write a Gate with an objective")
        return None
    return (_rate if is_rate else _duration)(bound, place, at, made)


def _rate(least: float, place: Path, at: Path, made: Made) -> dict[str, Any] | None:
    if not 0 < least < 100:
        words = "an objective is above 0 and below 100 %; for what must not happen: sli: {events: ...}, hardStop"
        made.lost(at, f"at least {number_text(least)} % is not possible: {words}")
        return None
    words = "as the edge counts all answers but 5xx"
    made.changed(place, f"objective: {{atLeast: {number_text(least)}%}}, {words}")
    ratio = {"metric": "edge_requests_total", "good": {"code": ["1xx", "2xx", "3xx", "4xx", "0"]}}
    return {"sli": {"ratio": ratio}, "objective": {"atLeast": f"{least:.10f}".rstrip("0").rstrip(".") + "%"}}


def _duration(most: float, place: Path, at: Path, made: Made) -> dict[str, Any] | None:
    below = [bucket for bucket in EDGE_BUCKETS_MS if bucket <= most]
    if not below:
        made.lost(at, f"the edge tells nothing apart below {EDGE_BUCKETS_MS[0]}ms; count it in the service")
        return None
    words = "99 % of the answers are no slower, as the edge counts them (there: a p99)"
    if below[-1] != most:
        words += f"; the nearest bound that it counts below {number_text(most)}ms"
    made.changed(place, f"{below[-1]}ms: {words}")
    latency = {"metric": "edge_request_duration_seconds", "threshold": f"{below[-1]}ms"}
    return {"sli": {"latency": latency}, "objective": {"atLeast": "99%"}}
