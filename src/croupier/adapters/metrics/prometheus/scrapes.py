"""When each instance was scraped, and up to which time everything that was counted has arrived. Pure.

Prometheus scrapes each instance at its own moments. A sample belongs to the span that its moment lies in, so adjacent
spans count each sample once. For two versions to be compared fairly a span must hold as many scrapes of the one as of
the other: it ends where each instance that is there was scraped once more (``boundary``).
"""

import math
from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from croupier.adapters.metrics.prometheus.samples import Series, Target

UP = "up"
STARTED = "process_start_time_seconds"

_ALMOST = 0.99
"""Scrapes keep their interval, but for some milliseconds."""
_USUAL_S = 15.0
"""Between scrapes, where there was only one so far."""


@dataclass(slots=True)
class Scrapes:
    """The scrapes of one instance, oldest first: all that were tried, and those that succeeded."""

    tried: list[float] = field(default_factory=list)
    done: list[float] = field(default_factory=list)
    started: dict[float, float] = field(default_factory=dict)
    """When the process began, as each scrape said it."""

    @property
    def failing_since(self) -> float | None:
        """The first of the failed scrapes since the last good one."""
        after = self.tried[bisect_right(self.tried, self.done[-1]) :] if self.done else self.tried
        return after[0] if after else None

    @property
    def interval_s(self) -> float:
        """Usually, between two scrapes."""
        return median(self._gaps()) if len(self.tried) > 1 else _USUAL_S

    def known_until(self) -> float:
        """Before this time no other sample can come: the next scrape is not due."""
        shortest = min(self._gaps(), default=0.0)
        return math.nextafter(self.tried[-1], math.inf) if not shortest else self.tried[-1] + _ALMOST * shortest

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
    untold: dict[Target, set[float]] = {}
    for series in counted:
        if series.target not in found or not found[series.target].tried:
            untold.setdefault(series.target, set()).update(at for at, _ in series.samples if at <= until)
    for target, times in untold.items():
        scrapes = found.setdefault(target, Scrapes())
        scrapes.tried = scrapes.done = sorted(times)
    return {target: scrapes for target, scrapes in found.items() if scrapes.tried}


def boundary(live: Collection[Scrapes], since: float) -> float:
    """The latest time at which each of them was scraped equally often since ``since``, and nothing can come late.

    ``since`` itself where that was not yet once.
    """
    done: list[Sequence[float]] = [one.done[bisect_right(one.done, since) :] for one in live]
    for rounds in range(min(map(len, done), default=0), 0, -1):
        at = max(times[rounds - 1] for times in done)
        if all(at < one.known_until() for one in live):
            return at
    return since
