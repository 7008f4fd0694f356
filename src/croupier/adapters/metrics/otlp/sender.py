"""What one process has pushed: which metrics it has, and the series of those that gates ask for. Pure; the ledger has
one per instance.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from croupier.adapters.metrics.otlp.beat import Beat
from croupier.adapters.metrics.otlp.decode import Arrived, Push
from croupier.adapters.metrics.otlp.names import labels_of
from croupier.adapters.metrics.otlp.points import Attributes, Buckets, Instrument, Number, Point, SenderId
from croupier.adapters.metrics.otlp.settings import OtlpSettings
from croupier.adapters.metrics.otlp.stream import Stream
from croupier.adapters.metrics.otlp.values import Beyond, Unusable

_NS = 1e-9
_SAME_COLLECTION_NS = 1_000_000
"""SDKs give all points of a collection one time, or nearly."""
_BUCKETS_PER_SERIES = 64


class Asked(Protocol):
    """What gates ask for: the ledger."""

    def edges_of(self, instrument: Instrument) -> Collection[float] | None:
        """The bucket edges to keep, in the instrument's unit; ``None`` where no gate asks for it."""
        ...


@dataclass(slots=True)
class Family:
    """One metric of one process.

    A cumulative series that is seen for the first time counts from zero only if nothing of it was missed: in a process
    that is younger than our listening, or, once ``counting``, beside the series that the process told of before. Until
    then its first value is the base of what follows.
    """

    counting: bool
    newest: int = 0
    """The sender's time of the newest point."""
    base: int = 0
    """The sender's time of the collection that the base was taken from; 0 before."""
    complete_from: float = -math.inf
    """Since when nothing is missing, by our clock; ``inf`` as long as the base is not known."""
    cut: bool = False
    """Not all series could be kept."""
    beyond_at: float = -math.inf
    """When, by our clock, it last said more than can be counted, ..."""
    beyond: str = ""
    """... and what."""
    streams: dict[tuple[object, ...], Stream] = field(default_factory=dict)


@dataclass(slots=True)
class Taken:
    """What became of a push: whether it told anything new, as the rest of a collection that was begun before, how many
    points were refused, and the first reason.
    """

    fresh: bool = False
    rest: bool = False
    refused: int = 0
    why: str = ""

    def refuse(self, points: int, why: str) -> None:
        self.refused += points
        self.why = self.why or why


class Room(NamedTuple):
    """So many series and metrics: what there are, or what there may be more."""

    series: int
    metrics: int


