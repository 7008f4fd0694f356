"""Counts that may come: their distribution, from almost none to very many."""

import math
import random

import pytest

from croupier.core.gates.forecast.chance import at_least, poisson


@pytest.mark.parametrize("mean", [0.01, 0.5, 3.0, 40.0, 5_000.0, 2e7])
def test_mean_and_spread_are_poissons(mean: float) -> None:
    draw = poisson(mean, random.Random(5).random)
    counts = [draw() for _ in range(20_000)]
    error = 5 * math.sqrt(mean / len(counts))
    assert sum(counts) / len(counts) == pytest.approx(mean, abs=error)
    spread = sum((count - mean) ** 2 for count in counts) / len(counts)
    assert spread == pytest.approx(mean, rel=0.2 if mean < 1 else 0.06)


def test_nothing_comes_of_nothing() -> None:
    assert poisson(0.0, random.Random(1).random)() == 0


def test_the_ends_of_chance_give_counts_too() -> None:
    assert poisson(3.0, lambda: 0.0)() == 0
    assert poisson(3.0, lambda: 1.0)() > 12


def test_so_many_or_more() -> None:
    assert at_least(0, 0.0) == 1.0
    assert at_least(1, 0.0) == 0.0
    assert at_least(1, 2.0) == pytest.approx(1 - math.exp(-2))
    assert at_least(20, 12.0) == pytest.approx(0.0213, abs=1e-3)
    assert at_least(3, 1e6) == 1.0
    assert at_least(1_000_000, 1e6) == pytest.approx(0.5, abs=1e-3)


def test_what_never_comes_is_not_waited_for() -> None:
    """The files permit a minSamples of 10^9: its sum would take minutes."""
    assert at_least(10**9, 5.0) == 0.0
    assert at_least(10**12, 1e6) == 0.0
