"""The quick closures and the general operators give one answer, whatever the attribute holds."""

from collections import OrderedDict
from collections.abc import Callable
from enum import IntEnum, StrEnum
from functools import partial
from types import MappingProxyType
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from croupier.core.flags.cel import shapes
from croupier.core.flags.cel.functions import FUNCTIONS
from croupier.core.flags.cel.kinds import adopt
from croupier.core.flags.cel.operators import OPERATORS, not_bool
from croupier.core.flags.cel.reading import read


class Market(StrEnum):
    DE = "DE"


class Level(IntEnum):
    ONE = 1


class Word(str):
    __slots__ = ()


constants = st.sampled_from(["DE", "", "é", 0, 1, -1, 2**53, 2**63 - 1, 0.0, 1.0, 0.5, float(2**53), True, False])
values = st.one_of(
    constants,
    st.sampled_from(
        [Market.DE, Level.ONE, Word("DE"), None, object(), b"DE", float("nan"), 10**30, -(10**30), 2**53 + 1]
    ),
    st.sampled_from(
        [["DE"], ("DE", 1), {"DE"}, {"DE": 1}, [None, 1.0, True], OrderedDict(DE=1), MappingProxyType({"a": 1}), []]
    ),
)


def outcome(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - that both refuse is what counts
        return type(error)


def assert_alike(
    shape: Callable[[tuple[str, ...]], Callable[[Any], Any]], value: Any, general: Callable[[Any], Any]
) -> None:
    wanted = outcome(lambda: general(adopt(value)))
    for path, context in (
        (("x",), {"x": value}),
        (("a", "x"), {"a": {"x": value}}),
        (("a", "x"), {"a": MappingProxyType({"x": value})}),
        (("a", "x"), {"a.x": value}),
        (("a", "b", "x"), {"a": {"b": {"x": value}}}),
    ):
        found = outcome(partial(shape(path), context))
        assert found is wanted, (path, context, found, wanted)


@given(values, constants)
def test_equality(value: Any, constant: Any) -> None:
    assert_alike(lambda path: shapes.equals(path, constant), value, lambda found: OPERATORS["=="](found, constant))
    assert_alike(lambda path: shapes.differs(path, constant), value, lambda found: OPERATORS["!="](found, constant))


@given(values, st.sampled_from(("<", "<=", ">", ">=")), constants.filter(lambda constant: type(constant) is not bool))
def test_order(value: Any, symbol: str, constant: Any) -> None:
    assert_alike(
        lambda path: shapes.compares(path, symbol, constant), value, lambda found: OPERATORS[symbol](found, constant)
    )


@given(values, st.sampled_from([("DE", "SE"), ("",), (0, 1), (2**53, 7)]))
def test_membership(value: Any, wanted: tuple[Any, ...]) -> None:
    assert_alike(lambda path: shapes.among(path, wanted), value, lambda found: OPERATORS["in"](found, wanted))


@given(values, st.sampled_from(("DE", "")))
def test_holding(value: Any, wanted: str) -> None:
    assert_alike(lambda path: shapes.holds(path, wanted), value, lambda found: OPERATORS["in"](wanted, found))


@given(values, st.sampled_from(sorted(shapes.TEXTS)), st.sampled_from(("D", "", "^D.*$")))
def test_texts(value: Any, function: str, part: str) -> None:
    assert_alike(
        lambda path: shapes.text(read(path), function, part),
        value,
        lambda found: FUNCTIONS[function](found, part),
    )


@given(values)
def test_flags(value: Any) -> None:
    def general(found: Any) -> bool:
        if type(found) is not bool:
            raise not_bool(found)
        return found

    assert_alike(shapes.flag, value, general)
