"""Newcomers are counted once, when it is known what became of them, for the version of their first login."""

from __future__ import annotations

import sqlite3
from functools import partial

from casino import identity, newcomers
from casino.house import House
from casino.identity import Newcomer, Player
from casino.newcomers import Outcome
from casino.payment_steps import carry_out_deposit
from casino.testing import OpenHouse
from casino.wallet import Order

ANN, BEN = (Player(identity.player_id(login), "DE", "aurora") for login in ("ann", "ben"))
APPROVED = "d1"


def join(house: House, login: str) -> bool:
    newcomer = Newcomer(login, "pbkdf2$1$00$00", "A" * 32, "DE", "aurora")
    return house.database.write_now(lambda tx: _joined(tx, newcomer, house.version))


def _joined(tx: sqlite3.Connection, newcomer: Newcomer, version: str) -> bool:
    """Registered, and in by the version."""
    added = newcomers.register(tx, newcomer)
    newcomers.let_in(tx, identity.player_id(newcomer.login), version)
    return added


async def known(house: House, within_s: float = 600.0) -> list[Outcome]:
    return await house.database.read(partial(newcomers.outcomes, version=house.version, within_s=within_s))


def counted(house: House, outcome: str) -> float:
    labels = {"version": house.version, "market": "DE", "brand": "aurora", "outcome": outcome}
    return house.metrics.registry.get_sample_value("casino_registrations_total", labels) or 0.0


async def deposit(house: House, player: Player) -> None:
    """A deposit that the issuer approves: of some keys, one is."""
    for number in range(20):
        answer = await carry_out_deposit(house, Order(player, f"d{number}", "deposit", "kestrel", 500, f"d{number}"))
        if answer.document["status"] == "credited":
            return


async def test_a_newcomer_who_deposits_is_won(open_house: OpenHouse) -> None:
    house = open_house()
    assert join(house, "ann")
    assert join(house, "ben")
    assert await known(house) == []
    await deposit(house, ANN)
    [outcome] = await known(house)
    assert outcome == Outcome(ANN.id, "DE", "aurora", deposited=True)
    await newcomers.settle(house, outcome)
    await newcomers.settle(house, outcome)
    assert counted(house, "deposited") == 1
    assert await known(house) == []


async def test_a_newcomer_who_does_not_is_lost_after_a_while(open_house: OpenHouse) -> None:
    house = open_house()
    join(house, "ben")
    [outcome] = await known(house, within_s=-1.0)
    assert outcome == Outcome(BEN.id, "DE", "aurora", deposited=False)
    await newcomers.settle(house, outcome)
    assert counted(house, "left") == 1


async def test_another_version_minds_its_own(open_house: OpenHouse) -> None:
    old, new = open_house(version="1.0.0"), open_house(version="1.1.0")
    join(old, "ben")
    assert await known(new, within_s=-1.0) == []
    assert len(await known(old, within_s=-1.0)) == 1


async def test_whose_newcomer_it_is_shows_at_the_first_login(open_house: OpenHouse) -> None:
    house = open_house()
    newcomer = Newcomer("ann", "pbkdf2$1$00$00", "A" * 32, "DE", "aurora")
    house.database.write_now(lambda tx: newcomers.register(tx, newcomer))
    assert await known(house, within_s=-1.0) == []
    for version in (house.version, "2.0.0"):
        house.database.write_now(partial(newcomers.let_in, player=ANN.id, version=version))
    assert len(await known(house, within_s=-1.0)) == 1


def test_a_login_that_is_taken_is_no_newcomer(open_house: OpenHouse) -> None:
    house = open_house()
    assert join(house, "ann")
    assert not join(house, "ann")
