"""Rounds end where they began: through a real Envoy."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from croupier.adapters.routing.envoy import EnvoyRouter
from croupier.control.ports import Backend, RoutedService, TrafficTable, VersionKey
from croupier.core.releases import Affinity, ProcessTemplate, Service
from croupier.core.rollout.pins import PinnedId, Pins
from croupier.core.rollout.routes import ServiceRoutes, canary_routes, stable_routes

pytestmark = pytest.mark.envoy

Start = Callable[..., Awaitable[Any]]
GAMES = Service(
    "games",
    ("/games", "/games/v2"),
    ProcessTemplate(("x",)),
    affinity=Affinity((("round", "X-Round-Id"), ("order", "x-order-id"))),
)


def table(routes: ServiceRoutes, *instances: Any, other: str = "") -> TrafficTable:
    backends = tuple(Backend(VersionKey("games", one.version), (one.endpoint,)) for one in instances)
    services = [RoutedService(GAMES, routes)]
    if other:
        lobby = Service("lobby", ("/",), ProcessTemplate(("x",)), affinity=GAMES.affinity)
        services.append(RoutedService(lobby, stable_routes("lobby", other)))
        backends += tuple(Backend(VersionKey("lobby", one.version), (one.endpoint,)) for one in instances)
    return TrafficTable(tuple(services), backends)


async def version(client: httpx.AsyncClient, path: str = "/games", **headers: str) -> str:
    answer = await client.get(path, headers={key.replace("_", "-"): value for key, value in headers.items()})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["version"])


async def test_an_id_that_names_its_version_goes_there_whatever_the_weights_say(
    router: EnvoyRouter, client: httpx.AsyncClient, upstream: Start
) -> None:
    old, new = await upstream("1.0.0"), await upstream("1.1.0")
    both = Pins(("1.0.0", "1.1.0"))
    for weight in (0, 500, 10_000):
        routes = replace(canary_routes("games", "1.0.0", "1.1.0", weight, salt="s"), pins=both)
        await router.apply(table(routes, old, new))
        assert (await router.served())["games"] == routes
        for player in ({}, {"x_player_id": "anna"}):
            for path in ("/games", "/games/spin", "/games/v2/x?round=1"):
                assert await version(client, path, x_round_id="r-1@1.1.0", **player) == "1.1.0"
                assert await version(client, path, x_order_id="o@1.0.0", **player) == "1.0.0"
    # One that names a version nobody has left anything on goes by the weights.
    assert await version(client, x_round_id="r-1@9.9.9", x_player_id="anna") == "1.1.0"


async def test_an_id_that_names_none_goes_where_it_was_begun(
    router: EnvoyRouter, client: httpx.AsyncClient, upstream: Start
) -> None:
    old, new = await upstream("1.0.0"), await upstream("1.1.0")
    ids = (PinnedId("order", "o-1", "1.1.0"), PinnedId("round", "r-1", "1.1.0"), PinnedId("round", "r-2", "1.0.0"))
    routes = replace(canary_routes("games", "1.0.0", "1.1.0", 10_000, salt="s"), pins=Pins(("1.0.0", "1.1.0"), ids))
    await router.apply(table(routes, old, new, other="1.0.0"))
    assert (await router.served())["games"] == routes
    for path in ("/games", "/games/spin", "/games?x=1", "/games/v2"):
        assert await version(client, path, x_round_id="r-1") == "1.1.0"
        assert await version(client, path, x_order_id="o-1") == "1.1.0"
        assert await version(client, path, x_round_id="r-2", x_player_id="anna") == "1.0.0"
        assert await version(client, path, x_round_id="r-3", x_player_id="anna") == "1.1.0"
        assert await version(client, path, x_round_id="r-3@1.0.0", x_player_id="anna") == "1.0.0"
        assert await version(client, path, x_round_id="o-1") == "1.0.0"  # another kind, and nobody's
    # Another service's requests with the same ids are its own business, however alike its path.
    for path in ("/gamesome", "/", "/x"):
        assert await version(client, path, x_round_id="r-1") == "1.0.0"
    await router.apply(table(routes.unpinned, old, new, other="1.0.0"))
    assert (await router.served())["games"] == routes.unpinned


async def test_pins_of_services_beside_each_other_are_told_apart(
    router: EnvoyRouter, client: httpx.AsyncClient, upstream: Start
) -> None:
    old, new = await upstream("1.0.0"), await upstream("1.1.0")
    routes = replace(stable_routes("games", "1.0.0"), pins=Pins((), (PinnedId("round", "r-1", "1.1.0"),)))
    wanted = table(routes, old, new, other="1.0.0")
    games, lobby = wanted.services
    pinned = replace(lobby.routes, pins=Pins((), (PinnedId("round", "r-2", "1.1.0"),)))
    await router.apply(replace(wanted, services=(games, replace(lobby, routes=pinned))))
    assert await router.served() == {"games": routes, "lobby": pinned}
    assert await version(client, "/games", x_round_id="r-1") == "1.1.0"
    assert await version(client, "/games", x_round_id="r-2") == "1.0.0"
    assert await version(client, "/lobby", x_round_id="r-2") == "1.1.0"
    assert await version(client, "/lobby", x_round_id="r-1") == "1.0.0"
