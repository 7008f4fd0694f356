"""flagd's three ways of dealing players, by vectors made with its own packages, and by its evaluator itself."""

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openfeature.contrib.tools.flagd.core.targeting.custom_ops import fractional

from croupier.core.flags.bucketing import ALGORITHMS
from croupier.core.flags.bucketing.flagd import _cbor

KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300)
WEIGHTS = st.lists(st.integers(0, 10_000), min_size=1, max_size=5).filter(any)
SUITS = ("clubs", "diamonds", "hearts", "spades")
COLOURS = ("red", "blue", "green", "yellow")


@pytest.mark.parametrize(
    "key, version_1, version_2",
    [
        ("jack", "spades", "hearts"),
        ("queen", "clubs", "spades"),
        ("ten", "diamonds", "clubs"),
        ("nine", "hearts", "diamonds"),
        ("3", "diamonds", "clubs"),
    ],
)
def test_the_testbed_s_own_vectors(key: str, version_1: str, version_2: str) -> None:
    """From flagd's testbed, evaluator/gherkin: fractional-v1 and fractional-v2."""
    for name, suit in (("flagd.1", version_1), ("flagd.2", version_2)):
        assert SUITS[ALGORITHMS[name].split("fractional-flag", (25, 25, 25, 25))(key)] == suit


@pytest.mark.parametrize("key, colour", [("rachel", "yellow"), ("monica", "blue"), ("joey", "red")])
def test_the_dotnet_provider_s_own_vectors_of_version_1(key: str, colour: str) -> None:
    part = ALGORITHMS["flagd.1"].split("headerColor", (25, 25, 25, 25))(f"{key}@faas.com")
    assert COLOURS[part] == colour


@given(KEYS, KEYS, WEIGHTS)
def test_the_evaluator_deals_the_same(salt: str, key: str, weights: list[int]) -> None:
    parts = [[str(index), weight] for index, weight in enumerate(weights)]
    pair = fractional({"$flagd": {"flagKey": salt}, "targetingKey": key}, *parts)
    assert str(ALGORITHMS["flagd.3"].split(salt, weights)(key)) == pair
    value = fractional({}, salt + key, *parts)
    assert str(ALGORITHMS["flagd.3.value"].split(salt, weights)(key)) == value


@pytest.mark.parametrize("length", [0, 1, 23, 24, 255, 256, 65_535, 65_536])
def test_canonical_cbor(length: int) -> None:
    assert _cbor("x" * length) == cbor2.dumps("x" * length, canonical=True)
    assert _cbor("é" * length) == cbor2.dumps("é" * length, canonical=True)
