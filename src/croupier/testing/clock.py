"""A clock that tests own: time passes only when they say so, and always in the same order.

Implements the port ``Clock``. Used by the simulator and by every test that would otherwise sleep.
"""

import asyncio
import heapq
import math
from itertools import count
from typing import Final

START: Final = 1_767_225_600.0
"""Where virtual time begins unless told otherwise: 2026-01-01 00:00 UTC."""


class VirtualClock:
    """Virtual time in epoch seconds. Sleepers wake in the order of their deadlines, of equals in the order of asking.

    ``jump`` sets the wall clock as an operator or NTP would: nobody's sleep becomes shorter or longer by it, because
    sleeping counts elapsed time.
    """

    def __init__(self, start: float = START) -> None:
        self._elapsed = 0.0
        self._offset = start
        self._order = count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> float:
        """Epoch seconds as this clock shows them."""
        return self._offset + self._elapsed

    async def sleep(self, seconds: float) -> None:
        """Return after so many virtual seconds have been advanced; at once (but after others had a turn) for 0."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed + seconds, next(self._order), waiter))
        await waiter

    async def advance(self, seconds: float) -> None:
        """Let time pass. Whoever's sleep ends on the way runs at its own moment, and may sleep again meanwhile."""
        if seconds < 0:
            raise ValueError(f"time only advances, got {seconds} s; to set the clock back call jump({seconds})")
        until = self._elapsed + seconds
        await _settle()
        while self._sleepers and self._sleepers[0][0] <= until:
            deadline, _, waiter = heapq.heappop(self._sleepers)
            self._elapsed = max(self._elapsed, deadline)
            if not waiter.done():  # a cancelled sleeper is only forgotten
                waiter.set_result(None)
                await _settle()
        self._elapsed = until

    def jump(self, seconds: float) -> None:
        """Set the wall clock forward, or back where negative, without any time passing."""
        self._offset += seconds

    @property
    def next_wake_s(self) -> float:
        """Seconds until the next sleeper wakes; infinity where nobody sleeps."""
        waiting = [deadline for deadline, _, waiter in self._sleepers if not waiter.done()]
        return max(0.0, min(waiting, default=math.inf) - self._elapsed)


async def _settle(turns: int = 20) -> None:
    """Give everything that is ready to run a turn, and what that makes ready, and so on."""
    for _ in range(turns):
        await asyncio.sleep(0)
