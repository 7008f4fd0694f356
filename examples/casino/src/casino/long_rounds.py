"""Rounds of several requests: begun by a player, played on step by step, settled by the studio's callback.

Each id names the version that it was begun on, so that an edge can lead whoever comes back for it there; which versions
served a round is written down, and a round that two served is a finding of the ledger check. Called by games.
"""

from __future__ import annotations

import random
import re
import secrets
import sqlite3
import time
from typing import Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from casino import rounds
from casino.answers import Answer, digest
from casino.errors import Refusal
from casino.house import House
from casino.identity import Player
from casino.requests import Amount, house_of, read, replay, respond, session
from casino.rounds import Bet
from casino.table import require_studio

HEADER = "x-round-id"
DICE = random.SystemRandom()
_ID = re.compile(r"([A-Za-z0-9._-]{1,64}):[0-9a-f]{16}@[A-Za-z0-9.+-]{1,64}")


class Begin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /games/rounds: a round of several requests on a slot."""

    game: Literal["comet", "harbour"]
    stake_minor: Amount


async def begin(request: Request) -> Response:
    """Take the stake: 200 with the id under which it goes on, 422 not enough money, 409 choose another game."""
    house, player = house_of(request), session(request)
    form = await read(request, Begin)
    id_ = house.rounds.named(f"{player.id}:{secrets.token_hex(8)}")
    bet = Bet(player, id_, form.game, form.stake_minor, digest(msgspec.json.encode(form)))
    refused = await house.database.write(lambda tx: _begin(house, tx, bet))
    if refused is not None:
        return replay(refused)
    house.rounds.opened(id_, player.id)
    return respond({"round_id": id_, "status": "open", "version": house.version})


async def step(request: Request) -> Response:
    """The player plays on: 200, 404 no such round of this player."""
    house, player, id_ = house_of(request), session(request), _id_of(request)
    if _player_of(id_) != player.id:
        raise Refusal(404, "unknown_round", "this round is none of yours")
    status = await house.database.write(lambda tx: _visited(house, tx, id_)["status"])
    return respond({"round_id": id_, "status": status, "version": house.version})


async def callback(request: Request) -> Response:
    """The studio says that the round is over; it knows no player and no session: 200 settled, 404 no such round."""
    house, id_ = house_of(request), _id_of(request)
    answer = await house.database.write(lambda tx: _settle(house, tx, id_))
    house.rounds.closed(id_)
    return replay(answer)


def _begin(house: House, tx: sqlite3.Connection, bet: Bet) -> Answer | None:
    multiple = rounds.draw(bet.game, DICE, respins=house.settings.since("1.1.0"))
    answer = rounds.place(house.book(tx), bet, multiple, lambda: require_studio(house, bet))
    if answer is None:
        tx.execute(
            "INSERT INTO long_rounds (id, subject, version) VALUES (?, ?, ?)",
            (bet.round_id, bet.subject, house.version),
        )
        _note(house, tx, bet.round_id)
    return answer


def _settle(house: House, tx: sqlite3.Connection, id_: str) -> Answer:
    row = _visited(house, tx, id_)
    player = Player(row["player_id"], row["market"], row["brand"])
    return rounds.settle(house.book(tx), Bet(player, id_, row["game"], row["stake"], row["body_digest"]))


def _visited(house: House, tx: sqlite3.Connection, id_: str) -> sqlite3.Row:
    row: sqlite3.Row | None = tx.execute(
        "SELECT rounds.*, market, brand FROM long_rounds JOIN rounds USING (subject) "
        "JOIN players ON players.id = player_id WHERE long_rounds.id = ?",
        (id_,),
    ).fetchone()
    if row is None:
        raise Refusal(404, "unknown_round", "there is no such round")
    _note(house, tx, id_)
    return row


def _note(house: House, tx: sqlite3.Connection, id_: str) -> None:
    tx.execute(
        "INSERT INTO round_visits (id, version, first_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (id_, house.version, time.time()),
    )


def _id_of(request: Request) -> str:
    """Players send it in a header; each studio calls back in its own way."""
    id_ = request.headers.get(HEADER) or request.query_params.get("round") or request.path_params.get("id", "")
    if not _ID.fullmatch(id_):
        raise Refusal(400, "no_round", f"send the round's id in {HEADER}, as ?round= or in the path")
    return id_


def _player_of(id_: str) -> str:
    return id_.partition(":")[0]


ROUTES = [
    Route("/games/rounds", begin, methods=["POST"]),
    Route("/games/rounds/step", step, methods=["POST"]),
    Route("/games/callback", callback, methods=["POST"]),
    Route("/games/callbacks/{id}", callback, methods=["POST"]),
]
