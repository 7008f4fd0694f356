"""The edge's fixed half, through a real Envoy: what it strips, refuses, counts and hides."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from croupier.adapters.routing.envoy import EnvoyRouter, EnvoySettings
from croupier.adapters.routing.envoy.bootstrap import (
    DURATION_BUCKETS_MS,
    DURATION_HISTOGRAM,
    REQUESTS_COUNTER,
    STATS_PATH,
    render_bootstrap,
)
from croupier.control.ports import TrafficTable
from croupier.core.rollout.routes import canary_routes, stable_routes

pytestmark = pytest.mark.envoy

Start = Callable[..., Awaitable[Any]]
TableOf = Callable[..., TrafficTable]
Eventually = Callable[..., Awaitable[None]]
Samples = dict[str, dict[tuple[tuple[str, str], ...], float]]

STABLE = stable_routes("payments", "1.0.0")


@pytest.fixture
async def admin(router: EnvoyRouter) -> Any:
    transport = httpx.AsyncHTTPTransport(uds=str(router.admin_socket))
    async with httpx.AsyncClient(transport=transport, base_url="http://envoy", timeout=60) as http:
        yield http


async def scrape(admin: httpx.AsyncClient) -> Samples:
    """Sample name -> labels -> value, as a Prometheus reads it."""
    samples: Samples = {}
    for family in text_string_to_metric_families((await admin.get(STATS_PATH)).text):
        for sample in family.samples:
            # This parser adds the ending that OpenMetrics asks of counters; Envoy does not write it.
            samples.setdefault(sample.name.removesuffix("_total"), {})[tuple(sorted(sample.labels.items()))] = (
                sample.value
            )
    return samples


def labels(**values: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(values.items()))


async def test_requests_are_counted_by_the_version_that_answered(
    router: EnvoyRouter,
    client: httpx.AsyncClient,
    admin: httpx.AsyncClient,
    upstream: Start,
    table_of: TableOf,
    eventually: Eventually,
) -> None:
    routes = canary_routes("payments", "1.0.0", "1.1.0", 9_999, salt="s")
    await router.apply(table_of(routes, await upstream("1.0.0"), await upstream("1.1.0", "fail")))
    for _ in range(3):
        await client.get("/payments", headers={"x-player-id": "p"})
    for _ in range(2):
        await client.get("/payments")
    await client.get("/nowhere")
    seen: Samples = {}

    async def merged() -> bool:  # histograms are merged once a second
        seen.update(await scrape(admin))
        return len(seen.get(f"{DURATION_HISTOGRAM}_count", {})) == 3

    await eventually(merged)
    assert seen[REQUESTS_COUNTER] == {
        labels(service="payments", version="1.1.0", code="500"): 3,
        labels(service="payments", version="1.0.0", code="200"): 2,
        labels(service="", version="", code="404"): 1,
    }
    assert seen[f"{DURATION_HISTOGRAM}_count"] == {
        labels(service="payments", version="1.1.0"): 3,
        labels(service="payments", version="1.0.0"): 2,
        labels(service="", version=""): 1,
    }
    edges = {float(dict(key)["le"]) for key in seen[f"{DURATION_HISTOGRAM}_bucket"]}
    assert edges == {*map(float, DURATION_BUCKETS_MS), float("inf")}


async def test_a_websocket_is_counted_and_not_timed(
    router: EnvoyRouter,
    admin: httpx.AsyncClient,
    settings: EnvoySettings,
    upstream: Start,
    table_of: TableOf,
    eventually: Eventually,
) -> None:
    await router.apply(table_of(STABLE, await upstream("1.0.0")))
    reader, writer = await asyncio.open_connection("127.0.0.1", settings.port)
    writer.write(b"GET /payments HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
    writer.write(b"x" * 7)
    await reader.readexactly(13)
    writer.close()
    await writer.wait_closed()

    one = labels(service="payments", version="1.0.0", code="101")

    async def counted() -> bool:
        return (await scrape(admin)).get(REQUESTS_COUNTER) == {one: 1}

    await eventually(counted)
    ended = await uptime_s(admin)

    async def merged() -> bool:  # histograms are merged once a second
        return await uptime_s(admin) >= ended + 3

    await eventually(merged)
    assert f"{DURATION_HISTOGRAM}_count" not in await scrape(admin)


async def uptime_s(admin: httpx.AsyncClient) -> int:
    text = (await admin.get("/stats?filter=^server.uptime$")).text
    return int(text.removeprefix("server.uptime: "))


async def test_internal_headers_of_clients_are_removed(
    router: EnvoyRouter, client: httpx.AsyncClient, upstream: Start, table_of: TableOf
) -> None:
    await router.apply(table_of(STABLE, await upstream("1.0.0")))
    forged = {"x-croupier-pin": "1.1.0", "X-Croupier-Anything": "1", "x-envoy-fault-abort-request": "503"}
    forged |= {"x-envoy-retry-on": "5xx", "x-envoy-upstream-rq-timeout-ms": "1", "x-player-id": "p", "x-market": "DE"}
    answer = await client.get("/payments", headers=forged)
    received = answer.json()["headers"]
    assert {"x-player-id", "x-market"} <= set(received)
    assert not [name for name in received if name.startswith(("x-croupier", "x-envoy-fault", "x-envoy-retry"))]
    assert not [name for name in answer.headers if name.startswith("x-envoy")], "nothing of what is inside leaks out"


HOSTILE: dict[str, tuple[str, dict[str, str], int]] = {
    "an escaped slash": ("/payments%2fsecret", {}, 400),
    "an underscore": ("/payments", {"under_score": "1"}, 400),
    "a long header": ("/payments", {"x-long": "y" * 20_000}, 431),
    "many headers": ("/payments", {f"x-{number}": "y" for number in range(100)}, 431),
}


@pytest.mark.parametrize("kind", HOSTILE)
async def test_hostile_requests_are_refused(
    router: EnvoyRouter, client: httpx.AsyncClient, upstream: Start, table_of: TableOf, kind: str
) -> None:
    path, headers, status = HOSTILE[kind]
    instance = await upstream("1.0.0")
    await router.apply(table_of(STABLE, instance))
    assert (await client.get(path, headers=headers)).status_code == status
    assert instance.hits == 0


@pytest.mark.parametrize("path", ["/quitquitquit", "/runtime_modify?x=1", "/logging?level=trace", "/certs", "/"])
async def test_the_admin_socket_only_answers_what_we_ask(
    router: EnvoyRouter, admin: httpx.AsyncClient, path: str
) -> None:
    assert (await admin.post(path)).status_code == 403
    assert await router.healthy()
    assert router.admin_socket.stat().st_mode & 0o777 == 0o600


def test_the_metrics_of_the_contract_are_what_is_configured(settings: EnvoySettings) -> None:
    text = str(render_bootstrap(settings))
    assert all(name.removeprefix("envoy_croupier_edge_") in text for name in (REQUESTS_COUNTER, DURATION_HISTOGRAM))
    assert "'prefix': 'croupier_edge'" in text
