"""What players get: through a real Envoy, from tiny real upstreams."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from tests.adapters.routing.conftest import CUT

from croupier.adapters.routing.envoy import EnvoyRouter, EnvoySettings
from croupier.adapters.routing.envoy.bootstrap import REQUESTS_COUNTER, STATS_PATH
from croupier.adapters.routing.envoy.files import Resources, read_resources, write_resources
from croupier.adapters.routing.envoy.routes import SENT_AGAIN_BYTES
from croupier.control.ports import Backend, RoutedService, TrafficTable, VersionKey
from croupier.core.releases import ProcessTemplate, Service
from croupier.core.rollout.exposure import Inside
from croupier.core.rollout.routes import ServiceRoutes, Share, canary_routes, stable_routes
from croupier.core.segments import AttributeMatch, Segment, bucket
from croupier.errors import Rejected, Transient
from croupier.testing import version_for

pytestmark = pytest.mark.envoy

Start = Callable[..., Awaitable[Any]]
TableOf = Callable[..., TrafficTable]
Eventually = Callable[..., Awaitable[None]]

GERMANY = Segment("germany", (AttributeMatch("market", ("DE",)),))


def split(weight: int, *, salt: str = "payments/7", segment: Segment | None = None) -> ServiceRoutes:
    return canary_routes("payments", "1.0.0", "1.1.0", weight, salt=salt, segment=segment)


async def version(client: httpx.AsyncClient, path: str = "/payments", **headers: str) -> str:
    answer = await client.get(path, headers={key.replace("_", "-"): value for key, value in headers.items()})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["version"])


async def assigned(client: httpx.AsyncClient, players: list[str]) -> dict[str, str]:
    """Written out on one connection: a client with manners takes three times as long for thousands of requests."""
    reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
    found = {}
    for player in players:
        writer.write(f"GET /payments HTTP/1.1\r\nhost: x\r\nx-player-id: {player}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        assert head.startswith(b"HTTP/1.1 200"), head
        assert length, head
        found[player] = str(json.loads(await reader.readexactly(int(length[1])))["version"])
    writer.close()
    return found


async def test_players_are_where_python_predicts_and_never_come_back(
    router: EnvoyRouter, client: httpx.AsyncClient, upstream: Start, table_of: TableOf
) -> None:
    instances = [await upstream("1.0.0"), await upstream("1.1.0")]
    players = [f"player-{number}" for number in range(1_000)]
    for salt in ("payments/7", "ä\\1 salt"):
        canary: set[str] = set()
        for weight in (0, 1, 500, 2_500, 10_000):
            await router.apply(table_of(split(weight, salt=salt), *instances))
            served = await assigned(client, players)
            predicted = {player: "1.1.0" if bucket(salt, player) < weight else "1.0.0" for player in players}
            assert served == predicted
            assert canary <= (canary := {player for player, chosen in served.items() if chosen == "1.1.0"})


async def test_odd_player_ids_are_hashed_by_their_bytes(
    router: EnvoyRouter, client: httpx.AsyncClient, upstream: Start, table_of: TableOf
) -> None:
    await router.apply(table_of(split(5_000), await upstream("1.0.0"), await upstream("1.1.0")))
    for number in range(50):
        for player in (f"müller-{number}", f"{number} a|b\\1", f"日本{number}", "x" * 500 + str(number)):
            answer = await client.get("/payments", headers=[(b"x-player-id", player.encode())])
            expected = "1.1.0" if bucket("payments/7", player) < 5_000 else "1.0.0"
            assert answer.json()["version"] == expected


@pytest.mark.parametrize("headers", [[], [("x-player-id", "")]], ids=["none", "empty"])
async def test_without_a_player_id_it_is_the_default_until_everybody_has_the_canary(
    router: EnvoyRouter,
    client: httpx.AsyncClient,
    upstream: Start,
    table_of: TableOf,
    headers: list[tuple[str, str]],
) -> None:
    instances = [await upstream("1.0.0"), await upstream("1.1.0")]
    for weight, expected in ((9_999, "1.0.0"), (10_000, "1.1.0"), (0, "1.0.0")):  # everybody is everybody
        await router.apply(table_of(split(weight), *instances))
        answers = [await client.get("/payments", headers=headers) for _ in range(20)]
        assert {answer.json()["version"] for answer in answers} == {expected}
    await router.apply(table_of(split(10_000, segment=GERMANY), *instances))
    answers = [await client.get("/payments", headers=[*headers, ("x-market", "DE")]) for _ in range(20)]
    assert {answer.json()["version"] for answer in answers} == {"1.0.0"}


async def test_guests_of_a_version_that_everybody_has_and_that_is_gone_get_the_default(
    router: EnvoyRouter, client: httpx.AsyncClient, upstream: Start, table_of: TableOf
) -> None:
    await router.apply(table_of(split(10_000), await upstream("1.0.0")))
    assert await version(client) == "1.0.0"


async def test_a_segment_is_only_those_in_it(
    router: EnvoyRouter, client: httpx.AsyncClient, upstream: Start, table_of: TableOf
) -> None:
    segment = Segment(
        "german brands", (AttributeMatch("market", ("DE", "AT")), AttributeMatch("brand", ("lucky|star", "a.b")))
    )
    routes = split(10_000, segment=segment)
    await router.apply(table_of(routes, await upstream("1.0.0"), await upstream("1.1.0")))
    for market in ("DE", "AT", "DE|AT", "de", "", "D"):
        for brand in ("lucky|star", "a.b", "axb", "lucky", ""):
            served = await version(client, x_player_id="p", x_market=market, x_brand=brand)
            inside = segment.contains({"market": market, "brand": brand})
            assert served == ("1.1.0" if inside else "1.0.0"), (market, brand)
    assert await version(client, x_player_id="p", x_market="DE") == "1.0.0"


async def test_shares_of_segments_are_those_that_python_predicts_and_nobody_comes_back(
    router: EnvoyRouter, client: httpx.AsyncClient, upstream: Start, table_of: TableOf
) -> None:
    north = Segment("north", (AttributeMatch("market", ("SE", "DE")),))
    backends = [await upstream(name) for name in ("1.0.0", "1.1.0")]
    players = [(f"player-{number}", market) for number in range(60) for market in ("DE", "SE", "AT")]
    there: set[tuple[str, str]] = set()
    for weight, insides in (
        (0, (Inside(GERMANY, 5_000),)),
        (0, (Inside(GERMANY, 5_000), Inside(north, 2_000))),
        (1_000, (Inside(GERMANY, 5_000), Inside(north, 7_000))),
        (9_000, (Inside(GERMANY, 5_000), Inside(north, 10_000))),
    ):
        routes = canary_routes("payments", "1.0.0", "1.1.0", weight, salt="payments-7.1", insides=insides)
        await router.apply(table_of(routes, *backends))
        seen = {
            (player, market)
            for player, market in players
            if await version(client, x_player_id=player, x_market=market) == "1.1.0"
        }
        assert seen == {
            (player, market) for player, market in players if version_for(routes, player, {"market": market}) == "1.1.0"
        }
        assert there < seen
        there = seen
        assert await version(client, x_market="DE") == "1.0.0"


async def test_the_first_share_whose_segment_fits_applies(
    router: EnvoyRouter, client: httpx.AsyncClient, upstream: Start, table_of: TableOf
) -> None:
    everywhere = Segment("all", ())
    routes = ServiceRoutes(
        "payments",
        (
            Share((("1.1.0", 10_000),), GERMANY),
            Share((("1.2.0", 10_000),), everywhere),
            Share((("1.0.0", 10_000),)),
        ),
        default="1.0.0",
    )
    await router.apply(table_of(routes, *[await upstream(name) for name in ("1.0.0", "1.1.0", "1.2.0")]))
    assert await version(client, x_player_id="p", x_market="DE") == "1.1.0"
    assert await version(client, x_player_id="p", x_market="SE") == "1.2.0"
    assert await version(client, x_market="DE") == "1.0.0"


async def test_the_longest_prefix_wins_and_ends_at_a_slash(
    router: EnvoyRouter, client: httpx.AsyncClient, upstream: Start
) -> None:
    services = []
    backends = []
    for name, prefixes in {"root": ("/",), "pay": ("/pay", "/p"), "fast": ("/pay/fast",)}.items():
        one = await upstream(name)
        service = Service(name, prefixes, ProcessTemplate(command=("unused",)))
        services.append(RoutedService(service, stable_routes(name, name)))
        backends.append(Backend(VersionKey(name, name), (one.endpoint,)))
    await router.apply(TrafficTable(tuple(services), tuple(backends)))
    for path, expected in {
        "/": "root",
        "/payX": "root",
        "/pay": "pay",
        "/pay/": "pay",
        "/pay?fast": "pay",
        "/pay/fastX": "pay",
        "/p/x": "pay",
        "/pay/fast": "fast",
        "/pay/fast/x?y": "fast",
        "/pay/../pay//fast/": "fast",
    }.items():
        assert await version(client, path) == expected, path


async def test_what_nobody_serves_is_a_problem_document(
    router: EnvoyRouter, client: httpx.AsyncClient, upstream: Start, table_of: TableOf
) -> None:
    await router.apply(table_of(stable_routes("payments", None)))
    nothing_yet = await client.get("/payments/x", headers={"x-player-id": "p"})
    nowhere = await client.get("/elsewhere")
    assert (nothing_yet.status_code, nowhere.status_code) == (503, 404)
    assert nothing_yet.headers["retry-after"] == "5"
    for answer in (nothing_yet, nowhere):
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code
    assert "payments" in nothing_yet.json()["title"]

    await router.apply(replace(table_of(stable_routes("payments", "1.0.0"))))
    no_instance = await client.get("/payments")
    assert (no_instance.status_code, no_instance.headers["retry-after"]) == (503, "1")
    assert no_instance.json() == {"type": "about:blank", "status": 503, "title": "The service did not answer."}


async def test_an_unreachable_canary_costs_its_players_nothing(
    router: EnvoyRouter, client: httpx.AsyncClient, upstream: Start, table_of: TableOf
) -> None:
    stable, canary = await upstream("1.0.0"), await upstream("1.1.0")
    await router.apply(table_of(split(10_000), stable, canary))
    assert await version(client, x_player_id="p") == "1.1.0"
    await canary.stop()
    for method in ("GET", "POST") * 20:
        answer = await client.request(method, "/payments", headers={"x-player-id": "p"})
        assert (answer.status_code, answer.json()["version"]) == (200, "1.0.0")


async def test_answers_cut_off_at_one_moment_do_not_turn_other_players_away(
    router: EnvoyRouter, client: httpx.AsyncClient, upstream: Start, table_of: TableOf
) -> None:
    await router.apply(table_of(stable_routes("payments", "1.0.0"), await upstream("1.0.0")))
    for _ in range(4):
        cut = await asyncio.gather(*(client.get("/payments/cut") for _ in range(CUT)), return_exceptions=True)
        assert all(isinstance(answer, httpx.HTTPError) for answer in cut), cut
        assert [await version(client) for _ in range(20)] == ["1.0.0"] * 20


@pytest.mark.parametrize("abruptly", [False, True])
async def test_sockets_that_a_canary_closes_do_not_turn_its_other_players_away(
    router: EnvoyRouter, client: httpx.AsyncClient, upstream: Start, table_of: TableOf, abruptly: bool
) -> None:
    stable, canary = await upstream("1.0.0"), await upstream("1.1.0")
    await router.apply(table_of(split(10_000), stable, canary))
    sockets = [await upgraded(client) for _ in range(200)]
    canary.hang_up(abruptly=abruptly)
    for reader, _ in sockets:
        assert await reader.read() == b""
    assert [await version(client, x_player_id="p") for _ in range(20)] == ["1.1.0"] * 20
    assert stable.hits == 0
    for _, writer in sockets:
        writer.close()


async def upgraded(client: httpx.AsyncClient) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A player's socket; something was said and heard on it."""
    reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
    asked = "GET /payments HTTP/1.1\r\nhost: x\r\nx-player-id: p\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\nhi"
    writer.write(asked.encode())
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
    assert await reader.readexactly(8) == b"1.1.0:hi"
    return reader, writer


