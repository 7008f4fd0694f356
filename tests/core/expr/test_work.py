"""No condition takes more work than it may, whoever wrote it and whatever it is asked of: counted, not timed."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from croupier.core.expr import Unanswerable, condition, functions, operators
from croupier.core.expr.compiler import Frame, compiled
from croupier.core.expr.parser import parse
from croupier.core.expr.work import MOST

OURS = condition.__module__.rpartition(".")[0]
WIDE = [float(each) for each in range(2_000)]
LONG = "ab" * 2_000
HANDED = {operators.__name__, functions.__name__}
"""Where values are worked on that may be large."""


class Seen:
    """What an evaluation did, seen from outside: calls of ours, and the items of all that was handed to the operators
    and functions.
    """

    def __init__(self) -> None:
        self.calls = 0
        self.items = 0

    def look(self, frame: FrameType, event: str, _: object) -> None:
        module = str(frame.f_globals.get("__name__", ""))
        if event != "call" or not module.startswith(OURS) or module.endswith((".work", ".kinds")):
            return
        self.calls += 1
        if module in HANDED and frame.f_back is not None and frame.f_back.f_globals["__name__"] not in HANDED:
            self.items += sum(len(value) for value in frame.f_locals.values() if isinstance(value, list))


@contextmanager
def seen() -> Iterator[Seen]:
    found, before = Seen(), sys.getprofile()
    sys.setprofile(found.look)
    try:
        yield found
    finally:
        sys.setprofile(before)


GREEDY: list[tuple[Any, str]] = [
    (1, "all(1..9999, len(1..9999) > 0)"),
    (1, "all(1..9999, 1..9999 != nil)"),
    (WIDE, "all(result, result == map(result, #))"),
    (WIDE, "all(result, result != [#])"),
    (WIDE, "none(result, -1 in result)"),
    (WIDE, "all(result, max(result) > 0)"),
    (WIDE, "all(result, sum(result) > 0)"),
    (WIDE, "all(result, len(sort(result)) > 0)"),
    (WIDE, "all(result, median(result, result) > 0)"),
    (WIDE, "all(result, len(result[1:]) > 0)"),
    (WIDE, "all(result, len(reverse(result)) > 0)"),
    ({str(each): each for each in range(400)}, "all(1..999, len(keys(result)) > 0)"),
    ({str(each): each for each in range(400)}, "all(1..999, result != {})"),
    (LONG, "all(1..9999, result != result + 'a')"),
    (LONG, "all(1..9999, not (result contains 'aa'))"),
    (LONG, "all(1..9999, not (result matches '(a{0,500}){2}c'))"),
    (LONG, "all(1..9999, len(split(result, 'a')) > 0)"),
    (LONG, "all(1..9999, upper(result) != 'A')"),
    (LONG, "all(1..9999, result[1:] != 'A')"),
    (LONG, "all(1..9999, 'a' matches string(#) + 'a|a')"),
    (1, "len(map(1..400, 1..400)) > 0"),
    (WIDE, "sum(result, result) > 0"),
    (WIDE, "sum(map(result, result)) > 0"),
    ([[[1.0] * 10] * 10] * 10_000, "all(result, string(#) != '')"),
    (["a" * 60_000, "b" * 60_000 + "a"], "trim(result[0], result[1]) != ''"),
    (["a" * 60_000, "ab" + "a" * 30_000], "lastIndexOf(result[0], result[1]) < 0"),
]


@pytest.mark.parametrize("result, text", GREEDY, ids=[text for _, text in GREEDY])
def test_what_would_take_long_has_no_answer(result: Any, text: str) -> None:
    with pytest.raises(Unanswerable, match="takes more than 100,000 steps"):
        condition(text).holds(result)


def test_what_is_there_many_times_counts_many_times() -> None:
    """Each map holds the one before it four times, and is made in a few steps: at the end it is there 4^20 times."""
    many = "[result]"
    for _ in range(20):
        many = f"map({many}, [#, #, #, #])"
    for text in (f"{many} == {many}", f"[1] in {many}", f"len(sort({many})) > 0", f"max({many}) > 0"):
        with pytest.raises(Unanswerable, match="takes more than 100,000 steps"):
            condition(text).holds(1)


def test_what_people_write_is_far_from_it() -> None:
    rows = [{"status": "500", "n": each, "path": f"/a/{each}"} for each in range(100)]
    texts = [
        "all(result, .n >= 0 and .status matches '^[2-5]..$' and .path startsWith '/a')",
        "len(filter(result, .status == '500')) <= 100 and sum(map(result, .n)) > 10",
        "sum(result, [.n, 1]) > 10 and all(result, trim(.path, ' /') != '' and lastIndexOf(.path, '/') == 2)",
        "count(result, .n in [1, 2, 3]) == 3 and median(map(result, .n)) > 9 and first(sort(map(result, .path))) > ''",
    ]
    for text in texts:
        frame = Frame(rows)
        assert compiled(parse(text))(frame) is True
        assert frame.work.left > 0.9 * MOST


def test_work_is_told_whether_there_is_an_answer_or_not() -> None:
    assert condition("all(result, # > 0)").steps([1.0] * 10) == 10 * 4
    assert condition("result > 1").steps(1.0) == 0
    assert condition("result[0] > 1").steps([]) == 0
    for result, text in GREEDY:
        assert condition(text).steps(result) == MOST


def test_what_is_no_text_is_not_gone_through() -> None:
    frame = Frame(5.0)
    with pytest.raises(Unanswerable, match="5 is no text"):
        compiled(parse("lastIndexOf(result, 'a') > 0"))(frame)
    assert frame.work.left == MOST


def test_a_number_is_read_in_one_go() -> None:
    """A pattern with two ways to read the same digits tries them all: half a second for one text."""
    assert functions._FLOAT.fullmatch("1" * 1_000_000 + "x") is None
    for text in ("1", "1.", "1.5", ".5", "1e3", "1.e-3", "-.5E+1", "Infinity", "+inf", "NaN"):
        assert condition("type(asFloat(result)) == 'float'").holds(text)
    for text in ("", ".", "1..", "e3", "1e", "1_0", "0x1"):
        with pytest.raises(Unanswerable, match="is no number"):
            condition("asFloat(result) > 0").holds(text)


VALUES = st.sampled_from([WIDE, LONG, [WIDE] * 20, [LONG] * 20, {"a": WIDE, "b": LONG}, [[[1.0] * 50] * 50] * 2])
LISTS = st.recursive(
    st.sampled_from(["result", "1..300", "1..9999", "[result, result]", "values(result)", "split(result, 'a')", "[#]"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda two: f"map({two[0]}, {two[1]})"),
        st.tuples(inner, inner).map(lambda two: f"filter({two[0]}, {two[1]} != nil)"),
        st.tuples(inner, inner).map(lambda two: f"[{two[0]}, {two[1]}]"),
        inner.map(lambda one: f"map({one}, [#, #, #, #])"),
        inner.map(lambda one: f"reverse({one})"),
        inner.map(lambda one: f"{one}[0:]"),
        inner.map(lambda one: f"sort({one})"),
    ),
    max_leaves=6,
)
ASKED = st.one_of(
    st.tuples(LISTS, LISTS).map(lambda two: f"{two[0]} == {two[1]}"),
    st.tuples(LISTS, LISTS).map(lambda two: f"{two[0]} in {two[1]}"),
    st.tuples(LISTS, LISTS).map(lambda two: f"all({two[0]}, # in {two[1]} or true)"),
    st.tuples(LISTS, LISTS).map(lambda two: f"any({two[0]}, max({two[1]}) < 0 or len({two[1]}) < 0)"),
)


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much], deadline=None)
@given(ASKED.map(lambda text: f"all([0], {text})"), VALUES)
def test_no_condition_takes_more_work_than_it_may(text: str, result: Any) -> None:
    asked = condition(text)
    with seen() as found, suppress(Unanswerable):
        asked.holds(result)
    assert found.items <= 2 * MOST  # each is paid for before it is looked at, or as soon as it is made
    assert found.calls <= 2 * MOST
