"""Times as intervals: what is in one is in what is made of it, and in nothing else."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.governance.calendar.interval import Interval, gaps, merged

MOMENTS = st.integers(0, 40).map(float)
INTERVALS = st.lists(st.tuples(MOMENTS, MOMENTS).filter(lambda pair: pair[0] < pair[1]).map(lambda p: Interval(*p)))
WITHIN = Interval(5.0, 35.0)


@pytest.mark.parametrize("ends", [1.0, 0.5])
def test_an_interval_has_a_length(ends: float) -> None:
    with pytest.raises(ValueError, match="ends after its beginning"):
        Interval(1.0, ends)


def test_a_beginning_belongs_to_it_and_an_end_does_not() -> None:
    assert [Interval(1.0, 2.0).holds(at) for at in (0.9, 1.0, 1.9, 2.0)] == [False, True, True, False]
    assert Interval(1.0, 2.0).meets(Interval(1.5, 9.0))
    assert not Interval(1.0, 2.0).meets(Interval(2.0, 3.0))


def test_what_overlaps_or_touches_is_one() -> None:
    assert merged([Interval(2.0, 5.0), Interval(1.0, 3.0), Interval(5.0, 6.0)]) == (Interval(1.0, 6.0),)


@given(INTERVALS)
def test_merging_keeps_every_moment_and_parts_lie_apart(intervals: list[Interval]) -> None:
    found = merged(intervals)
    for at in range(41):
        assert any(each.holds(at) for each in found) is any(each.holds(at) for each in intervals)
    assert all(one.ends < other.begins for one, other in pairwise(found))
    assert merged(found) == found


@given(INTERVALS)
def test_a_gap_is_where_nothing_is(intervals: list[Interval]) -> None:
    found = gaps(intervals, WITHIN)
    for at in range(41):
        free = WITHIN.holds(at) and not any(each.holds(at) for each in intervals)
        assert any(each.holds(at) for each in found) is free
    assert gaps((*intervals, *found), WITHIN) == ()
