"""What a ``Calendar`` document says: freezes and windows, as people write them. Times are local, for a named zone.

Expanded into intervals by an adapter, asked by ``closure``; imported from and exported to iCal.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from croupier.core.segments import AttributeMatch

MOST_ENTRIES: Final = 500
"""Of one document."""


class Kind(StrEnum):
    """What an entry does while it lasts."""

    FREEZE = "freeze"
    """Nothing begins, and no share rises."""
    WINDOW = "window"
    """Releases go on only in the windows of their calendar, if it has any for them."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whom an entry is about. Empty: every service, all players, every environment.

    ``matches`` narrow it to players, as a segment does: only what gives the canary to some of them has to wait.
    """

    services: tuple[str, ...] = ()
    matches: tuple[AttributeMatch, ...] = ()
    environments: tuple[str, ...] = ()


EVERYTHING: Final = Scope()


@dataclass(frozen=True, slots=True)
class Entry:
    """One freeze or window, ``name`` once in its calendar. ``begins`` and ``ends`` are local times without an offset
    (``2026-05-30T20:00``), ``zone`` their IANA time zone; ``rule`` is an RRULE (RFC 5545) that repeats it, ``without``
    the local beginnings that it leaves out. ``uid`` and ``sequence`` are those of the iCal event that it came from.
    """

    name: str
    kind: Kind
    begins: str
    ends: str
    zone: str = "UTC"
    rule: str | None = None
    without: tuple[str, ...] = ()
    scope: Scope = EVERYTHING
    why: str = ""
    uid: str | None = None
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Calendar:
    """A ``Calendar`` document."""

    name: str
    entries: tuple[Entry, ...] = ()
    description: str = ""
