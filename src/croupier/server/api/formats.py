"""How times, places in a list and weights are written on the wire, and read from it. Pure; used by all of the API."""

from datetime import UTC, datetime
from typing import overload

from croupier.errors import Rejected


@overload
def moment(at: float) -> str: ...
@overload
def moment(at: float | None) -> str | None: ...
def moment(at: float | None) -> str | None:
    """Epoch seconds as RFC 3339 in UTC, to the millisecond."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def epoch(text: str) -> float:
    """Epoch seconds of an RFC 3339 time; a time without a zone is UTC. Raises ``Rejected``."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Rejected(f"'{text}' is no time.", hint="Write RFC 3339: 2026-11-22T05:16:39Z") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def position(cursor: str | None) -> int:
    """The sequence number that a cursor of ours stands for; -1 is the beginning. Raises ``Rejected``."""
    if cursor is None:
        return -1
    if not (cursor.isascii() and cursor.isdecimal()) or len(cursor) > 16:
        raise Rejected("This cursor is not one of ours.", hint="Send `next` of the page before, unchanged.")
    return int(cursor)


def percent_of(weight_bp: int) -> float:
    """Basis points as percent."""
    return weight_bp / 100
