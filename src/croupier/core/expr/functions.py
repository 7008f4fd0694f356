"""The functions of expressions that take values, and which there are. Called by the parser and the compiler."""

import math
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, Final

from croupier.core.expr.errors import ExprError, Unanswerable
from croupier.core.expr.kinds import LARGEST, LONGEST, kind_of, numeric, ordered, shown, whole

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,19}")
_FLOAT: Final = re.compile(
    r"[+-]?(?:[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?|inf(?:inity)?|nan)", re.IGNORECASE
)


def _length(value: Any) -> int:
    if isinstance(value, str | list | dict):
        return len(value)
    raise Unanswerable(f"{kind_of(value)} has no length")


def _as_int(value: Any) -> int:
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return whole(int(value))
    if isinstance(value, float) and math.isfinite(value) and abs(value) <= LARGEST:
        return int(value)
    if kind_of(value) == "int":
        return int(value)
    raise Unanswerable(f"{shown(value)} is no whole number")


def _as_float(value: Any) -> float:
    if isinstance(value, str) and _FLOAT.fullmatch(value):
        return float(value)
    if kind_of(value) in {"int", "float"}:
        return float(value)
    raise Unanswerable(f"{shown(value)} is no number")


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise Unanswerable(f"{shown(value)} is no text")


