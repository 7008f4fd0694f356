"""Players who stay at the roulette table as long as they are let, in a process of their own; what was done to them.

Others may play rounds of several requests meanwhile, in the same process.
"""

import asyncio
import contextlib
import multiprocessing.connection
import random
import sqlite3
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from benchmarks.control._oracle import Sighting
from benchmarks.control._rounds import Played, play_rounds
from casino.database import connect, writing
from casino.identity import Player
from casino.players.population import Person, draw_pool
from casino.players.wire import Wire
from casino.tokens import Tokens, shared_secret

FUNDS = 100_000
BATCH = 250
CLOSES_S = 10.0
"""Who says that a stay is over closes it within this time."""
LOOK_S = 1.0
"""How often open sockets are counted."""


@dataclass(slots=True)
class Seats:
    """``closed``: when, by which version and with which code a stay was ended with a word, ``torn``: without one.
    ``opened`` counts stays, ``bets`` and ``results`` rounds, ``open`` is how many sat there, ``counted`` that once a
    second.
    """

    opened: int = 0
    open: int = 0
    bets: int = 0
    results: int = 0
    closed: list[tuple[float, str, int | None]] = field(default_factory=list)
    torn: list[tuple[float, str, str]] = field(default_factory=list)
    sightings: list[Sighting] = field(default_factory=list)
    counted: list[int] = field(default_factory=list)


def run_tables(  # noqa: PLR0917 - what a process is given
    edge: str,
    database: Path,
    seats: int,
    seed: int,
    pause_s: float,
    pipe: "multiprocessing.connection.Connection",
    rounds: int = 0,
) -> None:
    """Sit so many players down, each betting every ``pause_s`` seconds or so, and let ``rounds`` others play rounds,
    until told to stop; send ``Seats`` with what was ``played``.
    """
    pipe.send(asyncio.run(_play(edge, database, seats, seed, pause_s, pipe, rounds)))


async def _play(  # noqa: PLR0917 - see above
    edge: str,
    database: Path,
    seats: int,
    seed: int,
    pause_s: float,
    pipe: "multiprocessing.connection.Connection",
    rounds: int,
) -> dict[str, Any]:
    seen, played, stop = Seats(), Played(), asyncio.Event()
    people = draw_pool(seed, seats + rounds, 0.0)
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        aiohttp.ClientSession(edge, connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as http,
        Wire(edge, {}) as wire,
    ):
        await _move_in(http, people)
        with contextlib.closing(connect(database)) as own, writing(own) as tx:
            bearers = _bearers(tx, people)
        await asyncio.gather(*(_fund(http, person, bearer) for person, bearer in zip(people, bearers, strict=True)))
        chance = random.Random(seed)
        playing = [
            asyncio.create_task(_sit(http, person, bearer, chance, pause_s, seen, stop))
            for person, bearer in zip(people[:seats], bearers[:seats], strict=True)
        ]
        playing += [
            asyncio.create_task(play_rounds(wire, bearer, random.Random(chance.random()), played, stop))
            for bearer in bearers[seats:]
        ]
        while seen.opened < seats:  # noqa: ASYNC110 - a counter has no event
            await asyncio.sleep(0.05)
        pipe.send("seated")
        counting = asyncio.create_task(_count(seen))
        await asyncio.to_thread(pipe.recv)
        counting.cancel()
        stop.set()
        await asyncio.gather(*playing)
    return {**asdict(seen), "played": asdict(played)}


async def _count(seen: Seats) -> None:
    while True:
        seen.counted.append(seen.open)
        await asyncio.sleep(LOOK_S)


async def _move_in(http: aiohttp.ClientSession, people: list[Person]) -> None:
    for start in range(0, len(people), BATCH):
        body = {"players": [person.form() for person in people[start : start + BATCH]]}
        async with http.post("/auth/import", json=body) as answer:
            answer.raise_for_status()


def _bearers(tx: sqlite3.Connection, people: list[Person]) -> list[dict[str, str]]:
    """What the login would give, without five hundred passwords to be hashed."""
    tokens = Tokens(shared_secret(tx))
    return [
        {"authorization": f"Bearer {tokens.issue(Player(person.id, person.market, person.brand))}", **person.headers()}
        for person in people
    ]


async def _fund(http: aiohttp.ClientSession, person: Person, bearer: dict[str, str]) -> None:
    """Money to bet with; issuers decline some deposits, so until there is some."""
    for attempt in range(20):
        headers = {**bearer, "idempotency-key": f"table-{person.id}-{attempt}"}
        async with http.post(
            "/payments/deposit", json={"amount_minor": FUNDS, "psp": "kestrel"}, headers=headers
        ) as answer:
            if answer.status == 200:
                return
    raise RuntimeError(f"nobody takes {person.id}'s money")


