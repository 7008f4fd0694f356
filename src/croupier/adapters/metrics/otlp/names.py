"""How a metric or an attribute may be called in a gate: as OpenTelemetry does, or as Prometheus would.

``http.server.request.duration`` in seconds is also ``http_server_request_duration_seconds``, so that a gate moves
between sources by its ``source`` alone. The rules are those of OpenTelemetry's "Prometheus compatibility". Pure; asked
once per metric.
"""

import re
from enum import StrEnum
from functools import lru_cache
from typing import TypeAlias

Pairs: TypeAlias = tuple[tuple[str, str], ...]

_STRANGE = re.compile(r"[^a-zA-Z0-9_:]+")
_STRANGE_IN_LABEL = re.compile(r"[^a-zA-Z0-9_]+")
_RUNS = re.compile(r"__+")
_ANNOTATION = re.compile(r"\{[^}]*\}")
_UNITS = {
    "d": "days",
    "h": "hours",
    "min": "minutes",
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
    "By": "bytes",
    "KiBy": "kibibytes",
    "MiBy": "mebibytes",
    "GiBy": "gibibytes",
    "KBy": "kilobytes",
    "MBy": "megabytes",
    "GBy": "gigabytes",
    "%": "percent",
    "1": "",
}
_PER = {"s": "second", "m": "minute", "min": "minute", "h": "hour", "d": "day"}
_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9, "min": 60.0, "h": 3600.0, "": 1.0}


class Kind(StrEnum):
    """What a metric is. Only the first three can be counted."""

    COUNTER = "counter"
    HISTOGRAM = "histogram"
    EXPONENTIAL = "exponential histogram"
    UP_DOWN = "up-down counter"
    GAUGE = "gauge"
    SUMMARY = "summary"
    UNKNOWN = "metric of an unknown kind"

    @property
    def counts(self) -> bool:
        return self in (Kind.COUNTER, Kind.HISTOGRAM, Kind.EXPONENTIAL)

    @property
    def has_buckets(self) -> bool:
        return self in (Kind.HISTOGRAM, Kind.EXPONENTIAL)


@lru_cache(maxsize=4_096)
def prometheus_names(name: str, unit: str, kind: Kind) -> frozenset[str]:
    """The metric's names in Prometheus, with and without its unit, of a counter with and without ``_total``."""
    base = _RUNS.sub("_", _STRANGE.sub("_", name)).strip("_")
    base = base.removesuffix("_total") if kind is Kind.COUNTER else base
    suffix = _suffix(unit)
    names = {base, base if not suffix or base.endswith(f"_{suffix}") else f"{base}_{suffix}"}
    return frozenset(names | {f"{one}_total" for one in names} if kind is Kind.COUNTER else names)


@lru_cache(maxsize=4_096)
def label_name(attribute: str) -> str:
    """``http.route`` as ``http_route``."""
    return _RUNS.sub("_", _STRANGE_IN_LABEL.sub("_", attribute))


def labels_of(resource: Pairs, attributes: Pairs) -> dict[str, str]:
    """All that a gate may name: the point's attributes before the resource's, each as OpenTelemetry and as Prometheus
    call it.
    """
    return {
        **{label_name(name): value for name, value in resource},
        **dict(resource),
        **{label_name(name): value for name, value in attributes},
        **dict(attributes),
    }


def calls(metric: str, name: str, unit: str, kind: Kind) -> int | None:
    """How well a gate's name fits: 0 as OpenTelemetry calls the metric, 1 as Prometheus would; ``None`` not at all."""
    if metric == name:
        return 0
    # Of a histogram, one of its samples may be named.
    asked = metric.removesuffix("_bucket").removesuffix("_count") if kind.has_buckets else metric
    return 1 if asked in prometheus_names(name, unit, kind) else None


def seconds_per(unit: str) -> float | None:
    """How long one of the unit is; ``None`` for what is no time. Without a unit it is taken for seconds."""
    return _SECONDS.get(unit)


def _suffix(unit: str) -> str:
    plain = _ANNOTATION.sub("", unit).strip()
    if not plain:
        return ""
    of, slash, per = plain.partition("/")
    word = _UNITS.get(of, _RUNS.sub("_", _STRANGE_IN_LABEL.sub("_", of)).strip("_"))
    return f"{word}_per_{_PER.get(per, per)}".strip("_") if slash and per else word
