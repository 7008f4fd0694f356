import pytest

from croupier.core.rollout.routes import ServiceRoutes, Share, canary_routes, stable_routes
from croupier.core.segments import AttributeMatch, Segment
from croupier.testing import version_for

STAFF = Segment("staff", (AttributeMatch("employee", ("yes",)),))


@pytest.mark.parametrize(
    "weights", [(), (("a", 9_999),), (("a", 10_001),), (("a", 5_000), ("b", 4_999)), (("a", 10_001), ("b", -1))]
)
def test_a_share_that_is_not_a_whole_is_refused(weights: tuple[tuple[str, int], ...]) -> None:
    with pytest.raises(ValueError, match="total 10000"):
        Share(weights)


def test_nothing_serves_before_the_first_deployment() -> None:
    routes = stable_routes("shop", None)
    assert routes == ServiceRoutes("shop", (), None)
    assert routes.versions == ()
    assert routes.weight_of("1.0.0") == 0


def test_stable_serves_everybody() -> None:
    routes = stable_routes("shop", "1.0.0")
    assert routes == ServiceRoutes("shop", (Share((("1.0.0", 10_000),)),), "1.0.0")
    assert routes.versions == ("1.0.0",)


@pytest.mark.parametrize("weight_bp", [0, 1, 500, 9_999, 10_000])
def test_the_canary_comes_first_and_the_rest_is_stable(weight_bp: int) -> None:
    routes = canary_routes("shop", "1.0.0", "1.1.0", weight_bp, salt="shop-1.1")
    assert routes.shares == (Share((("1.1.0", weight_bp), ("1.0.0", 10_000 - weight_bp))),)
    assert routes.weight_of("1.1.0") == weight_bp
    assert (routes.default, routes.salt) == ("1.0.0", "shop-1.1")


@pytest.mark.parametrize("weight_bp,guests", [(0, "1.0.0"), (9_999, "1.0.0"), (10_000, "1.1.0")])
def test_guests_have_what_everybody_has(weight_bp: int, guests: str) -> None:
    assert canary_routes("shop", "1.0.0", "1.1.0", weight_bp, salt="s").guests == guests
    # Nobody can say of a guest who is in which segment, and who is held.
    assert canary_routes("shop", "1.0.0", "1.1.0", weight_bp, salt="s", segment=STAFF).guests == "1.0.0"
    assert canary_routes("shop", "1.0.0", "1.1.0", weight_bp, salt="s", held=(STAFF,)).guests == "1.0.0"
    assert stable_routes("shop", None).guests is None


def test_outside_the_segment_everybody_is_on_stable() -> None:
    routes = canary_routes("shop", "1.0.0", "1.1.0", 2_500, salt="s", segment=STAFF)
    assert [share.segment for share in routes.shares] == [STAFF, None]
    assert routes.shares[1].weights == (("1.0.0", 10_000),)
    assert routes.weight_of("1.1.0") == 2_500


def test_versions_are_those_that_can_be_reached() -> None:
    assert canary_routes("shop", "1.0.0", "1.1.0", 0, salt="s").versions == ("1.0.0",)
    assert canary_routes("shop", "1.0.0", "1.1.0", 1, salt="s").versions == ("1.0.0", "1.1.0")
    # The default answers for a version that is gone, whatever the weights.
    assert canary_routes("shop", "1.0.0", "1.1.0", 10_000, salt="s").versions == ("1.0.0", "1.1.0")


def test_held_players_come_before_the_canarys_share() -> None:
    held = tuple(Segment(f"market={name}", (AttributeMatch("market", (name,)),)) for name in ("DE", "SE"))
    staff = Segment("staff", (AttributeMatch("employee", ("yes",)),))
    wanted = canary_routes("shop", "1.0.0", "1.1.0", 9_999, salt="s", segment=staff, held=held)
    assert [share.segment for share in wanted.shares] == [*held, staff, None]
    for share in wanted.shares:
        assert sum(weight for _, weight in share.weights) == 10_000
    assert version_for(wanted, "anna", {"market": "DE", "employee": "yes"}) == "1.0.0"
    assert version_for(wanted, "anna", {"market": "MT", "employee": "yes"}) == "1.1.0"
    assert version_for(wanted, "anna", {"market": "MT"}) == "1.0.0"
