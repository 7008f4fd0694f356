"""The real clock: epoch seconds that never jump. Made once by the server and handed to everything that needs time."""

import asyncio
import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from croupier.adapters.private_file import replace_private

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


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

    def jumped_s(self, noted: Path) -> float:
        """By how much the wall clock was set forward (negative: back) since an earlier clock was noted in that file: it
        takes both clocks to tell. 0 where nobody knows, as after a boot of the machine.
        """
        with suppress(OSError, ValueError, KeyError, TypeError):
            said = json.loads(noted.read_bytes())
            if said["boot"] == _BOOT_ID.read_text(encoding="ascii").strip():
                return self._base - float(said["base"])
        return 0.0

    def note(self, noted: Path) -> None:
        """Write down what ``jumped_s`` of the next clock is told by."""
        with suppress(OSError):  # a full disk keeps nobody from serving
            said = {"boot": _BOOT_ID.read_text(encoding="ascii").strip(), "base": self._base}
            replace_private(noted, json.dumps(said).encode())

    def now(self) -> float:
        """Epoch seconds, UTC; never goes back."""
        return self._base + _steady()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))

    def offset_s(self) -> float:
        """How far the wall clock is ahead of this one, seconds: what it was moved by since this clock was made."""
        return time.time() - self.now()


class WallClock:
    """What the machine's clock says now, also after it was set: for what others hold against that clock, such as a
    token's expiry.
    """

    def now(self) -> float:
        """Epoch seconds, UTC; may jump."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))
