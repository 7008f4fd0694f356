"""Copies of requests that somebody allowed by mistake: no money moves, nothing is written, no player's figure rises."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from casino import identity
from casino.errors import Refusal
from casino.identity import Newcomer, Player
from casino.ledger import extent
from casino.payment_steps import carry_out_deposit, carry_out_withdrawal
from casino.players.population import Person
from casino.players.wire import Wire
from casino.psp import Terminal
from casino.shadow import marked
from casino.testing import OpenHouse, scrape, sign_in
from casino.wallet import Order

ANN = Player(identity.player_id("ann"), "DE", "aurora")
MARK = {"x-croupier-shadow": "1"}
DEPOSIT = ("payments", "/payments/deposit", {"amount_minor": 700, "psp": "velora"})
COPIES = [
    DEPOSIT,
    ("payments", "/payments/withdraw", {"amount_minor": 50, "psp": "tarn"}),
    ("games", "/games/spin", {"round_id": "copied", "game": "harbour", "stake_minor": 100}),
]


async def fund(wire: Wire, headers: dict[str, str]) -> int:
    """Deposit until an issuer approves; returns the balance."""
    body = {"amount_minor": 5_000, "psp": "kestrel"}
    for number in range(30):
        keyed = {**headers, "idempotency-key": f"fund-{number}"}
        if (await wire.ask("payments", "POST", "/payments/deposit", body, keyed)).status == 200:
            break
    return int((await wire.ask("payments", "GET", "/payments/balance", None, headers)).body["balance_minor"])


@pytest.fixture
def copied() -> Iterator[None]:
    token = marked.set(True)
    yield
    marked.reset(token)


@pytest.mark.parametrize("service, path, body", COPIES)
async def test_a_copied_write_moves_nothing(
    wire: Wire, person: Person, service: str, path: str, body: dict[str, object]
) -> None:
    headers = await sign_in(wire, person)
    balance = await fund(wire, headers)
    before = await scrape(wire, service)
    heard = await wire.ask(service, "POST", path, body, {**headers, **MARK, "idempotency-key": "copied"})
    assert (heard.status, heard.body["code"]) == (409, "shadow")
    after = await scrape(wire, service)
    risen = {name for name, value in after.items() if value != before.get(name, 0.0)}
    risen = {
        name for name in risen if name.startswith("casino_") and "_retry_queue_" not in name and "_sum" not in name
    }
    assert risen == {f'casino_shadow_requests_total{{code="409",route="{path}",version="1.1.0"}}'}
    left = await wire.ask("payments", "GET", "/payments/balance", None, headers)
    assert left.body["balance_minor"] == balance


async def test_a_copied_read_answers_as_the_players_own(wire: Wire, person: Person) -> None:
    headers = await sign_in(wire, person)
    own = await wire.ask("payments", "GET", "/payments/balance", None, headers)
    copy = await wire.ask("payments", "GET", "/payments/balance", None, {**headers, **MARK})
    assert (copy.status, copy.body) == (own.status, own.body)


@pytest.mark.parametrize(
    "ask",
    [
        lambda line: line.ask("velora", "deposit", "r"),
        lambda line: line.hold("velora", "r"),
        lambda line: line.capture("velora", "r"),
        lambda line: line.release("velora", "r"),
    ],
)
@pytest.mark.usefixtures("copied")
async def test_the_line_to_the_providers_refuses_copies(ask: Callable[[Terminal], Awaitable[object]]) -> None:
    with pytest.raises(Refusal, match="must not reach a payment provider"):
        await ask(Terminal())


@pytest.mark.parametrize("version", ["1.0.0", "1.1.0"])
def test_every_version_refuses_before_the_ledger_knows_of_it(open_house: OpenHouse, version: str) -> None:
    async def run() -> None:
        house = open_house(version=version)
        newcomer = Newcomer("ann", "pbkdf2$1$00$00", "A" * 32, ANN.market, ANN.brand)
        house.database.write_now(lambda tx: identity.add_player(tx, newcomer))
        before = extent(house.database.path)
        marked.set(True)
        for direction, carry_out in (("deposit", carry_out_deposit), ("withdrawal", carry_out_withdrawal)):
            with pytest.raises(Refusal) as refused:
                await carry_out(house, Order(ANN, "k", direction, "velora", 100, "digest"))
            assert refused.value.code == "shadow"
        assert extent(house.database.path) == before

    asyncio.run(run())
