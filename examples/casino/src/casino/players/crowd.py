"""The players of a casino under load: requests arrive at random times at a given rate, whatever the casino does.

Open loop: an arrival takes the next waiting player's next step, or a new player; latencies count from the moment of
arrival, so that a slow casino cannot hide by slowing its players. Used by the command line, demos and benchmarks.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import deque
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self, TypeVar

from casino.players.figures import Figures, Move, Snapshot
from casino.players.population import Person, draw_person, draw_pool
from casino.players.script import UNAVAILABLE, Ask, Complaint, Mix, Reply, Visit, visit
from casino.players.wire import Heard, Lost, Wire

T = TypeVar("T")
IMPORT_BATCH = 250
THINK_S = 1.0
"""Mean time between two steps of a visit."""
MOST_IN_FLIGHT = 2_000
GROWTH = 0.25
"""Share of arrivals that begin a visit while there are too few players about; more would come in waves."""
IDLE_S = 0.05


class Crowd:
    """Players at one casino. Use as `async with Crowd(...) as crowd`, which imports the pool and starts playing.

    `rate` (requests per second, may be changed at any time; 0 rests), `players` (size of the pool), `routes` (service
    name to address, for a casino without an edge), `lean` (only pings to `lean_service`, for benchmarks),
    `on_failed_deposit` (called with version and Unix time at the first failed deposit of each version).
    """

    def __init__(
        self,
        base_url: str,
        *,
        rate: float = 200.0,
        seed: int = 1,
        players: int = 2_000,
        mix: Mix | None = None,
        routes: Mapping[str, str] | None = None,
        timeout_s: float = 10.0,
        lean: bool = False,
        lean_service: str = "payments",
        on_failed_deposit: Callable[[str, float], None] | None = None,
    ) -> None:
        self.rate = rate
        self.figures = Figures()
        self._mix = mix or Mix()
        self._lean = lean
        self._lean_service = lean_service
        self._on_failed_deposit = on_failed_deposit
        self._wire = Wire(base_url, routes or {}, timeout_s)
        self._timeout_s = timeout_s
        self._seed = seed
        self._pool = draw_pool(seed, players, self._mix.excluded)
        self._arrivals = random.Random(f"arrivals:{seed}")
        self._dice = random.Random(f"visits:{seed}")
        self._free = list(self._pool)
        self._ready: list[tuple[Person, Visit, Ask]] = []
        self._visits = 0
        self._newcomers = 0
        self._run_name = f"{time.time_ns():x}"
        self._busy: set[asyncio.Task[None]] = set()
        self._backlog: deque[float] = deque()
        self._playing: asyncio.Task[None] | None = None

    @property
    def moves(self) -> list[Move]:
        """Every change of a player from one version of a service to another, oldest first."""
        return self.figures.moves

    def reroute(self, service: str, url: str) -> None:
        """From the next request on, this service is at another address (for a casino without an edge)."""
        self._wire.reroute(service, url)

    def snapshot(self) -> Snapshot:
        """The figures now."""
        return self.figures.snapshot(self.rate)

    async def __aenter__(self) -> Self:
        await self._wire.__aenter__()
        try:
            if not self._lean:
                await self._import_pool()
        except BaseException:
            await self._wire.__aexit__(None, None, None)
            raise
        self.figures.began = time.monotonic()
        self._playing = asyncio.create_task(self._arrive())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        await self._wire.__aexit__(kind, error, trace)

    async def stop(self) -> None:
        """No more arrivals; wait for what is in flight, which each request's time limit bounds."""
        if self._playing is not None:
            self._playing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._playing
        self._backlog.clear()
        if self._busy:
            await asyncio.wait(self._busy, timeout=self._timeout_s + 2.0)
        for task in self._busy:
            task.cancel()

    async def _import_pool(self) -> None:
        for start in range(0, len(self._pool), IMPORT_BATCH):
            batch = [person.form() for person in self._pool[start : start + IMPORT_BATCH]]
            heard = await self._wire.ask("auth", "POST", "/auth/import", {"players": batch})
            if heard.status != 200:
                raise RuntimeError(f"the casino refused to import players: {heard.status} {heard.body}")

    async def _arrive(self) -> None:
        due = time.monotonic()
        while True:
            if self.rate <= 0:
                await asyncio.sleep(IDLE_S)
                due = time.monotonic()
                continue
            due += self._arrivals.expovariate(self.rate)
            wait = due - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            self._dispatch(due)

    def _dispatch(self, due: float) -> None:
        if len(self._busy) >= MOST_IN_FLIGHT:
            self._backlog.append(due)
            return
        task = asyncio.create_task(self._ping(due) if self._lean else self._step(due))
        self._busy.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._busy.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.figures.complain(f"generator: {error!r}")
        if self._backlog and self._playing is not None and not self._playing.done():
            self._dispatch(self._backlog.popleft())

    async def _ping(self, due: float) -> None:
        person = self._pool[self._dice.randrange(len(self._pool))]
        post = self._dice.random() < 0.5
        path = f"/{self._lean_service}/ping"
        ask = Ask(
            self._lean_service, "ping", "POST" if post else "GET", path, {"n": 1} if post else None, person=person
        )
        await self._request(ask, due)

    async def _step(self, due: float) -> None:
        person, script, ask = self._next_step()
        reply = await (self._table(ask, due) if ask.table_rounds else self._request(ask, due))
        try:
            step = script.send(reply)
            while isinstance(step, Complaint):
                self.figures.complain(f"{step.what}: {step.detail}")
                step = script.send(reply)
        except StopIteration:
            if person.known:  # whose registration was lost is not seen again
                self._free.append(person)
        else:
            self._ready.append((person, script, step))

    def _next_step(self) -> tuple[Person, Visit, Ask]:
        crowded = len(self._ready) >= self.rate * THINK_S
        if self._ready and (crowded or self._dice.random() > GROWTH):
            return _take_any(self._ready, self._dice)
        person = self._next_person()
        person.visits += 1
        self._visits += 1
        script = visit(person, self._mix, random.Random(f"{self._seed}:{self._visits}:{self._run_name}"))
        ask = next(script)
        if isinstance(ask, Complaint):
            raise TypeError("a visit cannot begin with a complaint")
        return person, script, ask

    def _next_person(self) -> Person:
        if not self._free or self._dice.random() < self._mix.newcomers:
            self._newcomers += 1
            return draw_person(self._dice, f"n{self._run_name}-{self._newcomers}")
        return _take_any(self._free, self._dice)

    async def _request(self, ask: Ask, due: float) -> Reply:
        self.figures.sent += 1
        player = ask.person.id if ask.person else ""
        headers = {**ask.headers, **ask.person.headers()} if ask.person else ask.headers
        try:
            heard = await self._wire.ask(ask.service, ask.method, ask.path, ask.body, headers)
        except Lost as lost:
            self.figures.lose(ask.service, ask.what, str(lost))
            return Reply(lost=True)
        self._note(ask, heard, time.monotonic() - due, player)
        return Reply(heard.status, heard.body)

    def _note(self, ask: Ask, heard: Heard, seconds: float, player: str) -> None:
        outcome = f"{ask.what}:{heard.status}"
        self.figures.answer(ask.service, heard.version, outcome, seconds, player, heard.status >= 500)
        code = heard.body.get("code", "")
        if code in UNAVAILABLE:
            return
        if heard.status not in ask.expect:
            self.figures.complain(f"{ask.service} {heard.version} {outcome} {code}")
        if ask.what == "deposit" and not heard.replayed and ask.person is not None:
            status = str(heard.body.get("status", "failed")) if heard.status in (200, 402, 502) else "failed"
            if self.figures.deposit(heard.version, ask.psp, ask.person.market, status) and self._on_failed_deposit:
                self._on_failed_deposit(heard.version, self.figures.first_failed_deposit[heard.version])

    async def _table(self, ask: Ask, due: float) -> Reply:
        self.figures.sent += 1
        if ask.person is None or ask.body is None:
            raise TypeError("a table needs a player and a stake")
        headers = {**ask.headers, **ask.person.headers()}
        name, stake = str(ask.body["rounds"]), int(ask.body["stake_minor"])
        began = time.monotonic()
        try:
            stay = await self._wire.play(ask.path, name, stake, ask.table_rounds, headers)
        except Lost as lost:
            self.figures.lose(ask.service, ask.what, str(lost))
            return Reply(lost=True)
        # A stay lasts for several rounds; what can be compared with other requests is the delay and one round trip.
        seconds = began - due + max(stay.round_trips, default=0.0)
        self.figures.answer("games", stay.version, f"table:{stay.status}", seconds, ask.person.id, stay.status >= 500)
        self.figures.sockets_closed += stay.closed_by_casino
        if stay.status not in ask.expect:
            self.figures.complain(f"games {stay.version} table:{stay.status}")
        return Reply(stay.status)


def _take_any(waiting: list[T], dice: random.Random) -> T:
    chosen = dice.randrange(len(waiting))
    waiting[chosen], waiting[-1] = waiting[-1], waiting[chosen]
    return waiting.pop()
