"""From kept counters to good and total per group, over a span. Pure; called for each version that a query names, here
and for pushed metrics.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

from croupier.core.gates import Counts, EventsSli, Group, LatencySli, Matchers, MeasuredSli, PromqlSli, RatioSli, Sli

MOST: Final = 2**53
"""No count is higher: beyond it floats skip whole numbers, and nothing truly happened so often."""

_ALMOST = 1e-6
"""Sums of floats may end just below the whole number that they stand for."""


class Uncountable(Exception):
    """A count that no counter can have, as the end of a sentence that begins with its metric."""


class Counted(Protocol):
    """One series that grows, of whatever source."""

    @property
    def labels(self) -> Mapping[str, str]: ...

    def grown(self, at: float) -> float:
        """All growth up to and including ``at``."""
        ...


class _Sums:
    """Good and total at the start and at the end of a span, over all series of a group."""

    __slots__ = ("good", "total")

    def __init__(self) -> None:
        self.good = [0.0, 0.0]
        self.total = [0.0, 0.0]

    def counts(self) -> Counts:
        total = _whole(self.total)
        # Of counters with fractions each sum is cut to whole numbers for itself.
        return Counts(min(_whole(self.good), total), total)


def tally(
    sli: Sli,
    good: Iterable[Counted],
    total: Iterable[Counted],
    *,
    by: tuple[str, ...],
    also: Matchers,
    span: tuple[float, float],
) -> dict[Group, Counts]:
    """Counts over ``(start, end]`` for ``()`` and, with ``by``, for each group that has series.

    Only series that match ``also`` count. Cutting to whole numbers at both ends keeps adjacent spans additive.
    Raises ``Uncountable``.
    """
    wanted, good_too = _matchers(sli)
    sums: dict[Group, _Sums] = {(): _Sums()}
    for series in total:
        if matches(series.labels, (*wanted, *also)):
            for group in _groups(series.labels, by):
                _add(sums.setdefault(group, _Sums()).total, series, span)
    for series in good:
        if not isinstance(sli, EventsSli) and matches(series.labels, (*wanted, *good_too, *also)):
            for group in _groups(series.labels, by):
                _add(sums.setdefault(group, _Sums()).good, series, span)
    return {group: part.counts() for group, part in sums.items()}


def largest_groups(readings: Iterable[Mapping[Group, Counts]], most: int) -> set[Group]:
    """At most ``most`` groups of all readings together, those with the most events, and always ``()``."""
    sizes: dict[Group, int] = {}
    for reading in readings:
        for group, counts in reading.items():
            sizes[group] = sizes.get(group, 0) + counts.total
    ranked = sorted((group for group in sizes if group), key=lambda group: (-sizes[group], group))
    return {(), *ranked[:most]}


def alike(arms: Sequence[Mapping[Group, Counts]], most: int) -> tuple[list[dict[Group, Counts]], int]:
    """The arms with the same groups each, as in ``largest_groups``, and how many groups that leaves out. A group that
    only one version has seen is told of the other as zero.
    """
    kept = largest_groups(arms, most)
    seen = {group for arm in arms for group in arm}
    full = [{group: arm.get(group, Counts(0, 0)) for group in sorted(seen & kept)} for arm in arms]
    return full, len(seen - kept)


def matches(labels: Mapping[str, str], matchers: Matchers) -> bool:
    """Whether every matcher accepts the label's value; a label that is absent is empty, as in Prometheus."""
    return all(labels.get(name, "") in accepted for name, accepted in matchers)


def _matchers(sli: Sli) -> tuple[Matchers, Matchers]:
    """What counts at all, and what of it is good beyond that."""
    match sli:
        case RatioSli():
            return sli.total, sli.good
        case LatencySli() | EventsSli():
            return sli.match, ()
        case PromqlSli() | MeasuredSli():
            return (), ()


def _groups(labels: Mapping[str, str], by: tuple[str, ...]) -> tuple[Group, ...]:
    return ((), tuple((name, labels.get(name, "")) for name in by)) if by else ((),)


def _add(sums: list[float], series: Counted, span: tuple[float, float]) -> None:
    sums[0] += series.grown(span[0])
    sums[1] += series.grown(span[1])


def _whole(sums: list[float]) -> int:
    if not sums[1] <= MOST:
        raise Uncountable(f"counts {sums[1]:g} events, which no counter can")
    return math.floor(sums[1] + _ALMOST) - math.floor(sums[0] + _ALMOST)
