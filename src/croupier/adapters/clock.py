"""The real clock: epoch seconds that never jump. Made once by the server and handed to everything that needs time."""

import asyncio
import time


def _steady() -> float:
    """Seconds of a clock that nobody can set; on Linux it also counts while the machine sleeps."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class SystemClock:
    """``Clock`` of the running machine.

    The wall clock is read once; from then on time is that moment plus what the steady clock measured. So a wall clock
    that is set forward or back (NTP after boot, an operator) neither stretches a span, nor expires a lease, nor makes
    two records change places. The price: epoch times stay off by such a jump until the process is started again;
    ``offset_s`` shows it.
    """

    def __init__(self) -> None:
        self._base = time.time() - _steady()

    def now(self) -> float:
        """Epoch seconds, UTC; never goes back."""
        return self._base + _steady()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))

    def offset_s(self) -> float:
        """How far the wall clock is ahead of this one, seconds: what it was moved by since this clock was made."""
        return time.time() - self.now()
