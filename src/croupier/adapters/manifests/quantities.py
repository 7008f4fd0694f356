"""How people write quantities: durations, sizes, shares, weights, counts.

Takes what YAML or JSON held and returns the core's unit, or raises ``Misread``. Called by the fields.
"""

import math
import re
from decimal import Decimal, InvalidOperation
from typing import Final

from croupier.adapters.manifests.misread import Misread, described

_DURATION: Final = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|us|µs|ns|h|m|s))+")
_DURATION_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|h|m|s)")
_SECONDS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_LONGEST_S: Final = 366 * 86_400.0
_MOST_S: Final = 20
"""Beyond it, a number without a unit was hardly meant in seconds where requests are timed."""
_SIZE: Final = re.compile(r"(\d+)(Ki|Mi|Gi|Ti|k|K|M|G|T)?")
_UNITS: Final = {
    "": 1,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}
_LARGEST: Final = 2**50
_SMALLEST: Final = 2**20
_PERCENT: Final = re.compile(r"(\d+(?:\.\d+)?)\s*%")


def duration(value: object) -> float:
    """Seconds: Go's notation (``90s``, ``1h30m``, ``400ms``) or whole seconds as Argo Rollouts takes them (``300``,
    ``"300"``).
    """
    hint = "Write for example 90s, 5m or 1h30m."
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
        seconds = float(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        seconds = float(value) if abs(value) < 10**12 else math.inf
    elif isinstance(value, str) and len(value) < 60 and _DURATION.fullmatch(value):
        seconds = sum(float(number) * _SECONDS[unit] for number, unit in _DURATION_PART.findall(value))
    else:
        raise Misread(f"expected a duration, found {described(value)}.", _duration_hint(value) or hint)
    if seconds < 0:
        raise Misread(f"a duration cannot be negative, found {described(value)}.", hint)
    if seconds > _LONGEST_S:
        raise Misread(f"expected a duration of at most a year, found {described(value)}.", hint)
    return seconds


def latency(value: object) -> float:
    """Seconds, as ``duration``, but never without a unit: 400 would be 400 s, and hardly anybody means that."""
    number = float(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
    if isinstance(number, int | float) and not isinstance(number, bool) and 1 <= number < 10**6:
        either = f"{number:g}ms, or {number:g}s" if number > _MOST_S else f"{number:g}s, or {number:g}ms"
        raise Misread("{written} has no unit: seconds or milliseconds?", f"Write {either}.")
    return duration(value)


def _duration_hint(value: object) -> str:
    if isinstance(value, float) and math.isfinite(value) and 0 < value < _LONGEST_S:
        return f"Write {round(value * 1000)}ms."
    if not isinstance(value, str) or len(value) > 40:
        return ""
    if days := re.fullmatch(r"(\d{1,3})\s*(?:d|days?)", value):
        return f"Days are not known: write {int(days[1]) * 24}h."
    if loose := re.fullmatch(r"(\d+)\s*(ms|s|m|h)[a-z]*", value.strip().lower()):
        return f"Write {loose[1]}{loose[2]}."
    if re.fullmatch(r"-\d+(ms|s|m|h)?", value):
        return "A duration cannot be negative."
    return ""


def size(value: object) -> int:
    """Bytes, in Kubernetes' notation: ``512Mi``, ``2Gi``, ``500M`` or a bare number."""
    hint = "Write for example 512Mi or 2Gi."
    if isinstance(value, int) and not isinstance(value, bool):
        size_bytes = value
    elif isinstance(value, str) and len(value) < 30 and (found := _SIZE.fullmatch(value)):
        size_bytes = int(found[1]) * _UNITS["k" if found[2] == "K" else found[2] or ""]
    else:
        if isinstance(value, str) and (found := re.fullmatch(r"(\d{1,20})\s*([KMGTkmgt])i?[bB]?", value)):
            hint = f"Write {found[1]}{found[2].upper()}i."
        raise Misread(f"expected a size, found {described(value)}.", hint)
    if not _SMALLEST <= size_bytes <= _LARGEST:
        raise Misread(f"expected a size from 1Mi to 1024Ti, found {described(value)}.", hint)
    return size_bytes


def share(value: object) -> float:
    """A share from 0 to 1, written ``99%`` or ``0.99``. A bare 1 is refused: it could mean 1 % or 100 %."""
    if isinstance(value, str) and len(value) < 30 and (found := _PERCENT.fullmatch(value)):
        result = float(Decimal(found[1]) / 100)
        if result > 1:
            raise Misread(f"a share is at most 100%, found {described(value)}.", "Write for example 99% or 0.99.")
        return result
    if isinstance(value, int | float) and not isinstance(value, bool):
        if value == 1:
            raise Misread("1 could mean 1 % or 100 %.", "Write 1% or 100%.")
        if 0 <= value < 1:
            return float(value)
        if 1 < value <= 100:
            raise Misread(f"a share is at most 1, found {described(value)}.", f"Write {value:g}% or {value / 100:g}.")
    if isinstance(value, str) and len(value) < 30 and re.fullmatch(r"\d+(\.\d+)?", value):
        raise Misread(f"expected a share, found {described(value)}.", f"Write {value}%, or a number without quotes.")
    raise Misread(f"expected a share, found {described(value)}.", "Write for example 99% or 0.99.")


def weight(value: object) -> int:
    """Basis points from a percentage: 5 -> 500, 0.25 -> 25. Plain numbers to 0.01, as Argo Rollouts writes them."""
    if isinstance(value, str) and (found := re.fullmatch(r"(\d{1,3}(?:\.\d{1,2})?)\s*%?", value)):
        raise Misread(f"expected a number, found {described(value)}.", f"Write {found[1]}, without quotes or %.")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Misread(f"expected a percentage from 0 to 100, found {described(value)}.", "Write for example 5 or 0.25.")
    try:
        basis_points = Decimal(repr(value)) * 100
    except InvalidOperation:  # pragma: no cover - repr of a finite number is always a decimal
        raise Misread(f"expected a percentage, found {described(value)}.") from None
    if not 0 <= basis_points <= 10_000:
        bound = "more than everybody" if basis_points > 0 else "less than nobody"
        raise Misread(f"a weight of {{written}} % is {bound}.", "Write a percentage from 0 to 100.")
    if basis_points != int(basis_points):
        raise Misread(
            "a weight of {written} % is too fine: the smallest step is 0.01 % of the players.",
            f"Write {max(1, round(basis_points)) / 100:g}.",
        )
    return int(basis_points)


def jump(value: object) -> int:
    """The same of a rise of the share: with none at all no rollout would ever begin."""
    basis_points = weight(value)
    if not basis_points:
        raise Misread(
            "no rise may be of 0 %: nobody would ever get a release.", "Write for example 50, or leave it out."
        )
    return basis_points


def whole(value: object, least: int, most: int) -> int:
    """A whole number within bounds, both included."""
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,12}", value):
        raise Misread(f"expected a whole number, found {described(value)}.", f"Write {int(value)}, without quotes.")
    if isinstance(value, bool) or not isinstance(value, int):
        raise Misread(f"expected a whole number, found {described(value)}.", f"Write a number from {least} to {most}.")
    if not least <= value <= most:
        raise Misread("{written} is out of range.", f"Write a whole number from {least} to {most}.")
    return value


def ratio(value: object) -> float:
    """How many times as much: a number such as 1.1."""
    if isinstance(value, str) and len(value) < 30 and (found := re.fullmatch(r"(\d+(?:\.\d+)?)\s*(%?)", value)):
        number = float(found[1]) / (100 if found[2] else 1)
        if found[2] and number < 1:
            hint = f"Write {1 + number:g} for 'at most {found[1]} % more'."
            raise Misread(f"expected a number, found {described(value)}.", hint)
        raise Misread(f"expected a number, found {described(value)}.", f"Write {number:g}, without quotes or %.")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 10**6:
        raise Misread(f"expected a number, found {described(value)}.", "Write 1.1 for 'at most 10 % more'.")
    return float(value)


def number(value: object) -> float:
    """So many of something, parts of one included: players, failures that count as one."""
    if isinstance(value, str) and re.fullmatch(r"\d{1,12}(\.\d{1,6})?", value):
        raise Misread(f"expected a number, found {described(value)}.", f"Write {float(value):g}, without quotes.")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Misread(f"expected a number, found {described(value)}.", "Write for example 10.")
    if not 0 <= value <= 10**9:
        raise Misread("{written} is out of range.", "Write a number from 1 to 1000000000.")
    return float(value)
