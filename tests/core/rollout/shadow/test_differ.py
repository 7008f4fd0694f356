"""What counts as a difference: not noise, not what is ignored, and nothing else is overlooked."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.rollout.shadow.differ import Answer, Outcome, outcome
from croupier.core.rollout.shadow.mirror import Ignored

leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
keys = st.text("abcdef", min_size=1, max_size=3)
values = st.recursive(
    leaves, lambda below: st.lists(below, max_size=3) | st.dictionaries(keys, below, max_size=3), max_leaves=15
)


def answer(body: Any = None, status: int = 200, version: str = "", **headers: str) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, tuple((name.replace("_", "-"), value) for name, value in headers.items()), raw, version)


def fields(first: Answer, second: Answer, canary: Answer, **ignored: Any) -> list[str]:
    return [name for name, _ in outcome(first, second, canary, Ignored(**ignored)).fields]


@given(values)
def test_equal_answers_do_not_differ(body: Any) -> None:
    again = json.dumps(body, indent=2).encode()
    assert outcome(answer(body), answer(again), answer(body)) == Outcome()


@given(values, values, values)
def test_what_differs_between_the_stable_versions_own_answers_is_noise(first: Any, second: Any, canary: Any) -> None:
    found = outcome(answer({"x": first}), answer({"x": second}), answer({"x": canary}))
    if not found.noisy:
        return
    assert set(fields(answer({"x": first}), answer({"x": second}), answer({"x": second}))) == set()


@given(st.dictionaries(keys, values, min_size=1), st.data())
def test_one_changed_field_is_reported_exactly_there(body: dict[str, Any], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(body)))
    changed = {**body, name: "another value of another kind"}
    assert fields(answer(body), answer(body), answer(changed)) == [f"$.{name}"]
    assert fields(answer(body), answer(body), answer(changed), fields=(f"$.{name}",)) == []
    assert fields(answer(body), answer(changed), answer(changed)) == []


@given(values)
def test_ignoring_everything_leaves_nothing(body: Any) -> None:
    assert fields(answer({"a": 1}), answer({"a": 1}), answer({"a": body}), fields=("$.*",)) == []


BODY = {"rounds": [{"id": 1, "stake": 100, "at": 5}, {"id": 2, "stake": 200, "at": 6}], "total": 300}


def with_(path: list[Any], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(BODY)
    inner: Any = changed
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    return changed


@pytest.mark.parametrize(
    "canary, found",
    [
        (with_(["rounds", 1, "stake"], 201), [("$.rounds[*].stake", ("200", "201"))]),
        (with_(["total"], "300"), [("$.total", ("300", '"300"'))]),
        (with_(["total"], True), [("$.total", ("300", "true"))]),
        (with_(["total"], None), [("$.total", ("300", "null"))]),
        (with_(["total"], 300.0), []),
        (with_(["more"], 1), [("$.more", ("(none)", "1"))]),
        (with_(["rounds"], [BODY["rounds"][0]]), [("$.rounds", ("2 items", "1 item"))]),  # type: ignore[index]
        (with_(["rounds"], {}), [("$.rounds", ("a list", "an object"))]),
        ([BODY], [("body", ("an object", "a list"))]),
    ],
)
def test_places_and_what_was_said(canary: Any, found: list[Any]) -> None:
    assert list(outcome(answer(BODY), answer(BODY), answer(canary)).fields) == found


def test_a_place_in_a_list_is_named_once() -> None:
    changed = {**BODY, "rounds": [{**each, "stake": 1} for each in BODY["rounds"]]}  # type: ignore[attr-defined]
    assert fields(answer(BODY), answer(BODY), answer(changed)) == ["$.rounds[*].stake"]


def test_noise_in_one_item_is_noise_in_all() -> None:
    noisy = answer(with_(["rounds", 0, "at"], 7))
    found = outcome(answer(BODY), noisy, answer(with_(["rounds", 1, "at"], 8)))
    assert found == Outcome((), noisy=True)


def test_noise_that_a_rule_takes_out_is_not_told_of() -> None:
    noisy, changed = answer(with_(["rounds", 0, "at"], 7)), answer(with_(["rounds", 1, "at"], 8))
    assert outcome(answer(BODY), noisy, changed, Ignored(("$..at",))) == Outcome()
    assert outcome(answer(BODY), noisy, changed, Ignored(("$..id",))).noisy
    assert outcome(answer(1, x_node="a"), answer(1, x_node="b"), answer(1), Ignored(headers=("x-node",))) == Outcome()


@pytest.mark.parametrize(
    "tolerance, value, found", [(0.01, 303, []), (0.01, 304, ["$.total"]), (0.01, 10**400, ["$.total"])]
)
def test_numbers_within_the_tolerance(tolerance: float, value: int, found: list[str]) -> None:
    changed = answer(with_(["total"], value))
    assert fields(answer(BODY), answer(BODY), changed, tolerance=tolerance) == found


def test_a_version_may_name_itself() -> None:
    one = answer({"v": "1.0.0"}, version="1.0.0", x_version="1.0.0")
    assert fields(one, one, answer({"v": "1.1.0"}, version="1.1.0", x_version="1.1.0")) == []
    assert fields(one, one, answer({"v": "1.2.0"}, version="1.1.0", x_version="1.2.0")) == ["header:x-version", "$.v"]


def test_status_and_headers() -> None:
    one = answer(1, x_a="1", date="now")
    found = outcome(one, one, answer(1, 404, x_b="2", date="later"))
    assert found.fields == (
        ("status", ("200", "404")),
        ("header:x-a", ("1", "(none)")),
        ("header:x-b", ("(none)", "2")),
    )
    assert fields(one, one, answer(1, x_b="2"), headers=("X-A", "x-b")) == []


def test_a_header_that_comes_twice_is_one() -> None:
    twice = Answer(200, (("x-a", "1"), ("x-a", "2")), b"1")
    assert fields(twice, twice, answer(1, x_a="1, 2")) == []


@pytest.mark.parametrize("broken", [b"<html>", b"\xff", b"", b'{"a":', b"[" * 100_000])
def test_what_is_no_json_is_compared_as_it_is(broken: bytes) -> None:
    one = answer(BODY)
    assert fields(one, one, answer(broken)) == ["body"]
    assert fields(answer(broken), answer(broken), answer(broken)) == []
    assert outcome(one, answer(broken), answer(broken)) == Outcome((), noisy=True)


def test_what_is_deeper_than_anybody_writes_is_not_looked_into() -> None:
    def nested(value: int) -> bytes:
        return b'{"a":' * 80 + str(value).encode() + b"}" * 80

    assert fields(answer(nested(1)), answer(nested(1)), answer(nested(2))) == []


def test_a_rule_that_is_none_ignores_nothing() -> None:
    assert fields(answer(1), answer(1), answer(2), fields=("$..",)) == ["body"]
