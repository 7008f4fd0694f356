"""What is recorded of a measurement, and read again."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.gates.analysis.measurement import LONGEST, Measurement, measured, value_of, written
from croupier.core.gates.recordable import recordable

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab"), inner, max_size=3),
    max_leaves=10,
)


@given(VALUES)
def test_what_is_recorded_is_what_was_measured(value: Any) -> None:
    found = measured("rate", 1.0, value)
    assert recordable(found)
    assert found.error or value_of(found) == value


def test_numbers_that_json_lacks_are_recorded() -> None:
    found = measured("rate", 1.0, [math.nan, math.inf, -math.inf, 0.1])
    assert found.value == "[NaN,Infinity,-Infinity,0.1]"
    assert written(found) == "[NaN, +Inf, -Inf, 0.1]"
    assert written(measured("rate", 1.0, 0.25)) == "0.25"


@pytest.mark.parametrize(
    "value, why",
    [
        ("x" * LONGEST, "longer than 4,096 characters"),
        (object(), "cannot be recorded"),
        ("\ud800", "characters that are none"),
        (json.loads("[" * 40 + "]" * 40), "nested deeper than 32 levels"),
    ],
    ids=["long", "object", "surrogate", "deep"],
)
def test_what_cannot_be_recorded_is_an_error(value: Any, why: str) -> None:
    found = measured("rate", 1.0, value)
    assert found.value is None
    assert why in found.error
    assert written(found) == found.error


def test_a_long_value_is_shortened_for_people() -> None:
    assert written(measured("rate", 1.0, {"a": "x" * 300})).endswith("…")
    assert value_of(Measurement("rate", 1.0)) is None
