"""All reference vectors to 1e-9."""

import math

import pytest
from tests.core.gates.sequential.reference import RATIO, SLO, Ratio, Slo

from croupier.core.gates import Counts
from croupier.core.gates.sequential.bets import RATIOS, against_baseline, against_objective, alternatives
from croupier.core.gates.sequential.bound import FAILURES, SLOW, Prior, evidence_below, upper
from croupier.core.gates.sequential.budget import Held, needed, together
from croupier.core.gates.sequential.capital import cap, grown, stake
from croupier.core.gates.sequential.dispersion import Dispersion, observed

TOLERANCE = 1e-9


@pytest.mark.parametrize("vector", RATIO, ids=lambda vector: vector.name)
def test_against_the_baseline(vector: Ratio) -> None:
    capital = stake(len(vector.ratios), staked=vector.staked)
    for pairs in vector.ticks:
        gains = against_baseline(pairs, tolerance=vector.tolerance, ratios=vector.ratios)
        if gains is not None:
            capital = grown(capital, gains, trickle=vector.trickle, cap=vector.cap, phi=vector.phi)
    assert capital.log_e == pytest.approx(vector.log_e, abs=TOLERANCE)


@pytest.mark.parametrize("vector", SLO, ids=lambda vector: vector.name)
def test_against_an_objective(vector: Slo) -> None:
    shares = alternatives(vector.permitted, RATIOS)
    capital = stake(len(shares), staked=vector.staked)
    for arm in vector.ticks:
        gains = against_objective(arm, shares, permitted=vector.permitted)
        assert gains is not None
        capital = grown(capital, gains, trickle=vector.trickle)
    assert capital.log_e == pytest.approx(vector.log_e, abs=TOLERANCE)


def test_alternatives_stay_shares() -> None:
    assert max(alternatives(0.01, RATIOS)) == 0.505


@pytest.mark.parametrize(
    "prior, rate, bad, total, log_e, bound",
    [
        (FAILURES, 0.002, 0, 3000, 5.032838651819, 0.001322092476),
        (FAILURES, 0.001, 3, 10000, 2.054556900761, 0.001130929047),
        (SLOW, 0.05, 2, 400, 12.516948339124, 0.023247854785),
    ],
)
def test_the_upper_bound(prior: Prior, rate: float, bad: int, total: int, log_e: float, bound: float) -> None:
    assert evidence_below(rate, bad, total, prior) == pytest.approx(log_e, abs=TOLERANCE)
    assert upper(bad, total, prior) == pytest.approx(bound, abs=TOLERANCE)


def test_dispersion() -> None:
    seen = observed(Dispersion(), (Counts(97, 100), Counts(100, 100), Counts(100, 100), Counts(100, 100)))
    # The reference mixes in thirty degrees of freedom; ``Dispersion`` holds what it pools.
    assert (30.0 + seen.chi) / (30.0 + seen.freedom) == pytest.approx(1.181818181818, abs=TOLERANCE)


def test_the_cap() -> None:
    assert cap(needed(0.01 * 0.35), samples=5) == pytest.approx(1.584572179591, abs=TOLERANCE)


def test_the_average() -> None:
    assert together([Held(0.35, 5.0), Held(0.20, -1.0), Held(0.45, 2.0)]) == pytest.approx(
        4.013554823705, abs=TOLERANCE
    )
    assert together([]) == 0.0
    assert together([Held(0.0, math.inf), Held(1.0, 1.0)]) == 1.0
