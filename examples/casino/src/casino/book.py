"""The double-entry ledger: balanced sets of entries between accounts, posted inside the caller's transaction.

Called by wallet, rounds and bonuses. It refuses what would be wrong and raises an alarm for what already is.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from casino.errors import InsufficientFunds


class Kind(StrEnum):
    """Why money moved."""

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    REFUND = "refund"
    BET = "bet"
    WIN = "win"
    BONUS = "bonus"


DEBITS = frozenset({Kind.WITHDRAWAL, Kind.BET})


class Alarms(Protocol):
    """Who is told of things that must never happen."""

    def drift(self) -> None:
        """An account's balance is not the sum of its entries."""

    def duplicate(self) -> None:
        """One payment or round has debited its player twice."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One entry to be: `amount` minor units added to (or, if negative, taken from) an account."""

    account: int
    amount: int


@dataclass(frozen=True, slots=True)
class Book:
    """The ledger within one write transaction, written on behalf of one software version."""

    tx: sqlite3.Connection
    version: str
    alarms: Alarms

    def account(self, kind: str, owner: str, currency: str) -> int:
        """The account's number; it is opened on first use."""
        key = (kind, owner, currency)
        found = self.tx.execute("SELECT id FROM accounts WHERE kind = ? AND owner = ? AND currency = ?", key).fetchone()
        if found is None:
            found = self.tx.execute(
                "INSERT INTO accounts (kind, owner, currency) VALUES (?, ?, ?) RETURNING id", key
            ).fetchone()
        return int(found["id"])

    def balance(self, account: int) -> int:
        """The account's balance in minor units."""
        return int(self.tx.execute("SELECT balance FROM accounts WHERE id = ?", (account,)).fetchone()["balance"])

    def post(self, kind: Kind, subject: str, player_id: str, legs: Sequence[Leg], reference: str | None = None) -> None:
        """Write one balanced transaction about `subject` (a payment, a round or a claim).

        `reference` must be new for this kind; it is the subject itself in all correct code.
        Raises `InsufficientFunds` before anything is written, `sqlite3.IntegrityError` for a reused reference.
        """
        if sum(leg.amount for leg in legs) != 0:
            raise ValueError(f"legs of {kind} {subject} do not sum to zero: {legs}")
        for leg in legs:
            self._require_funds(leg)
        transaction = self.tx.execute(
            "INSERT INTO transactions (kind, reference, subject, player_id, version, at) VALUES (?, ?, ?, ?, ?, ?) "
            "RETURNING id",
            (kind, reference or subject, subject, player_id, self.version, time.time()),
        ).fetchone()["id"]
        for leg in legs:
            self._enter(transaction, leg)
        if kind in DEBITS:
            self._audit_single(kind, subject)

    def _require_funds(self, leg: Leg) -> None:
        row = self.tx.execute("SELECT kind, balance FROM accounts WHERE id = ?", (leg.account,)).fetchone()
        if row["kind"] == "player" and row["balance"] + leg.amount < 0:
            raise InsufficientFunds(row["balance"])

    def _enter(self, transaction: int, leg: Leg) -> None:
        last = self.tx.execute(
            "SELECT balance_after FROM entries WHERE account_id = ? ORDER BY id DESC LIMIT 1", (leg.account,)
        ).fetchone()
        after = self.tx.execute(
            "UPDATE accounts SET balance = balance + ? WHERE id = ? RETURNING balance", (leg.amount, leg.account)
        ).fetchone()["balance"]
        if (last["balance_after"] if last else 0) + leg.amount != after:
            self.alarms.drift()
        self.tx.execute(
            "INSERT INTO entries (transaction_id, account_id, amount, balance_after) VALUES (?, ?, ?, ?)",
            (transaction, leg.account, leg.amount, after),
        )

    def _audit_single(self, kind: Kind, subject: str) -> None:
        found = self.tx.execute(
            "SELECT count(*) AS n FROM transactions WHERE subject = ? AND kind = ?", (subject, kind)
        ).fetchone()
        if found["n"] > 1:
            self.alarms.duplicate()
