import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.gates.sequential.bound import FAILURES, SLOW, Prior, evidence_below, interval, surely_below, upper

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


def test_a_surprise_does_not_hold_up_for_long() -> None:
    assert surely_below(0.5, 3, 24, FAILURES) > -math.log(0.05) > evidence_below(0.5, 3, 24, FAILURES)
    usual = evidence_below(0.002, 0, 3_000, FAILURES)
    assert surely_below(0.002, 0, 3_000, FAILURES) > usual - 0.25, "and costs little"
    assert surely_below(1.0, 1, 16, FAILURES) == math.inf
    assert surely_below(0.05, 1, 16, FAILURES) == surely_below(0.5, 0, 0, FAILURES) == 0.0


@pytest.mark.played
@pytest.mark.parametrize("rate", [0.001, 0.05, 0.5])
@pytest.mark.parametrize("prior", [FAILURES, SLOW])
def test_a_rate_that_is_the_true_one_is_seldom_excluded_however_often_one_looks(rate: float, prior: Prior) -> None:
    rng = np.random.default_rng(12)
    wrong = 0
    for _ in range(300):
        failures = np.cumsum(rng.binomial(50, rate, size=60))
        evidence = (surely_below(rate, int(bad), 50 * index, prior) for index, bad in enumerate(failures, 1))
        wrong += any(each >= -math.log(0.05) for each in evidence)
    assert wrong / 300 <= 0.05 + 3 * (0.05 * 0.95 / 300) ** 0.5


@given(st.integers(0, 10**5), st.integers(0, 10**6))
def test_the_interval_is_around_what_was_counted(bad: int, good: int) -> None:
    total = bad + good
    low, high = interval(bad, total)
    assert 0.0 <= low <= (bad / total if total else 0.5) <= high <= 1.0
    assert (low == 0.0) is (bad == 0)
    assert (high == 1.0) is (good == 0)


@pytest.mark.played
@pytest.mark.parametrize("rate", [0.0005, 0.05, 0.6])
def test_the_true_rate_is_seldom_outside_however_often_one_looks(rate: float) -> None:
    rng = np.random.default_rng(11)
    missed = 0
    for _ in range(200):
        failures = np.cumsum(rng.binomial(100, rate, size=60))
        intervals = (interval(int(bad), 100 * index) for index, bad in enumerate(failures, 1))
        missed += any(not low <= rate <= high for low, high in intervals)
    assert missed / 200 <= 0.05 + 3 * (0.05 * 0.95 / 200) ** 0.5


def test_the_interval_is_narrow_whatever_was_expected() -> None:
    for bad in (5, 500, 5_000):
        low, high = interval(bad, 10_000)
        spread = (bad * (1 - bad / 10_000)) ** 0.5 / 10_000
        assert high - low < 2 * 4.6 * spread, "a fixed-time interval of 95 % has 2 × 1.96"
