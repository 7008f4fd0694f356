"""Flags' keys in code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.flags.strategies import NAMES

from croupier.core.flags.references import Reference, find_references

KEYS = {"payments_v2", "new-lobby", "a.b"}


@pytest.mark.parametrize(
    "text, found",
    [
        ("", []),
        ('if flags.is_enabled("payments_v2", user=u):', [("payments_v2", 1, 22)]),
        ("x('payments_v2')\n\n  y(`new-lobby`) // 'a.b'", [("payments_v2", 1, 4), ("new-lobby", 3, 6), ("a.b", 3, 22)]),
        ("'payments_v2' 'payments_v2'", [("payments_v2", 1, 2), ("payments_v2", 1, 16)]),
        ('["payments_v2","new-lobby"]', [("payments_v2", 1, 3), ("new-lobby", 1, 17)]),
        ("payments_v2", []),
        ("'payments_v2\"", []),
        ("'payments_v22' 'my payments_v2' 'payments_v2 '", []),
        ("it's 'payments_v2'", [("payments_v2", 1, 7)]),
    ],
)
def test_whole_literals(text: str, found: list[tuple[str, int, int]]) -> None:
    assert [(each.key, each.line, each.column) for each in find_references(text, KEYS)] == found


def test_the_line_is_shown_without_its_margins_and_not_too_long() -> None:
    assert list(find_references("a\r\n\tf('a.b')\r\n", KEYS)) == [Reference("a.b", 2, 5, "f('a.b')")]
    assert next(find_references("'a.b'" + "x" * 500, KEYS)).text == "'a.b'" + "x" * 195


LINES = st.lists(st.text(st.sampled_from("ab \"'(),=\r")))


@given(LINES, NAMES, LINES, st.sampled_from("\"'`"))
def test_a_literal_is_found_wherever_it_stands(before: list[str], key: str, after: list[str], quote: str) -> None:
    text = "\n".join([*before, f"{quote}{key}{quote}", *after])
    places = [(each.line, each.column) for each in find_references(text, {key})]
    assert (len(before) + 1, 2) in places
