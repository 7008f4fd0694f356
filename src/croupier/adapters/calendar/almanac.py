"""An entry's times as intervals in epoch seconds, by python-dateutil's rules and zoneinfo. Implements ``Almanac``.

A local time that does not exist, or is there twice, when clocks change is read both ways: a freeze is as long as can
be, a window as short. Work is bounded: rules repeat by days at the least, one without COUNT is begun near the time that
is asked about, and all of it happens shortly before the end of all dates. An entry that cannot be expanded is closed
all the time, since nobody knows better.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import Final
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

from croupier.core.governance.calendar.interval import Interval
from croupier.core.governance.calendar.model import Entry, Kind
from croupier.core.governance.calendar.recurrence import parse_rule, until, written

MOST: Final = 2_000
"""Times of one entry in one answer; further ones are left out."""
_DAY: Final = timedelta(days=1)
_ERA: Final = timedelta(days=146_097)
"""Every 400 years the days of weeks, months and years are the same again."""

_LAST_YEAR: Final = 9_999

log = logging.getLogger("croupier.calendar")


@dataclass(frozen=True, slots=True)
class Recurrences:
    """``environments`` are those that this control plane serves."""

    environments: frozenset[str] = field(default_factory=frozenset)

    def times(self, entry: Entry, within: Interval) -> Sequence[Interval]:
        """See ``Almanac.times``."""
        return _times(entry, within)


@lru_cache(maxsize=4_096)
def _times(entry: Entry, within: Interval) -> tuple[Interval, ...]:
    try:
        return tuple(islice(_expanded(entry, within), MOST))
    except Exception:  # a zone that this machine has not, a rule that only an older version took
        log.exception("the times of '%s' cannot be told; it counts as closed", entry.name)
        return (within,) if entry.kind is Kind.FREEZE else ()


def _expanded(entry: Entry, within: Interval) -> Iterator[Interval]:
    zone = ZoneInfo(entry.zone)
    first, end = datetime.fromisoformat(entry.begins), datetime.fromisoformat(entry.ends)
    lasts = end - first
    without = {datetime.fromisoformat(each) for each in entry.without}
    earliest = _local(within.begins, zone) - lasts - _DAY
    latest = _local(within.ends, zone) + _DAY
    for begins in _beginnings(entry, first, earliest, latest, zone):
        if begins in without:
            continue
        found = _interval(begins, begins + lasts, zone, entry.kind)
        if found is not None and found.meets(within):
            yield found


def _beginnings(
    entry: Entry, first: datetime, earliest: datetime, latest: datetime, zone: ZoneInfo
) -> Iterator[datetime]:
    """Local beginnings from ``earliest`` to ``latest``, in order."""
    if entry.rule is None:
        yield first
        return
    for begins in _rule(entry.rule, first, earliest, latest, zone):
        if begins > latest:
            return
        if begins >= earliest:
            yield begins


def _rule(text: str, first: datetime, earliest: datetime, latest: datetime, zone: ZoneInfo) -> Iterable[datetime]:
    """The rule's beginnings. The search for one that nothing fulfils ends nowhere but after the year 9999, whatever its
    UNTIL: so it takes place in the last years before that, where it is short.
    """
    parts = parse_rule(text)
    last = latest
    if "UNTIL" in parts:
        named, is_utc = until(parts.pop("UNTIL"))
        named = _local(named.replace(tzinfo=UTC).timestamp(), zone) if is_utc else named
        last = min(last, named)
    count = int(parts.pop("COUNT")) if "COUNT" in parts else None
    if count is None:
        first = _nearer(parts, first, earliest)
    if last < first:
        return ()
    later = _ERA * ((_LAST_YEAR - last.year) // 400)
    first, last = first + later, last + later
    found = (begins - later for begins in rrulestr(f"{written(parts)};UNTIL={last:%Y%m%dT%H%M%S}", dtstart=first))
    return found if count is None else islice(found, count)


def _nearer(parts: dict[str, str], first: datetime, earliest: datetime) -> datetime:
    """A later beginning of a rule by days or weeks that names the same days: whole periods further."""
    period = {"DAILY": _DAY, "WEEKLY": 7 * _DAY}.get(parts["FREQ"])
    if period is None or earliest <= first:
        return first
    whole = period * int(parts.get("INTERVAL", "1"))
    return first + whole * max((earliest - first) // whole - 1, 0)


def _interval(begins: datetime, ends: datetime, zone: ZoneInfo, kind: Kind) -> Interval | None:
    """Both readings of a local time are the same, but in the two odd hours of a year."""
    at = [begins.replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1)]
    to = [ends.replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1)]
    low, high = (min(at), max(to)) if kind is Kind.FREEZE else (max(at), min(to))
    return Interval(low, high) if low < high else None


def _local(at: float, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(at, zone).replace(tzinfo=None)
