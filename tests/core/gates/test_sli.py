import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.gates import Counts, PromqlSli


@pytest.mark.parametrize("good, total", [(-1, 0), (1, 0), (2, 1), (-1, 5)])
def test_counts_refuse_what_cannot_be_counted(good: int, total: int) -> None:
    with pytest.raises(ValueError, match="0 <= good <= total"):
        Counts(good, total)


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_bad_events_are_the_rest(good: int, bad: int) -> None:
    counts = Counts(good, good + bad)
    assert counts.bad == bad
    assert 0.0 <= counts.bad_share <= 1.0


def test_nothing_happened_is_no_bad_share() -> None:
    assert Counts(0, 0).bad_share == 0.0


def test_selectors_stand_where_others_have_a_metric() -> None:
    assert PromqlSli('calls_total{version="{{version}}"}', "b").metric == 'calls_total{version="{{version}}"}'
