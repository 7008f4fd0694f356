"""How people write what only experiments have: spans of days, relative effects, which way is better.

Takes what YAML or JSON held and returns the value, or raises ``Misread``. Called by the fields of the experiment's
shape.
"""

import re
from typing import Final

from croupier.adapters.manifests.misread import Misread, described
from croupier.adapters.manifests.quantities import duration

DIRECTIONS: Final = ("more", "fewer")
_DAYS: Final = re.compile(r"(\d{1,3}(?:\.\d+)?)(d|w)")
_LOOSE: Final = re.compile(r"(\d{1,3})\s*(?:(d)|(w))[a-z]*", re.IGNORECASE | re.ASCII)
_DAY_S: Final = 86_400.0
_MINUTE_S: Final = 60.0
_PERCENTS: Final = 100
_EFFECT: Final = re.compile(r"(\d{1,4}(?:\.\d+)?)\s*%")


def span(value: object) -> float:
    """Seconds: ``7d``, ``2w``, or a duration. Not 7: that would be 7 s, and hardly anybody means that."""
    if isinstance(value, str) and (found := _DAYS.fullmatch(value)):
        return float(found[1]) * _DAY_S * (7 if found[2] == "w" else 1)
    if isinstance(value, str) and (loose := _LOOSE.fullmatch(value)):
        better = f"{loose[1]}{'d' if loose[2] else 'w'}"
        raise Misread(f"expected a duration, found {described(value)}.", f"Write {better}.")
    number = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
    if isinstance(number, int | float) and not isinstance(number, bool) and 1 <= number < _MINUTE_S:
        raise Misread("{written} has no unit: days or seconds?", f"Write {number:g}d, or {number:g}s.")
    return duration(value)


def effect(value: object) -> float:
    """A relative effect: ``10%`` or 0.1."""
    if isinstance(value, str) and (found := _EFFECT.fullmatch(value)):
        return float(found[1]) / 100
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1:
        return float(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and 1 <= value < _PERCENTS:
        raise Misread(
            f"{value:g} could mean {value:g} % or {100 * value:g} %.", f"Write {value:g}% or {100 * value:g}%."
        )
    raise Misread(f"expected an effect, found {described(value)}.", "Write for example 10%: a tenth more or less.")


def direction(value: object) -> str:
    """One of ``DIRECTIONS``."""
    if isinstance(value, str) and value in DIRECTIONS:
        return value
    raise Misread(f"expected more or fewer, found {described(value)}.", "Write more or fewer.")
