"""The figures without a casino: percentiles, who met what, moves and returns."""

from __future__ import annotations

import random

import pytest

from casino.players.figures import GROWTH, Figures, Latencies


@pytest.mark.parametrize("q", [0.5, 0.95, 0.99])
def test_percentiles_are_right_to_the_width_of_a_bucket(q: float) -> None:
    dice = random.Random(5)
    values = sorted(dice.lognormvariate(-4, 1) for _ in range(5_000))
    latencies = Latencies()
    for value in values:
        latencies.add(value)
    exact = values[int(q * len(values)) - 1]
    assert exact <= latencies.quantile(q) <= exact * GROWTH * 1.001


def test_extremes() -> None:
    latencies = Latencies()
    assert latencies.quantile(0.99) == 0.0
    latencies.add(500.0)
    assert latencies.quantile(0.5) == latencies.longest == 500.0


def test_moves_are_by_player_and_service_and_returns_are_told() -> None:
    figures = Figures()
    for version in ("1", "1", "2", "1"):
        figures.answer("payments", version, "ping:200", 0.01, "ann", False)
    figures.answer("games", "9", "ping:200", 0.01, "ann", False)
    figures.answer("payments", "2", "ping:500", 0.01, "bob", True)
    figures.answer("payments", "2", "register:201", 0.01, "", False)
    seen = figures.snapshot()
    assert [(move.player, move.before, move.after) for move in figures.moves] == [("ann", "1", "2"), ("ann", "2", "1")]
    assert (seen.moves, seen.moves_by_service, seen.returns) == (2, {"payments": 2}, 1)
    players = {(one.service, one.version): (one.players, one.requests, one.failed) for one in seen.versions}
    assert players == {("games", "9"): (1, 1, 0), ("payments", "1"): (1, 3, 0), ("payments", "2"): (2, 3, 1)}


def test_the_first_failed_deposit_of_each_version_is_news_once() -> None:
    figures = Figures()
    told = [figures.deposit(version, "tarn", "DE", ended) for version, ended in (
        ("1", "credited"), ("1", "failed"), ("1", "failed"), ("2", "failed"))]  # fmt: skip
    assert told == [False, True, False, True]
    assert figures.snapshot().document()["deposits"] == {
        "1/tarn/DE/credited": 1,
        "1/tarn/DE/failed": 2,
        "2/tarn/DE/failed": 1,
    }
