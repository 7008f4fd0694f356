"""Unleash's bucketing, by the vectors of its own clients and by its engine."""

import pytest

from croupier.core.flags.bucketing import ALGORITHMS

UNLEASH = ALGORITHMS["unleash.1"]


@pytest.mark.parametrize("key, group, number", [("123", "gr1", 73), ("999", "groupX", 25)])
def test_its_clients_own_vectors(key: str, group: str, number: int) -> None:
    """From the strategy tests of Unleash's Java, Node.js and Go clients."""
    assert not UNLEASH.inside(group, (number - 1) * 100)(key)
    assert UNLEASH.inside(group, number * 100)(key)


def test_it_counts_in_whole_per_cent() -> None:
    assert not UNLEASH.inside("gr1", 7299)("123")
