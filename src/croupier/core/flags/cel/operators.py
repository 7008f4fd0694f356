"""The operators of conditions on adopted values, exactly as CEL has them. Called by the compiled conditions.

Whole numbers have 64 bits and never wrap; numbers of both kinds compare, but only the same kind adds up; equality
between kinds is false, order between kinds is an error.
"""

import math
import operator
from collections.abc import Callable, Mapping
from types import NoneType
from typing import Any, Final

from croupier.core.flags.cel.errors import Missing, Undecided
from croupier.core.flags.cel.kinds import NUMBERS, Type, adopt, entry, kind_of
from croupier.core.flags.cel.literals import HIGHEST, LOWEST
from croupier.core.flags.cel.times import Duration, Timestamp
from croupier.core.flags.cel.versions import Version

LONGEST: Final = 65_536
"""Characters of a string, or items of a list, that ``+`` may make."""
_MOST_COMPARED: Final = 100_000
_DEEPEST_COMPARED: Final = 64

_KEYS: Final = NUMBERS | {Type.STRING, Type.BOOL}
_ORDERED: Final = frozenset({int, str, float, bool, Timestamp, Duration, Version})
_SCALARS: Final = _ORDERED | {NoneType}


# Equality


def equal(left: Any, right: Any) -> bool:
    """``left == right``. Raises Undecided for objects, and for what is too large or too deep to compare."""
    kind = type(left)
    if kind is type(right) and kind in _SCALARS:
        return bool(left == right)
    _refuse_object(left)
    _refuse_object(right)
    return _guarded(lambda: _Comparison().equal(left, right, 0))


def unequal(left: Any, right: Any) -> bool:
    """``left != right``."""
    return not equal(left, right)


def contained(item: Any, collection: Any) -> bool:
    """``item in collection``: an item of a list, or a key of a map."""
    _refuse_object(item)
    kind = kind_of(collection)
    if kind is Type.LIST:
        comparison = _Comparison()
        return _guarded(lambda: any(comparison.equal(item, adopt(member), 0) for member in collection))
    if kind is Type.MAP:
        try:
            entry(collection, _key(item))
        except Missing:
            return False
        return True
    hint = ": write text.contains(part)" if kind is Type.STRING else ""
    raise Undecided(f"in looks into a list or a map, not into {kind.words}{hint}")


def _refuse_object(value: Any) -> None:
    if kind_of(value) is Type.OBJECT:
        raise Undecided(f"an object ({type(value).__name__}) cannot be compared, only its fields")


def _guarded(compare: Callable[[], bool]) -> bool:
    try:
        return compare()
    except (Exception, KeyboardInterrupt):
        raise
    except BaseException:  # noqa: BLE001 - a mapping of the context may run any code; the condition is undecided, no more
        raise Undecided("the values cannot be compared") from None


class _Comparison:
    """One comparison of values that may be large, deep, cyclic or shared: bounded in steps and in depth."""

    __slots__ = ("_steps",)

    def __init__(self) -> None:
        self._steps = 0

    def equal(self, left: Any, right: Any, depth: int) -> bool:
        kinds = kind_of(left), kind_of(right)
        if kinds[0] is not kinds[1]:
            return NUMBERS.issuperset(kinds) and float(left) == float(right)
        if kinds[0] is Type.LIST:
            return len(left) == len(right) and all(
                self._step(depth) and self.equal(adopt(one), adopt(other), depth + 1)
                for one, other in zip(left, right, strict=True)
            )
        if kinds[0] is Type.MAP:
            return len(left) == len(right) and all(self._same_entry(left, right, key, depth) for key in left)
        # Two objects are never equal inside lists and maps: nothing is known about them.
        return kinds[0] is not Type.OBJECT and bool(left == right)

    def _same_entry(self, left: Mapping[Any, Any], right: Mapping[Any, Any], key: Any, depth: int) -> bool:
        self._step(depth)
        key = adopt(key)
        try:
            one, other = entry(left, key), entry(right, key)
        except Missing:
            return False
        return self.equal(one, other, depth + 1)

    def _step(self, depth: int) -> bool:
        self._steps += 1
        if self._steps > _MOST_COMPARED or depth > _DEEPEST_COMPARED:
            raise Undecided("the values are too large to compare")
        return True


# Order


def _ordering(symbol: str, compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def ordered(left: Any, right: Any) -> bool:
        kind = type(left)
        if kind is type(right) and kind in _ORDERED:
            return compare(left, right)
        kinds = kind_of(left), kind_of(right)
        if NUMBERS.issuperset(kinds):
            return compare(float(left), float(right))
        raise _no_overload(symbol, *kinds)

    return ordered


def _no_overload(symbol: str, *kinds: Type) -> Undecided:
    return Undecided(f"{symbol} does not work on {' and '.join(kind.words for kind in kinds)}")


# Arithmetic


def _whole(value: int) -> int:
    if not LOWEST <= value <= HIGHEST:
        raise Undecided("the number does not fit into 64 bits")
    return value


def _bounded(symbol: str, calculate: Callable[[int, int], int]) -> Callable[[int, int], int]:
    def bounded(left: int, right: int) -> int:
        # The operands too: a context may hold numbers that would take long to multiply.
        return _whole(calculate(_whole(left), _whole(right)))

    bounded.__name__ = symbol
    return bounded


def _quotient(left: int, right: int) -> int:
    if not right:
        raise Undecided("a number is divided by zero")
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) is (right < 0) else -quotient


