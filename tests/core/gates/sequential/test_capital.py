import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.gates.sequential.bets import RATIOS, Arm, Pair, against_baseline, against_objective, alternatives
from croupier.core.gates.sequential.budget import needed
from croupier.core.gates.sequential.capital import STAKED, TRICKLE_AFTER_CHANGE, Capital, cap, grown, stake

samples = st.lists(
    st.tuples(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9)), max_size=30
)


def after(ticks: list[tuple[int, int, int, int]], **limits: float) -> list[Capital]:
    """The capital after each sample of (bad, canary's total, bad, baseline's total), bad counted modulo the total."""
    path = [stake(len(RATIOS))]
    for bad, canary, others, baseline in ticks:
        pair = Pair(Arm(min(bad, canary), canary), Arm(min(others, baseline), baseline))
        gains = against_baseline([pair], tolerance=1.1, ratios=RATIOS)
        path.append(path[-1] if gains is None else grown(path[-1], gains, **limits))
    return path


@given(samples)
def test_no_evidence_is_too_strong_to_go_on(ticks: list[tuple[int, int, int, int]]) -> None:
    for capital in after(ticks):
        assert all(map(math.isfinite, (*capital.bets, capital.reserve, capital.log_e)))


@given(samples)
def test_one_sample_brings_the_cap_at_most(ticks: list[tuple[int, int, int, int]]) -> None:
    path = after(ticks, cap=1.5)
    assert all(later.log_e - earlier.log_e <= 1.5 + 1e-12 for earlier, later in pairwise(path))


@given(samples)
def test_no_failure_is_no_evidence(ticks: list[tuple[int, int, int, int]]) -> None:
    path = after([(0, canary, 0, baseline) for _, canary, _, baseline in ticks])
    assert all(later.log_e <= earlier.log_e + 1e-12 for earlier, later in pairwise(path))


@pytest.mark.parametrize("weight", [1.0, 0.35, 0.05, 0.001])
@pytest.mark.parametrize("alpha", [0.05, 0.01, 0.001])
@given(
    ticks=st.lists(
        st.tuples(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 9), st.integers(0, 10**6)),
        min_size=4,
        max_size=4,
    )
)
def test_four_samples_of_any_content_convict_nobody(
    weight: float, alpha: float, ticks: list[tuple[int, int, int, int]]
) -> None:
    """Also where the weight changes with each of them, so that the most of the reserve is in the bets."""
    staked = 1.0 - (1.0 - STAKED) * (1.0 - TRICKLE_AFTER_CHANGE) ** 4
    limit = cap(needed(alpha * weight), samples=5, staked=staked)
    assert after(ticks, cap=limit, trickle=TRICKLE_AFTER_CHANGE)[-1].log_e < needed(alpha * weight)
    everything = [(10**6, 10**6, 0, 10**6)] * 4
    assert after(everything, cap=limit, trickle=TRICKLE_AFTER_CHANGE)[-1].log_e < needed(alpha * weight)
    assert after(everything * 2, cap=limit)[-1].log_e >= needed(alpha * weight), "but a few more do"


def test_parts_of_a_sample_are_worth_the_whole() -> None:
    """Without reserve and cap, with equal weight in both halves, a sample may be split."""
    whole = against_baseline([Pair(Arm(6, 100), Arm(4, 1900))], tolerance=1.1, ratios=RATIOS)
    halves = [
        against_baseline([Pair(Arm(bad, 50), Arm(others, 950))], tolerance=1.1, ratios=RATIOS)
        for bad, others in ((1, 3), (5, 1))
    ]
    assert whole is not None
    assert halves[0] is not None
    assert halves[1] is not None
    assert [a + b for a, b in zip(*halves, strict=True)] == pytest.approx(whole, abs=1e-12)


def test_a_reserve_meets_a_late_fault() -> None:
    late = [(0, 100, 1, 1900)] * 120 + [(5, 100, 1, 1900)] * 2
    with_reserve = after(late)[-1].log_e
    plain = stake(len(RATIOS), staked=1.0)
    for bad, canary, others, baseline in late:
        gains = against_baseline([Pair(Arm(bad, canary), Arm(others, baseline))], tolerance=1.1, ratios=RATIOS)
        assert gains is not None
        plain = grown(plain, gains, trickle=0.0)
    assert with_reserve > plain.log_e + 3


# Ville's inequality, by simulation: whoever stops, whatever steers the weight, a true hypothesis is convicted in at
# most alpha of the rollouts. Three standard errors are allowed to chance.

RUNS, TICKS = 250, 200
_ALPHA = 0.05
_ALLOWED = _ALPHA + 3 * math.sqrt(_ALPHA * (1 - _ALPHA) / RUNS)


def convicted(seed: int, *, level: str, steered: bool, clump: int = 1, phi: float = 1.0) -> float:
    """The share of rollouts whose evidence was ever ``1 / alpha``, the canary being exactly on the tolerance."""
    random = np.random.default_rng(seed)
    found = 0
    for _ in range(RUNS):
        capital = stake(len(RATIOS))
        for index in range(TICKS):
            if level == "wild":
                rate = float(random.choice([0.0002, 0.01, 0.3, 0.85]))
            else:
                rate = 0.01 * math.exp(2 * math.sin(index / 17)) if level == "swinging" else 0.01
            # Hostile: little traffic while there is evidence, to keep it; much while there is none, to find some.
            share = (0.01 if capital.log_e > 0 else 0.5) if steered else 0.1
            canary = int(random.binomial(400, share))
            baseline = 400 - canary
            bad = clump * int(random.binomial(canary // clump, min(1.0, 1.1 * rate)))
            others = clump * int(random.binomial(baseline // clump, rate))
            gains = against_baseline([Pair(Arm(bad, canary), Arm(others, baseline))], tolerance=1.1, ratios=RATIOS)
            if gains is not None:
                capital = grown(capital, gains, phi=phi)
            if capital.log_e >= needed(_ALPHA):
                found += 1
                break
    return found / RUNS


@pytest.mark.played
@pytest.mark.parametrize("steered", [False, True], ids=["fixed", "steered"])
@pytest.mark.parametrize("level", ["constant", "swinging", "wild"])
def test_a_canary_on_the_edge_is_convicted_seldom(level: str, steered: bool) -> None:
    assert convicted(11, level=level, steered=steered) <= _ALLOWED


@pytest.mark.played
def test_clumps_are_paid_for() -> None:
    assert convicted(12, level="constant", steered=False, clump=4, phi=4.0) <= _ALLOWED
    assert convicted(12, level="constant", steered=False, clump=4) > 0.5, "or else this tests nothing"


@pytest.mark.played
def test_an_objective_on_the_edge_is_convicted_seldom() -> None:
    random = np.random.default_rng(13)
    shares = alternatives(0.01, RATIOS)
    found = 0
    for _ in range(RUNS):
        capital = stake(len(shares))
        for bad in random.binomial(200, 0.01, TICKS):
            gains = against_objective(Arm(int(bad), 200), shares, permitted=0.01)
            assert gains is not None
            capital = grown(capital, gains)
            if capital.log_e >= needed(_ALPHA):
                found += 1
                break
    assert found / RUNS <= _ALLOWED
