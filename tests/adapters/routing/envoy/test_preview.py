"""The preview address: who answers there, that it is marked and not counted, and that nobody's way waits for it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.adapters.routing.envoy import EnvoyRouter, EnvoySettings
from croupier.adapters.routing.envoy.admin import Admin, Taken
from croupier.adapters.routing.envoy.bootstrap import REQUESTS_COUNTER, STATS_PATH
from croupier.adapters.routing.envoy.files import Resources, write_resources
from croupier.adapters.routing.envoy.preview import MARK, parse_preview, render_preview
from croupier.control.ports import Backend, RoutedService, TrafficTable, VersionKey
from croupier.core.releases import ProcessTemplate, Service
from croupier.core.rollout.routes import canary_routes, stable_routes
from croupier.core.smoke.override import ASKED, TOKEN_HEADER
from croupier.errors import Transient

Start = Callable[..., Awaitable[Any]]
Eventually = Callable[..., Awaitable[None]]

STABLE = stable_routes("payments", "1.0.0")
SETTINGS = EnvoySettings(Path("/nowhere"), 8080, preview_port=8081)


def service(name: str) -> Service:
    return Service(name, (f"/{name}",), ProcessTemplate(command=("unused",)))


def table(*instances: Any, preview: str | None = "1.1.0", weight: int = 0) -> TrafficTable:
    routes = canary_routes("payments", "1.0.0", "1.1.0", weight, salt="s") if weight else STABLE
    backends = tuple(Backend(VersionKey("payments", one.version), (one.endpoint,)) for one in instances)
    lobby = RoutedService(service("lobby"), stable_routes("lobby", None))
    return TrafficTable((RoutedService(service("payments"), routes, preview), lobby), backends)


@pytest.fixture
def settings(settings: EnvoySettings, free_ports: Callable[[], int]) -> EnvoySettings:
    return replace(settings, preview_port=free_ports())


@pytest.fixture
async def preview(settings: EnvoySettings) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.preview_port}", timeout=60) as http:
        yield http


@given(st.sampled_from([None, "1.0.0", "1.1.0"]), st.sampled_from(["/", "/payments", "/a/b"]))
def test_what_is_rendered_is_read_back(version: str | None, prefix: str) -> None:
    routed = RoutedService(replace(service("payments"), prefixes=(prefix,)), STABLE, version)
    rendered = render_preview(TrafficTable((routed,), ()), SETTINGS)
    assert parse_preview(rendered) == ({"payments": version} if version else {})


def test_what_asks_for_a_version_ends_at_the_edge_here_too(settings: EnvoySettings) -> None:
    """A service that is previewed could use the token, which is good for players' address."""
    table = TrafficTable(services=(), backends=())
    removed = render_preview(table, replace(settings, override_jwks="{}"))["request_headers_to_remove"]
    assert {TOKEN_HEADER, ASKED} <= set(removed)


def test_what_somebody_else_wrote_is_no_preview() -> None:
    rendered = render_preview(TrafficTable((RoutedService(service("payments"), STABLE, "1.1.0"),), ()), SETTINGS)
    rendered["virtual_hosts"][0]["routes"][0]["route"]["cluster"] = "payments@9"
    with pytest.raises(Transient, match="elsewhere than it says"):
        parse_preview(rendered)
    with pytest.raises(Transient, match="not ours"):
        parse_preview({})


@pytest.mark.envoy
async def test_it_leads_to_what_players_are_yet_to_get_and_counts_nothing(
    router: EnvoyRouter, client: httpx.AsyncClient, preview: httpx.AsyncClient, upstream: Start, eventually: Eventually
) -> None:
    old, new = await upstream("1.0.0"), await upstream("1.1.0")
    await router.apply(table(old, new))

    async def shown() -> bool:
        return await router.previewed() == {"payments": "1.1.0"}

    await eventually(shown)
    there = (await preview.get("/payments", headers={"x-player-id": "p"})).json()
    here = (await client.get("/payments", headers={"x-player-id": "p", MARK: "1"})).json()
    assert (there["version"], here["version"]) == ("1.1.0", "1.0.0")
    assert there["headers"][MARK] == "1"
    assert MARK not in here["headers"]  # a player cannot say so
    assert (await preview.get("/lobby")).status_code == 503
    assert (await preview.get("/elsewhere")).status_code == 404

    async def counted() -> str:
        async with httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=str(router.admin_socket)), timeout=60
        ) as admin:
            return (await admin.get(f"http://envoy{STATS_PATH}")).text

    async def one() -> bool:
        return REQUESTS_COUNTER in await counted()

    await eventually(one)
    lines = [line for line in (await counted()).splitlines() if line.startswith(REQUESTS_COUNTER)]
    assert [line.rpartition(" ")[2] for line in lines] == ["1"]

    new.behaviour = "fail"  # what is broken shows, and no other version answers for it
    assert (await preview.get("/payments")).status_code == 500
    await new.stop()
    assert (await preview.get("/payments")).status_code == 503

    await router.apply(table(old, preview=None))

    async def gone() -> bool:
        return await router.previewed() == {}

    await eventually(gone)
    assert (await preview.get("/payments")).json()["version"] == "1.0.0"


@pytest.mark.envoy
async def test_nobody_waits_for_it(
    router: EnvoyRouter, client: httpx.AsyncClient, upstream: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = await upstream("1.0.0"), await upstream("1.1.0")

    async def never(_: Admin) -> Taken:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(Admin, "preview", never)
    await router.apply(table(old, new, weight=10_000))
    assert (await client.get("/payments", headers={"x-player-id": "p"})).json()["version"] == "1.1.0"
    await router.apply(table(old, new, preview=None))
    assert (await client.get("/payments", headers={"x-player-id": "p"})).json()["version"] == "1.0.0"


@pytest.mark.envoy
async def test_what_envoy_does_not_take_is_tried_again(
    settings: EnvoySettings, upstream: Start, eventually: Eventually
) -> None:
    router = EnvoyRouter(replace(settings, confirm_s=0.3))
    await router.start()
    try:
        old, new = await upstream("1.0.0"), await upstream("1.1.0")
        write_resources(settings.preview_file, Resources("odd", ({"@type": "nothing"},)))
        wanted = table(old, new)

        async def shown() -> bool:
            await router.apply(wanted)
            return await router.previewed() == {"payments": "1.1.0"}

        await eventually(shown)
    finally:
        await router.stop(keep_serving=False)


@pytest.mark.envoy
async def test_without_a_port_there_is_none(settings: EnvoySettings, upstream: Start) -> None:
    router = EnvoyRouter(replace(settings, preview_port=None))
    await router.start()
    try:
        await router.apply(table(await upstream("1.0.0"), await upstream("1.1.0")))
        assert await router.previewed() == {}
    finally:
        await router.stop(keep_serving=False)
