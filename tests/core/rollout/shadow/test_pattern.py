"""Ignore rules: which texts are rules, and which places they mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.rollout.shadow.pattern import Place, means, pattern, written


@pytest.mark.parametrize("text", ["", "$", "$.a..", "$..", "$.a[", "$.a[x]", "$..[*]", "$.a..."])
def test_what_is_no_rule(text: str) -> None:
    assert pattern(text) is None


@pytest.mark.parametrize(
    "rule, place, meant",
    [
        ("$.a", ("a",), True),
        ("a", ("a",), True),
        ("$.a", ("a", "b"), True),
        ("$.a", ("b",), False),
        ("$.a.b", ("a",), False),
        ("$.a[*].b", ("a", "[*]", "b"), True),
        ("$.a[3].b", ("a", "[*]", "b"), True),
        ("$.*.b", ("x", "b"), True),
        ("$.*", ("[*]",), False),
        ("$[*]", ("[*]", "b"), True),
        ("$..id", ("a", "[*]", "id"), True),
        ("$..id", ("id",), True),
        ("$..id", ("a", "ids"), False),
        ("$.a..b.c", ("a", "x", "b", "c"), True),
        ("$['a b'].c", ("a b", "c"), True),
        ('$["a.b"]', ("a.b",), True),
    ],
)
def test_what_a_rule_means(rule: str, place: Place, meant: bool) -> None:
    parsed = pattern(rule)
    assert parsed is not None
    assert means(parsed, place) is meant


@given(st.lists(st.just("[*]") | st.text("ab_c1-", min_size=1, max_size=4), min_size=1, max_size=5).map(tuple))
def test_a_place_as_a_report_names_it_is_a_rule_for_it(place: Place) -> None:
    parsed = pattern(written(place))
    assert parsed == place
    assert means(parsed, place)