class Sender:
    """The state of one process."""

    def __init__(self, identity: SenderId, settings: OtlpSettings, at: float, listening_s: float) -> None:
        self.identity = identity
        self.beat = Beat(settings, at)
        self.families: dict[Instrument, Family] = {}
        self.kept = 0
        """Series, all families together, each with its weight."""
        self._settings = settings
        self._resource: Attributes = ()
        self._newest = 0
        self._most = Room(0, 0)
        self._young_s = min(listening_s, settings.young_s)
        self._settled = False
        """Whether a second collection has begun, so that a metric that appears now is new."""
        self._labels: dict[Attributes, Mapping[str, str]] = {}

    @property
    def size(self) -> Room:
        return Room(self.kept, len(self.families))

    def take(self, push: Push, at: float, asked: Asked, room: Room) -> Taken:
        """Count what is new; ``room`` is how much more all senders together may have."""
        newest = max((arrived.first[1] for arrived in push.metrics), default=0)
        taken = Taken(rest=newest < self._newest + _SAME_COLLECTION_NS)
        self._newest = max(self._newest, newest)
        self._resource = push.attributes
        self._most = Room(
            min(self.kept + room.series, self._settings.series_per_instance),
            min(len(self.families) + room.metrics, self._settings.metrics_per_instance),
        )
        for arrived in push.metrics:
            edges = asked.edges_of(arrived.instrument)
            family = self._family(arrived, edges is not None, taken)
            if family is None:
                continue
            newest = arrived.first[1]
            if newest > family.newest:
                self._settled |= family.newest > 0
                family.newest = newest
                taken.fresh |= edges is None
            if edges is not None:
                taken.fresh |= self._count(arrived, family, edges, at, taken)
        if taken.fresh:
            self.beat.heard(at)
        return taken

    def ask(self, asked: Asked, now: float) -> None:
        """The gates' questions have changed: keep what they ask for, from now on, and nothing else."""
        for instrument, family in self.families.items():
            edges = asked.edges_of(instrument)
            if edges is None:
                self.kept -= sum(stream.weight for stream in family.streams.values())
                family.streams.clear()
                family.counting, family.cut, family.base, family.complete_from = False, False, 0, -math.inf
                continue
            if not family.streams and not family.counting and family.complete_from == -math.inf:
                family.complete_from = now if instrument.delta else math.inf
            for stream in family.streams.values():
                stream.ask(edges)

    def forget(self, before: float) -> None:
        """Drop what is older. A series of changes that had none for so long is gone; it counts from zero anyway."""
        for instrument, family in self.families.items():
            for key, stream in list(family.streams.items()):
                stream.forget(before)
                if instrument.delta and stream.last_at < before:
                    del family.streams[key]
                    self.kept -= stream.weight
        if len(self._labels) > 2 * self.kept:
            self._labels.clear()

    def _family(self, arrived: Arrived, is_asked: bool, taken: Taken) -> Family | None:
        """What is known of the metric, made where it is new and there is room."""
        family = self.families.get(arrived.instrument)
        if family is None:
            if not arrived.size:
                return None
            if why := self._too_much(arrived.instrument):
                taken.refuse(arrived.size, why)
                return None
            start, at = arrived.first
            young = 0 < start < at and (at - start) * _NS <= self._young_s
            counting = is_asked and (young or self._settled or arrived.instrument.delta)
            family = self.families[arrived.instrument] = Family(counting)
            if is_asked and not counting:
                family.complete_from = math.inf
        return family

    def _too_much(self, instrument: Instrument) -> str | None:
        """Why this metric is not kept, if so."""
        if len(self.families) >= self._most.metrics:
            return "too many metrics"
        most = self._settings.name_chars
        if max(map(len, (instrument.name, instrument.unit, instrument.scope))) > most:
            return f"a metric's name, unit or scope has more than {most} characters"
        return None

    def _count(self, arrived: Arrived, family: Family, edges: Collection[float], at: float, taken: Taken) -> bool:
        """Count each point; whether any said something new."""
        fresh = False
        delta, newest = arrived.instrument.delta, arrived.first[1]
        if 0 < family.base < newest:
            family.counting = True
        for point in arrived.points():
            if point is None:
                continue
            if isinstance(point, Unusable):
                taken.refuse(1, f"{arrived.instrument.name[:100]}: {point}")
                if isinstance(point, Beyond):
                    family.beyond_at, family.beyond = at, str(point)
                continue
            key = _key(point)
            stream = family.streams.get(key)
            more = _weight(point) - (stream.weight if stream is not None else 0)
            if more > 0 and self.kept + more > self._most.series:
                family.cut = True
                taken.refuse(1, f"{arrived.instrument.name[:100]}: too many series; use fewer attribute values")
                continue
            if stream is None:
                stream = family.streams[key] = Stream(self._labelled(point.attributes), edges)
                if not delta and not family.counting:
                    family.base, family.complete_from = max(family.base, newest), at
            if more > 0:
                self.kept += more
                stream.weight += more
            if delta:
                fresh |= stream.take_change(at, point)
            else:
                fresh |= stream.take_total(at, point, from_zero=family.counting)
        return fresh

    def _labelled(self, attributes: Attributes) -> Mapping[str, str]:
        """Shared by all series with the same attributes."""
        labels = self._labels.get(attributes)
        if labels is None:
            labels = self._labels[attributes] = labels_of(self._resource, attributes)
        return labels


def _weight(point: Point) -> int:
    """As how many series it counts."""
    return 1 if isinstance(point.value, Number) else 1 + len(point.value.counts) // _BUCKETS_PER_SERIES


def _key(point: Point) -> tuple[object, ...]:
    """What makes a series of its own: the attributes, and of a histogram its bounds."""
    return (point.attributes, point.value.bounds) if isinstance(point.value, Buckets) else (point.attributes,)
