"""Each event is counted once, in whatever order and however often it is told."""

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from croupier.adapters.metrics.otlp.points import Buckets, Number, Point
from croupier.adapters.metrics.otlp.stream import STARTS, WINDOWS, Stream

steps = st.lists(st.integers(0, 5), min_size=1, max_size=30)


def total(start: int, at: int, value: float) -> Point:
    return Point((), start, at, Number(value))


def grown(stream: Stream, at: float = 1e9, edge: float | None = None) -> float:
    return stream.growth[edge].grown(at)


def running(increases: list[int]) -> list[int]:
    """The counter's values."""
    found = [0]
    for increase in increases:
        found.append(found[-1] + increase)
    return found[1:]


def told(data: Any, points: list[Point]) -> list[Point]:
    """The points in some order, each at least once."""
    again = data.draw(st.lists(st.sampled_from(points), max_size=10))
    return list(data.draw(st.permutations([*points, *again])))


@given(steps, st.data())
def test_totals_count_once_in_any_order(increases: list[int], data: Any) -> None:
    points = [total(1, 10 + place, value) for place, value in enumerate(running(increases))]
    stream = Stream({}, ())
    for at, point in enumerate(told(data, points)):
        stream.take_total(float(at), point, from_zero=True)
    assert grown(stream) == sum(increases)


@given(steps, st.data())
def test_changes_count_once_in_any_order(increases: list[int], data: Any) -> None:
    points = [total(10 + place, 11 + place, value) for place, value in enumerate(increases)]
    stream = Stream({}, ())
    for at, point in enumerate(told(data, points)):
        stream.take_change(float(at), point)
    assert grown(stream) == sum(increases)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=20))
def test_totals_and_changes_of_the_same_events_count_alike(slow_and_fast: list[tuple[int, int]]) -> None:
    """Moment by moment, and bucket by bucket."""
    by_total, by_change = Stream({}, (0.4,)), Stream({}, (0.4,))
    fast = slow = 0
    for place, (more_fast, more_slow) in enumerate(slow_and_fast):
        fast, slow = fast + more_fast, slow + more_slow
        so_far = Buckets(fast + slow, (0.4,), (fast, slow))
        since = Buckets(more_fast + more_slow, (0.4,), (more_fast, more_slow))
        by_total.take_total(place, Point((), 1, place + 2, so_far), from_zero=True)
        by_change.take_change(place, Point((), place + 1, place + 2, since))
        for edge in (None, 0.4):
            assert grown(by_total, place, edge) == grown(by_change, place, edge)
    assert grown(by_total, edge=0.4) == fast


@given(st.lists(steps, min_size=2, max_size=STARTS), st.data())
def test_restarts_lose_nothing_that_was_told(lives: list[list[int]], data: Any) -> None:
    """Processes follow each other under one name; late points of the ones before still count."""
    points = [
        [total(100 * life, 100 * life + place + 1, v) for place, v in enumerate(running(increases))]
        for life, increases in enumerate(lives, 1)
    ]
    stream = Stream({}, ())
    for life in points:
        stream.take_total(0.0, life[0], from_zero=True)
    for point in told(data, [point for life in points for point in life]):
        stream.take_total(1.0, point, from_zero=True)
    assert grown(stream) == sum(map(sum, lives))


def test_what_was_before_the_first_point_is_not_ours() -> None:
    stream = Stream({}, ())
    assert stream.take_total(1.0, total(1, 10, 5_000), from_zero=False)
    assert stream.take_total(2.0, total(1, 20, 5_007), from_zero=False)
    assert grown(stream) == 7


def test_a_point_without_duration_is_a_base() -> None:
    stream = Stream({}, ())
    stream.take_total(1.0, total(10, 10, 5_000), from_zero=True)
    stream.take_total(2.0, total(10, 20, 5_003), from_zero=True)
    assert grown(stream) == 3


def test_a_fall_without_a_new_start_is_a_reset() -> None:
    stream = Stream({}, ())
    for at, value in enumerate((5, 9, 2, 3)):
        stream.take_total(at, total(0, at + 1, value), from_zero=True)
    assert grown(stream) == 9 + 3


def test_the_dead_of_an_unknown_process_stay_dead() -> None:
    """A point of a process that ended before we knew its successor may have been counted by another control plane."""
    stream = Stream({}, ())
    stream.take_total(1.0, total(200, 210, 4), from_zero=True)
    assert not stream.take_total(2.0, total(100, 190, 7_000), from_zero=True)
    assert grown(stream) == 4


def test_a_clock_set_back_stops_nothing() -> None:
    stream = Stream({}, ())
    stream.take_total(1.0, total(100, 900, 4), from_zero=True)
    assert stream.take_total(2.0, total(100, 200, 6), from_zero=True)
    assert grown(stream) == 6


def test_windows_that_overlap_count_once() -> None:
    stream = Stream({}, ())
    assert stream.take_change(1.0, total(10, 20, 5))
    assert not stream.take_change(2.0, total(15, 25, 5))
    assert not stream.take_change(3.0, total(5, 11, 5))
    assert stream.take_change(4.0, total(20, 30, 1))
    assert grown(stream) == 6


def test_memory_of_windows_is_bounded_and_forgets_safely() -> None:
    stream = Stream({}, ())
    many = [total(10 * place, 10 * place + 5, 1) for place in range(1, 3 * WINDOWS)]
    for point in many:
        assert stream.take_change(1.0, point)
    for point in many:
        assert not stream.take_change(2.0, point)
    assert grown(stream) == len(many)
    assert len(stream._windows) == WINDOWS


def test_growth_is_dated_when_it_is_heard_of() -> None:
    stream = Stream({}, ())
    for at, value in ((100.0, 3), (110.0, 3), (120.0, 8)):
        stream.take_total(at, total(1, round(at), value), from_zero=True)
    assert [grown(stream, at) for at in (99.9, 100, 119, 120)] == [0, 3, 3, 8]
    stream.forget(110.0)
    assert [grown(stream, at) for at in (110, 119, 120)] == [3, 3, 8]


@given(st.lists(st.integers(0, 50), min_size=2, max_size=10), st.data())
def test_spans_side_by_side_add_up(cuts: list[int], data: Any) -> None:
    points = [total(1, 10 + place, value) for place, value in enumerate(running(data.draw(steps)))]
    stream = Stream({}, ())
    for at, point in enumerate(told(data, points)):
        stream.take_total(float(at), point, from_zero=True)
    places = sorted(cuts)
    parts = [grown(stream, end) - grown(stream, start) for start, end in pairwise(places)]
    assert sum(parts) == grown(stream, places[-1]) - grown(stream, places[0])
    assert all(part >= 0 for part in parts)
