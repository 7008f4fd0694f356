"""Everything that was pushed, as far as gates ask for it: processes, boundaries, questions. No I/O.

Time is an argument. The source hands in what arrived; queries are answered from here.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TypeAlias

import structlog

from croupier.adapters.metrics.embedded.tally import Uncountable, alike, tally
from croupier.adapters.metrics.growth import Growth
from croupier.adapters.metrics.otlp.boundaries import Boundaries, Pair
from croupier.adapters.metrics.otlp.decode import Push
from croupier.adapters.metrics.otlp.explain import (
    blind,
    matching,
    named,
    not_pushing,
    stranger,
    too_old,
    uncountable,
    unmatched,
)
from croupier.adapters.metrics.otlp.names import calls, seconds_per
from croupier.adapters.metrics.otlp.points import Instrument, SenderId
from croupier.adapters.metrics.otlp.samples import Samples
from croupier.adapters.metrics.otlp.sender import Family, Room, Sender, Taken
from croupier.adapters.metrics.otlp.settings import OtlpSettings
from croupier.control.ports import Query, VersionKey
from croupier.core.gates import Counts, Group, Instance, LatencySli, Reading, Silence, Sli

_log = structlog.get_logger(__name__)

_STRANGERS = 100


@dataclass(frozen=True, slots=True)
class Ask:
    """What an SLI is read from: a metric as the gate calls it and, for a threshold, the edge in seconds."""

    metric: str
    edge_s: float | None = None

    @classmethod
    def of(cls, sli: Sli) -> "Ask":
        return cls(sli.metric, sli.threshold_s if isinstance(sli, LatencySli) else None)


Found: TypeAlias = list[tuple[Instrument, Family]]
"""What one process has of a metric."""


class Ledger:
    """The memory of pushed metrics, bounded by its settings."""

    def __init__(self, settings: OtlpSettings, now: float) -> None:
        self._settings = settings
        self._listening_from = self._opened_at = now
        self._senders: dict[SenderId, Sender] = {}
        self._by_version: dict[VersionKey, dict[SenderId, Sender]] = {}
        self._running: Mapping[VersionKey, int] = {}
        self._kept_from: dict[Ask, float] = {}
        self._asked_at: dict[Ask, float] = {}
        self._edges: dict[Instrument, frozenset[float] | None] = {}
        self._pairs: dict[frozenset[VersionKey], Pair] = {}
        self._samples = Samples(settings)
        self._series = 0
        self._metrics = 0
        self._strangers: dict[tuple[str, str], float] = {}
        self._forgot_before = float("-inf")
        self._told: set[str] = set()

    def watch(self, instances: Mapping[VersionKey, int]) -> None:
        """So many instances of each version run."""
        self._running = dict(instances)

    def take(self, push: Push, at: float) -> Taken:
        """Count what one process sent. ``at`` is later than that of the request before; ``close`` ends the request."""
        if at > self._opened_at:
            if at - self._opened_at > self._settings.silent_at_least_s:
                self._wait_again(at)
            self._opened_at = at
            for pair in self._pairs.values():
                self._settle(pair, at)
        sender = self._senders.get(push.sender)
        if sender is None:
            if len(self._senders) >= self._settings.instances:
                taken = Taken()
                taken.refuse(sum(one.size for one in push.metrics), "too many instances push here already")
                return taken
            sender = self._senders[push.sender] = Sender(push.sender, self._settings, at, at - self._listening_from)
            self._by_version.setdefault(push.sender.key, {})[push.sender] = sender
        before = sender.size
        limits = self._settings
        taken = sender.take(push, at, self, Room(limits.series - self._series, limits.metrics - self._metrics))
        self._series += sender.size.series - before.series
        self._metrics += sender.size.metrics - before.metrics
        if taken.fresh:
            self._samples.take(push, at)
            for pair in self._pairs.values():
                if push.sender.key in pair.versions:
                    pair.hear(push.sender, at, rest=taken.rest)
        return taken

    def _wait_again(self, at: float) -> None:
        """Where nobody was punctual, nobody could be heard: all are waited for as if they were late just now."""
        beats = [sender.beat for sender in self._senders.values()]
        if all(beat.is_late(at) for beat in beats):
            for beat in beats:
                beat.unheard(at)

    def close(self, at: float) -> None:
        """Everything that came at this time was taken: where all have been heard now, spans may end here."""
        for pair in self._pairs.values():
            self._settle(pair, at)
        self._forget(at)

    def refuse(self, strangers: Iterable[tuple[str, str]], at: float) -> None:
        """These services pushed without saying who they are."""
        for name, why in strangers:
            if (name, why) not in self._strangers:
                _log.warning("otlp_sender_refused", service=name, why=why)
            self._strangers[(name, why)] = at
        while len(self._strangers) > _STRANGERS:
            del self._strangers[next(iter(self._strangers))]

    def read(self, query: Query, now: float) -> Reading | Silence:
        """See ``MetricSource.read``."""
        ask = Ask.of(query.sli)
        versions = [VersionKey(query.service, query.canary)]
        if query.baseline is not None:
            versions.append(VersionKey(query.service, query.baseline))
        pair = self._pair(frozenset(versions), now)
        if why := self._keep(ask, now):
            return Silence(why)
        found = {version: self._found(ask, version) for version in versions}
        for version in versions:
            if why := self._not_heard(version, now) or self._cannot_answer(query.sli, ask, version, found[version]):
                return Silence(why)
        known = [family.complete_from for each in found.values() for one in each for _, family in one]
        span = pair.boundaries.span(query.since, query.until, max(self._kept_from[ask], *known))
        late_s = max(one.beat.late_s for version in versions for one in self._live(version, now))
        if span is None or query.until - span[1] > late_s:
            return Silence(too_old(versions, span[1] if span else None, query.until))
        for version, each in found.items():
            for family in (family for one in each for _, family in one):
                if family.beyond_at >= span[0]:
                    return Silence(f"{ask.metric!r} of {named(version)} was refused: {family.beyond}")
        try:
            return self._counted(query, ask, found, span)
        except Uncountable as why:
            return Silence(f"{query.sli.metric!r} of {query.service} {why}")

    def _counted(
        self, query: Query, ask: Ask, found: Mapping[VersionKey, list[Found]], span: tuple[float, float]
    ) -> Reading:
        """``found`` is the canary's and then, if it is asked for, the baseline's. Raises ``Uncountable``."""
        versions = list(found)
        arms = [
            self._count(query.sli, ask, list(chain.from_iterable(found[version])), query.by, span)
            for version in versions
        ]
        # Both wholes by instance.
        each = [[self._count(query.sli, ask, one, (), span)[()] for one in found[version]] for version in versions]
        named = zip(self._of(versions[0]), each[0], strict=True)
        instances = tuple(Instance(str(sender.identity), counts) for sender, counts in named)
        return self._reading(query, arms, span, tuple(each[1]) if len(each) > 1 else (), instances)

    def probe(self, sli: Sli, by: tuple[str, ...], version: VersionKey, now: float) -> str | None:
        """See ``MetricSource.probe``; what it asks for is kept from now on."""
        ask = Ask.of(sli)
        if why := self._keep(ask, now) or self._not_heard(version, now):
            return why
        return blind(sli, by, version, self._samples.of(version), self._settings)

    def edges_of(self, instrument: Instrument) -> Collection[float] | None:
        """See ``Asked``."""
        if instrument not in self._edges:
            self._edges[instrument] = self._edges_asked(instrument)
        return self._edges[instrument]

    def _edges_asked(self, instrument: Instrument) -> frozenset[float] | None:
        if not instrument.kind.counts:
            return None
        asks = [
            ask
            for ask in self._kept_from
            if calls(ask.metric, instrument.name, instrument.unit, instrument.kind) is not None
        ]
        if not asks:
            return None
        per = seconds_per(instrument.unit) or 1.0
        return frozenset(ask.edge_s / per for ask in asks if ask.edge_s is not None)

    def _keep(self, ask: Ask, now: float) -> str | None:
        """Keep what answers this from now on; why not, if there is no room."""
        if ask not in self._kept_from:
            if len(self._kept_from) >= self._settings.metrics_asked:
                return f"{self._settings.metrics_asked} metrics are kept already, which is the limit; ask for fewer"
            self._kept_from[ask] = now
            self._ask_again(now)
        self._asked_at[ask] = now
        return None

    def _ask_again(self, now: float) -> None:
        self._edges.clear()
        for sender in self._senders.values():
            sender.ask(self, now)
        self._count_all()

    def _count_all(self) -> None:
        sizes = [sender.size for sender in self._senders.values()]
        self._series = sum(size.series for size in sizes)
        self._metrics = sum(size.metrics for size in sizes)

    def _pair(self, versions: frozenset[VersionKey], now: float) -> Pair:
        pair = self._pairs.get(versions)
        if pair is None:
            pair = self._pairs[versions] = Pair(versions, Boundaries(now), now, self._settings.settle_s)
        pair.asked_at = now
        self._settle(pair, now)
        return pair

    def _settle(self, pair: Pair, now: float) -> None:
        pair.settle(now, partial(self._complete, pair, now))

    def _complete(self, pair: Pair, at: float, heard: Collection[SenderId]) -> bool:
        """Whether all live instances of all versions are among those who were heard.

        Asked at each push: one that is waited for answers for all, as long as it is punctual and was not heard.
        """
        awaited = self._senders.get(pair.awaited) if pair.awaited else None
        if awaited is not None and awaited.identity not in heard and not awaited.beat.is_late(at):
            return False
        if any(len(self._of(version)) < max(1, self._running.get(version, 0)) for version in pair.versions):
            return False
        for version in pair.versions:
            live = self._live(version, at)
            if missing := [sender for sender in live if sender.identity not in heard]:
                # Who pushed last is likely to be the last again.
                pair.awaited = max(missing, key=lambda sender: sender.beat.last).identity
                return False
            if not live or len(live) < self._running.get(version, 0):
                return False
            if any(sender.beat.is_away(at) for sender in live):
                return False  # heard before an outage: others tell of all of it, and it will too
        return True

    def _not_heard(self, version: VersionKey, now: float) -> str | None:
        """Why a version is silent: it does not push, or not all of its instances do."""
        live = self._live(version, now)
        running = self._running.get(version, 0)
        late = [sender for sender in live if sender.beat.is_late(now)]
        if live and not late and len(live) >= running:
            return None
        known = self._by_version.keys()
        elsewhere = None if version in known else stranger(version, self._strangers, known)
        return elsewhere or not_pushing(version, live, late, running, now, self._listening_from)

    def _cannot_answer(self, sli: Sli, ask: Ask, version: VersionKey, found: Sequence[Found]) -> str | None:
        there = self._samples.of(version)
        matched = [item for one in found for item in one]
        if not matched:
            return unmatched(sli, version, there)
        if why := uncountable(sli, version, [instrument for instrument, _ in matched]):
            return why
        if any(family.cut for _, family in matched):
            return f"{named(version)} pushes too many series of {sli.metric!r}; use fewer attribute values"
        for instrument, family in matched:
            edge = self._edge_in(ask, instrument)
            if edge is not None and any(edge in stream.edgeless for stream in family.streams.values()):
                return (
                    blind(sli, (), version, there, self._settings) or f"not all of {sli.metric!r} has that bucket edge"
                )
        return None

    def _found(self, ask: Ask, version: VersionKey) -> list[Found]:
        """What each process has of it, under the name that fits the version's metrics best."""
        names = matching(ask.metric, self._samples.of(version))
        return [
            [(name, sender.families[name]) for name in names if name in sender.families] for sender in self._of(version)
        ]

    def _of(self, version: VersionKey) -> Collection[Sender]:
        return self._by_version.get(version, {}).values()

    def _count(
        self, sli: Sli, ask: Ask, found: Found, by: tuple[str, ...], span: tuple[float, float]
    ) -> dict[Group, Counts]:
        total: list[Growth] = []
        good: list[Growth] = []
        for instrument, family in found:
            edge = self._edge_in(ask, instrument)
            for stream in family.streams.values():
                total.append(stream.growth[None])
                if edge in stream.growth:
                    good.append(stream.growth[edge])
        return tally(sli, good, total, by=by, also=(), span=span)

    @staticmethod
    def _edge_in(ask: Ask, instrument: Instrument) -> float | None:
        """The threshold in the instrument's unit."""
        return None if ask.edge_s is None else ask.edge_s / (seconds_per(instrument.unit) or 1.0)

    def _reading(
        self,
        query: Query,
        arms: Sequence[dict[Group, Counts]],
        span: tuple[float, float],
        parts: tuple[Counts, ...],
        instances: tuple[Instance, ...],
    ) -> Reading:
        full, cut = alike(arms, self._settings.groups)
        if cut and query.sli.metric not in self._told:
            self._told.add(query.sli.metric)
            _log.warning("metric_groups_cut", metric=query.sli.metric, by=query.by, cut=cut)
        baseline = full[1] if len(full) > 1 else None
        return Reading(span[0], span[1], full[0], baseline, parts, instances=instances)

    def _live(self, version: VersionKey, now: float) -> list[Sender]:
        """Instances that are waited for. One that is late is gone when as many push as run, or after as long again."""
        present = [sender for sender in self._of(version) if not sender.beat.is_gone(now)]
        punctual = [sender for sender in present if not sender.beat.is_late(now)]
        return punctual if 0 < self._running.get(version, 0) <= len(punctual) else present

    def _forget(self, now: float) -> None:
        """Drop what is older than the retention window, and metrics that nobody asked for in it."""
        before = now - self._settings.retention_s
        if before - self._forgot_before < self._settings.retention_s / 30:
            return
        self._forgot_before = before
        if unasked := [ask for ask, asked in self._asked_at.items() if asked < before]:
            for ask in unasked:
                del self._asked_at[ask], self._kept_from[ask]
            self._ask_again(now)
        for name, sender in list(self._senders.items()):
            if sender.beat.last < before:
                del self._senders[name], self._by_version[name.key][name]
            else:
                sender.forget(before)
        for versions, pair in list(self._pairs.items()):
            pair.boundaries.forget(before)
            if pair.asked_at < before:
                del self._pairs[versions]
        self._by_version = {version: senders for version, senders in self._by_version.items() if senders}
        self._samples.keep_only(self._by_version.keys())
        self._count_all()
        for stranger_, seen in list(self._strangers.items()):
            if seen < before:
                del self._strangers[stranger_]
