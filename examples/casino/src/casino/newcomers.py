"""Newcomers: who registered, and whether they made their first deposit in time. Run by the auth service.

Counted once each, for the version of their first login, when it is known what became of them: a rate of two counters of
different moments would not be a share of anybody.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from dataclasses import dataclass

from casino import identity
from casino.house import House
from casino.identity import Newcomer
from casino.sweep import sweep

MOST = 200
"""Newcomers of one look."""

log = logging.getLogger("casino.auth")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a newcomer."""

    player_id: str
    market: str
    brand: str
    deposited: bool


def register(tx: sqlite3.Connection, newcomer: Newcomer) -> bool:
    """Store the player, and remember the newcomer; false where the login is taken."""
    if not identity.add_player(tx, newcomer):
        return False
    row = (identity.player_id(newcomer.login), time.time())
    tx.execute("INSERT INTO newcomers (player_id, version, registered_at) VALUES (?, '', ?)", row)
    return True


def let_in(tx: sqlite3.Connection, player: str, version: str) -> None:
    """Note the version of a newcomer's first login; until then nobody knows whose newcomer it is: who registers has no
    id yet, by which the edge could send them to a version.
    """
    tx.execute("UPDATE newcomers SET version = ? WHERE player_id = ? AND version = ''", (version, player))


def outcomes(tx: sqlite3.Connection, version: str, within_s: float) -> list[Outcome]:
    """Newcomers of this version of whom it is known by now what became of them."""
    rows = tx.execute(
        "SELECT * FROM (SELECT newcomers.player_id, market, brand, registered_at, EXISTS ("
        # A payment's name begins with its player's id, and '0' follows '/': the primary key finds them.
        "  SELECT 1 FROM payments WHERE subject > newcomers.player_id || '/' AND subject < newcomers.player_id || '0'"
        "  AND direction = 'deposit' AND status = 'credited') AS deposited "
        "FROM newcomers JOIN players ON players.id = newcomers.player_id WHERE version = ?) "
        "WHERE deposited OR registered_at < ? LIMIT ?",
        (version, time.time() - within_s, MOST),
    )
    return [Outcome(row["player_id"], row["market"], row["brand"], bool(row["deposited"])) for row in rows]


async def settle(house: House, outcome: Outcome) -> None:
    """Count the newcomer, unless another process of this version did."""

    def forget(tx: sqlite3.Connection) -> int:
        return tx.execute("DELETE FROM newcomers WHERE player_id = ?", (outcome.player_id,)).rowcount

    if await house.database.write(forget):
        end = "deposited" if outcome.deposited else "left"
        house.metrics.registrations.labels(house.version, outcome.market, outcome.brand, end).inc()


async def follow(house: House) -> None:
    """Count newcomers when it is known what became of them, for as long as this process lives."""
    within_s = house.settings.newcomer_s
    await sweep(
        lambda: house.database.read(lambda tx: outcomes(tx, house.version, within_s)),
        lambda outcome: settle(house, outcome),
        log,
    )