def _remainder(left: int, right: int) -> int:
    # The smallest number by -1 overflows, as the division does.
    return left - right * _whole(_quotient(left, right))


def _double_quotient(left: float, right: float) -> float:
    if right:
        return left / right
    if not left or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def _joined(left: Any, right: Any) -> Any:
    if len(left) + len(right) > LONGEST:
        raise Undecided(f"the result of + is longer than {LONGEST:,}")
    return left + right if type(left) is str else [*left, *right]


def _moment(sign: int) -> Callable[[Timestamp, Duration], Timestamp]:
    return lambda left, right: Timestamp(left.nanoseconds + sign * right.nanoseconds)


_T = Type
_CALCULATIONS: Final[dict[str, dict[tuple[Type, Type], Callable[[Any, Any], Any]]]] = {
    "+": {
        (_T.INT, _T.INT): _bounded("+", operator.add),
        (_T.DOUBLE, _T.DOUBLE): operator.add,
        (_T.STRING, _T.STRING): _joined,
        (_T.LIST, _T.LIST): _joined,
        (_T.TIMESTAMP, _T.DURATION): _moment(1),
        (_T.DURATION, _T.TIMESTAMP): lambda left, right: _moment(1)(right, left),
        (_T.DURATION, _T.DURATION): lambda left, right: Duration(left.nanoseconds + right.nanoseconds),
    },
    "-": {
        (_T.INT, _T.INT): _bounded("-", operator.sub),
        (_T.DOUBLE, _T.DOUBLE): operator.sub,
        (_T.TIMESTAMP, _T.DURATION): _moment(-1),
        # As the reference has it: the distance of two moments fits into 64 bits of nanoseconds, 292 years.
        (_T.TIMESTAMP, _T.TIMESTAMP): lambda left, right: Duration(_whole(left.nanoseconds - right.nanoseconds)),
        (_T.DURATION, _T.DURATION): lambda left, right: Duration(left.nanoseconds - right.nanoseconds),
    },
    "*": {(_T.INT, _T.INT): _bounded("*", operator.mul), (_T.DOUBLE, _T.DOUBLE): operator.mul},
    "/": {(_T.INT, _T.INT): _bounded("/", _quotient), (_T.DOUBLE, _T.DOUBLE): _double_quotient},
    "%": {(_T.INT, _T.INT): _bounded("%", _remainder)},
}


def _calculation(symbol: str) -> Callable[[Any, Any], Any]:
    overloads = _CALCULATIONS[symbol]

    def calculate(left: Any, right: Any) -> Any:
        kinds = kind_of(left), kind_of(right)
        overload = overloads.get(kinds)
        if overload is None:
            if set(kinds) == NUMBERS:
                raise Undecided(
                    f"{symbol} does not mix whole numbers and doubles: write double(...) around the whole one"
                )
            raise _no_overload(symbol, *kinds)
        return overload(left, right)

    return calculate


OPERATORS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "==": equal,
    "!=": unequal,
    "in": contained,
    "<": _ordering("<", operator.lt),
    "<=": _ordering("<=", operator.le),
    ">": _ordering(">", operator.gt),
    ">=": _ordering(">=", operator.ge),
} | {symbol: _calculation(symbol) for symbol in _CALCULATIONS}


def negate(value: Any) -> int | float:
    """``-value``"""
    if type(value) is int:
        return _whole(-value)
    if type(value) is float:
        return -value
    raise _no_overload("-", kind_of(value))


# Access


def _key(value: Any) -> Any:
    kind = kind_of(value)
    if kind not in _KEYS:
        raise Undecided(f"{kind.words} is no key of a map")
    return value


def at(value: Any, index: Any) -> Any:
    """``value[index]``: a map's entry, or a list's item counted from 0. Raises Missing, Undecided."""
    kind = kind_of(value)
    if kind is Type.MAP:
        return entry(value, _key(index))
    if kind is not Type.LIST:
        raise Undecided(f"{kind.words} has no items")
    if type(index) is float and index.is_integer():
        index = int(index)
    if type(index) is not int:
        raise Undecided(f"a list is read by number, not by {kind_of(index).words}")
    if not 0 <= index < len(value):
        raise Missing("the list has no such item")
    return adopt(value[index])


def make_map(*parts: Any) -> dict[Any, Any]:
    """A map of alternating keys and values. Raises Undecided for a key that is no key, or is there twice."""
    made: dict[Any, Any] = {}
    for key, value in zip(parts[::2], parts[1::2], strict=True):
        if type(key) not in {bool, int, str}:
            raise Undecided(f"{kind_of(key).words} is no key of a map")
        if key in made:
            raise Undecided("the map has the same key twice")
        made[key] = value
    return made


def make_list(*items: Any) -> list[Any]:
    """A list of the items."""
    return list(items)


def not_bool(value: Any) -> Undecided:
    """For a value that had to be true or false and is not."""
    return Undecided(f"{kind_of(value).words} is not true or false")
