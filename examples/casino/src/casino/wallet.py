"""Deposits and withdrawals as transactions: before and after the provider is asked.

Called by the payments service, and by its sweep that finishes what a dead process left pending. Every step can be
repeated by anyone at any time: the first to settle a payment decides, all others get its answer. Provider and flow are
fixed when a payment is opened: whoever goes on with it goes the recorded way, whatever flags say by then.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from casino.answers import Answer, recall, record, require_same_body
from casino.book import Book, Kind, Leg
from casino.errors import InsufficientFunds
from casino.identity import Player, require_playable
from casino.psp import Decision
from casino.world import MARKETS

OUTCOMES = {
    "deposit": {Decision.APPROVED: "credited", Decision.DECLINED: "declined", Decision.FAILED: "failed"},
    "withdrawal": {Decision.APPROVED: "paid", Decision.DECLINED: "refused", Decision.FAILED: "failed"},
}
STATUS_CODES = {"credited": 200, "paid": 200, "declined": 402, "refused": 402, "failed": 502}


class Flow(StrEnum):
    """How a deposit is carried out. Flag `payments_v2` decides when it is opened, the record from then on."""

    CHARGE = "charge"
    """The provider charges at once."""
    HOLD = "hold"
    """The new way: the provider holds the money first and takes it when we say so, so that it can let go for free."""


@dataclass(frozen=True, slots=True)
class Order:
    """A payment that a player asked for; `subject` names it for ever, also towards the provider."""

    player: Player
    key: str
    direction: str
    psp: str
    amount: int
    body_digest: str
    opened_at: float = field(default_factory=time.time)
    flow: Flow = Flow.CHARGE
    version: str = ""
    """Of the process that took it in."""

    @property
    def subject(self) -> str:
        """The payment's name: the idempotency key belongs to its player."""
        return f"{self.player.id}/{self.key}"

    @property
    def currency(self) -> str:
        """The currency of the player's market."""
        return MARKETS[self.player.market].currency


Admission = Callable[[Order], Order]
"""What a new payment passes before anything is written: it may choose provider and flow, or raise a `Refusal`."""


def as_asked(order: Order) -> Order:
    """Admits everything as it is."""
    return order


def recall_payment(tx: sqlite3.Connection, order: Order) -> Answer | None:
    """The stored answer of this payment, if it has been settled."""
    return recall(tx, "payment", order.subject, order.body_digest)


def as_opened(tx: sqlite3.Connection, order: Order) -> Order:
    """The order with the provider and the flow that it was opened with; as it is while it is not recorded."""
    row = tx.execute(
        "SELECT psp, holds.subject IS NOT NULL AS holds FROM payments LEFT JOIN holds USING (subject) "
        "WHERE payments.subject = ?",
        (order.subject,),
    ).fetchone()
    return order if row is None else replace(order, psp=row["psp"], flow=Flow.HOLD if row["holds"] else Flow.CHARGE)


def check_deposit(tx: sqlite3.Connection, order: Order, admit: Admission = as_asked) -> Answer | None:
    """Version 1.0's first step: replay or refuse, but remember nothing before the provider has answered."""
    answer = recall_payment(tx, order)
    if answer is None and not _pending(tx, order):
        require_playable(tx, order.player.id)
        admit(order)
    return answer


def open_deposit(tx: sqlite3.Connection, order: Order, admit: Admission = as_asked) -> Answer | None:
    """First step since 1.1: write the intent down, so that a charge that we die upon is found and credited.

    What had begun is finished, also for a player who is self-excluded by now: the provider may have charged already.
    Go on with `as_opened`.
    """
    answer = recall_payment(tx, order)
    if answer is None and not _pending(tx, order):
        require_playable(tx, order.player.id)
        admitted = admit(order)
        _insert(tx, admitted, "pending")
        if admitted.flow is Flow.HOLD:
            tx.execute("INSERT INTO holds (subject, state) VALUES (?, 'asked')", (order.subject,))
    return answer


def note_hold(tx: sqlite3.Connection, order: Order) -> None:
    """The provider holds the money: from now on it is captured or released, not asked for again."""
    tx.execute("UPDATE holds SET state = 'held' WHERE subject = ? AND state = 'asked'", (order.subject,))


def is_held(tx: sqlite3.Connection, order: Order) -> bool:
    """Whether the provider is known to hold the money."""
    row = tx.execute("SELECT state FROM holds WHERE subject = ?", (order.subject,)).fetchone()
    return row is not None and row["state"] != "asked"


def settle_deposit(book: Book, order: Order, decision: Decision) -> Answer:
    """Last step of a deposit: credit an approved charge exactly once and store the answer."""
    answer = recall_payment(book.tx, order)
    if answer is not None:
        return answer
    order = as_opened(book.tx, order)
    player = book.account("player", order.player.id, order.currency)
    if order.flow is Flow.HOLD:
        ended = "captured" if decision is Decision.APPROVED else "released"
        book.tx.execute("UPDATE holds SET state = ? WHERE subject = ?", (ended, order.subject))
    if decision is Decision.APPROVED:
        clearing = book.account("psp", order.psp, order.currency)
        legs = (Leg(clearing, -order.amount), Leg(player, order.amount))
        book.post(Kind.DEPOSIT, order.subject, order.player.id, legs)
    return _conclude(book, order, OUTCOMES["deposit"][decision], book.balance(player))


