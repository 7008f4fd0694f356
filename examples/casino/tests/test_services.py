"""What the services answer, over HTTP and WebSocket, from real processes: the good paths and above all the bad ones."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

import aiohttp
import pytest

from casino.metrics import BUCKETS
from casino.players.population import Person
from casino.players.wire import Wire
from casino.testing import LocalCasino, health, scrape, sign_in, until, wait_ready
from casino.world import SERVICES


async def deposit(wire: Wire, headers: Mapping[str, str], key: str, amount: int = 1_000, psp: str = "kestrel") -> int:
    body = {"amount_minor": amount, "psp": psp}
    return (await wire.ask("payments", "POST", "/payments/deposit", body, {**headers, "idempotency-key": key})).status


async def fund(wire: Wire, headers: Mapping[str, str]) -> int:
    """Deposit 10.00 until an issuer approves; returns the balance."""
    for number in range(30):
        if await deposit(wire, headers, f"fund-{number}") == 200:
            return int((await wire.ask("payments", "GET", "/payments/balance", None, headers)).body["balance_minor"])
    raise AssertionError("no issuer approved")


async def test_a_player_registers_plays_and_is_paid_out(wire: Wire, person: Person) -> None:
    form = {"login": person.login, "password": person.password, "market": "SE", "brand": "bluefin"}
    registered = await wire.ask("auth", "POST", "/auth/register", form)
    assert registered.status == 201
    person.totp_secret, person.id, person.known = registered.body["totp_secret"], registered.body["player_id"], True
    person.market, person.brand = "SE", "bluefin"
    taken = await wire.ask("auth", "POST", "/auth/register", form)
    assert (taken.status, taken.body["code"]) == (409, "login_taken")
    headers = await sign_in(wire, person)
    who = await wire.ask("auth", "GET", "/auth/session", None, headers)
    assert who.body == {"player_id": person.id, "market": "SE", "brand": "bluefin"}
    balance = await fund(wire, headers)
    spin = {"round_id": "r1", "game": "harbour", "stake_minor": 100}
    played = await wire.ask("games", "POST", "/games/spin", spin, headers)
    assert played.body["balance_minor"] == balance - 100 + played.body["win_minor"]
    again = await wire.ask("games", "POST", "/games/spin", spin, headers)
    assert (again.body, again.replayed) == (played.body, True)
    other = await wire.ask("games", "POST", "/games/spin", {**spin, "stake_minor": 101}, headers)
    assert (other.status, other.body["code"]) == (409, "key_reused")
    paid = await wire.ask(
        "payments",
        "POST",
        "/payments/withdraw",
        {"amount_minor": 50, "psp": "tarn"},
        {**headers, "idempotency-key": "w"},
    )
    assert paid.body["currency"] == "SEK"
    assert paid.body["status"] in ("paid", "refused")


async def test_idempotency_keys(wire: Wire, person: Person) -> None:
    headers = await sign_in(wire, person)
    body = {"amount_minor": 700, "psp": "velora"}
    keyed = {**headers, "idempotency-key": "same"}
    first = await wire.ask("payments", "POST", "/payments/deposit", body, keyed)
    again = await wire.ask("payments", "POST", "/payments/deposit", body, keyed)
    assert (again.status, again.body, first.replayed, again.replayed) == (first.status, first.body, False, True)
    for path, other in (
        ("deposit", {**body, "amount_minor": 701}),
        ("deposit", {**body, "psp": "tarn"}),
        ("withdraw", body),
    ):
        refused = await wire.ask("payments", "POST", f"/payments/{path}", other, keyed)
        assert (refused.status, refused.body["code"]) == (409, "key_reused")
    missing = await wire.ask("payments", "POST", "/payments/deposit", body, headers)
    assert (missing.status, missing.body["code"]) == (400, "no_idempotency_key")
    for bad in ("", "a b", "x" * 65, "a/b"):
        refused = await wire.ask("payments", "POST", "/payments/deposit", body, {**headers, "idempotency-key": bad})
        assert refused.status == 400


@pytest.mark.parametrize(
    "body, complaint",
    [
        ({"amount_minor": 0, "psp": "tarn"}, "`int` >= 1 - at `$.amount_minor`"),
        ({"amount_minor": -5, "psp": "tarn"}, "$.amount_minor"),
        ({"amount_minor": 10_000_001, "psp": "tarn"}, "<= 10000000"),
        ({"amount_minor": 1.5, "psp": "tarn"}, "Expected `int`"),
        ({"amount_minor": "5", "psp": "tarn"}, "Expected `int`, got `str`"),
        ({"amount_minor": 5, "psp": "nobody"}, "Invalid enum value 'nobody' - at `$.psp`"),
        ({"amount_minor": 5}, "missing required field `psp`"),
        ({"amount_minor": 5, "psp": "tarn", "bonus": True}, "unknown field `bonus`"),
        ([], "Expected `object`, got `array`"),
    ],
)
async def test_bad_amounts_are_named(wire: Wire, person: Person, body: object, complaint: str) -> None:
    headers = {**await sign_in(wire, person), "idempotency-key": "k"}
    heard = await wire.ask("payments", "POST", "/payments/deposit", body, headers)
    assert (heard.status, heard.body["code"]) == (400, "bad_request")
    assert complaint in heard.body["detail"]


async def test_bodies_are_limited_and_must_be_json(wire: Wire, person: Person, routes: Mapping[str, str]) -> None:
    headers = {**await sign_in(wire, person), "idempotency-key": "k"}
    async with aiohttp.ClientSession(headers=headers) as session:
        url = f"{routes['payments']}/payments/deposit"
        for content, status in ((b"x" * 20_000, 413), (b"not json", 400), (b"\xff\xfe", 400), (b"", 400)):
            async with session.post(url, data=content) as answer:
                assert (answer.status, answer.headers["x-casino-version"]) == (status, "1.1.0")
        async with session.get(f"{routes['payments']}/nothing/here") as answer:
            assert (answer.status, answer.headers["x-casino-version"]) == (404, "1.1.0")
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(f"{routes['payments']}/nothing/here")
        assert refused.value.headers is not None
        assert refused.value.headers["x-casino-version"] == "1.1.0"


async def test_nobody_gets_in_without_password_code_and_their_own_token(wire: Wire, person: Person) -> None:
    headers = await sign_in(wire, person)
    form = {"login": person.login, "password": "not-the-password"}
    assert (await wire.ask("auth", "POST", "/auth/login", form)).status == 401
    assert (await wire.ask("auth", "POST", "/auth/login", {**form, "login": "nobody"})).status == 401
    challenge = (await wire.ask("auth", "POST", "/auth/login", {**form, "password": person.password})).body["challenge"]
    wrong = {"challenge": challenge, "code": f"{(int(person.code()) + 1) % 10**6:06d}"}
    for _ in range(5):
        assert (await wire.ask("auth", "POST", "/auth/verify", wrong)).status == 401
    late = await wire.ask("auth", "POST", "/auth/verify", {**wrong, "code": person.code()})
    assert late.status == 401, "a challenge bears five attempts"
    for token in ("", "Bearer", "Bearer x.y.z", headers["authorization"] + "x"):
        assert (await wire.ask("payments", "GET", "/payments/balance", None, {"authorization": token})).status == 401
    stolen = {**headers, "x-player-id": "p0000000000000000"}
    refused = await wire.ask("payments", "GET", "/payments/balance", None, stolen)
    assert (refused.status, refused.body["code"]) == (403, "wrong_player")


async def test_a_challenge_works_once(wire: Wire, person: Person) -> None:
    await sign_in(wire, person)
    form = {"login": person.login, "password": person.password}
    challenge = (await wire.ask("auth", "POST", "/auth/login", form)).body["challenge"]
    answer = {"challenge": challenge, "code": person.code()}
    assert [(await wire.ask("auth", "POST", "/auth/verify", answer)).status for _ in range(2)] == [200, 401]


async def test_self_exclusion_closes_play_but_not_the_way_out(wire: Wire, person: Person) -> None:
    headers = await sign_in(wire, person)
    await fund(wire, headers)
    assert (await wire.ask("auth", "POST", "/auth/self-exclude", None, headers)).status == 200
    spin = {"round_id": "r", "game": "comet", "stake_minor": 10}
    money = {"amount_minor": 10, "psp": "kestrel"}
    asked = [
        await wire.ask("payments", "POST", "/payments/deposit", money, {**headers, "idempotency-key": "in"}),
        await wire.ask("games", "POST", "/games/spin", spin, headers),
        await wire.ask("promo", "POST", "/promo/claim", {"offer": "welcome"}, headers),
        await wire.ask("auth", "POST", "/auth/login", {"login": person.login, "password": person.password}),
    ]
    assert [(heard.status, heard.body["code"]) for heard in asked] == [(403, "self_excluded")] * 4
    paid = await wire.ask("payments", "POST", "/payments/withdraw", money, {**headers, "idempotency-key": "out"})
    assert paid.body["status"] in ("paid", "refused")


async def test_money_that_is_not_there(wire: Wire, person: Person) -> None:
    headers = await sign_in(wire, person)
    body = {"amount_minor": 1_000_000, "psp": "kestrel"}
    keyed = {**headers, "idempotency-key": "w"}
    heard = await wire.ask("payments", "POST", "/payments/withdraw", body, keyed)
    assert (heard.status, heard.body["status"], heard.body["balance_minor"]) == (422, "refused", 0)
    await fund(wire, headers)
    assert (await wire.ask("payments", "POST", "/payments/withdraw", body, keyed)).body == heard.body
    spin = {"round_id": "r", "game": "comet", "stake_minor": 1_000_000}
    assert (await wire.ask("games", "POST", "/games/spin", spin, headers)).status == 422


async def test_a_bonus_is_granted_once(wire: Wire, person: Person) -> None:
    headers = await sign_in(wire, person)
    answers = await asyncio.gather(
        *(wire.ask("promo", "POST", "/promo/claim", {"offer": "reload"}, headers) for _ in range(5))
    )
    assert {json.dumps(heard.body) for heard in answers} == {
        '{"offer": "reload", "status": "granted", "amount_minor": 500}'
    }
    assert (await wire.ask("payments", "GET", "/payments/balance", None, headers)).body["balance_minor"] == 500


async def test_a_table_plays_rounds_and_measures_round_trips(wire: Wire, person: Person) -> None:
    headers = await sign_in(wire, person)
    await fund(wire, headers)
    stay = await wire.play("/games/table", "t", 10, 2, headers)
    assert (stay.status, stay.rounds, len(stay.round_trips), stay.version) == (200, 2, 2, "1.1.0")
    repeated = await wire.play("/games/table", "t", 10, 2, headers)
    assert repeated.rounds == 2
    refused = await wire.play("/games/table", "u", 9_000_000, 1, headers)
    assert (refused.rounds, refused.refused) == (0, 1)
    assert (await wire.play("/games/table", "v", 10, 1, {"authorization": "Bearer no"})).status == 401

    async def measured() -> bool:
        return (await scrape(wire, "games"))['casino_ws_round_trip_seconds_count{version="1.1.0"}'] >= 4

    await until(measured)


async def test_a_table_answers_nonsense_and_stays_open(person: Person, wire: Wire, routes: Mapping[str, str]) -> None:
    headers = await sign_in(wire, person)
    async with aiohttp.ClientSession(headers=headers) as session, session.ws_connect(
        f"{routes['games']}/games/table"
    ) as socket:  # fmt: skip
        assert (await socket.receive_json())["type"] == "welcome"
        for nonsense in (
            "{",
            '{"type": "cheat"}',
            '{"type": "bet"}',
            '{"type": "bet", "round_id": "r", "stake_minor": 0}',
        ):
            await socket.send_str(nonsense)
            assert (await socket.receive_json())["type"] == "error"
        await socket.send_str('{"type": "ping", "id": 7}')
        assert await socket.receive_json() == {"type": "pong", "id": 7}


async def test_metrics_are_the_contract(wire: Wire) -> None:
    expected = {
        "payments": 'casino_deposits_total{brand="bluefin",flag="payments_v2",flag_variant="on",market="MT",'
        'outcome="declined",psp="tarn",version="1.1.0"}',
        "auth": 'casino_logins_total{brand="aurora",market="SE",outcome="wrong_credentials",version="1.1.0"}',
        "games": 'casino_bets_total{brand="aurora",flag="new_lobby",flag_variant="recent",game="roulette",market="DE",'
        'outcome="refused",version="1.1.0"}',
        "promo": 'casino_promo_claims_total{brand="aurora",market="DE",outcome="repeated",version="1.1.0"}',
    }
    for service in SERVICES:
        await wire.ask(service, "POST", f"/{service}/ping", {"n": 1})
        metrics = await scrape(wire, service)
        assert expected[service] in metrics
        assert metrics['casino_ledger_drift_total{version="1.1.0"}'] == 0
        assert metrics['casino_duplicate_transactions_total{version="1.1.0"}'] == 0
        route = f'method="POST",route="/{service}/ping",version="1.1.0"'
        for bound in BUCKETS:
            assert f'casino_http_request_duration_seconds_bucket{{le="{bound}",{route}}}' in metrics
        assert metrics[f'casino_http_requests_total{{code="200",route="/{service}/ping",version="1.1.0"}}'] >= 1
        assert not any("/healthz" in series or "/metrics" in series for series in metrics)


async def test_labels_stay_bounded_whatever_is_sent(wire: Wire) -> None:
    for number in range(20):
        strange = {"x-market": f"M{number}", "x-brand": f"B{number}", "x-player-id": f"P{number}"}
        await wire.ask("auth", "POST", "/auth/login", {"login": f"n{number}", "password": "no-such-player"}, strange)
        await wire.ask("auth", "GET", f"/auth/elsewhere/{number}", None, strange)
    series = list(await scrape(wire, "auth"))
    assert not any('"M1' in one or '"B1' in one or "elsewhere" in one for one in series)
    assert any('market="unknown"' in one for one in series)


async def test_both_password_schemes_are_read_by_both_versions(casino: LocalCasino, person: Person) -> None:
    old, new = casino.start("auth", "1.0.0"), casino.start("auth", "1.1.0")
    for running in (old, new):
        wait_ready(running)
    for running in (old, new, old):
        async with Wire(running.url, {}, timeout_s=60) as wire:
            assert "authorization" in await sign_in(wire, person)


async def test_a_process_drains_without_losing_anything(casino: LocalCasino, person: Person) -> None:
    routes = casino.start_all("auth", "payments")
    games = casino.start("games", fault="slow:route=/games/spin,seconds=0.6")
    wait_ready(games)
    async with Wire("http://127.0.0.1:1", {**routes, "games": games.url}, timeout_s=60) as wire:
        headers = await sign_in(wire, person)
        await fund(wire, headers)
        async with aiohttp.ClientSession(headers=headers) as session, session.ws_connect(
            f"{games.url}/games/table"
        ) as socket:  # fmt: skip
            assert (await socket.receive_json())["type"] == "welcome"
            await socket.send_json({"type": "bet", "round_id": "last", "stake_minor": 10})
            assert (await socket.receive_json())["type"] == "accepted"
            spin = {"round_id": "slow", "game": "comet", "stake_minor": 10}
            spinning = asyncio.create_task(session.post(f"{games.url}/games/spin", json=spin))
            await until_in_flight(wire)
            games.terminate()
            said = [(await socket.receive_json())["type"] for _ in range(3)]
            assert said == ["result", "probe", "closing"]
            assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
            assert await asyncio.to_thread(health, games) == 503
            async with await spinning as answer:
                assert (answer.status, answer.headers["connection"]) == (200, "close")
    assert await asyncio.to_thread(games.process.wait, 10) == 0


async def test_a_drain_is_bounded(casino: LocalCasino) -> None:
    promo = casino.start("promo", fault="slow:route=/promo/offers,seconds=60", options=("--drain-seconds", "0.3"))
    wait_ready(promo)
    async with aiohttp.ClientSession() as session:
        stuck = asyncio.create_task(session.get(f"{promo.url}/promo/offers"))
        async with Wire(promo.url, {}, timeout_s=60) as wire:
            await wire.ask("promo", "GET", "/promo/ping")
        promo.terminate()
        assert await asyncio.to_thread(promo.process.wait, 10) == 0
        async with await stuck as answer:
            assert (answer.status, answer.headers["x-casino-version"]) == (500, "1.1.0")


async def until_in_flight(wire: Wire) -> None:
    """Return once the service has read what was sent before: it answers a later request of ours."""
    await wire.ask("games", "GET", "/games/ping")
