"""When each instance was scraped, and up to which time everything that was counted has arrived. Pure.

Prometheus scrapes each instance at its own moments. A sample belongs to the span that its moment lies in, so adjacent
spans count each sample once. For two versions to be compared fairly a span must hold as many scrapes of the one as of
the other: it ends where each instance that is there was scraped once more (``boundary``).
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from statistics import median, median_low
from typing import Final

from croupier.adapters.metrics.prometheus.samples import Series, Target

UP = "up"
STARTED = "process_start_time_seconds"
TAKEN = "scrape_duration_seconds"

YOUNG_S: Final = 120.0
"""So long after its start a process may be found by Prometheus and still be counted from its beginning."""

_ALMOST: Final = 0.9
"""Scrapes keep their interval, but for what a busy machine makes of it."""
_ARRIVAL_S: Final = 0.25
"""A scrape that took twice as long as any before, and this, has not arrived yet."""
_USUAL_S: Final = 15.0
"""Between scrapes, where there was only one so far."""
_LATELY: Final = 8
"""So many pauses tell the usual one: few of them may be outages, and an interval that was set anew is soon usual."""
_PAUSES: Final = 2.0
"""After so many of its usual pauses without a good scrape an instance was away: the next one tells of all of it."""


@dataclass(slots=True)
class Scrapes:
    """The scrapes of one instance, oldest first: all that were tried, and those that succeeded."""

    tried: list[float] = field(default_factory=list)
    done: list[float] = field(default_factory=list)
    started: dict[float, float] = field(default_factory=dict)
    """When the process began, as each scrape said it."""
    slowest_s: float | None = None
    """The longest that a scrape took; ``None`` where nothing tells."""

    @property
    def failing_since(self) -> float | None:
        """The first of the failed scrapes since the last good one."""
        after = self.tried[bisect_right(self.tried, self.done[-1]) :] if self.done else self.tried
        return after[0] if after else None

    @property
    def interval_s(self) -> float:
        """Usually, between two scrapes."""
        return median(self._gaps()) if len(self.tried) > 1 else _USUAL_S

    @property
    def pause_s(self) -> float | None:
        """Lately, between two good scrapes, however long it was away once; ``None`` where there were too few."""
        gaps = [later - earlier for earlier, later in pairwise(self.done[-_LATELY - 1 :])]
        return median_low(gaps) if len(gaps) > 1 else None

    def young(self, at: float) -> bool:
        """Whether this scrape met a process that says that it began a moment before."""
        started = self.started.get(at)
        return started is not None and started >= at - YOUNG_S

    def known_until(self, now: float) -> float:
        """Up to this time no other sample can come: it is of the last scrape, or else the next one was not due yet, and
        would be here by ``now`` (Prometheus's time) if it had come early.
        """
        last = self.tried[-1]
        if self.slowest_s is None or len(self.tried) == 1:
            return last
        due = last + _ALMOST * min(self._gaps())
        return max(last, min(due, now - 2 * self.slowest_s - _ARRIVAL_S))

    def _gaps(self) -> list[float]:
        return [later - earlier for earlier, later in pairwise(self.tried)]


def scrapes_of(about: Iterable[Series], counted: Iterable[Series], until: float) -> dict[Target, Scrapes]:
    """Each target's scrapes: as ``up`` tells them or, where nothing does, as the samples of its counters."""
    found: dict[Target, Scrapes] = {}
    for series in about:
        scrapes = found.setdefault(series.target, Scrapes())
        for at, value in series.samples:
            if series.name == UP and at <= until:
                scrapes.tried.append(at)
                if value == 1:
                    scrapes.done.append(at)
            elif series.name == STARTED and isinstance(value, float):
                scrapes.started[at] = value
            elif series.name == TAKEN and isinstance(value, float):
                scrapes.slowest_s = max(value, scrapes.slowest_s or 0.0)
    for scrapes in found.values():
        # One that changed its version in place has an ``up`` of each, in the order of their labels.
        scrapes.tried.sort()
        scrapes.done.sort()
    untold: dict[Target, set[float]] = {}
    for series in counted:
        if series.target not in found or not found[series.target].tried:
            untold.setdefault(series.target, set()).update(at for at, _ in series.samples if at <= until)
    for target, times in untold.items():
        scrapes = found.setdefault(target, Scrapes())
        scrapes.tried = scrapes.done = sorted(times)
    return {target: scrapes for target, scrapes in found.items() if scrapes.tried}


def known_from(version: Collection[Scrapes], since: float) -> float:
    """From when on a version's counts are known: ``since``, or its first scrape where it ran before that unseen."""
    first = min((one.done[0] for one in version if one.done), default=since)
    born = any(one.young(one.done[0]) for one in version if one.done)
    return first if first > since and not born else since


def boundary(live: Collection[Scrapes], since: float, now: float) -> float:
    """The latest time at which each of them was scraped equally often since ``since``, and nothing can come late.

    ``since`` itself where that was not yet once. ``now`` is Prometheus's time, no later than it is. No span ends while
    one of them is away: after an outage of Prometheus the first scrape of each holds all that it counted meanwhile, and
    that of one version would stand next to a usual scrape of the other.
    """
    done: list[Sequence[float]] = [one.done[bisect_right(one.done, since) :] for one in live]
    known = min((one.known_until(now) for one in live), default=since)
    usual = max((one.pause_s for one in live if one.pause_s is not None), default=inf)
    for rounds in range(min(map(len, done), default=0), 0, -1):
        at = max(times[rounds - 1] for times in done)
        if at <= known and not any(_away(one, at, usual) for one in live):
            return at
    return since


def _away(one: Scrapes, at: float, usual_s: float) -> bool:
    pause_s = usual_s if one.pause_s is None else one.pause_s
    return at - one.done[bisect_right(one.done, at) - 1] > _PAUSES * pause_s
