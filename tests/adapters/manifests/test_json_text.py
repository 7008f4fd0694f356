"""A key that is written twice is told with its place; everything else is read as ``json.loads`` reads it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.adapters.manifests.json_text import read_json
from croupier.errors import Rejected

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@pytest.mark.parametrize(
    "text, fields",
    [
        ('{"a": 1, "a": 1}', ["a"]),
        ('{"rules": [{}, {"if": "x", "rollout": 0.5, "if": "y"}], "off": {"b": 1, "b": 2}}', ["rules[1].if", "off.b"]),
        ('[{"a": 1}, {"b": [{"c": 1, "c": 2, "d": 1, "d": 2}]}]', ["[1].b[0].c", "[1].b[0].d"]),
        ('{"a": {"b": 1, "b": 2}, "a": 3}', ["a"]),
    ],
)
def test_what_is_written_twice_is_told_with_its_place(text: str, fields: list[str]) -> None:
    with pytest.raises(Rejected, match=r"is written twice\. Keep one of the two") as refused:
        read_json(text)
    assert [problem.field for problem in refused.value.problems] == fields


@given(VALUES)
def test_everything_else_is_read_as_ever(value: Any) -> None:
    assert read_json(json.dumps(value)) == value


@pytest.mark.parametrize("text", ["", "{", '{"a" 1}', "\ufeff1"])
def test_what_is_no_json_is_said_as_ever(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_json(text)
