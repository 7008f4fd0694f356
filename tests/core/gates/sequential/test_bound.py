import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.gates.sequential.bound import FAILURES, SLOW, Prior, evidence_below, lower, upper

priors = st.sampled_from([FAILURES, SLOW])


@given(st.integers(0, 10**6), st.integers(0, 10**6), priors)
def test_the_bound_is_above_what_was_seen(bad: int, good: int, prior: Prior) -> None:
    total = bad + good
    bound = upper(bad, total, prior)
    assert (bad / total if total else 0.0) <= bound <= 1.0


@given(st.integers(0, 100), st.integers(100, 10**6), priors)
def test_one_more_failure_never_lowers_it(bad: int, total: int, prior: Prior) -> None:
    assert upper(bad + 1, total + 1, prior) >= upper(bad, total + 1, prior)


def test_nothing_seen_excludes_nothing() -> None:
    assert upper(0, 0, FAILURES) == 1.0
    assert evidence_below(0.5, 0, 0, FAILURES) == 0.0


def test_an_estimate_above_the_rate_is_no_evidence_below_it() -> None:
    assert evidence_below(0.01, 5, 100, FAILURES) == 0.0


@given(
    bad=st.integers(0, 400),
    good=st.integers(0, 20_000),
    prior=st.sampled_from([FAILURES, SLOW]),
)
def test_the_interval_is_around_what_was_counted(bad: int, good: int, prior: Prior) -> None:
    total = bad + good
    share = bad / total if total else 0.0
    low, high = lower(bad, total, prior), upper(bad, total, prior)
    assert 0.0 <= low <= share <= high <= 1.0
    assert (low == 0.0) is (bad == 0)


@pytest.mark.parametrize("rate,prior", [(0.002, FAILURES), (0.05, SLOW)])
def test_the_true_rate_is_seldom_outside_however_often_one_looks(rate: float, prior: Prior) -> None:
    rng = np.random.default_rng(11)
    missed = 0
    for _ in range(200):
        failures = np.cumsum(rng.binomial(100, rate, size=60))
        intervals = ((int(bad), 100 * index) for index, bad in enumerate(failures, 1))
        missed += any(not lower(bad, n, prior) <= rate <= upper(bad, n, prior) for bad, n in intervals)
    assert missed / 200 <= 0.05 + 3 * (0.05 * 0.95 / 200) ** 0.5
