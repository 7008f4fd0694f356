"""Players who are dealt as they should be are never complained of, others soon."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.experiments.sample_ratio import ERROR, log_e, mismatch

SHARES = (0.5, 0.25, 0.25)


@pytest.mark.played
def test_whoever_looks_after_every_player_sees_no_mismatch_where_there_is_none() -> None:
    alarms, runs, level = 0, 100, 0.05
    for seed in range(runs):
        dice, counts = random.Random(seed), [0, 0, 0]
        for _ in range(600):
            counts[dice.choices(range(3), SHARES)[0]] += 1
            if mismatch(counts, SHARES, error=level):
                alarms += 1
                break
    assert alarms / runs <= level


def test_a_variant_that_loses_a_tenth_of_its_players_is_found() -> None:
    dice, counts, players = random.Random(7), [0, 0, 0], 0
    while not mismatch(counts, SHARES):
        variant = dice.choices(range(3), SHARES)[0]
        counts[variant] += variant != 1 or dice.random() < 0.9
        players += 1
        assert players < 30_000
    assert players > 500


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=5))
def test_the_evidence_is_finite_and_nothing_says_nothing(counts: list[int]) -> None:
    shares = [1 / len(counts)] * len(counts)
    assert math.isfinite(log_e(counts, shares))
    assert log_e([0] * len(counts), shares) == pytest.approx(0.0)
    assert not mismatch([10] * len(counts), shares, error=ERROR)
