"""Game rounds as transactions: a stake is debited and the result fixed at once; a win is credited when the round ends.

Called by the games service for spins (both in one transaction) and for the table (with the ball rolling in between).
An interrupted round is completed with its fixed result, by its player's retry or by the sweep.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from casino.answers import Answer, recall, record, require_same_body
from casino.book import Book, Kind, Leg
from casino.errors import InsufficientFunds
from casino.identity import Player, require_playable
from casino.world import MARKETS, TABLE

PAYTABLE = ((0.62, 0), (0.20, 1), (0.12, 2), (0.05, 6), (0.01, 21))
"""Slots: probability and multiple of the stake; pays back 95 % in the long run."""
RESPIN_SHARE = 0.05
ROULETTE_WIN = 18 / 37


@dataclass(frozen=True, slots=True)
class Bet:
    """A stake in minor units on one round; `round_id` is the player's own and makes the bet idempotent."""

    player: Player
    round_id: str
    game: str
    stake: int
    body_digest: str

    @property
    def subject(self) -> str:
        """The round's name in the ledger."""
        return f"{self.player.id}/{self.round_id}"

    @property
    def currency(self) -> str:
        """The currency of the player's market."""
        return MARKETS[self.player.market].currency


def draw(game: str, dice: random.Random, respins: bool) -> int:
    """The result of one round, as a multiple of the stake. Since 1.1 a lost spin sometimes gets a second turn."""
    if game == TABLE:
        return 2 if dice.random() < ROULETTE_WIN else 0
    multiple = _spin(dice)
    if multiple == 0 and respins and dice.random() < RESPIN_SHARE:
        multiple = _spin(dice)
    return multiple


def admit_all() -> None:
    """Lets every new round begin."""


def place(book: Book, bet: Bet, multiple: int, admit: Callable[[], None] = admit_all) -> Answer | None:
    """Debit the stake and open the round; None means that the round is open and can be settled.

    An answer means that there is nothing to settle: a replay, or a refusal for lack of money (422).
    `admit` is asked for new rounds only. Raises its `Refusal`, (403) for excluded players, (409) for a round id used
    with another body.
    """
    answer = recall(book.tx, "round", bet.subject, bet.body_digest)
    if answer is not None:
        return answer
    opened = book.tx.execute("SELECT body_digest FROM rounds WHERE subject = ?", (bet.subject,)).fetchone()
    if opened is not None:
        require_same_body(opened["body_digest"], bet.body_digest)
        return None
    require_playable(book.tx, bet.player.id)
    admit()
    player, house = _accounts(book, bet)
    try:
        book.post(Kind.BET, bet.subject, bet.player.id, (Leg(player, -bet.stake), Leg(house, bet.stake)))
    except InsufficientFunds as lacking:
        document = {"round_id": bet.round_id, "status": "refused", "balance_minor": lacking.balance_minor}
        return record(book.tx, "round", bet.subject, bet.body_digest, 422, document)
    book.tx.execute(
        "INSERT INTO rounds (subject, player_id, game, stake, win, status, body_digest, opened_at) "
        "VALUES (?, ?, ?, ?, ?, 'open', ?, ?)",
        (bet.subject, bet.player.id, bet.game, bet.stake, bet.stake * multiple, bet.body_digest, time.time()),
    )
    return None


def settle(book: Book, bet: Bet) -> Answer:
    """Credit the win that was fixed when the stake was taken, close the round and store the answer."""
    answer = recall(book.tx, "round", bet.subject, bet.body_digest)
    if answer is not None:
        return answer
    win = int(book.tx.execute("SELECT win FROM rounds WHERE subject = ?", (bet.subject,)).fetchone()["win"])
    player, house = _accounts(book, bet)
    if win:
        book.post(Kind.WIN, bet.subject, bet.player.id, (Leg(house, -win), Leg(player, win)))
    book.tx.execute("UPDATE rounds SET status = 'settled' WHERE subject = ?", (bet.subject,))
    document: dict[str, Any] = {
        "round_id": bet.round_id,
        "status": "settled",
        "game": bet.game,
        "stake_minor": bet.stake,
        "win_minor": win,
        "currency": bet.currency,
        "balance_minor": book.balance(player),
    }
    return record(book.tx, "round", bet.subject, bet.body_digest, 200, document)


def debit_again(book: Book, bet: Bet) -> None:
    """The `double-debit` fault: what code without idempotency would do. Nothing happens if the money is not there."""
    player, house = _accounts(book, bet)
    if book.balance(player) >= bet.stake:
        legs = (Leg(player, -bet.stake), Leg(house, bet.stake))
        book.post(Kind.BET, bet.subject, bet.player.id, legs, reference=f"{bet.subject}#again")


def lose_track(book: Book, bet: Bet) -> None:
    """The `drift` fault: take one minor unit from the player without writing an entry."""
    player, _ = _accounts(book, bet)
    book.tx.execute("UPDATE accounts SET balance = balance - 1 WHERE id = ? AND balance > 0", (player,))


def interrupted_bets(tx: sqlite3.Connection, older_than_s: float, limit: int = 50) -> list[Bet]:
    """Rounds that have been open so long that the process that ran them must be dead. Not those of several requests:
    their studio calls back.
    """
    rows = tx.execute(
        "SELECT rounds.*, market, brand FROM rounds JOIN players ON players.id = player_id "
        "LEFT JOIN long_rounds USING (subject) "
        "WHERE status = 'open' AND opened_at < ? AND long_rounds.id IS NULL ORDER BY opened_at LIMIT ?",
        (time.time() - older_than_s, limit),
    )
    return [
        Bet(
            player=Player(row["player_id"], row["market"], row["brand"]),
            round_id=row["subject"].split("/", 1)[1],
            game=row["game"],
            stake=row["stake"],
            body_digest=row["body_digest"],
        )
        for row in rows
    ]


def _spin(dice: random.Random) -> int:
    point = dice.random()
    for probability, multiple in PAYTABLE:
        point -= probability
        if point < 0:
            return multiple
    return 0


def _accounts(book: Book, bet: Bet) -> tuple[int, int]:
    return book.account("player", bet.player.id, bet.currency), book.account("house", "games", bet.currency)