@pytest.mark.parametrize("stable_has_them", [False, True])
async def test_players_stay_while_one_of_four_instances_is_reachable(
    router: EnvoyRouter, client: httpx.AsyncClient, upstream: Start, table_of: TableOf, stable_has_them: bool
) -> None:
    served = "1.0.0" if stable_has_them else "1.1.0"
    routes = stable_routes("payments", served) if stable_has_them else split(10_000)
    several = [await upstream(served, "slow") for _ in range(4)]
    await router.apply(table_of(routes, *several, *([] if stable_has_them else [await upstream("1.0.0")])))
    for each in several[:3]:
        await each.stop()
    for first in range(0, 200, 50):  # at once, so that the one that serves is the busiest of them
        players = [f"p{number}" for number in range(first, first + 50)]
        found = await asyncio.gather(*(version(client, x_player_id=player) for player in players))
        assert found == [served] * 50


async def test_nothing_is_done_twice_by_a_canary_that_comes_and_goes(
    router: EnvoyRouter, client: httpx.AsyncClient, upstream: Start, table_of: TableOf
) -> None:
    """A deposit that was handed over is never handed over again, whatever became of it."""
    stable, canary = await upstream("1.0.0"), await upstream("1.1.0")
    await router.apply(table_of(split(10_000), stable, canary))
    deposits: list[str] = []
    for turn in range(40):
        canary.behaviour = ("ok", "crash")[turn // 2 % 2]
        fresh = [f"d{turn}.{number}" for number in range(5)]
        posts = (client.post("/payments", content=each, headers={"x-player-id": "p"}) for each in fresh)
        *answers, _ = await asyncio.gather(*posts, canary.start() if turn % 2 else canary.stop())
        assert {answer.status_code for answer in answers} <= {200, 503}
        deposits += fresh
        served = [each for each, answer in zip(fresh, answers, strict=True) if answer.status_code == 200]
        assert set(served) <= stable.done.keys() | canary.done.keys()
    done = stable.done + canary.done
    assert done.keys() <= set(deposits)
    assert set(done.values()) == {1}


async def test_what_is_long_is_sent_again_up_to_a_bound(
    router: EnvoyRouter, client: httpx.AsyncClient, upstream: Start, table_of: TableOf
) -> None:
    stable, canary = await upstream("1.0.0"), await upstream("1.1.0")
    await router.apply(table_of(split(10_000), stable, canary))
    await canary.stop()
    whole = await client.post("/payments", content="x" * (SENT_AGAIN_BYTES - 1), headers={"x-player-id": "p"})
    assert (whole.status_code, whole.json()["version"]) == (200, "1.0.0")
    longer = await client.post("/payments", content="x" * (SENT_AGAIN_BYTES + 1), headers={"x-player-id": "p"})
    assert longer.status_code in (503, 507)  # given up as soon as it is too long, or at the last attempt
    assert stable.hits == 1


@pytest.mark.parametrize("behaviour, status, tries", [("fail", 500, 12), ("crash", 503, 12), ("hang", 504, 3)])
async def test_a_bad_canary_is_never_hidden_by_the_fallback(
    settings: EnvoySettings, upstream: Start, table_of: TableOf, behaviour: str, status: int, tries: int
) -> None:
    # Who answers may take as long as a busy machine needs; who hangs has to have got the request.
    edge = EnvoyRouter(replace(settings, request_timeout_s=1.0 if behaviour == "hang" else 60.0))
    await edge.start()
    stable, canary = await upstream("1.0.0"), await upstream("1.1.0", behaviour)
    await edge.apply(table_of(split(10_000), stable, canary))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.port}", trust_env=False, timeout=60) as client:
        statuses = [(await client.post("/payments", headers={"x-player-id": "p"})).status_code for _ in range(tries)]
    assert Counter(statuses) == {status: tries}
    assert (canary.hits, stable.hits) == (tries, 0), "each request reached one instance, once"
    assert await counted(edge) == {("payments", "1.1.0", str(status)): tries}
    await edge.stop(keep_serving=False)


