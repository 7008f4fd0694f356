"""The functions of conditions: conversions, texts, sizes, calendars. Called by the compiled conditions.

Which calls are written how is in the signatures; here is what they do to adopted values.
"""

import math
import re
from collections.abc import Callable
from typing import Any, Final

from croupier.core.flags.cel.errors import Undecided
from croupier.core.flags.cel.kinds import Type, kind_of
from croupier.core.flags.cel.literals import HIGHEST, LOWEST
from croupier.core.flags.cel.regexes import search_for
from croupier.core.flags.cel.times import SECOND, Duration, Timestamp, read_duration, read_timestamp
from croupier.core.flags.cel.versions import Version, read_version

_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,30}")
_DOUBLE: Final = re.compile(
    r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?:inf|infinity|nan)", re.IGNORECASE
)
_TRUE: Final = frozenset({"1", "t", "true", "TRUE", "True"})
_FALSE: Final = frozenset({"0", "f", "false", "FALSE", "False"})


def _refuse(function: str, *values: Any) -> Undecided:
    return Undecided(f"{function} does not work on {' and '.join(kind_of(value).words for value in values)}")


# Conversions


def _to_int(value: Any) -> int:
    match kind_of(value):
        case Type.INT:
            whole = value
        case Type.DOUBLE if math.isfinite(value) and LOWEST < value < HIGHEST:
            whole = int(value)
        case Type.STRING if _WHOLE.fullmatch(value):
            whole = int(value)
        case Type.TIMESTAMP:
            whole = value.nanoseconds // SECOND
        case Type.DOUBLE:
            raise Undecided("the number does not fit into 64 bits")
        case Type.STRING:
            raise Undecided("the text is no whole number")
        case _:
            raise _refuse("int", value)
    if not LOWEST <= whole <= HIGHEST:
        raise Undecided("the number does not fit into 64 bits")
    return int(whole)


def _to_double(value: Any) -> float:
    match kind_of(value):
        case Type.INT | Type.DOUBLE:
            return float(value)
        case Type.STRING if len(value) <= 1_024 and _DOUBLE.fullmatch(value):
            return float(value)
        case Type.STRING:
            raise Undecided("the text is no number")
        case _:
            raise _refuse("double", value)


def _to_string(value: Any) -> str:
    match kind_of(value):
        case Type.STRING:
            return str(value)
        case Type.BOOL:
            return "true" if value else "false"
        case Type.INT:
            return str(_to_int(value))
        case Type.DOUBLE:
            return _double_text(value)
        case Type.TIMESTAMP | Type.DURATION:
            return str(value)
        case _:
            raise _refuse("string", value)


def _double_text(value: float) -> str:
    """The shortest digits that read back as the same number, written as Go's and C++'s ``%g`` do: 3, 0.5, 1e+06."""
    if not math.isfinite(value) or not value:
        return repr(value).removesuffix(".0")
    # Late, since few rules write numbers and the SDK's start should stay quick.
    from decimal import Decimal

    digits, exponent = f"{Decimal(repr(value)).normalize():e}".split("e")
    if -4 <= int(exponent) < 6:
        return f"{Decimal(repr(value)):f}".removesuffix(".0")
    return f"{digits}e{exponent[0]}{exponent[1:]:0>2}"


def _to_bool(value: Any) -> bool:
    match kind_of(value):
        case Type.BOOL:
            return bool(value)
        case Type.STRING if value in _TRUE:
            return True
        case Type.STRING if value in _FALSE:
            return False
        case Type.STRING:
            raise Undecided("the text is neither true nor false")
        case _:
            raise _refuse("bool", value)


def _to_timestamp(value: Any) -> Timestamp:
    match kind_of(value):
        case Type.TIMESTAMP:
            found: Timestamp = value
            return found
        case Type.STRING:
            return read_timestamp(value)
        case Type.INT:
            return Timestamp(value * SECOND)
        case _:
            raise _refuse("timestamp", value)


def _to_duration(value: Any) -> Duration:
    match kind_of(value):
        case Type.DURATION:
            found: Duration = value
            return found
        case Type.STRING:
            return read_duration(value)
        case _:
            raise _refuse("duration", value)


def _to_version(value: Any) -> Version:
    match kind_of(value):
        case Type.VERSION:
            found: Version = value
            return found
        case Type.STRING:
            return read_version(value)
        case _:
            raise _refuse("semver", value)


# Texts and sizes


def _size(value: Any) -> int:
    if kind_of(value) not in {Type.STRING, Type.LIST, Type.MAP}:
        raise _refuse("size", value)
    return len(value)


def _of_texts(name: str, test: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    def tested(text: Any, part: Any) -> bool:
        if type(text) is not str or type(part) is not str:
            raise _refuse(name, text, part)
        return test(text, part)

    return tested


# Calendars


def _part(
    name: str, read_part: Callable[[Timestamp, str | None], int], unit: int = 0, wrap: int = 0
) -> Callable[..., int]:
    """Reads one part of the calendar's view of a timestamp; of a duration, the whole ``unit`` nanoseconds in it."""

    def read(value: Any, zone: Any = None) -> int:
        if zone is not None and type(zone) is not str:
            raise Undecided(f"a time zone is a name such as 'Europe/Berlin', not {kind_of(zone).words}")
        if type(value) is Timestamp:
            return read_part(value, zone)
        if type(value) is not Duration or not unit or zone is not None:
            raise _refuse(name, value)
        count = abs(value.nanoseconds) // unit
        count = count % wrap if wrap else count
        return -count if value.nanoseconds < 0 else count

    return read


FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "int": _to_int,
    "double": _to_double,
    "string": _to_string,
    "bool": _to_bool,
    "timestamp": _to_timestamp,
    "duration": _to_duration,
    "semver": _to_version,
    "size": _size,
    "startsWith": _of_texts("startsWith", str.startswith),
    "endsWith": _of_texts("endsWith", str.endswith),
    "contains": _of_texts("contains", str.__contains__),
    "matches": _of_texts("matches", lambda text, pattern: search_for(pattern)(text)),
    "getFullYear": _part("getFullYear", Timestamp.year),
    "getMonth": _part("getMonth", lambda moment, zone: moment.local(zone).month - 1),
    "getDate": _part("getDate", lambda moment, zone: moment.local(zone).day),
    "getDayOfMonth": _part("getDayOfMonth", lambda moment, zone: moment.local(zone).day - 1),
    "getDayOfYear": _part("getDayOfYear", lambda moment, zone: moment.local(zone).timetuple().tm_yday - 1),
    "getDayOfWeek": _part("getDayOfWeek", lambda moment, zone: moment.local(zone).isoweekday() % 7),
    "getHours": _part("getHours", lambda moment, zone: moment.local(zone).hour, 3_600 * SECOND),
    "getMinutes": _part("getMinutes", lambda moment, zone: moment.local(zone).minute, 60 * SECOND),
    "getSeconds": _part("getSeconds", lambda moment, zone: moment.local(zone).second, SECOND),
    "getMilliseconds": _part(
        "getMilliseconds", lambda moment, zone: moment.local(zone).microsecond // 1_000, 1_000_000, 1_000
    ),
}
