"""What Prometheus sends as values the rest can trust: series with their samples, plain or native histograms. Pure."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from croupier.adapters.metrics.prometheus.ask import Unanswered

Target = tuple[str, str]
"""Job and instance: one page that Prometheus scrapes. Empty where a series has no such label."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """Observations above ``lower`` and up to ``upper`` (which edge belongs to it makes no difference to a count)."""

    lower: float
    upper: float
    count: float


@dataclass(frozen=True, slots=True)
class Native:
    """One sample of a native histogram; empty buckets are left out."""

    count: float
    buckets: tuple[Bucket, ...]


Value = float | Native


@dataclass(frozen=True, slots=True)
class Series:
    """One series and its samples, oldest first."""

    name: str
    labels: Mapping[str, str]
    samples: tuple[tuple[float, Value], ...]

    @property
    def target(self) -> Target:
        return self.labels.get("job", ""), self.labels.get("instance", "")

    @property
    def native(self) -> bool:
        """Whether any of it is a native histogram."""
        return any(isinstance(value, Native) for _, value in self.samples)

    def __str__(self) -> str:
        inside = ",".join(f"{label}={value!r}" for label, value in sorted(self.labels.items()))
        return f"{self.name}{{{inside}}}"


def series_of(result: Iterable[Mapping[str, Any]]) -> list[Series]:
    """The series of a matrix or a vector. Raises ``Unanswered`` for what is neither."""
    try:
        return [_series(item) for item in result]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unanswered(f"Prometheus sends a series that cannot be read: {type(error).__name__}") from None


def _series(item: Mapping[str, Any]) -> Series:
    labels = {str(name): str(value) for name, value in item["metric"].items()}
    values = item.get("values") or ([item["value"]] if "value" in item else [])
    natives = item.get("histograms") or ([item["histogram"]] if "histogram" in item else [])
    samples: list[tuple[float, Value]] = [(_time(at), float(value)) for at, value in values]
    samples += [(_time(at), _native(value)) for at, value in natives]
    samples.sort(key=lambda sample: sample[0])
    return Series(labels.pop("__name__", ""), labels, tuple(samples))


def _time(at: Any) -> float:
    seconds = float(at)
    if not math.isfinite(seconds):
        raise ValueError(seconds)
    return seconds


def _native(value: Mapping[str, Any]) -> Native:
    buckets = (Bucket(float(low), float(high), float(count)) for _, low, high, count in value.get("buckets") or ())
    return Native(float(value["count"]), tuple(buckets))
