"""A bet is fair: over all that could be seen, its factor is worth at most 1 on average if the hypothesis holds."""

import math
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.gates.sequential.bets import (
    RATIOS,
    TAIL_RATIOS,
    Arm,
    Pair,
    against_baseline,
    against_objective,
    alternatives,
)

rates = st.floats(0.0, 1.0)


def chances(total: int, rate: float) -> list[float]:
    return [math.comb(total, bad) * rate**bad * (1 - rate) ** (total - bad) for bad in range(total + 1)]


@pytest.mark.parametrize("ratios", [RATIOS, TAIL_RATIOS])
@given(rates, rates, st.integers(1, 7), st.integers(1, 7), st.sampled_from([1.0, 1.1]))
def test_fair_against_any_baseline(
    ratios: tuple[float, ...], failing: float, share: float, canary: int, baseline: int, tolerance: float
) -> None:
    """Not only where failures are rare: with 30 % or 85 % failing too."""
    worst = min(1.0, tolerance * failing) * share
    means = [0.0] * len(ratios)
    for (bad, chance), (others, theirs) in product(
        enumerate(chances(canary, worst)), enumerate(chances(baseline, failing))
    ):
        gains = against_baseline([Pair(Arm(bad, canary), Arm(others, baseline))], tolerance=tolerance, ratios=ratios)
        assert gains is not None
        for index, gain in enumerate(gains):
            means[index] += chance * theirs * math.exp(gain)
    assert max(means) <= 1 + 1e-9


@given(st.floats(1e-6, 0.99), rates, st.integers(1, 12))
def test_fair_against_an_objective(permitted: float, share: float, total: int) -> None:
    shares = alternatives(permitted, RATIOS)
    means = [0.0] * len(shares)
    for bad, chance in enumerate(chances(total, permitted * share)):
        gains = against_objective(Arm(bad, total), shares, permitted=permitted)
        assert gains is not None
        for index, gain in enumerate(gains):
            means[index] += chance * math.exp(gain)
    assert max(means) <= 1 + 1e-9


def test_nothing_is_learnt_from_nothing() -> None:
    alone = [Pair(Arm(5, 100), Arm(0, 0)), Pair(Arm(0, 0), Arm(3, 9))]
    assert against_baseline(alone, tolerance=1.1, ratios=RATIOS) is None
    assert against_objective(Arm(0, 0), (0.5,), permitted=0.1) is None


def test_strata_are_compared_each_for_itself() -> None:
    """A canary that received more of the bad market looks worse in the sum; market by market it is the same."""
    good, bad = Pair(Arm(0, 200), Arm(1, 1800)), Pair(Arm(2, 200), Arm(2, 200))
    sums = Pair(Arm(2, 400), Arm(3, 2000))
    apart = against_baseline([good, bad], tolerance=1.1, ratios=RATIOS)
    pooled = against_baseline([sums], tolerance=1.1, ratios=RATIOS)
    assert apart is not None
    assert pooled is not None
    assert max(pooled) > max(0.0, *apart)


@given(st.integers(0, 50), st.integers(50, 10**9), st.integers(0, 50), st.integers(51, 10**9))
def test_more_failures_of_the_canary_never_speak_for_it(bad: int, canary: int, others: int, baseline: int) -> None:
    def gains(bad: int, others: int) -> tuple[float, ...]:
        pair = Pair(Arm(bad, canary), Arm(others, baseline))
        found = against_baseline([pair], tolerance=1.1, ratios=RATIOS)
        assert found is not None
        assert all(map(math.isfinite, found))
        return found

    for index, gain in enumerate(gains(bad, others)):
        assert gains(min(bad + 1, canary), others)[index] >= gain - 1e-9
        assert gains(bad, others + 1)[index] <= gain + 1e-9
