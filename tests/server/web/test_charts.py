"""Which points are drawn, and where."""

import re
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.rollout import events as e
from croupier.server.web.charts import HEIGHT, WIDTH, Chart, Line, Mark, Point, Unit, draw, marks, thin, value


def chart(*lines: Line, unit: Unit = "share", objective: float | None = 0.97, weights: tuple[Mark, ...] = ()) -> Chart:
    return Chart("deposit-slo", unit, objective, lines, weights)


def line(*points: tuple[float, int, int], canary: bool = True) -> Line:
    return Line("1.1.0", canary, tuple(Point(*point) for point in points))


def test_nothing_happened_is_a_gap_and_not_a_zero() -> None:
    assert value(Point(0, 0, 0), "share") is None
    assert value(Point(0, 0, 0), "events") == 0
    drawn = draw(chart(line((0, 9, 10), (1, 9, 10), (2, 0, 0), (3, 9, 10), (4, 9, 10))))
    assert drawn is not None
    assert drawn.paths[0][1].count("M") == 2


def test_without_points_there_is_no_drawing() -> None:
    assert draw(chart(line(), line(canary=False))) is None


def test_one_look_is_drawn() -> None:
    drawn = draw(chart(line((5, 9, 10)), line((5, 0, 0), canary=False)))
    assert drawn is not None
    assert (drawn.since, drawn.until, drawn.paths) == (0, 10, ())
    [(canary, dot)] = drawn.dots
    assert canary
    assert dot.startswith("M300 ")
    assert dot.endswith("h0")


def test_a_look_between_gaps_is_a_dot() -> None:
    drawn = draw(chart(line((0, 9, 10), (1, 9, 10), (2, 0, 0), (3, 9, 10), (4, 0, 0))))
    assert drawn is not None
    assert [path.count("M") for _, path in drawn.paths] == [1]
    assert [dot.startswith("M450 ") for _, dot in drawn.dots] == [True]


def test_the_objective_is_in_sight() -> None:
    drawn = draw(chart(line((0, 10, 10), (1, 10, 10))))
    assert drawn is not None
    assert drawn.low < 0.97 < drawn.high
    assert drawn.objective is not None
    assert 0 < drawn.objective < HEIGHT


def test_events_are_counted() -> None:
    drawn = draw(chart(line((0, 0, 0), (1, 0, 7)), unit="events", objective=None))
    assert drawn is not None
    assert (drawn.low, drawn.high, drawn.objective) == (0, 7, None)


def test_the_worst_look_is_never_left_out() -> None:
    points = [Point(at, 100, 100) for at in range(5_000)]
    points[3_333] = Point(3_333, 20, 100)
    assert points[3_333] in thin(points, "share")
    points = [Point(at, 0, 0) for at in range(5_000)]
    points[1_234] = Point(1_234, 0, 1)
    assert points[1_234] in thin(points, "events")


COUNTS = st.tuples(st.integers(0, 50), st.integers(0, 50)).map(lambda pair: (min(pair), max(pair)))


@given(looks=st.lists(COUNTS, max_size=600), unit=st.sampled_from(["share", "events"]))
def test_every_point_is_inside_and_in_order(looks: list[tuple[int, int]], unit: Unit) -> None:
    points = tuple((float(at), good, total) for at, (good, total) in enumerate(looks))
    drawn = draw(chart(line(*points), unit=unit))
    if drawn is None:
        assert not points
        return
    for _, path in drawn.paths:
        numbers = [float(text) for text in re.findall(r"[\d.]+", path)]
        xs, ys = numbers[::2], numbers[1::2]
        assert len(xs) <= 240
        assert xs == sorted(xs)
        assert all(0 <= x <= WIDTH for x in xs)
        assert all(0 <= y <= HEIGHT for y in ys)


def test_marks_are_those_of_the_present_attempt() -> None:
    first = [asdict(event) for event in (e.WeightConfirmed(500, 1.0), e.Aborted(2.0))]
    again = [asdict(event) for event in (e.Retried("1.0.0", 2, 3.0), e.WeightConfirmed(100, 4.0))]
    assert marks(first) == (Mark(1.0, 5.0), Mark(2.0, 0.0))
    assert marks([*first, *again]) == marks(again, marks(first)) == (Mark(4.0, 1.0),)
    assert marks([]) == ()


@pytest.mark.parametrize("at, shown", [(-1.0, False), (0.5, True), (9.0, False)])
def test_only_marks_in_sight_are_drawn(at: float, shown: bool) -> None:
    drawn = draw(chart(line((0, 9, 10), (1, 9, 10)), weights=(Mark(at, 5.0),)))
    assert drawn is not None
    assert bool(drawn.marks) is shown
