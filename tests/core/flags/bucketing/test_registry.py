"""Every algorithm keeps the promises that flags rely on."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from croupier.core.flags.bucketing import ALGORITHMS
from croupier.core.segments import BUCKETS

NAMES = st.sampled_from(sorted(ALGORITHMS))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
SHARES = st.integers(0, BUCKETS)


def test_a_name_is_for_ever() -> None:
    assert list(ALGORITHMS) == [
        "croupier.1",
        "flagd.1",
        "flagd.2",
        "flagd.3",
        "flagd.3.value",
        "growthbook.1",
        "growthbook.2",
        "launchdarkly.1",
        "unleash.1",
    ]


@given(NAMES, TEXTS, TEXTS, SHARES, SHARES)
def test_a_larger_share_loses_nobody(name: str, salt: str, key: str, one: int, other: int) -> None:
    smaller, larger = (ALGORITHMS[name].inside(salt, share) for share in sorted((one, other)))
    assert not smaller(key) or larger(key)


@settings(max_examples=300)
@given(NAMES, TEXTS, TEXTS)
def test_nobody_and_everybody(name: str, salt: str, key: str) -> None:
    assert not ALGORITHMS[name].inside(salt, 0)(key)
    assert ALGORITHMS[name].inside(salt, BUCKETS)(key)


@given(NAMES, TEXTS, TEXTS, st.lists(st.integers(0, 1000), min_size=1, max_size=5).filter(any))
def test_there_is_always_a_part(name: str, salt: str, key: str, weights: list[int]) -> None:
    part = ALGORITHMS[name].split(salt, weights)(key)
    assert 0 <= part < len(weights)
    if name != "launchdarkly.1":  # there the last part takes what the weights leave of 100 000
        assert weights[part] > 0


@pytest.mark.parametrize("name", sorted(ALGORITHMS))
def test_shares_and_parts_are_as_large_as_they_say(name: str) -> None:
    keys = [f"player-{number}" for number in range(10_000)]
    inside = ALGORITHMS[name].inside("lobby", 2500)
    assert sum(map(inside, keys)) == pytest.approx(2500, abs=200)
    split = ALGORITHMS[name].split("lobby", (70_000, 20_000, 10_000))
    counts = [0, 0, 0]
    for key in keys:
        counts[split(key)] += 1
    assert counts == pytest.approx([7000, 2000, 1000], abs=220)
