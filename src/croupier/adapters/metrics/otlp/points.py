"""Pushed metrics as plain data: who sent them, what they measure, and single points with their counts. Pure.

A value answers two questions: how many events there were, and how many of them were at most a threshold.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from croupier.adapters.metrics.otlp.names import Kind
from croupier.control.ports import VersionKey

Attributes: TypeAlias = tuple[tuple[str, str], ...]
"""Sorted names and values."""


class SenderId(NamedTuple):
    """One process: the resource's ``service.name`` and ``service.version``, and its ``service.instance.id`` (with the
    namespace before it, where there is one).
    """

    key: VersionKey
    instance: str

    def __str__(self) -> str:
        return self.instance


class Instrument(NamedTuple):
    """What is measured. Two scopes (instrumentation libraries) may use the same name: their events add up."""

    scope: str
    name: str
    unit: str
    kind: Kind
    delta: bool


@dataclass(frozen=True, slots=True)
class Number:
    """The value of a sum."""

    count: float

    def at_most(self, _threshold: float) -> float | None:
        return None

    def edges(self) -> tuple[float, ...]:
        return ()


@dataclass(frozen=True, slots=True)
class Buckets:
    """A histogram: ``counts[i]`` events are above ``bounds[i - 1]`` and at most ``bounds[i]``."""

    count: float
    bounds: tuple[float, ...]
    counts: Sequence[int]

    def at_most(self, threshold: float) -> float | None:
        """``None`` where no bucket ends at the threshold."""
        place = _place(self.bounds, threshold)
        return None if place is None else sum(self.counts[: place + 1])

    def edges(self) -> tuple[float, ...]:
        return self.bounds


@dataclass(frozen=True, slots=True)
class Exponential:
    """An exponential histogram: bucket ``i`` of ``counts`` is above ``base ** (offset + i)`` and at most
    ``base ** (offset + i + 1)``, with ``base = 2 ** 2 ** -scale``. ``low`` counts what is negative or zero.
    """

    count: float
    scale: int
    low: int
    zero_threshold: float
    offset: int
    counts: Sequence[int]

    def at_most(self, threshold: float) -> float | None:
        """``None`` where no bucket ends at the threshold: at whole powers of two one always does."""
        if not (0 < threshold < math.inf) or threshold < self.zero_threshold:
            return None
        place = math.ldexp(math.log2(threshold), self.scale)
        if abs(place - round(place)) > 1e-6:
            return None
        return self.low + sum(self.counts[: max(0, round(place) - self.offset)])

    def edges_near(self, threshold: float) -> tuple[float, float]:
        """The edges below and above; ``inf`` where a number cannot hold it."""
        within = min(max(threshold, sys.float_info.min), 2.0**1023)
        place = math.floor(math.ldexp(math.log2(within), self.scale))
        below, above = math.ldexp(place, -self.scale), math.ldexp(place + 1, -self.scale)
        return 2.0**below, 2.0**above if above < 1024 else math.inf


@lru_cache(maxsize=256)
def _place(bounds: tuple[float, ...], threshold: float) -> int | None:
    """Which bucket ends at the threshold, however its number was computed."""
    close = (place for place, bound in enumerate(bounds) if math.isclose(bound, threshold, rel_tol=1e-9))
    return next(close, None)


Value: TypeAlias = Number | Buckets | Exponential


class Point(NamedTuple):
    """One value of one series. Times are the sender's, nanoseconds: they only order and tell apart what it sends."""

    attributes: Attributes
    start: int
    at: int
    value: Value
