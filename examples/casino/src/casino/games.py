"""The games service: `python -m casino.games`. The lobby, spins over HTTP, a roulette table over WebSocket.

Versions differ: since 1.1 a lost spin sometimes gets a second turn. Any process finishes rounds that a dead one left.
"""

from __future__ import annotations

import logging
import random
import sqlite3
from functools import partial
from typing import Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute

from casino import lobby, long_rounds, rounds
from casino.answers import Answer, digest
from casino.book import Book
from casino.errors import Refusal
from casino.flags import BET
from casino.house import House
from casino.requests import Amount, Key, house_of, read, replay, respond, session
from casino.rounds import Bet
from casino.serve import serve
from casino.sweep import sweep
from casino.table import fail_if_told, require_studio, sit_down
from casino.trial import TRIAL, require_tester
from casino.world import STUDIO_OF

log = logging.getLogger("casino.games")
DICE = random.SystemRandom()


class Spin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /games/spin: one round on a slot; the round id makes it idempotent."""

    round_id: Key
    game: Literal["comet", "harbour"]
    stake_minor: Amount


async def show_lobby(request: Request) -> Response:
    """The games on offer, in this player's order."""
    house, player = house_of(request), session(request)
    layout = house.flags.lobby(player)
    games = await house.database.read(lambda tx: lobby.LAYOUTS[layout](tx, player))
    labels = house.flags.lobby_labels(player)
    house.metrics.lobbies.labels(house.version, player.market, player.brand, *labels).inc()
    return respond(
        {"layout": layout, "games": [game for game in games if house.flags.studio_runs(STUDIO_OF[game], player)]}
    )


async def spin(request: Request) -> Response:
    """Play one round: 200 settled, 422 not enough money, 409 another game has to be chosen."""
    house, player = house_of(request), session(request)
    form = await read(request, Spin)
    await require_tester(request, player)
    bet = Bet(player, form.round_id, form.game, form.stake_minor, digest(msgspec.json.encode(form)))
    place = (house.version, player.market, player.brand, form.game)
    variant = house.flags.lobby_labels(player)
    try:
        fail_if_told(house, player)
        answer = await house.database.write(lambda tx: _play(house, house.book(tx), bet))
    except Exception as error:
        refused = isinstance(error, Refusal) and error.status < 500
        if not TRIAL.get():
            house.metrics.bets.labels(*place, "refused" if refused else "failed", *variant).inc()
        raise
    if answer.fresh and not TRIAL.get():
        house.metrics.bets.labels(*place, answer.document["status"], *variant).inc()
        if answer.document["status"] == "settled":
            house.flags.did(BET, player)
    return replay(answer)


async def finish_rounds(house: House) -> None:
    """Complete rounds that a dead process left open, for as long as this one lives."""
    await sweep(
        lambda: house.database.read(lambda tx: rounds.interrupted_bets(tx, house.settings.stuck_after_s)),
        lambda bet: house.database.write(partial(_settle, house, bet)),
        log,
    )


def _settle(house: House, bet: Bet, tx: sqlite3.Connection) -> Answer:
    return rounds.settle(house.book(tx), bet)


def _play(house: House, book: Book, bet: Bet) -> Answer:
    multiple = rounds.draw(bet.game, DICE, respins=house.settings.since("1.1.0"))
    answer = rounds.place(book, bet, multiple, partial(require_studio, house, bet))
    if answer is not None:
        return answer
    if house.faults.hit("double-debit"):
        rounds.debit_again(book, bet)
    if house.faults.hit("drift"):
        rounds.lose_track(book, bet)
    return rounds.settle(book, bet)


ROUTES = [
    Route("/games/lobby", show_lobby),
    Route("/games/spin", spin, methods=["POST"]),
    *long_rounds.ROUTES,
    WebSocketRoute("/games/table", sit_down),
]

if __name__ == "__main__":
    raise SystemExit(serve("games", ROUTES, finish_rounds))
