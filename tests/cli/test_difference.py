"""What differs between two documents: what is said of it, and what never is."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.cli.difference import HIDDEN, differences, masked

VALUES = st.recursive(
    st.one_of(st.integers(0, 3), st.sampled_from(["a", "b"]), st.booleans()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("xyz"), inner, max_size=3)),
    max_leaves=8,
)


def words(before: Any, after: Any) -> list[str]:
    return [each.words for each in differences(before, after)]


@pytest.mark.parametrize(
    "before, after, said",
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, ["a: 1 becomes 2"]),
        ({"a": {"b": "x"}}, {"a": {"b": "y", "c": ""}}, ["a.b: x becomes y", 'a.c: "" is new']),
        ({"a": [1, 2, 3]}, {"a": [1, 9, 2, 3]}, ["a[1]: 9 is new"]),
        ({"a": [1, 2, 3]}, {"a": [1, 3]}, ["a[1]: 2 is taken out"]),
        ({"a": [{"w": 5}]}, {"a": [{"w": 6}, {"w": 7}]}, ["a[0].w: 5 becomes 6", "a[1].w: 7 is new"]),
        ({"a": [1]}, {"a": "one"}, ["a: [1] becomes one"]),
        ({"b": True}, {}, ["b: true is taken out"]),
        (
            {"p": "a"},
            {"p": {"name": "a", "of": ["x", "y"]}},
            ["p: a is taken out", "p.name: a is new", 'p.of: ["x", "y"] is new'],
        ),
        ({"p": {"a": {}}}, {"p": []}, ["p.a: {} is taken out", "p: [] is new"]),
        ([[1], [2]], [], ["[0]: [1] is taken out", "[1]: [2] is taken out"]),
    ],
)
def test_words(before: Any, after: Any, said: list[str]) -> None:
    assert words(before, after) == said


def test_a_strategy_is_said_field_by_field() -> None:
    steps = [{"setWeight": 5}, {"pause": {}}, {"analysis": {"templates": [{"templateName": "slo"}]}}]
    assert words({"spec": {"profile": "auth"}}, {"spec": {"strategy": {"canary": {"steps": steps}}}}) == [
        "spec.profile: auth is taken out",
        "spec.strategy.canary.steps[0].setWeight: 5 is new",
        "spec.strategy.canary.steps[1].pause: {} is new",
        "spec.strategy.canary.steps[2].analysis.templates[0].templateName: slo is new",
    ]


def test_secrets_are_said_to_differ_and_never_shown() -> None:
    before = {"process": {"env": {"KEY": "s3cret", "SAME": "s3cret"}}, "api-key": "s3cret"}
    after = {"process": {"env": {"KEY": "s3cret2", "SAME": "s3cret", "NEW": "s3cret"}}, "api-key": ["s3cret"]}
    assert words(before, after) == [
        f"process.env.KEY: changes {HIDDEN}",
        f"process.env.NEW: {HIDDEN} is new",
        f"api-key: changes {HIDDEN}",
    ]
    assert words({}, {"env": {"KEY": "s3cret"}}) == [f"env.KEY: {HIDDEN} is new"]
    assert words({"a": [1]}, {"a": [1, {"headers": {"x": "s3cret"}}]}) == [f"a[1].headers.x: {HIDDEN} is new"]
    assert words({"env": {"KEY": "s3cret"}}, {"env": "s3cret"}) == [
        f"env.KEY: {HIDDEN} is taken out",
        f"env: {HIDDEN} is new",
    ]
    assert "s3cret" not in str(masked(before)) + str(masked(after))


@given(VALUES, VALUES)
def test_what_is_the_same_says_nothing_and_what_is_not_says_something(before: Any, after: Any) -> None:
    assert words(before, before) == []
    assert bool(words(before, after)) is (before != after)
