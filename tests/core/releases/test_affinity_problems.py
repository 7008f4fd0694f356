from dataclasses import replace

from croupier.core.releases import Affinity, IdKind, IdSource, ProcessTemplate, Service, Where
from croupier.core.releases.affinity import by_header
from croupier.core.releases.affinity_problems import affinity_problems

SERVICE = Service("games", ("/games",), ProcessTemplate(("x",)), attribute_headers=(("market", "x-market"),))


def one(kind: str, where: Where, name: str) -> IdKind:
    return IdKind(kind, (IdSource(where, name),))


def said(affinity: Affinity | None) -> list[str]:
    return [str(each) for each in affinity_problems(replace(SERVICE, affinity=affinity))]


def test_kinds_that_can_be_told_apart_are_fine() -> None:
    assert said(None) == said(Affinity((by_header("round", "x-round-id"), by_header("order", "x-order-id")))) == []


def test_kinds_that_cannot_be_told_apart_are_refused_with_their_place() -> None:
    (again,) = said(Affinity((by_header("round", "x-round-id"), by_header("round", "x-order-id"))))
    assert "the kind 'round' is there twice" in again
    (player,) = said(Affinity((by_header("round", "X-Player-Id"),)))
    assert "the header X-Player-Id tells players apart already" in player
    (market,) = said(Affinity((by_header("round", "x-market"),)))
    assert "carries the attribute market already" in market
    (same,) = said(Affinity((by_header("round", "x-id"), by_header("order", "x-id"))))
    assert "carries ids of the kind 'round' already" in same


def test_durations_have_bounds() -> None:
    ttl, drain = said(Affinity((by_header("round", "x-round-id"),), ttl_s=0.0, drain_s=1e9))
    assert "ttl is from 1s to 7d" in ttl
    assert "drain is from 1s to 7d" in drain


def test_sources_that_take_the_same_text_for_an_id_are_refused() -> None:
    fine = (by_header("round", "order"), one("order", Where.QUERY, "order"), one("x", Where.PATH, "/games/order/{id}"))
    assert said(Affinity(fine)) == []
    (query,) = said(Affinity((one("a", Where.QUERY, "order"), one("b", Where.QUERY, "order"))))
    assert "the query parameter order carries ids of the kind 'a' already" in query
    assert said(Affinity((one("a", Where.QUERY, "order"), one("b", Where.QUERY, "Order")))) == []
    (path,) = said(Affinity((one("a", Where.PATH, "/games/{id}/paid"), one("b", Where.PATH, "/games/{id}"))))
    assert "the path /games/{id} carries ids of the kind 'a' already" in path
    assert "by itself" in path


def test_a_path_that_never_comes_is_refused() -> None:
    (path,) = said(Affinity((one("order", Where.PATH, "/callbacks/{id}"),)))
    assert "no route of the service leads to /callbacks/{id}" in path
    assert "routes: /games" in path
    (half,) = said(Affinity((one("order", Where.PATH, "/gamesome/{id}"),)))
    assert "no route" in half
    everything = replace(SERVICE, prefixes=("/",), affinity=Affinity((one("order", Where.PATH, "/{id}"),)))
    assert list(affinity_problems(everything)) == []
