"""The payments service: `python -m casino.payments`. Balance, deposits and withdrawals through three simulated PSPs.

Versions differ: 1.0 remembers a deposit only when the provider has answered; since 1.1 the intent is written first, a
provider's technical failure is tried once more, what a dead process left pending is finished by any living one, and
the flag `payments_v2` sends deposits a new way.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from casino import wallet
from casino.answers import Answer, digest
from casino.errors import Refusal
from casino.flags import PAYMENTS_V2
from casino.house import House
from casino.identity import Player
from casino.payment_steps import carry_out_deposit, carry_out_withdrawal, chosen_flow
from casino.requests import Amount, Key, decode, house_of, read_bytes, replay, respond, session
from casino.serve import serve
from casino.sweep import EVERY_S, sweep
from casino.trial import TRIAL, require_tester
from casino.wallet import Flow, Order
from casino.world import MARKETS, PROVIDERS

log = logging.getLogger("casino.payments")


class Payment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /payments/deposit and /payments/withdraw: an amount in minor units through one provider."""

    amount_minor: Amount
    psp: Literal["kestrel", "velora", "tarn"]


class _Header(msgspec.Struct, frozen=True):
    key: Key


async def balance(request: Request) -> Response:
    """The player's balance."""
    player = session(request)
    house, currency = house_of(request), MARKETS[player.market].currency
    row = await house.database.read(
        lambda tx: tx.execute(
            "SELECT balance FROM accounts WHERE kind = 'player' AND owner = ? AND currency = ?", (player.id, currency)
        ).fetchone()
    )
    shown = currency.lower() if house.faults.hit("small-currency") else currency
    return respond({"balance_minor": row["balance"] if row else 0, "currency": shown})


async def list_providers(request: Request) -> Response:
    """The providers on offer; those that are switched off are not."""
    flags = house_of(request).flags
    return respond({"psps": [name for name in PROVIDERS if flags.provider_runs(name, None)]})


async def deposit(request: Request) -> Response:
    """Charge a provider and credit the player: 200 credited, 402 declined by the issuer, 502 failed."""
    house = house_of(request)
    order = await _order(request, "deposit")
    return replay(await _counted(house, order, carry_out_deposit))


async def withdraw(request: Request) -> Response:
    """Pay out to the player: 200 paid, 402 refused by the provider, 422 not enough money, 502 failed."""
    house = house_of(request)
    order = await _order(request, "withdrawal")
    return replay(await _counted(house, order, carry_out_withdrawal))


async def finish_payments(house: House) -> None:
    """Finish payments that a dead process left pending, for as long as this one lives."""
    await sweep(
        lambda: house.database.read(lambda tx: wallet.stuck_orders(tx, house.settings.stuck_after_s)),
        lambda order: (carry_out_deposit if order.direction == "deposit" else carry_out_withdrawal)(house, order),
        log,
    )


async def watch_queue(house: House) -> None:
    """Look at the payments that wait to be tried again, for as long as this process lives."""
    while True:
        await asyncio.sleep(EVERY_S)
        try:
            await look_at_queue(house)
        except sqlite3.Error as error:
            log.warning("the retry queue cannot be looked at: %s", error)


async def look_at_queue(house: House) -> None:
    """One look: how many wait that this version took in, and for how long."""
    after_s = house.settings.stuck_after_s
    depth, age_s = await house.database.read(lambda tx: wallet.waiting(tx, house.version, after_s))
    house.metrics.queue_depth.labels(house.version).observe(depth)
    house.metrics.queue_age.labels(house.version).observe(age_s)


async def _in_background(house: House) -> None:
    await asyncio.gather(finish_payments(house), watch_queue(house))


async def _order(request: Request, direction: str) -> Order:
    player: Player = session(request)
    await require_tester(request, player)
    given = request.headers.get("idempotency-key")
    if given is None:
        raise Refusal(400, "no_idempotency_key", "send an Idempotency-Key header: up to 64 of A-Z a-z 0-9 . _ : -")
    key = decode(msgspec.json.encode({"key": given}), _Header).key
    if house_of(request).faults.hit("forgetful") is not None:
        key = secrets.token_hex(16)
    payment = decode(await read_bytes(request), Payment)
    body_digest = digest(msgspec.json.encode((direction, payment)))
    return Order(
        player, key, direction, payment.psp, payment.amount_minor, body_digest, version=house_of(request).version
    )


async def _counted(house: House, order: Order, carry_out: Callable[[House, Order], Awaitable[Answer]]) -> Answer:
    try:
        answer = await carry_out(house, order)
    except Refusal:
        raise
    except Exception:  # whatever it was: counted as a failed payment, and raised on
        _count(house, order, "failed", order.psp, chosen_flow(house, order))
        raise
    if answer.fresh:
        document = answer.document
        _count(house, order, document["status"], document["psp"], Flow(document["flow"]))
    return answer


def _count(house: House, order: Order, outcome: str, psp: str, flow: Flow) -> None:
    if TRIAL.get():
        return
    labels = (house.version, order.player.market, order.player.brand, psp, outcome)
    if order.direction == "deposit":
        # By what is recorded: asked again, the flag could answer something else than this deposit met.
        house.metrics.deposits.labels(*labels, PAYMENTS_V2, "on" if flow is Flow.HOLD else "off").inc()
    else:
        house.metrics.withdrawals.labels(*labels).inc()


ROUTES = [
    Route("/payments/balance", balance),
    Route("/payments/psps", list_providers),
    Route("/payments/deposit", deposit, methods=["POST"]),
    Route("/payments/withdraw", withdraw, methods=["POST"]),
]

if __name__ == "__main__":
    raise SystemExit(serve("payments", ROUTES, _in_background))
