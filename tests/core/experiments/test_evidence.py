"""Two variants: no false difference however one looks, true ones found, bounds that agree with the evidence."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from croupier.core.experiments.evidence import Pair

ERROR = 0.05
PAIR = Pair(0.5, 0.10, ERROR)
counts = st.integers(0, 5_000)
pairs = st.builds(Pair, st.floats(0.02, 0.98), st.floats(0.01, 2.0), st.sampled_from([0.01, 0.05, 0.2]))


class Casino:
    """Players come, are dealt, and some convert: later, at rates that differ by player and swing, with ``lift`` for the
    treated. Gives the conversions of both after each step.
    """

    def __init__(self, seed: int, share: float, lift: float = 1.0) -> None:
        self.dice = random.Random(seed)
        self.share, self.lift = share, lift
        self.waiting: list[tuple[int, bool]] = []
        self.converted = [0, 0]

    def step(self, number: int) -> tuple[int, int]:
        swing = 0.05 + 0.25 * (number % 48 < 24)
        for _ in range(3):
            treated = self.dice.random() < self.share
            rate = swing * self.dice.choice((0.2, 1.0, 2.0)) * (self.lift if treated else 1.0)
            if self.dice.random() < rate:
                self.waiting.append((number + int(self.dice.expovariate(1 / 100)), treated))
        self.converted[0] += sum(1 for due, treated in self.waiting if due <= number and treated)
        self.converted[1] += sum(1 for due, treated in self.waiting if due <= number and not treated)
        self.waiting = [item for item in self.waiting if item[0] > number]
        return self.converted[0], self.converted[1]


@pytest.mark.played
@pytest.mark.parametrize("share", [0.5, 0.1])
def test_who_looks_always_and_stops_when_it_suits_them_is_wrong_at_most_so_often(share: float) -> None:
    """Ville's inequality, with the adversary who stops at the first moment at which a difference is claimed. Rates
    swing, players differ, conversions come late: none of it may matter.
    """
    pair, runs, wrong = Pair(share, 0.10, ERROR), 200, 0
    for seed in range(runs):
        casino, before = Casino(seed, share), (0, 0)
        for number in range(800):
            found = casino.step(number)
            if found != before and pair.log_e(*found) >= pair.needed:
                wrong += 1
                break
            before = found
    assert wrong / runs <= ERROR


@pytest.mark.played
def test_one_who_looks_always_with_an_ordinary_test_is_wrong_far_more_often() -> None:
    """The same adversary against a z-test at the same level: this proves that the test above tests."""
    runs, wrong = 60, 0
    for seed in range(runs):
        casino = Casino(seed, 0.5)
        for number in range(800):
            treated, control = casino.step(number)
            total = treated + control
            if total >= 30 and abs(treated - total / 2) > 1.96 * math.sqrt(total / 4):
                wrong += 1
                break
    assert wrong / runs > 4 * ERROR


def test_a_true_difference_is_found_about_when_it_was_said() -> None:
    needed = PAIR.conversions_needed(0.30)
    found = []
    for seed in range(8):
        casino, number = Casino(seed, 0.5, lift=1.30), 0
        while PAIR.log_e(*casino.step(number)) < PAIR.needed and number < 20_000:
            number += 1
        found.append(sum(casino.converted))
    assert sorted(found)[4] == pytest.approx(needed, rel=0.6)


@pytest.mark.played
def test_every_interval_holds_at_all_times_at_once() -> None:
    lift, runs, missed = 1.2, 40, 0
    for seed in range(runs):
        casino = Casino(seed, 0.5, lift=lift)
        for number in range(800):
            treated, control = casino.step(number)
            if number % 50 == 0:
                low, high = PAIR.ratio(treated, control)
                if not low <= lift <= high:
                    missed += 1
                    break
    assert missed / runs <= ERROR


@settings(max_examples=40)
@given(pairs, counts, counts)
def test_the_interval_leaves_no_difference_out_exactly_when_there_is_evidence(pair: Pair, one: int, two: int) -> None:
    low, high = pair.ratio(one, two)
    assert low <= high
    estimate = pair.estimate(one, two)
    if estimate is not None:
        assert low <= estimate * (1 + 1e-9)
        assert estimate <= high * (1 + 1e-9) or math.isinf(estimate)
    outside = low > 1 + 1e-6 or high < 1 - 1e-6
    if abs(pair.log_e(one, two) - pair.needed) > 1e-3:
        assert outside == (pair.log_e(one, two) > pair.needed)


@given(pairs, st.floats(0.01, 0.5), st.floats(0.2, 5.0))
def test_the_difference_is_that_of_two_rates_with_this_ratio(pair: Pair, rate: float, ratio: float) -> None:
    control = rate / (1 - pair.share + pair.share * ratio)
    assert pair.difference(ratio, rate) == pytest.approx(control * ratio - control, abs=1e-12)
    assert pair.difference(math.inf, rate) == pytest.approx(rate / pair.share)


@settings(max_examples=30)
@given(pairs, st.floats(0.05, 1.0))
def test_larger_effects_need_fewer_conversions(pair: Pair, effect: float) -> None:
    few, many = pair.conversions_needed(2 * effect), pair.conversions_needed(effect)
    assert 1 <= few <= many


def test_without_conversions_nothing_is_known() -> None:
    assert PAIR.ratio(0, 0) == (0.0, math.inf)
    assert PAIR.estimate(0, 0) is None
    assert PAIR.estimate(3, 0) == math.inf
    assert PAIR.log_e(0, 0) == pytest.approx(0.0)


def test_what_would_take_for_ever_is_said_to() -> None:
    assert Pair(1e-7, 0.005, 1e-6).conversions_needed(0.0001) == math.inf