def reserve_withdrawal(book: Book, order: Order, admit: Admission = as_asked) -> Answer | None:
    """First step of a withdrawal: take the money out of the player's reach before it is paid out.

    Without the money the withdrawal is answered at once: refused. Withdrawals stay open to excluded players.
    """
    answer = recall_payment(book.tx, order)
    if answer is not None or _pending(book.tx, order):
        return answer
    order = admit(order)
    player = book.account("player", order.player.id, order.currency)
    clearing = book.account("psp", order.psp, order.currency)
    legs = (Leg(player, -order.amount), Leg(clearing, order.amount))
    try:
        book.post(Kind.WITHDRAWAL, order.subject, order.player.id, legs)
    except InsufficientFunds as lacking:
        return _conclude(book, order, "refused", lacking.balance_minor, status_code=422)
    _insert(book.tx, order, "pending")
    return None


def settle_withdrawal(book: Book, order: Order, decision: Decision) -> Answer:
    """Last step of a withdrawal: store what the provider said; the money comes back unless it was paid."""
    answer = recall_payment(book.tx, order)
    if answer is not None:
        return answer
    order = as_opened(book.tx, order)
    player = book.account("player", order.player.id, order.currency)
    if decision is not Decision.APPROVED:
        clearing = book.account("psp", order.psp, order.currency)
        legs = (Leg(clearing, -order.amount), Leg(player, order.amount))
        book.post(Kind.REFUND, order.subject, order.player.id, legs)
    return _conclude(book, order, OUTCOMES["withdrawal"][decision], book.balance(player))


def debit_again(book: Book, order: Order) -> None:
    """The `double-debit` fault: what code without idempotency would do. Nothing happens if the money is not there."""
    order = as_opened(book.tx, order)
    player = book.account("player", order.player.id, order.currency)
    clearing = book.account("psp", order.psp, order.currency)
    legs = (Leg(player, -order.amount), Leg(clearing, order.amount))
    if book.balance(player) >= order.amount:
        book.post(Kind.WITHDRAWAL, order.subject, order.player.id, legs, reference=f"{order.subject}#again")


def stuck_orders(tx: sqlite3.Connection, older_than_s: float, limit: int = 50) -> list[Order]:
    """Payments that have been pending so long that whoever opened them must be dead."""
    rows = tx.execute(
        "SELECT payments.*, market, brand FROM payments JOIN players ON players.id = player_id "
        "WHERE status = 'pending' AND opened_at < ? ORDER BY opened_at LIMIT ?",
        (time.time() - older_than_s, limit),
    )
    return [
        Order(
            player=Player(row["player_id"], row["market"], row["brand"]),
            key=row["subject"].split("/", 1)[1],
            direction=row["direction"],
            psp=row["psp"],
            amount=row["amount"],
            body_digest=row["body_digest"],
            opened_at=row["opened_at"],
        )
        for row in rows
    ]


def waiting(tx: sqlite3.Connection, version: str, older_than_s: float) -> tuple[int, float]:
    """How many payments that this version took in wait to be tried again, and for how long the oldest has been pending
    (seconds; 0 where none waits).
    """
    now = time.time()
    row = tx.execute(
        "SELECT count(*) AS depth, min(opened_at) AS oldest FROM payments "
        "WHERE status = 'pending' AND opened_at < ? AND version = ?",
        (now - older_than_s, version),
    ).fetchone()
    return row["depth"], now - row["oldest"] if row["depth"] else 0.0


def _pending(tx: sqlite3.Connection, order: Order) -> bool:
    row = tx.execute("SELECT body_digest FROM payments WHERE subject = ?", (order.subject,)).fetchone()
    if row is not None:
        require_same_body(row["body_digest"], order.body_digest)
    return row is not None


def _insert(tx: sqlite3.Connection, order: Order, status: str) -> None:
    tx.execute(
        "INSERT INTO payments (subject, player_id, direction, psp, amount, status, body_digest, opened_at, version) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (subject) DO UPDATE SET status = excluded.status",
        (
            order.subject,
            order.player.id,
            order.direction,
            order.psp,
            order.amount,
            status,
            order.body_digest,
            order.opened_at,
            order.version,
        ),
    )


def _conclude(book: Book, order: Order, outcome: str, balance: int, status_code: int | None = None) -> Answer:
    _insert(book.tx, order, outcome)
    document: dict[str, Any] = {
        "payment_id": order.key,
        "direction": order.direction,
        "status": outcome,
        "psp": order.psp,
        "flow": order.flow.value,
        "amount_minor": order.amount,
        "currency": order.currency,
        "balance_minor": balance,
    }
    code = STATUS_CODES[outcome] if status_code is None else status_code
    return record(book.tx, "payment", order.subject, order.body_digest, code, document)
