"""Which recurrence rules (RRULE, RFC 5545 3.3.10) a calendar may have, and their one way of being written. Pure.

Everything that repeats by days or more; what repeats by hours or less, or names hours, is refused: it would be a
thousand entries where one is meant. So the work of expanding a rule is bounded. Asked by manifests and by the import.
"""

import re
from datetime import date, datetime
from typing import Final

PERIODS: Final = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
MOST_TIMES: Final = 1_000
"""The largest COUNT and INTERVAL."""

_DAY: Final = re.compile(r"([+-]?[1-9][0-9]?)?(MO|TU|WE|TH|FR|SA|SU)")
_NUMBERS: Final = {"BYMONTH": (1, 12), "BYMONTHDAY": (-31, 31), "BYYEARDAY": (-366, 366), "BYSETPOS": (-366, 366)}
_ODD: Final = ("BYMONTHDAY", "BYYEARDAY", "BYSETPOS")
"""Under days and weeks hardly anything fulfils them, and finding that out takes seconds."""
_ORDER: Final = ("FREQ", "INTERVAL", "COUNT", "UNTIL", *_NUMBERS, "BYDAY", "WKST")


def parse_rule(text: str) -> dict[str, str]:
    """The parts of the rule by name. Raises ``ValueError`` that says what is wrong with it."""
    parts: dict[str, str] = {}
    for part in text.strip().removeprefix("RRULE:").upper().split(";"):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not value:
            raise ValueError(f"'{part[:40]}' is not NAME=VALUE")
        if name in parts:
            raise ValueError(f"{name} is there twice")
        parts[name] = value
    _check(parts)
    return parts


def written(parts: dict[str, str]) -> str:
    """The rule as text, its parts in one order."""
    return ";".join(f"{name}={parts[name]}" for name in _ORDER if name in parts)


def _check(parts: dict[str, str]) -> None:
    if parts.get("FREQ") not in PERIODS:
        raise ValueError(f"FREQ must be one of {', '.join(PERIODS)}")
    if unknown := [name for name in parts if name not in _ORDER]:
        raise ValueError(f"{unknown[0][:20]} cannot be used here")
    if "COUNT" in parts and "UNTIL" in parts:
        raise ValueError("COUNT and UNTIL exclude each other")
    for name in ("INTERVAL", "COUNT"):
        if name in parts and not 1 <= _number(name, parts[name]) <= MOST_TIMES:
            raise ValueError(f"{name} must be from 1 to {MOST_TIMES}")
    for name, (least, most) in _NUMBERS.items():
        for number in (_number(name, each) for each in parts[name].split(",")) if name in parts else ():
            if number == 0 or not least <= number <= most:
                raise ValueError(f"{name} cannot hold {number}")
    if parts["FREQ"] in ("DAILY", "WEEKLY") and (odd := [name for name in _ODD if name in parts]):
        raise ValueError(f"{odd[0]} goes with MONTHLY and YEARLY, not with {parts['FREQ']}")
    _check_days(parts)


def _check_days(parts: dict[str, str]) -> None:
    for day in parts["BYDAY"].split(",") if "BYDAY" in parts else ():
        if _DAY.fullmatch(day) is None or (len(day) > 2 and parts["FREQ"] in ("DAILY", "WEEKLY")):
            raise ValueError(f"BYDAY cannot hold '{day[:10]}' here")
    if "WKST" in parts and _DAY.fullmatch(parts["WKST"]) is None:
        raise ValueError("WKST must be a day such as MO")
    if "UNTIL" in parts:
        until(parts["UNTIL"])


def until(text: str) -> tuple[datetime, bool]:
    """The UNTIL of a rule without its offset, and whether it is UTC; a date alone means all of that day."""
    digits = text.removesuffix("Z")
    try:
        if len(digits) == 8:
            return datetime.combine(_day(digits), datetime.max.time()).replace(microsecond=0), False
        return datetime.strptime(digits, "%Y%m%dT%H%M%S"), text.endswith("Z")  # noqa: DTZ007 - its zone is the entry's
    except ValueError:
        raise ValueError(f"UNTIL must be like 20261231T235959Z, not '{text[:30]}'") from None


def _day(digits: str) -> date:
    return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))


def _number(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{name} must be a whole number, not '{text[:10]}'") from None
