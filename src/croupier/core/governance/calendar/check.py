"""Calendars that are well-formed and make no sense: what is wrong, where, what to write. Pure; called by manifests."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from croupier.core.governance.calendar.model import MOST_ENTRIES, Calendar, Entry, Kind
from croupier.errors import Problem

LONGEST: Final = timedelta(days=400)
"""Of one entry. So long, and no longer, is looked back for beginnings."""
_EARLIEST: Final = 1_900


def check_calendar(calendar: Calendar) -> Iterator[Problem]:
    """Everything that is wrong with it."""
    if len(calendar.entries) > MOST_ENTRIES:
        message = f"there are {len(calendar.entries)} entries, at most {MOST_ENTRIES} are taken."
        yield Problem(message, ("spec",), "Part them into several Calendar documents.")
    seen: set[str] = set()
    for kind in Kind:
        for position, entry in enumerate(each for each in calendar.entries if each.kind is kind):
            at = ("spec", f"{kind}s", position)
            if entry.name in seen:
                yield Problem(f"'{entry.name}' is there twice.", (*at, "name"), "Give each its own name.")
            seen.add(entry.name)
            yield from _wrong_times(entry, at)


def _wrong_times(entry: Entry, at: tuple[str | int, ...]) -> Iterator[Problem]:
    begins, ends = datetime.fromisoformat(entry.begins), datetime.fromisoformat(entry.ends)
    if begins.year < _EARLIEST:
        yield Problem(f"it begins before {_EARLIEST}.", (*at, "from"), "Begin it later: it repeats all the same.")
    elif ends <= begins:
        yield Problem("it ends before it begins.", (*at, "to"), f"Write a time after {entry.begins}.")
    elif ends - begins > LONGEST:
        yield Problem(f"it lasts for more than {LONGEST.days} days.", (*at, "to"), "Repeat a shorter one.")
