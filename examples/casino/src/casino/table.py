"""The roulette table: a WebSocket on which a player bets, waits for the ball, and gets the result.

Messages are JSON objects with a `type`. From the player: `bet` {round_id, stake_minor}, `ping` {id}, `echo` {id}.
To the player: `welcome` {version, player_id}, `accepted`, `result`, `refused`, `pong`, `probe` {id} (to be echoed; the
time that takes is the measured round trip), `error`, `closing` {reason}. Called by the games service.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from functools import partial
from typing import Any, Literal

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from casino import rounds
from casino.answers import digest
from casino.errors import Refusal
from casino.flags import BET
from casino.house import House
from casino.identity import Player
from casino.requests import Amount, Key, decode, house_of, problem, session
from casino.rounds import Bet
from casino.world import GAMES, STUDIO_OF, TABLE

DICE = random.SystemRandom()
BALL_ROLLS_S = 0.15
GOING_AWAY = 1001
DROPPED = 1011


class Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a player may say."""

    type: Literal["bet", "ping", "echo"]
    id: int = 0
    round_id: Key | None = None
    stake_minor: Amount | None = None


class _Dropped(Exception):
    """The `ws-drop` fault: the socket goes away in the middle of a round."""


async def sit_down(websocket: WebSocket) -> None:
    """One player's stay at the table, from handshake to close."""
    house = house_of(websocket)
    try:
        player = session(websocket)
    except Refusal as refusal:
        await websocket.send_denial_response(problem(refusal.status, refusal.code, refusal.detail))
        return
    if house.drain.started:
        await websocket.send_denial_response(problem(503, "draining", "this table is closing; connect again"))
        return
    house.drain.sockets += 1
    reason = "error"
    try:
        await websocket.accept()
        reason = await _Seat(house, websocket, player).play()
    except WebSocketDisconnect:
        reason = "player"
    except _Dropped:
        reason = "dropped"
        await websocket.close(DROPPED)
    finally:
        house.drain.sockets -= 1
        house.metrics.sockets_closed.labels(house.version, reason).inc()


def fail_if_told(house: House, player: Player) -> None:
    """The `bet-error` fault: raise a `Refusal` (500) before anything is taken."""
    failed = ("bet-error", "bet_failed", "the bet failed; nothing was taken")
    house.faults.trip(*failed, market=player.market, brand=player.brand)


def require_studio(house: House, bet: Bet) -> None:
    """Raise a `Refusal` (409) for a new round while the game's studio is switched off; begun ones are finished."""
    if not house.flags.studio_runs(STUDIO_OF[bet.game], bet.player):
        runs = [game for game in GAMES if house.flags.studio_runs(STUDIO_OF[game], bet.player)]
        instead = f"try {' or '.join(runs)}" if runs else "try later"
        raise Refusal(
            409, "game_unavailable", f"{bet.game} is not played at the moment and nothing was taken; {instead}"
        )


class _Seat:
    def __init__(self, house: House, websocket: WebSocket, player: Player) -> None:
        self._house = house
        self._websocket = websocket
        self._player = player
        self._probes: dict[int, float] = {}

    async def play(self) -> str:
        """Answer messages until the player leaves or the process drains; returns why it ended."""
        await self._say("welcome", version=self._house.version, player_id=self._player.id)
        leaving = asyncio.create_task(self._house.drain.draining.wait())
        try:
            while not self._house.drain.started:
                heard = asyncio.create_task(self._websocket.receive_text())
                await asyncio.wait((heard, leaving), return_when=asyncio.FIRST_COMPLETED)
                if not heard.done():
                    heard.cancel()
                    with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect):
                        await heard
                    break
                await self._answer(heard.result())
        finally:
            leaving.cancel()
        if self._websocket.application_state is WebSocketState.CONNECTED:
            await self._say("closing", reason="draining")
            await self._websocket.close(GOING_AWAY, "draining")
        return "draining"

    async def _answer(self, text: str) -> None:
        try:
            said = decode(text, Said)
            if said.type == "ping":
                await self._say("pong", id=said.id)
            elif said.type == "echo":
                self._measure(said.id)
            elif said.round_id is not None and said.stake_minor is not None:
                await self._round(said.round_id, said.stake_minor)
            else:
                await self._say("error", code="bad_request", detail="a bet needs round_id and stake_minor")
        except Refusal as refusal:
            await self._say("error", code=refusal.code, detail=refusal.detail)

    async def _round(self, round_id: str, stake: int) -> None:
        bet = Bet(self._player, round_id, TABLE, stake, digest(f"{TABLE}:{stake}".encode()))
        try:
            fail_if_told(self._house, self._player)
            answer = await self._house.database.write(self._placing(bet))
            if answer is None:
                await self._say("accepted", round_id=round_id)
                self._drop_if_told()
                await asyncio.sleep(BALL_ROLLS_S)
                answer = await self._house.database.write(lambda tx: rounds.settle(self._house.book(tx), bet))
        except (WebSocketDisconnect, _Dropped):
            self._count("failed")
            raise
        except Exception as error:
            refused = isinstance(error, Refusal) and error.status < 500
            self._count("refused" if refused else "failed")
            raise
        document = answer.document
        if answer.fresh:
            self._count(document["status"])
            if document["status"] == "settled":
                self._house.flags.did(BET, self._player)
        await self._say("result" if document.pop("status") == "settled" else "refused", **document)
        await self._probe()

    def _drop_if_told(self) -> None:
        if self._house.faults.hit("ws-drop"):
            raise _Dropped

    def _placing(self, bet: Bet) -> Any:
        multiple = rounds.draw(TABLE, DICE, respins=False)
        admit = partial(require_studio, self._house, bet)
        return lambda tx: rounds.place(self._house.book(tx), bet, multiple, admit)

    async def _probe(self) -> None:
        number = len(self._probes) + DICE.randrange(1 << 30)
        self._probes.clear()
        self._probes[number] = time.monotonic()
        await self._say("probe", id=number)

    def _measure(self, number: int) -> None:
        sent = self._probes.pop(number, None)
        if sent is not None:
            self._house.metrics.round_trips.labels(self._house.version).observe(time.monotonic() - sent)

    def _count(self, outcome: str) -> None:
        player, house = self._player, self._house
        variant = house.flags.lobby_labels(player)
        house.metrics.bets.labels(house.version, player.market, player.brand, TABLE, outcome, *variant).inc()

    async def _say(self, kind: str, **content: Any) -> None:
        await self._websocket.send_text(msgspec.json.encode({"type": kind, **content}).decode())
