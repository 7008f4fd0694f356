"""Closures for the conditions that nearly all rules are made of, each cut to its shape. Called by the compiler.

The hot path of the product: one dict, exact types, no call that is not needed. Whatever is not of the expected type
goes to the general operators, which give the same answer, or refuse.
"""

import operator
from collections.abc import Callable
from typing import Any

from croupier.core.flags.cel.errors import Undecided
from croupier.core.flags.cel.functions import FUNCTIONS
from croupier.core.flags.cel.kinds import adopt, field
from croupier.core.flags.cel.operators import OPERATORS, contained, equal, not_bool
from croupier.core.flags.cel.reading import Context, Test, Value, read, read_slowly
from croupier.core.flags.cel.regexes import search_for
from croupier.core.flags.cel.times import Timestamp

_LITTLE = 2**53
"""Below it, whole numbers and doubles compare alike exactly and rounded."""


def flag(path: tuple[str, ...]) -> Test:
    """``user.isEmployee``"""
    if len(path) == 1:
        return _flag_one(path[0])
    if len(path) == 2:
        return _flag_two(path)
    return truth(read(path))


def _flag_one(name: str) -> Test:
    def one(context: Context) -> bool:
        value = context[name]
        if value is True or value is False:
            return value
        raise not_bool(adopt(value))

    return one


def _flag_two(path: tuple[str, ...]) -> Test:
    name, below = path

    def two(context: Context) -> bool:
        try:
            outer = context[name]
            value = outer[below] if type(outer) is dict else field(adopt(outer), below)
        except KeyError:
            value = read_slowly(context, path)
        if value is True or value is False:
            return value
        raise not_bool(adopt(value))

    return two


def truth(value: Value) -> Test:
    """Any value that must turn out to be true or false."""

    def true(context: Context) -> bool:
        result = value(context)
        if result is True or result is False:
            return result
        raise not_bool(result)

    return true


def equals(path: tuple[str, ...], wanted: Any) -> Test:
    """``market == 'DE'``, for a scalar."""
    kind = type(wanted)
    if len(path) > 1:
        value_of = read(path)

        def nested(context: Context) -> bool:
            value = value_of(context)
            return value == wanted if type(value) is kind else equal(value, wanted)

        return nested
    (name,) = path

    def same(context: Context) -> bool:
        value = context[name]
        if type(value) is kind:
            return value == wanted  # type: ignore[no-any-return]  # exact types of our own: their == gives a bool
        return equal(adopt(value), wanted)

    return same


def differs(path: tuple[str, ...], unwanted: Any) -> Test:
    """``market != 'DE'``, for a scalar."""
    kind = type(unwanted)
    if len(path) > 1:
        value_of = read(path)

        def nested(context: Context) -> bool:
            value = value_of(context)
            return value != unwanted if type(value) is kind else not equal(value, unwanted)

        return nested
    (name,) = path

    def other(context: Context) -> bool:
        value = context[name]
        if type(value) is kind:
            return value != unwanted  # type: ignore[no-any-return]  # as above
        return not equal(adopt(value), unwanted)

    return other


def among(path: tuple[str, ...], wanted: tuple[Any, ...]) -> Test:
    """``market in ['DE', 'SE']``, for strings, or for whole numbers."""
    kind = type(wanted[0])
    values = frozenset(wanted)
    if len(path) > 1:
        value_of = read(path)

        def nested(context: Context) -> bool:
            value = value_of(context)
            return value in values if type(value) is kind else contained(value, tuple(values))

        return nested
    (name,) = path

    def one_of(context: Context) -> bool:
        value = context[name]
        if type(value) is kind:
            return value in values
        return contained(adopt(value), tuple(values))

    return one_of


def holds(path: tuple[str, ...], wanted: str) -> Test:
    """``'vip' in user.roles``"""
    value_of = read(path)

    def holding(context: Context) -> bool:
        value = value_of(context)
        if type(value) is not list:
            return contained(wanted, value)
        try:
            return wanted in value
        except (Exception, KeyboardInterrupt):
            raise
        except BaseException:  # noqa: BLE001 - an item of the list may run any code; the condition is undecided, no more
            raise Undecided("the list cannot be searched") from None

    return holding


def compares(path: tuple[str, ...], symbol: str, limit: float | str) -> Test:
    """``deposits >= 3``: an attribute against a constant, in order."""
    ordered = OPERATORS[symbol]
    value_of = read(path)
    if isinstance(limit, str) or not -_LITTLE < limit < _LITTLE:
        return lambda context: ordered(value_of(context), limit)
    return _COMPARES[symbol](value_of, type(limit), limit)


def _below(value_of: Value, kind: type, limit: Any) -> Test:
    ordered = OPERATORS["<"]

    def below(context: Context) -> bool:
        value = value_of(context)
        return value < limit if type(value) is kind else ordered(value, limit)  # type: ignore[no-any-return]

    return below


def _at_most(value_of: Value, kind: type, limit: Any) -> Test:
    ordered = OPERATORS["<="]

    def at_most(context: Context) -> bool:
        value = value_of(context)
        return value <= limit if type(value) is kind else ordered(value, limit)  # type: ignore[no-any-return]

    return at_most


def _above(value_of: Value, kind: type, limit: Any) -> Test:
    ordered = OPERATORS[">"]

    def above(context: Context) -> bool:
        value = value_of(context)
        return value > limit if type(value) is kind else ordered(value, limit)  # type: ignore[no-any-return]

    return above


def _at_least(value_of: Value, kind: type, limit: Any) -> Test:
    ordered = OPERATORS[">="]

    def at_least(context: Context) -> bool:
        value = value_of(context)
        return value >= limit if type(value) is kind else ordered(value, limit)  # type: ignore[no-any-return]

    return at_least


_COMPARES: dict[str, Callable[[Value, type, Any], Test]] = {"<": _below, "<=": _at_most, ">": _above, ">=": _at_least}


def moment(clock: Callable[[], float], symbol: str, limit: Timestamp) -> Test:
    """``now >= timestamp('2026-12-01T00:00:00Z')``"""
    compare = _MOMENTS[symbol]
    nanoseconds = limit.nanoseconds
    return lambda _: compare(round(clock() * 1_000_000) * 1_000, nanoseconds)


def text(value_of: Value, function: str, part: str) -> Test:
    """``email.endsWith('@example.org')``: one of ``TEXTS`` with a constant."""
    test = TEXTS[function](part)
    general = FUNCTIONS[function]

    def tested(context: Context) -> bool:
        value = value_of(context)
        return test(value) if type(value) is str else general(value, part)

    return tested


_MOMENTS: dict[str, Callable[[int, int], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
TEXTS: dict[str, Callable[[str], Callable[[str], bool]]] = {
    "startsWith": lambda part: operator.methodcaller("startswith", part),
    "endsWith": lambda part: operator.methodcaller("endswith", part),
    "contains": lambda part: lambda whole: part in whole,
    "matches": search_for,
}
