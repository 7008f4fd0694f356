"""Service level indicators: always two counts, good and total, per version and group.

``p95 <= 400 ms`` is "at least 95 % no slower than 400 ms", so one kind of statistics serves every gate. A metric source
answers an ``Sli`` with a ``Reading`` or, when it has nothing to say, with ``Silence``; silence is never zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

Matchers: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]
"""Label -> accepted values; every label must match. Empty: everything."""

Group: TypeAlias = tuple[tuple[str, str], ...]
"""Label values that name a part of the traffic, in the order of the gate's ``by``; ``()`` is all of it."""


@dataclass(frozen=True, slots=True)
class RatioSli:
    """Share of events that are good: a counter, the labels that count at all (``total``) and those that are good."""

    metric: str
    good: Matchers
    total: Matchers = ()
    kind: Literal["ratio"] = "ratio"


@dataclass(frozen=True, slots=True)
class LatencySli:
    """Share of requests no slower than ``threshold_s``, from a histogram that has a bucket edge exactly there."""

    metric: str
    threshold_s: float
    match: Matchers = ()
    kind: Literal["latency"] = "latency"


@dataclass(frozen=True, slots=True)
class EventsSli:
    """Things that must not happen at all (a double debit): every increase of the counter is one bad event."""

    metric: str
    match: Matchers = ()
    kind: Literal["events"] = "events"


@dataclass(frozen=True, slots=True)
class PromqlSli:
    """Share of events that are not bad: two sets of Prometheus counters, named by selectors of PromQL.

    ``{{service}}`` and ``{{version}}`` in a matcher's value stand for whose counters they are. Read from Prometheus
    only.
    """

    total: str
    bad: str
    kind: Literal["promql"] = "promql"

    @property
    def metric(self) -> str:
        """What it is called where other indicators have a metric."""
        return self.total


@dataclass(frozen=True, slots=True)
class MeasuredSli:
    """Nothing is counted: the gate's analysis measures values."""

    metric: str = "values"
    kind: Literal["measured"] = "measured"


Sli: TypeAlias = RatioSli | LatencySli | EventsSli | PromqlSli | MeasuredSli


@dataclass(frozen=True, slots=True)
class Counts:
    """Good events and all events in a span of time; ``0 <= good <= total``. For an ``EventsSli`` good is always 0."""

    good: int
    total: int

    def __post_init__(self) -> None:
        if not 0 <= self.good <= self.total:
            raise ValueError(f"counts need 0 <= good <= total, got good={self.good}, total={self.total}")

    @property
    def bad(self) -> int:
        return self.total - self.good

    @property
    def bad_share(self) -> float:
        """Share of bad events, 0 to 1; 0 where nothing happened."""
        return self.bad / self.total if self.total else 0.0

    def plus(self, other: "Counts") -> "Counts":
        """Both together."""
        return Counts(self.good + other.good, self.total + other.total)

    def without(self, part: "Counts") -> "Counts":
        """The rest; a part that was read a moment later than the whole may be larger than that."""
        total = max(0, self.total - part.total)
        return Counts(min(max(0, self.good - part.good), total), total)


@dataclass(frozen=True, slots=True)
class Instance:
    """What one instance of a version counted of everything; ``name`` as people know it, unique among the version's."""

    name: str
    counts: Counts


@dataclass(frozen=True, slots=True)
class Reading:
    """Exact counts of both versions over the same span (epoch seconds).

    Each mapping holds ``()`` (everything) and, for a gate with ``by``, one item per group seen. ``baseline`` is
    ``None`` where no baseline served. ``since`` is the true start of the data: later than asked for when the source has
    not watched for so long. ``parts`` is the baseline's whole by instance, in any order, where the source can tell:
    what clumps of failures are measured on. ``recent`` are the canary's counts at the end of the span, for a rule that
    asks for them. ``instances`` is the canary's whole by instance, where the source can tell. A question that was
    ``overtaken`` before its answer came is about players who are spread otherwise by now: only hard stops count.
    """

    since: float
    until: float
    canary: Mapping[Group, Counts]
    baseline: Mapping[Group, Counts] | None
    parts: tuple[Counts, ...] = ()
    recent: Mapping[Group, Counts] | None = None
    instances: tuple[Instance, ...] = ()
    overtaken: bool = False


@dataclass(frozen=True, slots=True)
class Silence:
    """The source could not answer, and why: unreachable, stale, the metric does not exist."""

    reason: str
