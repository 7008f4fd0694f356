"""How people write times of a calendar: local times, time zones, recurrence rules. Called by its fields.

A local time has no offset: what it means is the zone's to say, also when clocks change.
"""

import re
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from croupier.adapters.manifests.misread import Misread, described, quoted
from croupier.adapters.manifests.words import text
from croupier.core.governance.calendar.recurrence import parse_rule, written

LONGEST_NAME: Final = 120
_LOCAL: Final = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(:\d{2})?)?")
_YEARS: Final = range(2000, 2200)


def local_time(value: object) -> str:
    """A date, which is its first moment, or a local time: ``2026-05-30T20:00``. To the second, without an offset."""
    example = "Write for example 2026-05-30T20:00."
    if not isinstance(value, str):
        raise Misread(f"expected a time, found {described(value)}.", example)
    found = _LOCAL.fullmatch(value.strip())
    if found is None:
        offset = re.search(r"(?:Z|[+-]\d{2}:?\d{2})$", value.strip())
        hint = "Leave the offset out, and write the zone in timeZone." if offset else example
        raise Misread(f"{quoted(value)} is no local time.", hint)
    try:
        read = datetime.fromisoformat(f"{found[1]}T{found[2] or '00:00'}{found[3] or ''}")
    except ValueError as error:
        raise Misread(f"{quoted(value)} is no time: {error}.", example) from None
    if read.year not in _YEARS:
        raise Misread(f"the year must be from {_YEARS[0]} to {_YEARS[-1]}.", example)
    return read.isoformat(timespec="seconds" if read.second else "minutes")


def zone(value: object) -> str:
    """The name of a time zone as the IANA has it."""
    found = text(value)
    try:
        ZoneInfo(found)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        raise Misread(f"there is no time zone {quoted(found)}.", "Write for example Europe/Malta, or UTC.") from None
    return found


def rule(value: object) -> str:
    """A recurrence rule, in its one way of being written."""
    found = text(value)
    try:
        return written(parse_rule(found))
    except ValueError as error:
        raise Misread(f"{quoted(found)} cannot be used: {error}.", "Write for example FREQ=WEEKLY;BYDAY=SA.") from None


def entry_name(value: object) -> str:
    """What people call a freeze or a window: one line."""
    found = text(value).strip()
    if len(found) > LONGEST_NAME or not found.isprintable():
        raise Misread(f"a name is one line of at most {LONGEST_NAME} characters.", "Write less.")
    return found
