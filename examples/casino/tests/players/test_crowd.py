"""The crowd's figures against the services' own counters, its mix, and what it calls lost."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from casino.players import Crowd
from casino.players.wire import Lost, Wire
from casino.testing import LocalCasino, scrape, until, wait_ready
from casino.world import SERVICES


def total(metrics: Mapping[str, float], prefix: str, *parts: str) -> float:
    return sum(
        v for series, v in metrics.items() if series.startswith(prefix) and all(part in series for part in parts)
    )


async def test_what_the_crowd_counts_is_what_the_casino_counts(casino: LocalCasino) -> None:
    routes = casino.start_all(*SERVICES)
    async with Crowd("http://127.0.0.1:1", rate=100, players=150, routes=routes, timeout_s=120) as crowd:
        await answered(crowd, 500)
        await crowd.stop()
        seen = crowd.snapshot()
    assert (seen.lost, seen.unexpected, seen.in_flight, seen.moves) == (0, 0, 0, 0), crowd.figures.complaints
    assert seen.sent == seen.answered == sum(one.requests for one in seen.versions)
    async with Wire("http://127.0.0.1:1", routes, timeout_s=60) as wire:
        metrics = {service: await scrape(wire, service) for service in SERVICES}
    by_service = {one.service: one for one in seen.versions}
    tables = sum(n for what, n in by_service["games"].outcomes.items() if what.startswith("table"))
    for service in SERVICES:
        requests = total(metrics[service], "casino_http_requests_total", "route=")
        imports = total(metrics[service], "casino_http_requests_total", "/auth/import")
        assert by_service[service].requests - (tables if service == "games" else 0) == requests - imports
        assert by_service[service].players > 0
    for outcome in ("credited", "declined", "failed"):
        mine = sum(n for (_, _, _, ended), n in seen.deposits.items() if ended == outcome)
        assert mine == total(metrics["payments"], "casino_deposits_total", f'outcome="{outcome}"')
    assert by_service["auth"].outcomes["verify:200"] == total(metrics["auth"], "casino_logins_total", 'outcome="ok"')


async def test_players_who_move_are_followed_and_the_first_failed_deposit_is_told(casino: LocalCasino) -> None:
    routes = dict(casino.start_all("auth", "games", "promo"))
    good, bad = casino.start("payments", "1.1.0"), casino.start("payments", "1.2.0", fault="deposit-error")
    for running in (good, bad):
        wait_ready(running)
    told: list[tuple[str, float]] = []
    crowd = Crowd(
        "http://127.0.0.1:1",
        rate=100,
        players=40,
        routes={**routes, "payments": good.url},
        timeout_s=120,
        on_failed_deposit=lambda version, at: told.append((version, at)),
    )
    async with crowd:
        await heard_from(crowd, "1.1.0")
        for url, version in ((bad.url, "1.2.0"), (good.url, "1.1.0")):
            crowd.reroute("payments", url)
            await heard_from(crowd, version)
        await crowd.stop()
    seen = crowd.snapshot()
    steps = {(move.service, move.before, move.after) for move in crowd.moves}
    assert steps == {("payments", "1.1.0", "1.2.0"), ("payments", "1.2.0", "1.1.0")}
    assert seen.moves == len(crowd.moves) == seen.moves_by_service["payments"]
    assert seen.returns > 0
    assert "1.2.0" in {version for version, _ in told}
    assert seen.first_failed_deposit["1.2.0"] == dict(told)["1.2.0"]
    failed = sum(n for (version, *_, ended), n in seen.deposits.items() if version == "1.2.0" and ended == "failed")
    (sick,) = (one for one in seen.versions if one.version == "1.2.0")
    assert failed > 0
    assert sick.failed >= failed
    assert seen.unexpected > 0
    assert seen.lost == 0


async def test_the_rate_can_be_changed_and_rest(routes: Mapping[str, str]) -> None:
    async with Crowd("http://127.0.0.1:1", rate=0, players=20, routes=routes, lean=True, timeout_s=120) as crowd:
        await asyncio.sleep(0)
        assert crowd.snapshot().sent == 0
        crowd.rate = 200
        await answered(crowd, 200)
        await crowd.stop()
        assert {one.service for one in crowd.snapshot().versions} == {"payments"}
        assert set(crowd.snapshot().versions[0].outcomes) == {"ping:200"}
        assert crowd.snapshot().document()["lost"] == 0


async def test_replacing_a_process_under_traffic_loses_nothing(casino: LocalCasino) -> None:
    patient = ("--linger-seconds", "6", "--drain-seconds", "120")  # the crowd may be slow to notice
    old, new = casino.start("payments", "1.0.0", options=patient), casino.start("payments", "1.1.0")
    for running in (old, new):
        wait_ready(running)
    routes = {"payments": old.url}
    async with Crowd("http://127.0.0.1:1", rate=60, players=50, routes=routes, lean=True, timeout_s=120) as crowd:
        await answered(crowd, 100)
        old.terminate()
        await answered(crowd, 30)  # callers that have not noticed yet are served
        crowd.reroute("payments", new.url)
        await answered(crowd, 100)
        assert await asyncio.to_thread(old.process.wait, 120) == 0
        await crowd.stop()
    seen = crowd.snapshot()
    assert (seen.lost, seen.unexpected) == (0, 0), crowd.figures.losses
    assert {one.version for one in seen.versions} == {"1.0.0", "1.1.0"}


@pytest.mark.parametrize(
    "answer, reason",
    [
        (b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n", "answer 503 without x-casino-version"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", "answer 200 without x-casino-version"),
        (b"", "ServerDisconnectedError"),
        (b"HTTP/1.1 200 OK\r\nx-casino-version: 1\r\ncontent-length: 9\r\n\r\n{}", "ClientPayloadError"),
    ],
)
async def test_answers_that_are_not_the_casinos_are_lost(answer: bytes, reason: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, Wire(url, {}, timeout_s=60) as wire:
        with pytest.raises(Lost, match=reason):
            await wire.ask("payments", "GET", "/payments/ping")
    async with Wire(url, {}, timeout_s=60) as wire:
        with pytest.raises(Lost, match="Connector"):
            await wire.ask("payments", "GET", "/payments/ping")


async def test_an_application_failure_is_not_lost() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 500 Oops\r\nx-casino-version: 1.2.0\r\ncontent-length: 4\r\n\r\nOops")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, Wire(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", {}, timeout_s=60) as wire:
        heard = await wire.ask("payments", "GET", "/payments/ping")
        assert (heard.status, heard.version, heard.body) == (500, "1.2.0", {"code": "not_json"})


async def answered(crowd: Crowd, more: int) -> None:
    """Return when that many further answers have come."""
    target = crowd.figures.answered + more
    await until(lambda: crowd.figures.answered >= target)


async def heard_from(crowd: Crowd, version: str, more: int = 80) -> None:
    """Return when this version of payments has given so many further answers: logins alone say nothing of it."""

    def heard() -> int:
        return sum(one.requests for one in crowd.snapshot().versions if (one.service, one.version) == service)

    service = ("payments", version)
    target = heard() + more
    await until(lambda: heard() >= target)
