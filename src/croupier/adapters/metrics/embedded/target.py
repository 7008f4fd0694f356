"""One metrics page that is scraped again and again, and the counters kept from it. Pure; the ledger has one per
instance.
"""

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import Enum, auto

import structlog

from croupier.adapters.metrics.embedded.feed import Feed
from croupier.adapters.metrics.embedded.page import Page, edge_of, parse_labels
from croupier.adapters.metrics.embedded.series import Series
from croupier.control.ports import ScrapeTarget, VersionKey

_log = structlog.get_logger(__name__)

_SAME_START_S = 1.5
"""Exporters compute a process's start from boot times in whole seconds, some anew for each page."""


class Edge(Enum):
    """The one page that is not an instance's."""

    ENVOY = "Envoy"


@dataclass(frozen=True, slots=True)
class TargetId:
    """Whose page it is and where. An instance that moved to another port is another instance."""

    subject: VersionKey | Edge
    page: ScrapeTarget | None = None

    def __str__(self) -> str:
        return f"{self.page.endpoint.host}:{self.page.endpoint.port}" if self.page else Edge.ENVOY.value


class Presence(Enum):
    """Whether the instance exists, as far as we were told."""

    LIVE = auto()
    LEAVING = auto()
    """Gone from the list; asked once more, so that its last counts are not lost, without insisting."""
    GONE = auto()


class Target:
    """The state of one page. ``page`` is the last good one; ``failing`` why the last scrape failed, since
    ``failing_since``.
    """

    def __init__(self, identity: TargetId, most_series: int) -> None:
        self.identity = identity
        self.presence = Presence.LIVE
        self.page: Page | None = None
        self.scraped_at: float | None = None
        self.failing: str | None = None
        self.failing_since: float | None = None
        self.left_at = 0.0
        self.cut: set[Feed] = set()
        """Families of which not all series could be kept."""
        self._most_series = most_series
        self._kept: dict[Feed, dict[str, Series]] = {}
        self._started: float | None = None
        self._told: set[str] = set()

    def fail(self, at: float, why: str) -> None:
        self.failing = why
        if self.failing_since is None:
            self.failing_since = at

    def leave(self) -> None:
        """The instance is gone; what it counted stays, its page is not needed any more."""
        self.presence, self.page = Presence.GONE, None

    def keep(self, feeds: Collection[Feed]) -> None:
        """Keep these families, beginning with what the last page said, and no others."""
        for feed in self._kept.keys() - set(feeds):
            del self._kept[feed]
            self.cut.discard(feed)
        new = [feed for feed in feeds if feed not in self._kept]
        self._kept |= {feed: {} for feed in new}
        if self.page is not None:
            for feed, labels, value in self._samples(self.page, new):
                self._add(feed, labels, base=value)

    def take(self, page: Page, at: float, previous_round: float | None) -> bool:
        """Read a page scraped at ``at``; whether nothing that the process counted before is missing.

        The base of the first page of a process is what it says: what happened before is not ours to date. Only when the
        process is younger than the scrape before is everything on it new. A series that appears later counts from 0.
        Raises ``Malformed`` when labels cannot be read; nothing was taken then.
        """
        found = [(feed, labels, value) for feed, labels, value in self._samples(page, self._kept)]
        for _, labels, _ in found:
            parse_labels(labels)  # now, so that nothing is half taken
        started = page.value("process_start_time_seconds")
        first = self.page is None
        young = first and started is not None and previous_round is not None and started >= previous_round
        if first and not young:
            for feed, labels, value in found:
                self._add(feed, labels, base=value)
        if self._restarted(started, found):
            for anew in self._all_series():
                anew.last = 0.0
        for feed, labels, value in found:
            if series := self._add(feed, labels, base=0.0):
                series.take(at, value)
        self.page, self.scraped_at, self._started = page, at, started
        self.failing, self.failing_since = None, None
        return not first or young

    def series(self, feed: Feed) -> Iterator[Series]:
        yield from self._kept.get(feed, {}).values()

    def forget(self, before: float) -> None:
        for series in self._all_series():
            series.forget(before)

    def _all_series(self) -> Iterator[Series]:
        for kept in self._kept.values():
            yield from kept.values()

    def _restarted(self, started: float | None, found: list[tuple[Feed, str, float]]) -> bool:
        """Whether another process answers at the same place, so that no counter goes on from where it was.

        Its start must be another one, and a counter must have fallen or be missing: a clock that was set moves starts
        too.
        """
        if started is None or self._started is None or started <= self._started + _SAME_START_S:
            return False
        now = {(feed, labels): value for feed, labels, value in found}
        return any(
            now.get((feed, labels), -1.0) < series.last
            for feed, kept in self._kept.items()
            for labels, series in kept.items()
        )

    def _add(self, feed: Feed, labels: str, base: float) -> Series | None:
        """The series, made where it is new and there is room."""
        kept = self._kept[feed]
        if labels not in kept:
            if sum(map(len, self._kept.values())) >= self._most_series:
                if feed not in self.cut:
                    self.cut.add(feed)
                    _log.warning("metric_series_cut", target=str(self.identity), metric=feed.name)
                return None
            kept[labels] = Series(parse_labels(labels), base)
        return kept[labels]

    def _samples(self, page: Page, feeds: Collection[Feed]) -> Iterator[tuple[Feed, str, float]]:
        """The samples of these families that can be counted; others are told once and passed over."""
        by_name: dict[str, list[Feed]] = {}
        for feed in feeds:
            by_name.setdefault(feed.name, []).append(feed)
        if not by_name:
            return
        for name, labels, value in page.samples(by_name):
            if not value >= 0:
                if name not in self._told:
                    self._told.add(name)
                    _log.warning("metric_value_ignored", target=str(self.identity), metric=name, value=str(value))
                continue
            for feed in by_name[name]:
                if feed.edge is None or is_edge_at(labels, feed.edge):
                    yield feed, labels, value


def is_edge_at(labels: str, edge: float) -> bool:
    """Whether these are a bucket's labels with this edge, however the number is written."""
    found = edge_of(labels)
    return found is not None and math.isclose(found, edge, rel_tol=1e-9)
