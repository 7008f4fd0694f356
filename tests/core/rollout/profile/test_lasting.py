"""Which services are told that something of theirs lasts for longer than a request."""

from dataclasses import replace

import pytest

from croupier.core.releases import Affinity, IdKind, IdSource, ProcessTemplate, Service, Where
from croupier.core.rollout.profile.lasting import without_affinity
from croupier.core.rollout.profile.model import Chosen, Lane, Profile
from croupier.core.rollout.spec import RolloutSpec

SHOP = Service("shop", ("/",), ProcessTemplate(("shop",)))
LASTING = replace(SHOP, affinity=Affinity((IdKind("round", (IdSource(Where.HEADER, "x-round-id"),)),)))


def rollout(profile: str | None) -> RolloutSpec:
    chosen = Chosen(Profile(profile, "sha256:1", Lane(()))) if profile else None
    return RolloutSpec("shop", "shop", (), profile=chosen)


@pytest.mark.parametrize(
    "profile, what, where",
    [("payments", "open orders", "{query: order}"), ("game-gateway", "open rounds", "affinity: {header: x-round-id}")],
)
def test_a_domain_whose_callbacks_come_later_is_told_what_to_add(profile: str, what: str, where: str) -> None:
    (problem,) = without_affinity(rollout(profile), {"shop": SHOP})
    assert problem.message.startswith("service 'shop' says nothing of affinity, so a callback of " + what)
    assert where in problem.hint


@pytest.mark.parametrize(
    "profile, services",
    [("payments", {"shop": LASTING}), ("payments", {}), (None, {"shop": SHOP}), ("promo", {"shop": SHOP})],
)
def test_nobody_else_is(profile: str | None, services: dict[str, Service]) -> None:
    assert list(without_affinity(rollout(profile), services)) == []
