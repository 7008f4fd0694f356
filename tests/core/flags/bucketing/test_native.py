"""The house's own bucketing: pinned, fair, and nobody moves when a share grows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.flags.bucketing import ALGORITHMS
from croupier.core.segments import BUCKETS, bucket

OWN = ALGORITHMS["croupier.1"]
KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
WEIGHTS = st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=5).filter(any)


@pytest.mark.parametrize("player, place", [("p1", 4905), ("p2", 7836), ("p3", 5733), ("Zoë", 1418)])
def test_pinned(player: str, place: int) -> None:
    assert bucket("payments_v2", player) == place
    assert not OWN.inside("payments_v2", place)(player)
    assert OWN.inside("payments_v2", place + 1)(player)


@given(KEYS, KEYS, st.integers(0, BUCKETS), st.integers(0, BUCKETS))
def test_a_larger_share_loses_nobody(salt: str, key: str, one: int, other: int) -> None:
    smaller, larger = sorted((one, other))
    assert not OWN.inside(salt, smaller)(key) or OWN.inside(salt, larger)(key)


@given(KEYS, KEYS, WEIGHTS)
def test_a_part_is_found_and_has_weight(salt: str, key: str, weights: list[int]) -> None:
    assert weights[OWN.split(salt, weights)(key)] > 0


@given(KEYS, KEYS, st.integers(0, BUCKETS))
def test_a_split_in_two_is_a_share(salt: str, key: str, share: int) -> None:
    parts = (share, BUCKETS - share)
    assert (OWN.split(salt, parts)(key) == 0) is OWN.inside(salt, share)(key)


def test_parts_are_as_large_as_their_weights() -> None:
    split = OWN.split("colour", [70, 20, 10])
    counts = [0, 0, 0]
    for number in range(20_000):
        counts[split(f"player-{number}")] += 1
    assert counts == pytest.approx([14_000, 4_000, 2_000], rel=0.05)
