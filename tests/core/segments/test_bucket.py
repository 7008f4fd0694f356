"""The salted player bucket: reference values, even spread, and that salts are independent."""

from hypothesis import given
from hypothesis import strategies as st

from croupier.core.segments import BUCKETS, bucket


def test_reference_values_are_for_ever() -> None:
    # Envoy computes the same numbers: were one of these to change, players would change versions in mid-rollout.
    expected = {"1": 4598, "42": 6510, "player-1": 7095, "": 191, "žofie": 4086, "a:b": 9397}
    assert {player: bucket("shop-1.1", player) for player in expected} == expected


@given(st.text(max_size=40), st.text(max_size=40))
def test_every_player_has_one_bucket(salt: str, player: str) -> None:
    first = bucket(salt, player)
    assert first in range(BUCKETS)
    assert bucket(salt, player) == first


def test_buckets_are_evenly_filled() -> None:
    players = 50_000
    for weight in (100, 500, 2_500, 5_000):
        share = sum(bucket("shop-7.1", f"player-{number}") < weight for number in range(players)) / players
        expected = weight / BUCKETS
        assert abs(share - expected) < 5 * (expected * (1 - expected) / players) ** 0.5


def test_another_salt_puts_other_players_first() -> None:
    players = [f"player-{number}" for number in range(20_000)]
    first = {player for player in players if bucket("shop-7.1", player) < 1_000}
    second = {player for player in players if bucket("shop-7.2", player) < 1_000}
    # Independent salts overlap as chance has it: a tenth of a tenth.
    assert 0.005 < len(first & second) / len(players) < 0.015
