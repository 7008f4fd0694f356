"""The payments service: `python -m casino.payments`. Balance, deposits and withdrawals through three simulated PSPs.

Versions differ: 1.0 remembers a deposit only when the provider has answered; since 1.1 the intent is written first, a
provider's technical failure is tried once more, and what a dead process left pending is finished by any living one.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec
from prometheus_client import Counter
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from casino import psp, wallet
from casino.answers import Answer, digest
from casino.book import Book
from casino.errors import Refusal
from casino.house import House
from casino.identity import Player
from casino.psp import Decision
from casino.requests import Amount, Key, decode, house_of, read_bytes, replay, respond, session
from casino.serve import serve
from casino.wallet import Order
from casino.world import MARKETS, PROVIDERS

log = logging.getLogger("casino.payments")
SWEEP_EVERY_S = 2.0


class Payment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /payments/deposit and /payments/withdraw: an amount in minor units through one provider."""

    amount_minor: Amount
    psp: Literal["kestrel", "velora", "tarn"]


class _Header(msgspec.Struct, frozen=True):
    key: Key


async def balance(request: Request) -> Response:
    """The player's balance."""
    player = session(request)
    currency = MARKETS[player.market].currency
    row = await house_of(request).database.read(
        lambda tx: tx.execute(
            "SELECT balance FROM accounts WHERE kind = 'player' AND owner = ? AND currency = ?", (player.id, currency)
        ).fetchone()
    )
    return respond({"balance_minor": row["balance"] if row else 0, "currency": currency})


async def list_providers(_request: Request) -> Response:
    """The providers on offer."""
    return respond({"psps": list(PROVIDERS)})


async def deposit(request: Request) -> Response:
    """Charge a provider and credit the player: 200 credited, 402 declined by the issuer, 502 failed."""
    house = house_of(request)
    order = await _order(request, "deposit")
    return replay(await _counted(house, house.metrics.deposits, order, carry_out_deposit))


async def withdraw(request: Request) -> Response:
    """Pay out to the player: 200 paid, 402 refused by the provider, 422 not enough money, 502 failed."""
    house = house_of(request)
    order = await _order(request, "withdrawal")
    return replay(await _counted(house, house.metrics.withdrawals, order, carry_out_withdrawal))


async def carry_out_deposit(house: House, order: Order) -> Answer:
    """All steps of a deposit; safe to repeat, also by another process."""
    intents = house.settings.since("1.1.0")
    if intents:
        answer = await house.database.write(lambda tx: wallet.open_deposit(tx, order))
    else:
        answer = await house.database.read(lambda tx: wallet.check_deposit(tx, order))
    if answer is not None:
        return answer
    if house.faults.hit("deposit-error", psp=order.psp, market=order.player.market, brand=order.player.brand):
        decision = Decision.FAILED
    else:
        decision = await _ask(house, order, attempts=2 if intents else 1)
    return await house.database.write(lambda tx: wallet.settle_deposit(house.book(tx), order, decision))


async def carry_out_withdrawal(house: House, order: Order) -> Answer:
    """All steps of a withdrawal; safe to repeat, also by another process."""
    again = house.faults.hit("double-debit") is not None
    answer = await house.database.write(lambda tx: _reserve(house.book(tx), order, again))
    if answer is not None:
        return answer
    if house.faults.hit("withdrawal-error", psp=order.psp, market=order.player.market, brand=order.player.brand):
        decision = Decision.FAILED
    else:
        decision = await _ask(house, order, attempts=2 if house.settings.since("1.1.0") else 1)
    return await house.database.write(lambda tx: wallet.settle_withdrawal(house.book(tx), order, decision))


async def sweep(house: House) -> None:
    """Finish payments that a dead process left pending, for as long as this one lives."""
    while True:
        await asyncio.sleep(SWEEP_EVERY_S)
        try:
            stuck = await house.database.read(lambda tx: wallet.stuck_orders(tx, house.settings.stuck_after_s))
        except sqlite3.Error as error:
            log.warning("pending payments cannot be looked for, will try again: %s", error)
            continue
        for order in stuck:  # each by itself: one that cannot be finished must not hold up those behind it
            try:
                await (carry_out_deposit if order.direction == "deposit" else carry_out_withdrawal)(house, order)
            except (sqlite3.Error, Refusal) as error:
                log.warning("a pending payment could not be finished, will try again: %s", error)


def _reserve(book: Book, order: Order, again: bool) -> Answer | None:
    answer = wallet.reserve_withdrawal(book, order)
    if answer is None and again:
        wallet.debit_again(book, order)
    return answer


async def _ask(house: House, order: Order, attempts: int) -> Decision:
    for _ in range(attempts):
        if not house.faults.hit("psp-error", psp=order.psp, market=order.player.market):
            return await psp.ask(order.psp, order.direction, order.subject)
    return Decision.FAILED


async def _order(request: Request, direction: str) -> Order:
    player: Player = session(request)
    given = request.headers.get("idempotency-key")
    if given is None:
        raise Refusal(400, "no_idempotency_key", "send an Idempotency-Key header: up to 64 of A-Z a-z 0-9 . _ : -")
    key = decode(msgspec.json.encode({"key": given}), _Header).key
    payment = decode(await read_bytes(request), Payment)
    body_digest = digest(msgspec.json.encode((direction, payment)))
    return Order(player, key, direction, payment.psp, payment.amount_minor, body_digest)


async def _counted(
    house: House, counter: Counter, order: Order, carry_out: Callable[[House, Order], Awaitable[Answer]]
) -> Answer:
    labels = (house.version, order.player.market, order.player.brand, order.psp)
    try:
        answer = await carry_out(house, order)
    except Refusal:
        raise
    except Exception:
        counter.labels(*labels, "failed").inc()
        raise
    if answer.fresh:
        counter.labels(*labels, answer.document["status"]).inc()
    return answer


ROUTES = [
    Route("/payments/balance", balance),
    Route("/payments/psps", list_providers),
    Route("/payments/deposit", deposit, methods=["POST"]),
    Route("/payments/withdraw", withdraw, methods=["POST"]),
]

if __name__ == "__main__":
    raise SystemExit(serve("payments", ROUTES, sweep))