async def _sit(  # noqa: PLR0917
    http: aiohttp.ClientSession,
    person: Person,
    bearer: dict[str, str],
    chance: random.Random,
    pause_s: float,
    seen: Seats,
    stop: asyncio.Event,
) -> None:
    """Stay after stay. A round whose result did not come is asked for again at the next one."""
    open_round: str | None = None
    while not stop.is_set():
        version, asked_at = "?", time.time()
        try:
            async with _table(http, bearer, seen) as socket:
                version = str((await _hear(socket))["version"])
                seen.opened += 1
                seen.sightings.append(Sighting("games", person.id, version, asked_at, time.time()))
                while not stop.is_set():
                    if not await _wait(socket, chance.uniform(0.5, 1.5) * pause_s, stop):
                        seen.closed.append((time.time(), version, await _code(socket)))
                        break
                    seen.bets += open_round is None
                    open_round = open_round or f"{person.id}-{chance.getrandbits(48):x}"
                    bet = {"type": "bet", "round_id": open_round, "stake_minor": 10}
                    if not (await _send(socket, bet) and await _result(socket)):
                        seen.closed.append((time.time(), version, await _code(socket)))
                        break
                    seen.results, open_round = seen.results + 1, None
        except (aiohttp.ClientError, OSError, ConnectionError, TimeoutError) as error:
            seen.torn.append((time.time(), version, f"{type(error).__name__}: {error}"))
            await asyncio.sleep(0.2)


@contextlib.asynccontextmanager
async def _table(
    http: aiohttp.ClientSession, bearer: dict[str, str], seen: Seats
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with http.ws_connect("/games/table", headers=bearer) as socket:
        seen.open += 1
        try:
            yield socket
        finally:
            seen.open -= 1


async def _wait(socket: aiohttp.ClientWebSocketResponse, seconds: float, stop: asyncio.Event) -> bool:
    """Listen meanwhile, so that the server's pings are answered; false where the casino says that it closes."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0 and not stop.is_set():
        with contextlib.suppress(TimeoutError):
            message = await socket.receive(timeout=min(left, 1.0))
            if message.type is not aiohttp.WSMsgType.TEXT:
                raise ConnectionError(f"closed without a word ({socket.close_code})")
            heard = msgspec.json.decode(message.data)
            if heard["type"] == "closing":
                return False
            if heard["type"] == "probe" and not await _send(socket, {"type": "echo", "id": heard["id"]}):
                return False
    return True


async def _send(socket: aiohttp.ClientWebSocketResponse, message: dict[str, Any]) -> bool:
    """Say it; false where the casino has said that it closes."""
    try:
        await socket.send_json(message)
    except aiohttp.ClientConnectionResetError:
        if not await _said_closing(socket):
            raise
        return False
    return True


async def _result(socket: aiohttp.ClientWebSocketResponse) -> bool:
    """Wait for the ball; false where the casino says that it closes."""
    while True:
        message = await _hear(socket)
        match message["type"]:
            case "result" | "refused":
                return True
            case "closing":
                return False
            case "probe":
                if not await _send(socket, {"type": "echo", "id": message["id"]}):
                    return False
            case "error":
                raise ConnectionError(f"the table says {message}")
            case _:
                pass


async def _code(socket: aiohttp.ClientWebSocketResponse) -> int | None:
    """What the casino closes with, after it said that it would; ``None`` where it does not close. The one that it sent:
    ``close_code`` is another where our answer comes too late.
    """
    with contextlib.suppress(TimeoutError):
        while (message := await socket.receive(timeout=CLOSES_S)).type is aiohttp.WSMsgType.TEXT:
            pass
        return int(message.data) if message.type is aiohttp.WSMsgType.CLOSE else None
    return None


async def _said_closing(socket: aiohttp.ClientWebSocketResponse) -> bool:
    """Whether the casino had said that it closes, where we could not write any more: it is there to be read."""
    with contextlib.suppress(TimeoutError):
        while (message := await socket.receive(timeout=CLOSES_S)).type is aiohttp.WSMsgType.TEXT:
            if msgspec.json.decode(message.data)["type"] == "closing":
                return True
    return False


async def _hear(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    message = await asyncio.wait_for(socket.receive(), 30)
    if message.type is not aiohttp.WSMsgType.TEXT:
        raise ConnectionError(f"closed without a word ({socket.close_code})")
    heard: dict[str, Any] = msgspec.json.decode(message.data)
    return heard
