"""LaunchDarkly's bucketing, by the vectors that all its SDKs share, and by the SDK itself."""

import pytest
from ldclient import Context
from ldclient.impl.evaluator_common import _bucket_context

from croupier.core.flags.bucketing import ALGORITHMS
from croupier.core.flags.bucketing.launchdarkly import _place

LAUNCHDARKLY = ALGORITHMS["launchdarkly.1"]


@pytest.mark.parametrize(
    "salt, key, place",
    [
        ("hashKey.saltyA", "userKeyA", 0.42157587),
        ("hashKey.saltyA", "userKeyB", 0.6708485),
        ("hashKey.saltyA", "userKeyC", 0.10343106),
        ("61", "userKeyA", 0.09801207),
        ("61", "userKeyB", 0.14483777),
        ("61", "userKeyC", 0.9242641),
    ],
)
def test_its_sdks_own_vectors(salt: str, key: str, place: float) -> None:
    assert _place(salt, key) == pytest.approx(place, abs=1e-7)
    below, above = int(place * 100_000), int(place * 100_000) + 1
    assert LAUNCHDARKLY.split(salt, (below, 100_000 - below))(key) == 1
    assert LAUNCHDARKLY.split(salt, (above, 100_000 - above))(key) == 0


def test_the_sdk_finds_the_same_place() -> None:
    for number in range(2000):
        context = Context.create(f"player-{number}")
        assert _place("lobby.s", context.key) == _bucket_context(None, context, None, "lobby", "s", None)
        assert _place("7", context.key) == _bucket_context(7, context, None, "lobby", "s", None)


def test_the_last_part_takes_what_is_left() -> None:
    assert LAUNCHDARKLY.split("61", (0, 10))("userKeyC") == 1
