"""GrowthBook's bucketing, by the vectors that all its SDKs share, and by the SDK itself."""

import pytest
from growthbook.core import chooseVariation, gbhash, getBucketRanges
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.flags.bucketing import ALGORITHMS
from croupier.core.flags.bucketing.growthbook import _place_1, _place_2

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@pytest.mark.parametrize(
    "seed, key, place",
    [
        ("", "a", 0.22),
        ("", "b", 0.077),
        ("b", "a", 0.946),
        ("ef", "d", 0.652),
        ("asdf", "8952klfjas09ujk", 0.549),
        ("", "123", 0.011),
        ("", '___)((*":&', 0.563),
    ],
)
def test_version_1_s_own_vectors(seed: str, key: str, place: float) -> None:
    assert _place_1(seed, key) == place


@pytest.mark.parametrize(
    "seed, key, place",
    [
        ("seed", "a", 0.0505),
        ("seed", "b", 0.2696),
        ("foo", "ab", 0.2575),
        ("foo", "def", 0.2019),
        ("89123klj", "8952klfjas09ujkasdf", 0.124),
        ("90850943850283058242805", "123", 0.7516),
    ],
)
def test_version_2_s_own_vectors(seed: str, key: str, place: float) -> None:
    assert _place_2(seed, key) == place


@given(TEXTS, TEXTS, st.integers(0, 10_000), st.lists(st.integers(1, 100), min_size=1, max_size=5))
def test_the_sdk_deals_the_same(seed: str, key: str, share: int, weights: list[int]) -> None:
    for version in (1, 2):
        ours = ALGORITHMS[f"growthbook.{version}"]
        place = gbhash(seed, key, version)
        assert place is not None
        assert ours.inside(seed, share)(key) is (place < share / 10_000)
        theirs = chooseVariation(place, getBucketRanges(len(weights), 1, [each / sum(weights) for each in weights]))
        if theirs >= 0:  # rounding may leave a gap at the end, where they choose nobody
            assert ours.split(seed, weights)(key) == theirs
