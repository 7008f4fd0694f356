"""Rounds end where they began: through a real Envoy."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from tests.adapters.routing.conftest import Upstream

from croupier.adapters.routing.envoy import EnvoyRouter, EnvoySettings
from croupier.control.ports import Backend, RoutedService, TrafficTable, VersionKey
from croupier.core.releases import Affinity, IdKind, IdSource, ProcessTemplate, Service, Where
from croupier.core.releases.affinity import by_header
from croupier.core.rollout.pins import PinnedId, Pins
from croupier.core.rollout.routes import ServiceRoutes, canary_routes, stable_routes
from croupier.testing.leading import Request, led_to

pytestmark = pytest.mark.envoy

Start = Callable[..., Awaitable[Any]]
GAMES = Service(
    "games",
    ("/games", "/games/v2"),
    ProcessTemplate(("x",)),
    affinity=Affinity((by_header("round", "X-Round-Id"), by_header("order", "x-order-id"))),
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
    routes = replace(canary_routes("games", "1.0.0", "1.1.0", 9_999, salt="s"), pins=Pins(("1.0.0", "1.1.0"), ids))
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


CALLED_BACK = Service(
    "games",
    ("/games", "/games/v2"),
    ProcessTemplate(("x",)),
    affinity=Affinity(
        (
            IdKind("round", (IdSource(Where.HEADER, "x-round-id"), IdSource(Where.QUERY, "round"))),
            IdKind(
                "order",
                (
                    IdSource(Where.QUERY, "order"),
                    IdSource(Where.PATH, "/games/callbacks/psp/{id}"),
                    IdSource(Where.PATH, "/games/v2/orders/{id}/paid"),
                ),
            ),
        )
    ),
)


def called_back(routes: ServiceRoutes, *instances: Any) -> TrafficTable:
    backends = tuple(Backend(VersionKey("games", one.version), (one.endpoint,)) for one in instances)
    return TrafficTable((RoutedService(CALLED_BACK, routes),), backends)


async def test_an_id_is_found_in_the_query_and_in_the_path(
    router: EnvoyRouter, client: httpx.AsyncClient, upstream: Start
) -> None:
    old, new = await upstream("1.0.0"), await upstream("1.1.0+b~1")
    for weight in (0, 10_000):
        base = canary_routes("games", "1.0.0", "1.1.0+b~1", weight, salt="s")
        routes = replace(base, pins=Pins(("1.0.0", "1.1.0+b~1")))
        await router.apply(called_back(routes, old, new))
        assert (await router.served())["games"] == routes
        for path in (
            "/games?order=o-17@1.1.0+b~1",
            "/games/pay?x=1&order=o-17%401.1.0%2bb%7E1&y",
            "/games/v2?round=r%40%31.1.0%2Bb~1",
            "/games/callbacks/psp/o-17@1.1.0+b~1",
            "/games/callbacks/psp/o-17%401.1.0%2Bb~1?status=paid",
            "/games//callbacks/psp/o%2d17%401.1.0%2bb~1/again",
            "/games/v2/orders/o-17@1.1.0+b~1/paid",
        ):
            for player in ({}, {"x_player_id": "anna"}):
                assert await version(client, path, **player) == "1.1.0+b~1", path
                back = path.replace("+b~1", "").replace("%2bb%7E1", "").replace("%2Bb~1", "").replace("%2bb~1", "")
                back = back.replace("@1.1", "@1.0").replace("%401.1", "%401.0").replace("%31.1", "%31.0")
                assert await version(client, back, **player) == "1.0.0", back
    # Elsewhere in the request it is no id: in another parameter, behind the path, in another path.
    for path in (
        "/games?other=o@1.0.0",
        "/games/v2/orders/o@1.0.0",
        "/games/callbacks/o@1.0.0",
        "/games?x=order=o@1.0.0",
    ):
        assert await version(client, path, x_player_id="anna") == "1.1.0+b~1", path


async def test_an_id_in_a_path_need_not_name_its_version(
    router: EnvoyRouter, client: httpx.AsyncClient, upstream: Start
) -> None:
    old, new = await upstream("1.0.0"), await upstream("1.1.0")
    ids = (PinnedId("order", "a+b/c?d%~", "1.1.0"), PinnedId("order", "o-1", "1.1.0"))
    routes = replace(stable_routes("games", "1.0.0"), pins=Pins(("1.0.0", "1.1.0"), ids))
    await router.apply(called_back(routes, old, new))
    assert (await router.served())["games"] == routes
    for id_ in ("o-1", "%6f-1", "o-1/", "o-1/more", "o-1?status=paid", "o-1/?x"):
        assert await version(client, f"/games/callbacks/psp/{id_}") == "1.1.0", id_
    for id_ in ("o-2", "o-12", "o", "o-1x?o-1"):
        assert await version(client, f"/games/callbacks/psp/{id_}") == "1.0.0", id_
    assert await version(client, "/games/v2/orders/o-1/paid/x") == "1.1.0"
    assert await version(client, "/games/v2/orders/o-1") == "1.0.0"


PIECES = (
    "o-17",
    "r",
    "@",
    "%40",
    "1.1.0",
    "1.0.0",
    "%31.1%2e0",
    "1.2.0-rc.1",
    "9.9.9",
    "%2D",
    "-",
    "%",
    "%2540",
    "~",
    "+",
)
written = st.lists(st.sampled_from(PIECES), max_size=5).map("".join)
paths = st.sampled_from(
    [
        "/games",
        "/games/callbacks/psp/{}",
        "/games/callbacks/psp/{}/x",
        "/games//callbacks/psp/{}",
        "/games/v2/orders/{}/paid",
        "/games/v2/orders/{}/paidx",
        "/games/v2/orders/{}",
        "/games/callbacks/{}",
    ]
)
queries = st.lists(st.tuples(st.sampled_from(["order", "round", "x", "Order", "o%72der"]), written), max_size=3)
requests = st.tuples(
    st.builds(str.format, paths, written),
    queries,
    st.dictionaries(st.just("x-round-id"), written.filter(bool), max_size=1),
)


def test_what_the_edge_does_is_what_is_said_of_it(run_dir: Path, free_port: int) -> None:
    known = (PinnedId("order", "o-17", "1.1.0"), PinnedId("order", "r", "1.2.0-rc.1"), PinnedId("round", "r", "1.1.0"))
    pins = Pins(("1.0.0", "1.1.0", "1.2.0-rc.1"), known)
    kinds = CALLED_BACK.affinity.kinds if CALLED_BACK.affinity else ()

    async def begin(edge: EnvoyRouter) -> list[Upstream]:
        instances = [await Upstream(each).start() for each in pins.versions]
        await edge.start()
        await edge.apply(called_back(replace(stable_routes("games", "1.0.0"), pins=pins), *instances))
        return instances

    async def ask(client: httpx.AsyncClient, path: str, headers: dict[str, str]) -> None:
        answer = await client.get(httpx.URL(client.base_url, raw_path=path.encode()), headers=headers)
        if answer.status_code == 400:  # what is no path at all goes nowhere
            return
        seen = answer.json()["request"].split(" ")[1]  # as the edge has normalised it
        wanted = led_to(pins, kinds, Request(seen, headers)) or "1.0.0"
        assert answer.json()["version"] == wanted, (seen, headers)

    with asyncio.Runner() as runner:
        edge = EnvoyRouter(EnvoySettings(run_dir=run_dir, port=free_port, concurrency=1))
        instances = runner.run(begin(edge))
        client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{free_port}", timeout=60, trust_env=False)

        @effort(max_examples=300)
        @given(requests)
        def check(drawn: tuple[str, list[tuple[str, str]], dict[str, str]]) -> None:
            path, query, headers = drawn
            asked = "&".join(f"{name}={value}" for name, value in query)
            runner.run(ask(client, f"{path}?{asked}" if query else path, headers))

        try:
            check()
        finally:
            runner.run(client.aclose())
            runner.run(edge.stop(keep_serving=False))
            for each in instances:
                runner.run(each.stop())
