"""What operators do with two values. Called by the compiler."""

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from croupier.core.expr.errors import Unanswerable
from croupier.core.expr.kinds import LONGEST, kind_of, numeric, ordered, shown, whole
from croupier.core.flags.cel.errors import Undecided
from croupier.core.flags.cel.regexes import search_for


def equal(left: Any, right: Any) -> bool:
    """``left == right``. Raises ``Unanswerable`` for a text and a number: whoever asks means something else."""
    kinds = {kind_of(left), kind_of(right)}
    if kinds <= {"int", "float"} or len(kinds) == 1 or "nil" in kinds:
        return bool(left == right)
    raise Unanswerable(f"{shown(left)} and {shown(right)} cannot be compared")


def _ordering(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compared(left: Any, right: Any) -> bool:
        if not ordered([left, right]):
            raise Unanswerable(f"{shown(left)} and {shown(right)} have no order")
        return compare(left, right)

    return compared


def _add(left: Any, right: Any) -> Any:
    if isinstance(left, str) and isinstance(right, str):
        if len(left) + len(right) > LONGEST:
            raise Unanswerable("the text would be too long")
        return left + right
    return _calculated(operator.add)(left, right)


def _calculated(calculate: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def calculated(left: Any, right: Any) -> Any:
        found = calculate(numeric(left), numeric(right))
        return whole(found) if type(found) is int else found

    return calculated


def divide(left: Any, right: Any) -> float:
    """Always of floats, so that 0/0 is NaN and 1/0 infinite."""
    above, below = float(numeric(left)), float(numeric(right))
    if below:
        return above / below
    return math.nan if not above or math.isnan(above) else math.copysign(math.inf, above) * math.copysign(1.0, below)


def _rest(left: Any, right: Any) -> int:
    if type(left) is not int or type(right) is not int:
        raise Unanswerable("% is for whole numbers")
    if not right:
        raise Unanswerable("the rest of a division by zero is not defined")
    rest = abs(left) % abs(right)  # as Go has it: with the sign of the left side
    return rest if left >= 0 else -rest


def _power(left: Any, right: Any) -> float:
    try:
        return math.pow(numeric(left), numeric(right))
    except OverflowError:
        return math.inf
    except ValueError:
        return math.nan


def _inside(left: Any, right: Any) -> bool:
    if isinstance(right, list):
        return any(_alike(left, each) for each in right)
    if isinstance(right, dict):
        return left in right if isinstance(left, str) else False
    if right is None:
        return False
    raise Unanswerable(f"nothing is in {shown(right)}")


def _alike(left: Any, right: Any) -> bool:
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _range(left: Any, right: Any) -> list[int]:
    if type(left) is not int or type(right) is not int:
        raise Unanswerable(".. is for whole numbers")
    if right - left >= LONGEST:
        raise Unanswerable("the range is too long")
    return list(range(left, right + 1))


def _of_texts(compare: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    def compared(left: Any, right: Any) -> bool:
        if not isinstance(left, str) or not isinstance(right, str):
            raise Unanswerable(f"{shown(left)} and {shown(right)} are not both texts")
        return compare(left, right)

    return compared


def _matches(text: str, pattern: str) -> bool:
    try:
        return search_for(pattern)(text)
    except Undecided as why:
        raise Unanswerable(str(why)) from None


BINARY: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "==": equal,
    "!=": lambda left, right: not equal(left, right),
    "<": _ordering(operator.lt),
    "<=": _ordering(operator.le),
    ">": _ordering(operator.gt),
    ">=": _ordering(operator.ge),
    "+": _add,
    "-": _calculated(operator.sub),
    "*": _calculated(operator.mul),
    "/": divide,
    "%": _rest,
    "**": _power,
    "in": _inside,
    "..": _range,
    "contains": _of_texts(lambda left, right: right in left),
    "startsWith": _of_texts(str.startswith),
    "endsWith": _of_texts(str.endswith),
    "matches": _of_texts(_matches),
}
"""All but ``and``, ``or`` and ``??``, which do not always look at their right side."""

COMPARISONS: Final = frozenset({"==", "!=", "<", "<=", ">", ">="})


def truth(value: Any) -> bool:
    """The value, which must be true or false. Raises ``Unanswerable``."""
    if isinstance(value, bool):
        return value
    raise Unanswerable(f"{shown(value)} is neither true nor false")


def member(value: Any, field: str) -> Any:
    """``value.field``; a map without it has nil there."""
    if isinstance(value, dict):
        return value.get(field)
    raise Unanswerable(f"there is no field '{field}' in {shown(value)}")


def item(value: Any, index: Any) -> Any:
    """``value[index]``; -1 is the last one."""
    if isinstance(value, dict) and isinstance(index, str):
        return value.get(index)
    if not isinstance(value, list | str) or type(index) is not int:
        raise Unanswerable(f"{shown(value)} has no item {shown(index)}")
    if not -len(value) <= index < len(value):
        raise Unanswerable(f"there is no item {index} among {len(value)}")
    return value[index]


def part(value: Any, start: Any, end: Any) -> Any:
    """``value[start:end]``"""
    if not isinstance(value, list | str) or any(each is not None and type(each) is not int for each in (start, end)):
        raise Unanswerable(f"{shown(value)} has no such part")
    return value[start:end]


def negative(value: Any) -> int | float:
    """``-value``"""
    return -numeric(value)