async def counted(edge: EnvoyRouter) -> dict[tuple[str, str, str], int]:
    """The edge's own request counters by (service, version, code)."""
    transport = httpx.AsyncHTTPTransport(uds=str(edge.admin_socket))
    async with httpx.AsyncClient(transport=transport, base_url="http://envoy", timeout=60) as admin:
        page = (await admin.get(STATS_PATH)).text
    sample = re.compile(REQUESTS_COUNTER + r'{service="(.*)",version="(.*)",code="(.*)"} (\d+)')
    return {(found[1], found[2], found[3]): int(found[4]) for found in sample.finditer(page)}


async def test_requests_in_flight_end_where_they_began(
    router: EnvoyRouter, client: httpx.AsyncClient, upstream: Start, table_of: TableOf, settings: EnvoySettings
) -> None:
    """Old version out of the routes and out of the clusters: what it is working on is still answered by it."""
    old, new = await upstream("1.0.0"), await upstream("1.1.0")
    await router.apply(table_of(stable_routes("payments", "1.0.0"), old))
    reader, writer = await asyncio.open_connection("127.0.0.1", settings.port)
    writer.write(b"GET /payments HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
    await router.apply(table_of(stable_routes("payments", "1.1.0"), new))
    await gone(router, settings, "payments@1.0.0")
    writer.write(b"bet")
    assert await reader.readexactly(9) == b"1.0.0:bet"
    assert await version(client) == "1.1.0"
    writer.close()


@pytest.mark.parametrize("newer", [0, 1])
async def test_routes_that_are_not_ours_are_unknown_until_ours_are_written_again(
    router: EnvoyRouter, settings: EnvoySettings, upstream: Start, table_of: TableOf, eventually: Eventually, newer: int
) -> None:
    table = table_of(split(500), await upstream("1.0.0"), await upstream("1.1.0"))
    await router.apply(table)
    ours = read_resources(settings.rds_file)
    assert ours
    theirs = json.loads(json.dumps(ours.resources).replace('"use_hash_policy": true', '"use_hash_policy": false'))
    write_resources(settings.rds_file, Resources(str(int(ours.version) + newer), tuple(theirs)))

    async def unknown() -> bool:
        try:
            await router.served()
        except Transient as trouble:
            return "splits by chance" in str(trouble)
        return False

    await eventually(unknown)
    await router.apply(table)
    assert await router.served() == {"payments": split(500)}


async def gone(router: EnvoyRouter, settings: EnvoySettings, name: str) -> None:
    async with asyncio.timeout(120):
        while True:
            content = read_resources(settings.cds_file)
            state = await router._admin.xds_state()
            if content and name not in json.dumps(content.resources) and state.cds.version == content.version:
                return
            await asyncio.sleep(0.02)


async def test_changes_in_quick_succession_do_not_keep_old_clusters_for_ever(
    settings: EnvoySettings, upstream: Start, table_of: TableOf
) -> None:
    edge = EnvoyRouter(replace(settings, linger_s=0.0))
    await edge.start()
    names = []
    for number in range(6):
        routes = stable_routes("payments", f"{number}.0.0")
        await edge.apply(table_of(routes, await upstream(f"{number}.0.0")))
        await edge._stop_pruning()
        content = read_resources(settings.cds_file)
        assert content
        names.append([cluster["name"] for cluster in content.resources])
    assert names[0] == ["payments@0.0.0"]
    assert names[5] == ["payments@5.0.0", "payments@4.0.0"], "only what the change itself put out of use"
    await edge.stop(keep_serving=False)


async def test_an_instance_that_moves_to_another_port_is_followed(
    router: EnvoyRouter, client: httpx.AsyncClient, upstream: Start, table_of: TableOf
) -> None:
    for _ in range(3):
        instance = await upstream("1.0.0")
        await router.apply(table_of(stable_routes("payments", "1.0.0"), instance))
        for _ in range(5):
            assert await version(client) == "1.0.0"
        assert instance.hits == 5
        await instance.stop()


async def test_nothing_is_written_when_nothing_changed(
    router: EnvoyRouter, upstream: Start, table_of: TableOf, settings: EnvoySettings
) -> None:
    table = table_of(split(500), await upstream("1.0.0"), await upstream("1.1.0"))
    await router.apply(table)
    before = [path.stat() for path in (settings.cds_file, settings.rds_file)]
    await router.apply(table)
    router._confirmed = None
    await router.apply(table)
    after = [path.stat() for path in (settings.cds_file, settings.rds_file)]
    assert [(stat.st_ino, stat.st_mtime_ns) for stat in before] == [(stat.st_ino, stat.st_mtime_ns) for stat in after]


async def test_what_envoy_refuses_changes_nothing_and_says_why(
    router: EnvoyRouter, client: httpx.AsyncClient, upstream: Start, table_of: TableOf, settings: EnvoySettings
) -> None:
    table = table_of(stable_routes("payments", "1.0.0"), await upstream("1.0.0"))
    await router.apply(table)
    before = settings.rds_file.read_bytes(), settings.cds_file.read_bytes()
    state = await router._admin.xds_state()
    route = {"match": {"prefix": "/"}, "route": {"cluster": "nowhere"}}
    hosts = [{"name": "edge", "domains": ["*"], "routes": [route]}]
    kind = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
    bad = {"@type": kind, "name": "edge", "validate_clusters": True, "virtual_hosts": hosts}
    with pytest.raises(Rejected, match="nowhere"):
        await router._push("routes", (bad,), state)
    with pytest.raises(Rejected, match="virtualhosts"):
        await router._push("routes", ({**bad, "virtualhosts": []},), await router._admin.xds_state())
    cluster = {"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": "broken", "type": "EDS"}
    known = read_resources(settings.cds_file)
    assert known is not None
    with pytest.raises(Rejected, match="broken"):  # with the others, as apply does: Envoy drops what a file leaves out
        await router._push("clusters", (*known.resources, cluster), state)
    assert (settings.rds_file.read_bytes(), settings.cds_file.read_bytes()) == before
    assert await version(client) == "1.0.0"
    await router.apply(table_of(split(0), await upstream("1.0.0"), await upstream("1.1.0")))
    assert await version(client) == "1.0.0"


async def test_an_envoy_that_does_not_confirm_is_transient_and_what_was_served_stays_on_disk(
    router: EnvoyRouter, upstream: Start, table_of: TableOf, settings: EnvoySettings
) -> None:
    await router.apply(table_of(stable_routes("payments", "1.0.0"), await upstream("1.0.0")))
    await router.stop(keep_serving=False)
    stopped = EnvoyRouter(replace(settings, confirm_s=0.1))
    before = settings.rds_file.read_bytes()
    with pytest.raises(Transient):
        await stopped.apply(table_of(split(0), await upstream("1.0.0"), await upstream("1.1.0")))
    with pytest.raises(Transient):
        await stopped.served()
    assert settings.rds_file.read_bytes() == before
    assert not await stopped.healthy()
