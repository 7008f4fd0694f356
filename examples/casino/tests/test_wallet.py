"""A payment that has begun is finished, whatever became of its player in between; nothing new begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from casino import identity, wallet
from casino.book import Book
from casino.database import connect, writing
from casino.errors import Refusal
from casino.identity import Newcomer, Player
from casino.ledger import check, extent
from casino.psp import Decision
from casino.testing import LocalCasino, Silent, until, wait_ready
from casino.wallet import Order

ANN = Player(identity.player_id("ann"), "DE", "aurora")
BEN = Player(identity.player_id("ben"), "SE", "bluefin")
LONG_AGO = 1_000.0


def deposit(player: Player, key: str = "d1", opened_at: float = LONG_AGO) -> Order:
    return Order(player, key, "deposit", "kestrel", 1_000, key, opened_at)


def begin_and_exclude(path: Path) -> None:
    """Ann and Ben have each begun a deposit; Ann, who was first, has then excluded herself."""
    connection = connect(path)
    with writing(connection) as tx:
        for login, player in (("ann", ANN), ("ben", BEN)):
            identity.add_player(tx, Newcomer(login, "pbkdf2$1$00$00", "A" * 32, player.market, player.brand))
        wallet.open_deposit(tx, deposit(ANN))
        wallet.open_deposit(tx, deposit(BEN, opened_at=LONG_AGO + 1))
        identity.exclude(tx, ANN.id)
    connection.close()


def test_a_deposit_that_had_begun_is_credited_after_self_exclusion(tmp_path: Path) -> None:
    begin_and_exclude(tmp_path / "casino.db")
    connection = connect(tmp_path / "casino.db")
    with writing(connection) as tx:
        assert wallet.open_deposit(tx, deposit(ANN)) is None
        answer = wallet.settle_deposit(Book(tx, "1.1.0", Silent()), deposit(ANN), Decision.APPROVED)
    assert answer.document["balance_minor"] == 1_000
    with writing(connection) as tx, pytest.raises(Refusal, match="self-excluded"):
        wallet.open_deposit(tx, deposit(ANN, "d2"))
    connection.close()
    assert check(tmp_path / "casino.db") == []


async def test_the_sweep_finishes_what_an_excluded_player_and_those_behind_had_begun(casino: LocalCasino) -> None:
    begin_and_exclude(casino.database)
    wait_ready(casino.start("payments"))
    await until(lambda: extent(casino.database).open == 0)
    assert check(casino.database) == []
