"""The fault switch: its grammar, and that each fault does to a real process what it says."""

from __future__ import annotations

import asyncio
import logging
import random
from pathlib import Path

import aiohttp
import pytest

from casino.errors import Misconfigured
from casino.faults import Fault, Faults, parse
from casino.ledger import check
from casino.payments import ROUTES
from casino.players.population import Person
from casino.players.wire import Lost, Wire
from casino.serve import serve
from casino.testing import LocalCasino, scrape, sign_in, wait_ready


def test_a_switch_with_several_faults_is_read() -> None:
    text = "deposit-error:psp=kestrel,market=DE; slow:route=/payments/deposit,seconds=400ms,share=0.6;crash:after=2m;"
    assert parse(text) == (
        Fault("deposit-error", {"psp": "kestrel", "market": "DE"}),
        Fault("slow", {"route": "/payments/deposit"}, 0.6, 0.4),
        Fault("crash", {}, 1.0, 120.0),
    )
    assert parse("") == parse(" ; ") == ()


@pytest.mark.parametrize(
    "text, message",
    [
        ("deposits", "unknown fault 'deposits'; known are deposit-error"),
        ("deposit-error:psp=nobody", "psp='nobody' is not known; write kestrel, velora, tarn"),
        ("deposit-error:market=de", "market='de' is not known"),
        ("deposit-error:color=red", "no parameter 'color'; allowed are psp, market, brand, share"),
        ("deposit-error:psp", "'psp' is not name=value"),
        ("deposit-error:psp=tarn,psp=tarn", "psp is given twice"),
        ("login-error:share=0", "share='0' must be a number above 0, at most 1"),
        ("login-error:share=nan", "must be a number above 0"),
        ("login-error:share=5%", "must be a number above 0"),
        ("slow:seconds=1", "slow needs route="),
        ("slow:route=/elsewhere,seconds=1", "a path such as /payments/deposit"),
        ("crash:after=soon", "after='soon' is not a duration; write 400ms"),
        ("crash", "crash needs after="),
        ("double-debit", "double-debit needs share="),
    ],
)
def test_mistakes_are_named_with_what_to_write_instead(text: str, message: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        parse(text)
    assert message in str(caught.value)


def test_a_share_is_a_share_of_what_matches() -> None:
    faults = Faults(parse("deposit-error:psp=tarn,share=0.25"), random.Random(3))
    hits = sum(faults.hit("deposit-error", psp="tarn", market="DE") is not None for _ in range(4_000))
    assert 900 < hits < 1_100
    assert not any(faults.hit("deposit-error", psp="velora", market="DE") for _ in range(50))
    assert not any(faults.hit("login-error", psp="tarn") for _ in range(50))


@pytest.mark.parametrize(
    "options, message",
    [
        (("--fault", "boom"), "unknown fault 'boom'"),
        (("--fault", "slow:route=/payments/typo,seconds=1"), "payments has no route /payments/typo"),
        (("--password-cost", "100"), "not a power of two"),
        (("--secret-file", "/nowhere/secret"), "cannot be read"),
        (("--version", "one"), "not a semantic version"),
        (("--database", "/nowhere/casino.db"), "does not exist"),
    ],
)
def test_a_process_that_is_started_wrongly_says_what_to_write(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    message: str,
) -> None:
    good = ("--port", "1", "--version", "1.0.0", "--database", str(tmp_path / "casino.db"))
    monkeypatch.setattr("sys.argv", ["casino.payments", *good, *options])
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # its own ends with the test
    assert serve("payments", ROUTES) == 2
    assert message in capsys.readouterr().err


def test_a_wrong_start_is_exit_code_2(casino: LocalCasino) -> None:
    assert casino.start("payments", fault="boom").process.wait(120) == 2


async def test_deposits_fail_for_one_provider_in_one_market_only(casino: LocalCasino, person: Person) -> None:
    routes = casino.start_all("auth")
    sick = casino.start("payments", "1.2.0", fault="deposit-error:psp=kestrel,market=DE")
    wait_ready(sick)
    async with Wire("http://127.0.0.1:1", {**routes, "payments": sick.url}, timeout_s=60) as wire:
        swede = Person("swede", "a-good-password", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "SE", "aurora", excluded=False)
        seen = {}
        for who in (person, swede):
            headers = await sign_in(wire, who)
            for psp in ("kestrel", "velora"):
                body = {"amount_minor": 1_000, "psp": psp}
                keyed = {**headers, "idempotency-key": f"k-{psp}"}
                heard = await wire.ask("payments", "POST", "/payments/deposit", body, keyed)
                again = await wire.ask("payments", "POST", "/payments/deposit", body, keyed)
                assert (again.status, again.body) == (heard.status, heard.body)
                seen[who.market, psp] = heard.body["status"]
        assert seen["DE", "kestrel"] == "failed"
        assert "failed" not in (seen["DE", "velora"], seen["SE", "kestrel"], seen["SE", "velora"])
        metrics = await scrape(wire, "payments")
        place, path = (
            'brand="aurora",flag="payments_v2",flag_variant="off",market="DE"',
            'psp="kestrel",version="1.2.0"',
        )
        labels = f'{place},outcome="failed",{path}'
        assert metrics[f"casino_deposits_total{{{labels}}}"] == 1
        assert metrics['casino_http_requests_total{code="502",route="/payments/deposit",version="1.2.0"}'] == 2
    assert check(casino.database) == []


async def test_money_faults_raise_the_alarms_and_fail_the_ledger_check(casino: LocalCasino, person: Person) -> None:
    routes = casino.start_all("auth", "payments")
    sick = casino.start("games", "1.3.0", fault="double-debit:share=1;drift:share=1")
    wait_ready(sick)
    async with Wire("http://127.0.0.1:1", {**routes, "games": sick.url}, timeout_s=60) as wire:
        headers = await sign_in(wire, person)
        await fund(wire, headers)
        for number in range(2):
            spin = {"round_id": f"r{number}", "game": "comet", "stake_minor": 10}
            assert (await wire.ask("games", "POST", "/games/spin", spin, headers)).status == 200
        metrics = await scrape(wire, "games")
        assert metrics['casino_duplicate_transactions_total{version="1.3.0"}'] == 2
        assert metrics['casino_ledger_drift_total{version="1.3.0"}'] >= 1
    found = {finding.rule for finding in check(casino.database)}
    assert {"double_debit", "balance_drift", "round_mismatch"} <= found


async def test_errors_delays_and_dropped_sockets(casino: LocalCasino, person: Person) -> None:
    routes = dict(casino.start_all("auth", "payments"))
    sick = casino.start("games", fault="bet-error:market=DE;slow:route=/games/spin,seconds=0.25;ws-drop:share=1")
    broken = casino.start("auth", "1.2.0", fault="login-error:share=1")
    for running in (sick, broken):
        wait_ready(running)
    swede = Person("swede", "a-good-password", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "SE", "aurora", excluded=False)
    async with Wire("http://127.0.0.1:1", {**routes, "games": sick.url}, timeout_s=60) as wire:
        headers = await sign_in(wire, person)
        spin = {"round_id": "r", "game": "comet", "stake_minor": 10}
        heard = await wire.ask("games", "POST", "/games/spin", spin, headers)
        assert (heard.status, heard.body["code"]) == (500, "bet_failed")
        metrics = await scrape(wire, "games")
        slow = (
            'casino_http_request_duration_seconds_bucket{le="0.25",method="POST",route="/games/spin",version="1.1.0"}'
        )
        assert metrics[slow] == 0
        headers = await sign_in(wire, swede)
        await fund(wire, headers)
        with pytest.raises(Lost, match="1011"):
            await wire.play("/games/table", "t", 10, 1, headers)
        metrics = await scrape(wire, "games")
        assert metrics['casino_ws_closed_total{reason="dropped",version="1.1.0"}'] == 1
    async with aiohttp.ClientSession() as session:
        form = {"login": person.login, "password": person.password}
        async with session.post(f"{broken.url}/auth/login", json=form) as answer:
            assert (answer.status, answer.headers["x-casino-version"]) == (500, "1.2.0")


async def test_a_failing_provider_is_tried_again_since_1_1(casino: LocalCasino, person: Person) -> None:
    routes = casino.start_all("auth")
    failures = {}
    for version in ("1.0.0", "1.1.0"):
        running = casino.start("payments", version, fault="psp-error:psp=kestrel,share=0.5")
        wait_ready(running)
        async with Wire("http://127.0.0.1:1", {**routes, "payments": running.url}, timeout_s=60) as wire:
            headers = await sign_in(wire, person)
            body = {"amount_minor": 500, "psp": "kestrel"}
            keys = [{**headers, "idempotency-key": f"{version}-{number}"} for number in range(160)]
            heard = await asyncio.gather(
                *(wire.ask("payments", "POST", "/payments/deposit", body, keyed) for keyed in keys)
            )
            failures[version] = sum(one.status == 502 for one in heard)
    assert failures["1.0.0"] > failures["1.1.0"] > 0, "a half against a quarter of 160"


def test_a_crash_fault_ends_the_process(casino: LocalCasino) -> None:
    running = casino.start("promo", fault="crash:after=200ms")
    assert running.process.wait(120) == 70


async def fund(wire: Wire, headers: dict[str, str]) -> None:
    """Deposit until an issuer approves."""
    for number in range(20):
        keyed = {**headers, "idempotency-key": f"fund-{number}"}
        body = {"amount_minor": 5_000, "psp": "kestrel"}
        if (await wire.ask("payments", "POST", "/payments/deposit", body, keyed)).status == 200:
            return
    raise AssertionError("no issuer approved")
