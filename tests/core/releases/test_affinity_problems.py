from dataclasses import replace

from croupier.core.releases import Affinity, ProcessTemplate, Service
from croupier.core.releases.affinity_problems import affinity_problems

SERVICE = Service("games", ("/games",), ProcessTemplate(("x",)), attribute_headers=(("market", "x-market"),))


def said(affinity: Affinity | None) -> list[str]:
    return [str(each) for each in affinity_problems(replace(SERVICE, affinity=affinity))]


def test_kinds_that_can_be_told_apart_are_fine() -> None:
    assert said(None) == said(Affinity((("round", "x-round-id"), ("order", "x-order-id")))) == []


def test_kinds_that_cannot_be_told_apart_are_refused_with_their_place() -> None:
    (again,) = said(Affinity((("round", "x-round-id"), ("round", "x-order-id"))))
    assert "the kind 'round' is there twice" in again
    (player,) = said(Affinity((("round", "X-Player-Id"),)))
    assert "the header X-Player-Id tells players apart already" in player
    (market,) = said(Affinity((("round", "x-market"),)))
    assert "carries the attribute market already" in market
    (same,) = said(Affinity((("round", "x-id"), ("order", "x-id"))))
    assert "carries ids of the kind 'round' already" in same


def test_durations_have_bounds() -> None:
    ttl, drain = said(Affinity((("round", "x-round-id"),), ttl_s=0.0, drain_s=1e9))
    assert "ttl is from 1s to 7d" in ttl
    assert "drain is from 1s to 7d" in drain