def _items(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    raise Unanswerable(f"{shown(value)} is no list")


def _map(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise Unanswerable(f"{shown(value)} is no map")


def _numbers(*values: Any) -> list[int | float]:
    """All of these numbers, and all of those in these lists."""
    return [numeric(each) for value in values for each in (value if isinstance(value, list) else [value])]


def _some(values: list[int | float]) -> list[int | float]:
    if not values:
        raise Unanswerable("there is nothing in the list")
    return values


def _median(*values: Any) -> float:
    found = sorted(_some(_numbers(*values)))
    middle = len(found) // 2
    return float(found[middle]) if len(found) % 2 else (found[middle - 1] + found[middle]) / 2


def _sum(value: Any) -> int | float:
    total = sum(_numbers(*_items(value)))
    return whole(total) if isinstance(total, int) else total


def _extreme(pick: Callable[[list[int | float]], int | float]) -> Callable[..., int | float]:
    def extreme(*values: Any) -> int | float:
        found = _some(_numbers(*values))
        nowhere = [each for each in found if each != each]  # noqa: PLR0124 - NaN
        return nowhere[0] if nowhere else pick(found)

    return extreme


def _rounded(value: Any) -> float:
    number = float(numeric(value))
    return math.copysign(math.floor(abs(number) + 0.5), number) if math.isfinite(number) else number


def _whole_part(function: Callable[[float], int]) -> Callable[[Any], float]:
    def part(value: Any) -> float:
        number = float(numeric(value))
        return float(function(number)) if math.isfinite(number) else number

    return part


def _sorted(value: Any) -> list[Any]:
    found = _items(value)
    if not ordered(found):
        raise Unanswerable("only numbers, or only texts, can be sorted")
    return sorted(found)


def _joined(value: Any, between: Any = "") -> str:
    texts, link = [*map(_text, _items(value))], _text(between)
    if sum(map(len, texts)) + len(link) * len(texts) > LONGEST:
        raise Unanswerable("the text would be too long")
    return link.join(texts)


FUNCTIONS: Final[Mapping[str, tuple[int, int, Callable[..., Any]]]] = {
    "len": (1, 1, _length),
    "isNaN": (1, 1, lambda value: math.isnan(numeric(value))),
    "isInf": (1, 1, lambda value: math.isinf(numeric(value))),
    "isNil": (1, 1, lambda value: value is None),
    "default": (2, 2, lambda value, otherwise: otherwise if value is None else value),
    "asInt": (1, 1, _as_int),
    "asFloat": (1, 1, _as_float),
    "int": (1, 1, _as_int),
    "float": (1, 1, _as_float),
    "string": (1, 1, lambda value: value if isinstance(value, str) else shown(value)),
    "type": (1, 1, kind_of),
    "abs": (1, 1, lambda value: abs(numeric(value))),
    "ceil": (1, 1, _whole_part(math.ceil)),
    "floor": (1, 1, _whole_part(math.floor)),
    "round": (1, 1, _rounded),
    "max": (1, 64, _extreme(max)),
    "min": (1, 64, _extreme(min)),
    "mean": (1, 64, lambda *values: math.fsum(_some(found := _numbers(*values))) / len(found)),
    "median": (1, 64, _median),
    "first": (1, 1, lambda value: next(iter(_items(value)), None)),
    "last": (1, 1, lambda value: next(reversed(_items(value)), None)),
    "sort": (1, 1, _sorted),
    "reverse": (1, 1, lambda value: _items(value)[::-1]),
    "keys": (1, 1, lambda value: list(_map(value))),
    "values": (1, 1, lambda value: list(_map(value).values())),
    "trim": (1, 2, lambda value, some=None: _text(value).strip(None if some is None else _text(some))),
    "trimPrefix": (2, 2, lambda value, prefix: _text(value).removeprefix(_text(prefix))),
    "trimSuffix": (2, 2, lambda value, suffix: _text(value).removesuffix(_text(suffix))),
    "upper": (1, 1, lambda value: _text(value).upper()),
    "lower": (1, 1, lambda value: _text(value).lower()),
    "split": (2, 2, lambda value, at: _text(value).split(_text(at)) if at else list(_text(value))),
    "join": (1, 2, _joined),
    "indexOf": (2, 2, lambda value, part: _text(value).find(_text(part))),
    "lastIndexOf": (2, 2, lambda value, part: _text(value).rfind(_text(part))),
    "hasPrefix": (2, 2, lambda value, prefix: _text(value).startswith(_text(prefix))),
    "hasSuffix": (2, 2, lambda value, suffix: _text(value).endswith(_text(suffix))),
}
"""Name -> the least and the most arguments, and what is done with their values."""

AT_ONCE: Final = frozenset({"len", "isNil", "default", "type", "string", "first", "last", "reverse", "keys", "values"})
"""Those that look into nothing that they are given, or into the first few items; at most, what they give is as long."""

BACKWARDS: Final = frozenset({"trim", "lastIndexOf"})
"""Those that may compare each character of one text with all of another."""

PREDICATES: Final[Mapping[str, int]] = {
    "all": 2,
    "any": 2,
    "none": 2,
    "one": 2,
    "map": 2,
    "filter": 2,
    "find": 2,
    "findIndex": 2,
    "findLast": 2,
    "findLastIndex": 2,
    "count": 1,
    "sum": 1,
}
"""Functions whose second argument is asked of each item -> how many arguments are needed."""

SUM: Final = _sum

_REFUSED: Final = {
    "now": "A condition judges the measured value, so that it can be judged again later.",
    "date": "Compare times in the query.",
    "duration": "Compare times in the query.",
    "reduce": "Write sum(...), or let the query add up.",
    "groupBy": "Group in the query.",
    "sortBy": "Write sort(map(result, #.field)).",
    "repeat": "Write the text itself.",
    "replace": "Compare the text itself.",
    "fromJSON": "The answer is read as JSON already.",
    "toJSON": "Compare the values themselves.",
}


def refuse_function(name: str, given: int, column: int) -> ExprError | None:
    """What is wrong with the call of this function with so many arguments."""
    if name in PREDICATES:
        least, most = PREDICATES[name], 2
    elif name in FUNCTIONS:
        least, most, _ = FUNCTIONS[name]
    else:
        near = get_close_matches(name, [*FUNCTIONS, *PREDICATES], n=1, cutoff=0.6)
        hint = _REFUSED.get(name) or (f"Did you mean {near[0]}?" if near else "The reference lists them all.")
        return ExprError(f"There is no function {name} here.", column=column, hint=hint)
    if least <= given <= most:
        return None
    wanted = f"{least}" if least == most else f"{least} to {most}"
    return ExprError(f"{name} takes {wanted} arguments, not {given}.", column=column, hint="Write what it takes.")
