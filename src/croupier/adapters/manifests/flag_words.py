"""How people write what only flags have: keys, shares of players, days.

Takes what YAML or JSON held and returns the value, or raises ``Misread``. Called by the fields of flags' shapes, days
by the API, too.
"""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final

from croupier.adapters.manifests.misread import Misread, described, quoted
from croupier.adapters.manifests.words import text
from croupier.core.flags.read import KEY

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_HINT: Final = "Write a day, 2027-01-31, or a time with its zone, 2027-01-31T12:00:00Z."


def key(value: object) -> str:
    """A flag's key, or a variant's name."""
    found = text(value)
    if KEY.fullmatch(found):
        return found
    raise Misread(f"{quoted(found)} cannot be a name here.", "Write letters, digits, '.', '_' and '-', 128 at most.")


def truth(value: object) -> bool:
    """True or false."""
    if isinstance(value, bool):
        return value
    raise Misread(f"expected true or false, found {described(value)}.", "Write true or false, without quotes.")


def fraction(value: object) -> float:
    """A share of the players, 0 to 1; ``core`` says how fine it may be."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Misread(f"expected a number from 0 to 1, found {described(value)}.", "25 % is 0.25.")
    return value


def weight(value: object) -> int:
    """A variant's part among others."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 1_000_000:
        raise Misread(f"expected a whole number from 0 to 1000000, found {described(value)}.")
    return value


def read_day(value: object) -> float:
    """Epoch seconds. A day without a time counts whole, in UTC: its end is meant."""
    if not isinstance(value, str):
        raise Misread(f"expected a day, found {described(value)}.", _HINT)
    try:
        if _DAY.fullmatch(value):
            found = datetime.combine(date.fromisoformat(value), datetime.min.time(), UTC) + timedelta(days=1)
        else:
            found = datetime.fromisoformat(value)
    except (ValueError, OverflowError):
        raise Misread(f"{quoted(value)} is no day.", _HINT) from None
    if found.tzinfo is None:
        raise Misread(f"{quoted(value)} has no time zone.", "Add Z for UTC: 2027-01-31T12:00:00Z.")
    return found.timestamp()
