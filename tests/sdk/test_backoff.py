import random

import pytest

from croupier.sdk.backoff import LONGEST_S, Backoff


def waits(backoff: Backoff, count: int) -> list[float]:
    return [backoff.next_s() for _ in range(count)]


def test_waits_grow_up_to_a_limit_and_are_spread_evenly() -> None:
    random.seed(7)
    found = [waits(Backoff(), 12) for _ in range(400)]
    for place, ceiling in enumerate([1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60]):
        drawn = [each[place] for each in found]
        assert 0 <= min(drawn) < ceiling * 0.05
        assert ceiling * 0.95 < max(drawn) <= ceiling <= LONGEST_S


@pytest.mark.parametrize("over, ceiling", [(0.0, 1.0), (10.0, 10.0), (1e9, LONGEST_S)])
def test_a_server_with_many_clients_spreads_their_return(over: float, ceiling: float) -> None:
    random.seed(7)
    drawn = []
    for _ in range(400):
        backoff = Backoff()
        backoff.spread(over)
        drawn.append(backoff.next_s())
    assert ceiling * 0.95 < max(drawn) <= ceiling


@pytest.mark.parametrize("over, longest", [(1.0, 10.0), (2.5, 25.0), (25.0, LONGEST_S)])
def test_the_fewer_clients_there_are_the_sooner_they_are_back(over: float, longest: float) -> None:
    random.seed(7)
    backoff = Backoff()
    backoff.spread(over)
    drawn = waits(backoff, 400)
    assert longest * 0.95 < max(drawn) <= longest


def test_success_starts_small_again() -> None:
    backoff = Backoff()
    waits(backoff, 100)
    backoff.succeeded()
    assert backoff.next_s() <= 1.0
