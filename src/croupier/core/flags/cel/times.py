"""Timestamps and durations as values of conditions, to the nanosecond. Called by the functions and the operators.

Formats as in CEL: RFC 3339 for timestamps, Go's notation (``1h30m``) for durations; ranges as in its specification.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Final

from croupier.core.flags.cel.errors import Undecided

SECOND: Final = 1_000_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST: Final = -62_135_596_800 * SECOND
_LAST: Final = 253_402_300_800 * SECOND - 1
_EDGE: Final = 2 * 86_400 * SECOND
_CYCLE_DAYS: Final = 146_097
_LONGEST: Final = 315_576_000_000 * SECOND
_UNITS: Final = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": SECOND,
    "m": 60 * SECOND,
    "h": 3_600 * SECOND,
}
_PART: Final = r"([0-9]{1,20})?(?:\.([0-9]{0,20}))?(ns|us|µs|μs|ms|s|m|h)"
_DURATION: Final = re.compile(rf"(?:{_PART})+")
_PARTS: Final = re.compile(_PART)
_TIMESTAMP: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,30}))?(?:Z|([+-])([0-9]{2}):([0-9]{2}))"
)
_NO_TIMESTAMP: Final = "the text is no timestamp such as 2026-12-01T08:30:00Z"
_OFFSET: Final = re.compile(r"([+-]?)([0-9]{2}):([0-9]{2})")
_ZONE: Final = re.compile(r"[A-Za-z0-9_+-]{1,32}(?:/[A-Za-z0-9_+-]{1,32}){0,3}")


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A length of time, up to 10,000 years either way."""

    nanoseconds: int

    def __post_init__(self) -> None:
        if not -_LONGEST <= self.nanoseconds <= _LONGEST:
            raise Undecided("the duration is out of range")

    def __str__(self) -> str:
        whole, rest = divmod(abs(self.nanoseconds), SECOND)
        return f"{'-' if self.nanoseconds < 0 else ''}{whole}{_fraction(rest)}s"


@dataclass(frozen=True, slots=True, order=True)
class Timestamp:
    """A moment, of the years 1 to 9999, in nanoseconds since 1970."""

    nanoseconds: int

    def __post_init__(self) -> None:
        if not _FIRST <= self.nanoseconds <= _LAST:
            raise Undecided("the timestamp is out of range")

    def __str__(self) -> str:
        whole = _EPOCH + timedelta(seconds=self.nanoseconds // SECOND)
        return f"{whole.replace(tzinfo=None).isoformat()}{_fraction(self.nanoseconds % SECOND)}Z"

    def local(self, zone: str | None) -> datetime:
        """The calendar's view in the zone, UTC for None, but for the year (see there). Raises Undecided.

        Python's calendar ends where a time zone may still lead beyond, so the days at both ends are looked at 400 years
        nearer, where weekdays and leap years are the same.
        """
        there = UTC if zone is None else read_zone(zone)
        nearer = timedelta(days=-self._cycles() * _CYCLE_DAYS)
        return (_EPOCH + timedelta(microseconds=self.nanoseconds // 1_000) + nearer).astimezone(there)

    def year(self, zone: str | None) -> int:
        """The calendar's year in the zone: 0 to 10,000. Raises Undecided."""
        return self.local(zone).year + 400 * self._cycles()

    def _cycles(self) -> int:
        return (self.nanoseconds > _LAST - _EDGE) - (self.nanoseconds < _FIRST + _EDGE)


def _fraction(nanoseconds: int) -> str:
    if not nanoseconds:
        return ""
    digits = f"{nanoseconds:09}"
    while digits.endswith("000"):
        digits = digits[:-3]
    return f".{digits}"


def from_datetime(moment: datetime) -> Timestamp:
    """The same moment. Raises Undecided if it does not say its time zone."""
    if moment.utcoffset() is None:
        raise Undecided("the datetime has no time zone")
    since = moment - _EPOCH
    return Timestamp((since.days * 86_400 + since.seconds) * SECOND + since.microseconds * 1_000)


def from_timedelta(length: timedelta) -> Duration:
    """The same length of time."""
    return Duration((length.days * 86_400 + length.seconds) * SECOND + length.microseconds * 1_000)


def from_clock(seconds: float) -> Timestamp:
    """The moment that a clock shows, to the microsecond, which is as exact as such a float is."""
    return Timestamp(round(seconds * 1_000_000) * 1_000)


def read_timestamp(text: str) -> Timestamp:
    """``2026-12-01T08:30:00Z``, with fractions and offsets as RFC 3339 has them. Raises Undecided."""
    found = _TIMESTAMP.fullmatch(text)
    if found is None:
        raise Undecided(_NO_TIMESTAMP)
    date, clock, fraction, sign, hours, minutes = found.groups()
    try:
        since = datetime.fromisoformat(f"{date}T{clock}+00:00") - _EPOCH
    except ValueError:
        raise Undecided(_NO_TIMESTAMP) from None
    seconds = since.days * 86_400 + since.seconds
    if sign:
        if int(hours) > 23 or int(minutes) > 59:
            raise Undecided(_NO_TIMESTAMP)
        offset = int(hours) * 3_600 + int(minutes) * 60
        seconds -= -offset if sign == "-" else offset
    return Timestamp(seconds * SECOND + int((fraction or "")[:9].ljust(9, "0")))


def read_duration(text: str) -> Duration:
    """``1h30m``, ``-1.5s``, ``250ms``. Raises Undecided."""
    unsigned = text[1:] if text[:1] in {"-", "+"} else text
    if unsigned == "0":
        return Duration(0)
    if len(text) > 128 or not _DURATION.fullmatch(unsigned):
        raise Undecided("the text is no duration such as 90s or 1h30m")
    total = 0
    for whole, fraction, unit in _PARTS.findall(unsigned):
        if not whole and not fraction:
            raise Undecided("the text is no duration such as 90s or 1h30m")
        total += int(whole or 0) * _UNITS[unit] + int(fraction or 0) * _UNITS[unit] // 10 ** len(fraction)
    return Duration(-total if text[0] == "-" else total)


@lru_cache(maxsize=256)
def read_zone(name: str) -> tzinfo:
    """``Europe/Berlin``, ``+02:00``, ``02:00``, ``UTC`` or nothing, which is UTC too. Raises Undecided."""
    if not name:
        return UTC
    if offset := _OFFSET.fullmatch(name):
        sign, hours, minutes = offset.groups()
        if int(hours) <= 23 and int(minutes) <= 59:
            length = timedelta(hours=int(hours), minutes=int(minutes))
            return timezone(-length if sign == "-" else length)
    elif _ZONE.fullmatch(name):
        # Late, since few rules ask for a time zone and the SDK's start should stay quick.
        from zoneinfo import ZoneInfo

        try:
            return ZoneInfo(name)
        except (LookupError, ValueError, OSError):
            pass
    raise Undecided("there is no such time zone")
