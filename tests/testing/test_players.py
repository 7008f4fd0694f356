import pytest

from croupier.core.rollout.routes import ServiceRoutes, canary_routes, stable_routes
from croupier.core.segments import AttributeMatch, Segment, bucket
from croupier.testing import version_for

STAFF = Segment("staff", (AttributeMatch("employee", ("yes",)),))
PLAYERS = [f"player-{number}" for number in range(300)]


def test_a_version_gets_the_buckets_below_its_weight() -> None:
    routes = canary_routes("shop", "1.0.0", "1.1.0", 2_500, salt="shop-1.1")
    for player in PLAYERS:
        assert version_for(routes, player) == ("1.1.0" if bucket("shop-1.1", player) < 2_500 else "1.0.0")


def test_only_the_segment_meets_the_canary() -> None:
    routes = canary_routes("shop", "1.0.0", "1.1.0", 10_000, salt="s", segment=STAFF)
    assert {version_for(routes, player, {"employee": "yes"}) for player in PLAYERS} == {"1.1.0"}
    assert {version_for(routes, player, {"employee": "no"}) for player in PLAYERS} == {"1.0.0"}
    assert {version_for(routes, player) for player in PLAYERS} == {"1.0.0"}


@pytest.mark.parametrize("weight_bp,expected", [(0, "1.0.0"), (9_999, "1.0.0"), (10_000, "1.1.0")])
def test_without_an_id_nobody_is_given_to_chance(weight_bp: int, expected: str) -> None:
    assert version_for(canary_routes("shop", "1.0.0", "1.1.0", weight_bp, salt="s"), None) == expected


def test_nothing_serves_nobody() -> None:
    assert version_for(stable_routes("shop", None), "player-1") is None
    assert version_for(stable_routes("shop", None), None) is None
    assert version_for(ServiceRoutes("shop", (), "1.0.0"), None) == "1.0.0"
