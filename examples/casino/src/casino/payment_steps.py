"""The steps of a deposit or withdrawal between our record and the provider; called by the payments service.

Every flag is asked once, in the transaction that opens a payment (`admit`). From then on the record decides, so that a
flag that is killed in the middle changes nothing for what has begun: it is finished the way it was started, once.
"""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from functools import partial

import msgspec

from casino import wallet
from casino.answers import Answer
from casino.book import Book
from casino.errors import Refusal
from casino.flags import running_first
from casino.house import House
from casino.psp import Decision
from casino.trial import TRIAL
from casino.wallet import Flow, Order
from casino.world import PROVIDERS

USUAL_LIMIT_MINOR = 500_000
"""Larger deposits need the permission flag `high_limits`."""


def admit(house: House, order: Order) -> Order:
    """A new payment with the provider and the flow that flags choose for it.

    Raises `Refusal` (422) above the player's limit, (409) where another provider has to be chosen.
    """
    deposit, intents = order.direction == "deposit", house.settings.since("1.1.0")
    if deposit and order.amount > USUAL_LIMIT_MINOR and not house.flags.high_limits(order.player):
        detail = f"this player may deposit up to {USUAL_LIMIT_MINOR} minor units at a time; send a smaller amount"
        raise Refusal(422, "limit_exceeded", detail)
    psp = running_first(house.flags, order.psp, order.player)
    # Version 1.0 remembers nothing before it charges: a repeated request could charge at a second provider.
    if psp is None or (psp != order.psp and not intents):
        others = " or ".join(name for name in PROVIDERS if name != order.psp)
        detail = f"{order.psp} takes no payments at the moment and nothing was moved; try {others}"
        raise Refusal(409, "provider_unavailable", detail)
    if psp != order.psp:
        house.metrics.rerouted.labels(house.version, order.psp, psp).inc()
    return replace(order, psp=psp, flow=chosen_flow(house, order))


def chosen_flow(house: House, order: Order) -> Flow:
    """How a deposit goes that this process opens now. The code for it came with 1.1."""
    new = order.direction == "deposit" and house.settings.since("1.1.0") and house.flags.new_deposits(order.player)
    return Flow.HOLD if new else Flow.CHARGE


async def carry_out_deposit(house: House, order: Order) -> Answer:
    """All steps of a deposit; safe to repeat, also by another process, whatever flags say by then."""
    if house.settings.since("1.1.0"):
        answer, order = await house.database.write(partial(_open_deposit, house, order))
    else:
        answer, order = await house.database.read(partial(_check_deposit, house, order))
    if answer is not None:
        return answer
    if house.faults.hit("deposit-error", psp=order.psp, market=order.player.market, brand=order.player.brand):
        decision = Decision.FAILED
    elif order.flow is Flow.HOLD:
        decision = await _hold_and_capture(house, order)
    else:
        decision = await _ask(house, order)
    answer = await house.database.write(lambda tx: wallet.settle_deposit(house.book(tx), order, decision))
    if order.flow is Flow.HOLD and answer.document["status"] == "failed":
        # Also if somebody else settled it so while we captured. A hold that we die upon lapses by itself.
        await house.terminal.release(order.psp, order.subject)
    return answer


async def carry_out_withdrawal(house: House, order: Order) -> Answer:
    """All steps of a withdrawal; safe to repeat, also by another process."""
    again = house.faults.hit("double-debit") is not None
    answer, order = await house.database.write(partial(_reserve, house, order, again))
    if answer is not None and answer.status_code == 422 and house.faults.hit("overpay") is not None:
        document = {**answer.document, "status": "paid"}
        return replace(answer, status_code=200, body=msgspec.json.encode(document))
    if answer is not None:
        return answer
    if house.faults.hit("withdrawal-error", psp=order.psp, market=order.player.market, brand=order.player.brand):
        decision = Decision.FAILED
    else:
        decision = await _ask(house, order)
    return await house.database.write(lambda tx: wallet.settle_withdrawal(house.book(tx), order, decision))


async def _ask(house: House, order: Order) -> Decision:
    if not _reached(house, order):
        return Decision.FAILED
    if TRIAL.get():  # the provider's sandbox approves: a card issuer's mood says nothing about a version
        return Decision.APPROVED
    return await house.terminal.ask(order.psp, order.direction, order.subject)


async def _hold_and_capture(house: House, order: Order) -> Decision:
    """The new way. The hold is recorded first, so that whoever takes over captures instead of asking again."""
    if not await house.database.read(lambda tx: wallet.is_held(tx, order)):
        if not _reached(house, order):
            return Decision.FAILED
        held = await house.terminal.hold(order.psp, order.subject)
        if held is not Decision.APPROVED:
            return held
        await house.database.write(lambda tx: wallet.note_hold(tx, order))
    if house.faults.hit("capture-error", psp=order.psp, market=order.player.market, brand=order.player.brand):
        return Decision.FAILED
    return await house.terminal.capture(order.psp, order.subject)


def _reached(house: House, order: Order) -> bool:
    """Whether the provider can be reached; since 1.1 a technical failure is tried again."""
    attempts = 2 if house.settings.since("1.1.0") else 1
    facts = {"psp": order.psp, "market": order.player.market}
    return any(house.faults.hit("psp-error", **facts) is None for _ in range(attempts))


def _open_deposit(house: House, order: Order, tx: sqlite3.Connection) -> tuple[Answer | None, Order]:
    answer = wallet.open_deposit(tx, order, partial(admit, house))
    return answer, wallet.as_opened(tx, order)


def _check_deposit(house: House, order: Order, tx: sqlite3.Connection) -> tuple[Answer | None, Order]:
    answer = wallet.check_deposit(tx, order, partial(admit, house))
    return answer, wallet.as_opened(tx, order)


def _reserve(house: House, order: Order, again: bool, tx: sqlite3.Connection) -> tuple[Answer | None, Order]:
    book: Book = house.book(tx)
    answer = wallet.reserve_withdrawal(book, order, partial(admit, house))
    if answer is None and again:
        wallet.debit_again(book, order)
    return answer, wallet.as_opened(tx, order)
