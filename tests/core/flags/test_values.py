"""What a variant may stand for."""

import json
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.flags.model import ValueType
from croupier.core.flags.values import common, is_text, plain, type_of


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
        max_leaves=8,
    )
)
def test_what_is_plain_survives_canonical_json(value: Any) -> None:
    try:
        kept = plain(value)
    except ValueError:
        return
    again = plain(json.loads(rfc8785.dumps(kept)))
    assert json.dumps(again, sort_keys=True) == json.dumps(kept, sort_keys=True)


def _nested(depth: int) -> Any:
    return [_nested(depth - 1)] if depth else 1


@pytest.mark.parametrize(
    "value, words",
    [
        (float("nan"), "no JSON number"),
        (float("inf"), "no JSON number"),
        (2**53, "beyond 2^53"),
        (-(2**53), "beyond 2^53"),
        pytest.param(10**5_000, "beyond 2^53", id="huge"),
        (1e300, "beyond 2^53"),
        ("\ud800", "surrogate"),
        ({"\udfff": 1}, "surrogate"),
        ({1: 2}, "must be text"),
        ([{1, 2}], "a set is no JSON value"),
        (_nested(33), "nested more than 32 deep"),
    ],
)
def test_refused(value: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words.replace("^", r"\^")):
        plain(value)


def test_the_value_is_a_copy_and_tuples_are_lists() -> None:
    given_value = {"limits": (1, 2.0)}
    assert plain(given_value) == {"limits": [1, 2]}
    assert plain(_nested(32)) == _nested(32)


@pytest.mark.parametrize(
    "value, kind",
    [
        (True, ValueType.BOOLEAN),
        ("a", ValueType.STRING),
        (1, ValueType.INTEGER),
        (1.0, ValueType.NUMBER),
        ({}, ValueType.OBJECT),
        ([], ValueType.OBJECT),
        (None, None),
        (b"", None),
    ],
)
def test_the_type_of_a_value(value: Any, kind: ValueType | None) -> None:
    assert type_of(value) is kind


@pytest.mark.parametrize(
    "kinds, answer",
    [
        ([], None),
        ([ValueType.STRING], ValueType.STRING),
        ([ValueType.INTEGER, ValueType.NUMBER], ValueType.NUMBER),
        ([ValueType.INTEGER, ValueType.STRING], None),
        ([ValueType.BOOLEAN, ValueType.INTEGER], None),
    ],
)
def test_types_that_go_together(kinds: list[ValueType], answer: ValueType | None) -> None:
    assert common(kinds) is answer


def test_half_a_surrogate_pair_is_no_text() -> None:
    assert is_text("Zürich 🎰")
    assert not is_text("half \ud83c")
