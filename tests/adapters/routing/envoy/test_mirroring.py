"""Copies of requests, through a real Envoy: how many, of which, marked, and no player notices any of it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
from tests.adapters.routing.conftest import Upstream

from croupier.adapters.routing.envoy import EnvoyRouter, EnvoySettings
from croupier.adapters.routing.envoy.mirroring import without_copies
from croupier.control.ports import TrafficTable
from croupier.core.rollout.routes import ServiceRoutes, canary_routes, stable_routes
from croupier.core.rollout.shadow.mirror import EVERY_READ, Allowed, How, Mirror, Mirrored, TextMatch
from croupier.core.segments import AttributeMatch, Segment

pytestmark = pytest.mark.envoy

Start = Callable[..., Awaitable[Any]]
TableOf = Callable[..., TrafficTable]
Eventually = Callable[..., Awaitable[None]]

STABLE = stable_routes("payments", "1.0.0")


def copying(share_bp: int = 10_000, allowed: tuple[Allowed, ...] = EVERY_READ, **more: Any) -> Mirrored:
    return Mirrored("1.1.0", (Mirror("shadow", share_bp, allowed, **more),))


def mirrored(what: Mirrored, routes: ServiceRoutes = STABLE) -> ServiceRoutes:
    return replace(routes, mirrored=what)


class Recording(Upstream):
    """Keeps what it was sent."""

    def __init__(self, version: str, behaviour: str = "ok") -> None:
        super().__init__(version, behaviour)
        self.requests: list[tuple[str, dict[str, str]]] = []

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.requests.append((lines[0], dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)))
        again = asyncio.StreamReader()
        again.feed_data(head)
        length = int(self.requests[-1][1].get("content-length", 0))
        again.feed_data(await reader.readexactly(length))
        return await super()._request(again, writer)


@pytest.fixture
async def shadow() -> Any:
    one = await Recording("1.1.0").start()
    yield one
    await one.stop()


@dataclass(frozen=True)
class Edge:
    """A real Envoy, who asks it, and what stands behind it."""

    router: EnvoyRouter
    client: httpx.AsyncClient
    upstream: Start
    table_of: TableOf
    eventually: Eventually

    async def serve(self, routes: ServiceRoutes, *upstreams: Any) -> None:
        await self.router.apply(self.table_of(routes, *upstreams))

    async def till(self, holds: Callable[[], bool]) -> None:
        async def asked() -> bool:
            return holds()

        await self.eventually(asked)


@pytest.fixture
def edge(
    router: EnvoyRouter, client: httpx.AsyncClient, upstream: Start, table_of: TableOf, eventually: Eventually
) -> Edge:
    return Edge(router, client, upstream, table_of, eventually)


async def test_a_share_of_the_reads_is_copied_and_marked(edge: Edge, shadow: Recording) -> None:
    stable = await edge.upstream("1.0.0")
    await edge.serve(mirrored(copying(2_500)), stable, shadow)
    for number in range(400):
        answer = await edge.client.get(f"/payments?n={number}", headers={"x-player-id": f"p{number}"})
        assert answer.json()["version"] == "1.0.0"
        assert "x-croupier-shadow" not in answer.json()["headers"]
    assert stable.hits == 400
    assert 40 < len(shadow.requests) < 180, "a share of 25 % by chance; these bounds are ten times its deviation"
    assert all(headers["x-croupier-shadow"] == "1" for _, headers in shadow.requests)
    assert all(headers["host"] == f"127.0.0.1:{edge.client.base_url.port}" for _, headers in shadow.requests)


async def test_what_is_not_allowed_is_not_copied(edge: Edge, shadow: Recording) -> None:
    allowed = (
        Allowed(("GET", "POST"), TextMatch(How.EXACT, "/payments/quote")),
        Allowed(path=TextMatch(How.PREFIX, "/payments/list/")),
        Allowed(("GET",), TextMatch(How.REGEX, "/payments/[0-9]+"), (("x-market", TextMatch(How.PREFIX, "S")),)),
    )
    await edge.serve(mirrored(copying(10_000, allowed)), await edge.upstream("1.0.0"), shadow)
    sent = [
        ("POST", "/payments/quote?a=1", {}),
        ("GET", "/payments/list/x", {}),
        ("HEAD", "/payments/list/y", {}),
        ("GET", "/payments/42?x=/payments/quote", {"x-market": "SE"}),
    ]
    others = [
        ("POST", "/payments", {}),
        ("POST", "/payments/quote/", {}),
        ("DELETE", "/payments/quote", {}),
        ("POST", "/payments/list/x", {}),
        ("GET", "/payments/quotes", {}),
        ("GET", "/payments/42", {"x-market": "DE"}),
        ("GET", "/payments/4x", {"x-market": "SE"}),
    ]
    for method, path, headers in [*others, *sent]:
        answer = await edge.client.request(method, path, headers={"x-player-id": "p", **headers}, content=b"body")
        assert answer.status_code == 200
    await edge.till(lambda: len(shadow.requests) >= len(sent))
    assert sorted(line for line, _ in shadow.requests) == sorted(f"{m} {p} HTTP/1.1" for m, p, _ in sent)


async def test_headers_are_withheld_from_copies_alone(edge: Edge, shadow: Recording) -> None:
    wanted = mirrored(copying(withheld=("authorization", "cookie")))
    await edge.serve(wanted, await edge.upstream("1.0.0"), shadow)
    sent = {"authorization": "Bearer secret", "cookie": "casino_session=secret", "x-other": "kept"}
    answer = await edge.client.get("/payments", headers=sent)
    assert {answer.json()["headers"][name] for name in sent} == {value.lower() for value in sent.values()}
    await edge.till(lambda: bool(shadow.requests))
    [(_, headers)] = shadow.requests
    assert headers["x-other"] == "kept"
    assert not {"authorization", "cookie"} & headers.keys()


async def test_a_clients_own_mark_ends_at_the_edge(edge: Edge) -> None:
    await edge.serve(STABLE, await edge.upstream("1.0.0"))
    sent = {"x-croupier-shadow": "1", "X-Croupier-Compare": "payments"}
    assert not sent.keys() & (await edge.client.get("/payments", headers=sent)).json()["headers"].keys()


@pytest.mark.parametrize("behaviour", ["slow", "fail", "crash", "hang", "gone"])
async def test_nobody_notices_what_becomes_of_copies(edge: Edge, behaviour: str) -> None:
    stable, canary = (
        await edge.upstream("1.0.0"),
        await edge.upstream("1.1.0", "ok" if behaviour == "gone" else behaviour),
    )
    await edge.serve(mirrored(copying(sample_bp=10_000)), stable, canary)
    if behaviour == "gone":
        await canary.stop()
    answers = [await edge.client.get("/payments", headers={"x-player-id": f"p{number}"}) for number in range(150)]
    assert [answer.status_code for answer in answers] == [200] * 150
    assert {answer.json()["version"] for answer in answers} == {"1.0.0"}
    assert stable.hits == 150, "a copy that fails is not sent to the players' version"


async def test_players_stay_on_their_version_and_copies_end(edge: Edge, shadow: Recording) -> None:
    stable = await edge.upstream("1.0.0")
    segment = Segment("swedes", (AttributeMatch("market", ("SE",)),))
    split = canary_routes("payments", "1.0.0", "1.1.0", 3_000, salt="s", segment=segment)

    async def versions() -> list[str]:
        asked = [{"x-player-id": f"p{n}", "x-market": market} for n in range(40) for market in ("SE", "DE")]
        return [(await edge.client.get("/payments", headers=headers)).json()["version"] for headers in asked]

    await edge.serve(split, stable, shadow)
    before = await versions()
    assert {"1.0.0", "1.1.0"} == set(before)
    assert not any("x-croupier-shadow" in headers for _, headers in shadow.requests)
    wanted = mirrored(copying(), split)
    await edge.serve(wanted, stable, shadow)
    assert await edge.router.served() == {"payments": wanted}
    assert await versions() == before
    await edge.till(lambda: sum("x-croupier-shadow" in headers for _, headers in shadow.requests) == len(before))
    await edge.serve(split, stable, shadow)
    assert await edge.router.served() == {"payments": split}
    shadow.requests.clear()
    assert await versions() == before
    assert not any("x-croupier-shadow" in headers for _, headers in shadow.requests)


async def test_a_sample_of_the_reads_goes_to_whoever_compares(edge: Edge, settings: EnvoySettings) -> None:
    heard: list[str] = []

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append((await reader.readuntil(b"\r\n\r\n")).decode().lower())
        writer.write(b"HTTP/1.1 202 Accepted\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_unix_server(hear, settings.compare_socket)
    allowed = (Allowed(("GET", "POST"), TextMatch(How.EXACT, "/payments/a")),)
    wanted = Mirrored("1.1.0", (Mirror("shadow", 0, allowed, ("cookie",), 10_000),))
    stable, canary = await edge.upstream("1.0.0"), await edge.upstream("1.1.0")
    await edge.serve(mirrored(wanted), stable, canary)
    assert await edge.router.served() == {"payments": mirrored(wanted)}
    for method, path in (("POST", "/payments/a"), ("GET", "/payments/b"), ("GET", "/payments/a")):
        await edge.client.request(method, path, headers={"cookie": "a=1"})
    await edge.till(lambda: bool(heard))
    server.close()
    [head] = heard
    assert head.startswith("get /payments/a http/1.1")
    assert "x-croupier-compare: payments" in head
    assert "cookie" not in head
    assert canary.hits == 0


def test_copies_that_nobody_would_have_written_are_not_ours() -> None:
    route = {
        "match": {"prefix": "/", "headers": [{"name": ":method", "string_match": {"exact": "GET"}}]},
        "route": {"cluster": "payments@1.0.0"},
        "metadata": {"filter_metadata": {"croupier": {"copied": {"version": "1.1.0", "mirrors": []}}}},
    }
    with pytest.raises(ValueError, match="copies other requests than it says"):
        without_copies("payments", [json.loads(json.dumps(route))])
