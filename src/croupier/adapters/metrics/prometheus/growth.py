"""How much each counter grew within a span: exact differences of samples, whatever resets lie between. Pure.

What a sample adds depends on the samples before it and on nothing else, so adjacent spans add up. A counter that
fell was reset and counts from 0. So does one that appears on a page that was scraped before, and everything on the
first page of a process that began a moment ago; of any other first page we cannot say when its events were.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Final

from croupier.adapters.metrics.embedded.tally import MOST
from croupier.adapters.metrics.prometheus.ask import Unanswered
from croupier.adapters.metrics.prometheus.native import within
from croupier.adapters.metrics.prometheus.samples import Native, Series, Target, Value
from croupier.adapters.metrics.prometheus.scrapes import Scrapes

_SAME_START_S: Final = 1.5
"""Exporters compute a process's start from boot times in whole seconds, some anew for each page."""
_ALMOST: Final = 1e-6
"""Sums of floats may end just below the whole number that they stand for."""


def grown(
    series: Series, scrapes: Scrapes, resets: Iterable[float], span: tuple[float, float], edge: float | None = None
) -> tuple[int, int]:
    """Good and total that came in ``(start, end]``. Good is what a native histogram has up to ``edge``; else 0.

    Raises ``Unanswered`` for a value that no counter has.
    """
    since, until = span
    anew = sorted(resets)
    good = total = 0
    before: tuple[float, tuple[int, int]] | None = None
    for at, value in series.samples:
        if at > until:
            break
        now = _whole(series, value, edge)
        if at > since:
            base = _base(scrapes, at, before, now, anew)
            good, total = good + now[0] - base[0], total + now[1] - base[1]
        before = at, now
    return good, total


def resets_of(scrapes: Mapping[Target, Scrapes], counted: Iterable[Series]) -> dict[Target, list[float]]:
    """The scrapes that met another process at the same place, though no counter need have fallen below its last value.

    Its start must be another one, and some counter must have fallen or be missing: a clock that was set moves starts
    too.
    """
    values: dict[Target, list[Mapping[float, float]]] = {}
    for series in counted:
        values.setdefault(series.target, []).append({at: _size(value) for at, value in series.samples})
    return {
        target: [
            now
            for before, now in _restarts(one)
            if any(before in each and each.get(now, -1.0) < each[before] for each in values.get(target, []))
        ]
        for target, one in scrapes.items()
    }


def _restarts(scrapes: Scrapes) -> Iterator[tuple[float, float]]:
    """Pairs of scrapes between which the process began anew."""
    times = sorted(scrapes.started)
    for before, now in pairwise(times):
        if scrapes.started[now] > scrapes.started[before] + _SAME_START_S:
            yield before, now


def _base(
    scrapes: Scrapes, at: float, before: tuple[float, tuple[int, int]] | None, now: tuple[int, int], anew: list[float]
) -> tuple[int, int]:
    """What the counter is counted on from at this sample."""
    if before is None:
        first = not scrapes.done or at <= scrapes.done[0]
        return now if first and not scrapes.young(at) else (0, 0)
    last_at, last = before
    restarted = bisect_right(anew, at) > bisect_right(anew, last_at)
    fell = now[1] < last[1] or now[0] < last[0]
    return (0, 0) if restarted or fell else last


def _whole(series: Series, value: Value, edge: float | None) -> tuple[int, int]:
    """Good and total of one sample, cut to whole numbers: cutting each one keeps adjacent spans additive."""
    if isinstance(value, Native):
        return _cut(series, within(value, math.inf if edge is None else edge)), _cut(series, value.count)
    return 0, _cut(series, value)


def _cut(series: Series, value: float) -> int:
    if not 0 <= value <= MOST:
        raise Unanswered(f"{series} is {value:g}, which no counter can be")
    return math.floor(value + _ALMOST)


def _size(value: Value) -> float:
    return value.count if isinstance(value, Native) else value
