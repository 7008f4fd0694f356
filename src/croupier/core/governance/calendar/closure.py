"""What is closed for the rollouts of a service, why and until when, from calendars and their plain intervals. Pure.

A freeze is closed while it lasts. A calendar with windows for a service is closed outside of all of them; several such
calendars must be open at once. Asked by the loop at each tick, by people's commands, by plans and by the page.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from croupier.core.governance.calendar.interval import Interval, gaps
from croupier.core.governance.calendar.model import Calendar, Entry, Kind, Scope
from croupier.core.segments import AttributeMatch

Expand: TypeAlias = Callable[[Entry, Interval], Sequence[Interval]]
"""All times of an entry that meet the interval, whole."""


@dataclass(frozen=True, slots=True)
class Closure:
    """One reason to wait, and all its times within what was asked about. ``id`` is ``CALENDAR/ENTRY`` of a freeze, and
    ``CALENDAR`` of being outside its windows; with ``matches`` only some players are meant.
    """

    id: str
    kind: Kind
    why: str
    matches: tuple[AttributeMatch, ...]
    intervals: tuple[Interval, ...]

    @property
    def words(self) -> str:
        """``frozen by sports/final``, ``outside the windows of office-hours``."""
        return _words(self.kind, self.id)


@dataclass(frozen=True, slots=True)
class Shut:
    """What is closed at a moment. ``until`` is epoch seconds; ``None``: further than anybody looked."""

    id: str
    kind: Kind
    why: str
    since: float
    until: float | None
    matches: tuple[AttributeMatch, ...] = ()

    @property
    def words(self) -> str:
        """As ``Closure.words``."""
        return _words(self.kind, self.id)


def _words(kind: Kind, name: str) -> str:
    return f"frozen by {name}" if kind is Kind.FREEZE else f"outside the windows of {name}"


def closures(
    calendars: Iterable[Calendar], service: str, environments: frozenset[str], within: Interval, expand: Expand
) -> tuple[Closure, ...]:
    """Everything that closes something for the service within that time. ``environments`` are those served here."""
    out: list[Closure] = []
    for calendar in sorted(calendars, key=lambda each: each.name):
        meant = [entry for entry in calendar.entries if _is_meant(entry.scope, service, environments)]
        out += [
            Closure(f"{calendar.name}/{entry.name}", entry.kind, entry.why, entry.scope.matches, times)
            for entry in meant
            if entry.kind is Kind.FREEZE and (times := tuple(expand(entry, within)))
        ]
        out += _outside(calendar, [entry for entry in meant if entry.kind is Kind.WINDOW], within, expand)
    return tuple(out)


def _outside(calendar: Calendar, windows: Sequence[Entry], within: Interval, expand: Expand) -> list[Closure]:
    """Outside of all windows for the same players, for each of those."""
    out: list[Closure] = []
    for matches in dict.fromkeys(entry.scope.matches for entry in windows):
        alike = [entry for entry in windows if entry.scope.matches in (matches, ())]
        if closed := gaps((time for entry in alike for time in expand(entry, within)), within):
            out.append(Closure(calendar.name, Kind.WINDOW, calendar.description, matches, closed))
    return out


def _is_meant(scope: Scope, service: str, environments: frozenset[str]) -> bool:
    here = not scope.environments or not environments.isdisjoint(scope.environments)
    return here and (not scope.services or service in scope.services)


def shut(found: Iterable[Closure], at: float, within: Interval) -> tuple[Shut, ...]:
    """What is closed at that moment, the one that lasts longest first. A time that reaches to the end of ``within`` has
    no known end where it is one outside of windows.
    """
    out = [
        Shut(each.id, each.kind, each.why, time.begins, _end(each, time, within), each.matches)
        for each in found
        for time in each.intervals
        if time.holds(at)
    ]
    return tuple(sorted(out, key=lambda each: (each.until is not None, -(each.until or 0.0), each.id)))


def next_free(found: Sequence[Closure], at: float, within: Interval) -> float | None:
    """The first moment from ``at`` on at which nothing is closed; ``None``: none before the end of ``within``."""
    while at < within.ends:
        ends = [each.until for each in shut(found, at, within)]
        if not ends:
            return at
        if (latest := ends[0]) is None:
            return None
        at = latest
    return None


def _end(closure: Closure, time: Interval, within: Interval) -> float | None:
    return None if closure.kind is Kind.WINDOW and time.ends >= within.ends else time.ends


def apart(one: Sequence[AttributeMatch], other: Sequence[AttributeMatch]) -> bool:
    """Whether no player can be in both: an attribute has other values in one than in the other."""
    wanted = {match.attribute: set(match.values) for match in other}
    return any(wanted[match.attribute].isdisjoint(match.values) for match in one if match.attribute in wanted)
