"""The retry queue: payments left unfinished, as the version that took them in sees them at every look."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from casino import identity, wallet
from casino.database import connect
from casino.house import House
from casino.identity import Newcomer, Player
from casino.payments import look_at_queue
from casino.testing import OpenHouse
from casino.wallet import Order

ANN = Player(identity.player_id("ann"), "DE", "aurora")


def leave_unfinished(house: House, key: str, ago_s: float, version: str) -> None:
    """As a process does that dies while the provider is asked."""
    order = Order(ANN, key, "deposit", "kestrel", 500, key, opened_at=time.time() - ago_s, version=version)
    house.database.write_now(lambda tx: wallet.open_deposit(tx, order))


def looks(house: House, metric: str, at_most: str) -> tuple[float, float]:
    """How many looks found no more than that, and how many there were."""
    value = house.metrics.registry.get_sample_value
    labels = {"version": house.version}
    found = value(f"{metric}_bucket", {**labels, "le": at_most}), value(f"{metric}_count", labels)
    return found[0] or 0.0, found[1] or 0.0


async def test_each_look_counts_how_many_wait_and_how_long(open_house: OpenHouse) -> None:
    house = open_house()
    house.database.write_now(
        lambda tx: identity.add_player(tx, Newcomer("ann", "pbkdf2$1$00$00", "A" * 32, "DE", "aurora"))
    )
    await look_at_queue(house)
    assert looks(house, "casino_retry_queue_age_seconds", "1.0") == (1, 1)
    assert looks(house, "casino_retry_queue_depth", "0.0") == (1, 1)
    leave_unfinished(house, "a", 45, house.version)
    leave_unfinished(house, "b", 5, house.version)
    leave_unfinished(house, "of-another", 500, "1.0.0")
    await look_at_queue(house)
    assert looks(house, "casino_retry_queue_age_seconds", "30.0") == (1, 2)
    assert looks(house, "casino_retry_queue_age_seconds", "60.0") == (2, 2)
    assert looks(house, "casino_retry_queue_depth", "1.0") == (1, 2)
    assert looks(house, "casino_retry_queue_depth", "2.0") == (2, 2)


def test_a_database_of_an_earlier_day_gets_the_column(tmp_path: Path) -> None:
    connect(tmp_path / "casino.db").close()
    with sqlite3.connect(tmp_path / "casino.db") as old:
        old.execute("DROP INDEX payments_pending")
        old.execute("ALTER TABLE payments DROP COLUMN version")
    old.close()
    again = connect(tmp_path / "casino.db")
    assert "version" in {row["name"] for row in again.execute("PRAGMA table_info(payments)")}
    again.close()
