"""One VEVENT as an entry of our Calendar: its times, its zone, its repetition, and what of it cannot be ours.

Used by ``ical``. An event is taken whole or not at all: half of a freeze is none.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from croupier.core.governance.calendar.recurrence import parse_rule, written

LONGEST_NAME: Final = 120
LONGEST_WHY: Final = 500
MOST_EXTRA: Final = 200
"""Times of one event that its rule does not name."""


class NotOurs(Exception):
    """Why an event cannot be taken."""


@dataclass(slots=True)
class Event:
    """A VEVENT read. ``entry`` has its times; ``extra`` are further beginnings (RDATE), as entries of their own."""

    uid: str
    sequence: int
    name: str
    categories: frozenset[str]
    cancelled: bool
    instance: str | None
    entry: dict[str, Any] = field(default_factory=dict)
    extra: list[dict[str, Any]] = field(default_factory=list)


def read_event(found: Any, zone: str) -> Event:
    """The event; floating times are taken for ``zone``. Raises ``NotOurs``."""
    uid = _line(str(found.get("UID", "")), 400)
    if not uid:
        raise NotOurs("it has no UID, so a later import could not replace it")
    if found.errors:
        raise NotOurs(f"it cannot be read: {_line(str(found.errors[0][1]), 200)}")
    event = Event(
        uid=uid,
        sequence=_sequence(found),
        name=_line(str(found.get("SUMMARY", "")), LONGEST_NAME) or _line(uid, 60),
        categories=frozenset(_categories(found)),
        cancelled=str(found.get("STATUS", "")).upper() == "CANCELLED",
        instance=None,
    )
    whole_of = found.get("RECURRENCE-ID")
    if whole_of is not None:
        if str(whole_of.params.get("RANGE", "")).upper() == "THISANDFUTURE":
            raise NotOurs("it changes all further times of a series (THISANDFUTURE): end the series and begin another")
        event.instance = _local(whole_of.dt, _zone_of(whole_of.dt, zone))
    if not event.cancelled:
        event.entry, event.extra = _entries(found, event, zone)
    return event


def _entries(found: Any, event: Event, zone: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    if "DTSTART" not in found:
        raise NotOurs("it has no DTSTART")
    start = _one(found, "DTSTART").dt
    own = _zone_of(start, zone)
    begins = datetime.fromisoformat(_local(start, own))
    lasts = _lasts(found, start, begins, own)
    entry: dict[str, Any] = {"name": event.name, "from": _written(begins), "to": _written(begins + lasts)}
    entry |= {"timeZone": own}
    if "RRULE" in found:
        entry["repeat"] = _rule(_one(found, "RRULE"))
    left = sorted({_local(each, own) for each in _dates(found, "EXDATE")})
    if len(left) > MOST_EXTRA:
        raise NotOurs(f"it leaves out more than {MOST_EXTRA} times")
    if left:
        entry["leaveOut"] = left
    why = _line(str(found.get("DESCRIPTION", "")), LONGEST_WHY)
    entry |= {"why": why} if why else {}
    entry |= _scope(found)
    extra = [_extra(entry, each, own, lasts) for each in _dates(found, "RDATE")]
    if len(extra) > MOST_EXTRA:
        raise NotOurs(f"it names more than {MOST_EXTRA} further times")
    return entry, extra


def _scope(found: Any) -> dict[str, Any]:
    """Whom it is about, in an event of our own export."""
    written_so = found.get("X-CROUPIER-SCOPE")
    if written_so is None:
        return {}
    try:
        scope = json.loads(str(written_so))
    except ValueError:
        raise NotOurs("its X-CROUPIER-SCOPE is no JSON") from None
    return {"scope": scope} if scope else {}


def _extra(entry: Mapping[str, Any], moment: Any, zone: str, lasts: timedelta) -> dict[str, Any]:
    at, ends = moment if isinstance(moment, tuple) else (moment, None)
    begins = datetime.fromisoformat(_local(at, zone))
    if isinstance(ends, timedelta):
        lasts = ends
    elif ends is not None:
        lasts = datetime.fromisoformat(_local(ends, zone)) - begins
    kept = {name: value for name, value in entry.items() if name not in ("repeat", "leaveOut")}
    return kept | {"from": _written(begins), "to": _written(begins + lasts)}


def _lasts(found: Any, start: Any, begins: datetime, zone: str) -> timedelta:
    """By the wall's clock, so that a night is a night also when clocks change."""
    if "DTEND" in found:
        lasts = datetime.fromisoformat(_local(_one(found, "DTEND").dt, zone)) - begins
    elif "DURATION" in found:
        lasts = _one(found, "DURATION").dt
    else:
        lasts = timedelta(0) if isinstance(start, datetime) else timedelta(days=1)
    if lasts <= timedelta(0):
        raise NotOurs("it takes no time: it needs an end after its beginning")
    return lasts


def _rule(found: Any) -> str:
    try:
        return written(parse_rule(found.to_ical().decode()))
    except ValueError as error:
        raise NotOurs(f"its RRULE cannot be used: {error}") from None


def _zone_of(moment: Any, zone: str) -> str:
    """The name of the zone of a time. One of the file's own making has none, so its times become UTC."""
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        return zone
    return moment.tzinfo.key if isinstance(moment.tzinfo, ZoneInfo) else "UTC"


def _local(moment: Any, zone: str) -> str:
    """The time as the wall's clock in the zone has it."""
    if not isinstance(moment, date):
        raise NotOurs("one of its times cannot be read")
    if not isinstance(moment, datetime):
        return _written(datetime.combine(moment, time()))
    if moment.tzinfo is None:
        return _written(moment)
    return _written(moment.astimezone(UTC if zone == "UTC" else ZoneInfo(zone)).replace(tzinfo=None))


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds" if moment.second else "minutes")


def _dates(found: Any, name: str) -> Iterator[Any]:
    value = found.get(name)
    for each in value if isinstance(value, list) else [value] if value is not None else []:
        yield from (item.dt for item in each.dts)


def _categories(found: Any) -> Iterator[str]:
    value = found.get("CATEGORIES")
    for each in value if isinstance(value, list) else [value] if value is not None else []:
        yield from (str(category).strip().upper() for category in each.cats)


def _sequence(found: Any) -> int:
    try:
        return min(max(int(found.get("SEQUENCE", 0)), 0), 2**31)
    except (TypeError, ValueError):
        raise NotOurs("its SEQUENCE is no number") from None


def _one(found: Any, name: str) -> Any:
    value = found[name]
    if isinstance(value, list):
        raise NotOurs(f"it has several {name}")
    return value


def _line(text: str, most: int) -> str:
    """The text in one printable line."""
    flat = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return flat if len(flat) <= most else flat[: most - 1] + "…"
