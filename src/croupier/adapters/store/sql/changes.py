"""Tells readers that the journal grew: at once after a commit of this process, soon after one of another.

Other processes are heard by PostgreSQL's notifications, or on SQLite by a look at the head once a second. The watcher
runs only while somebody listens.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Final
from weakref import WeakSet

import structlog

from croupier.adapters.store.sql.commit import CHANNEL
from croupier.adapters.store.sql.database import Database
from croupier.adapters.store.sql.listen import listening
from croupier.errors import CroupierError

POLL_S: Final = 1.0
"""Seconds between two looks for commits of other processes (SQLite) and between two tries to listen (PostgreSQL)."""

_SEQ: Final = re.compile(r"[0-9]{1,18}")

_log = structlog.get_logger(__name__)


class Subscription(AsyncIterator[int]):
    """One reader's place. It remembers only the newest number, so a slow reader skips and holds nobody up."""

    def __init__(self, seen: int) -> None:
        self._seen = seen
        self._newest = seen
        self._wake = asyncio.Event()
        self._ended = False

    def tell(self, seq: int) -> None:
        """There is a newer entry."""
        if seq > self._newest:
            self._newest = seq
            self._wake.set()

    def end(self) -> None:
        """Nothing comes any more; the reader's loop ends."""
        self._ended = True
        self._wake.set()

    async def __anext__(self) -> int:
        while self._newest <= self._seen:
            if self._ended:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        self._seen = self._newest
        return self._seen


class Changes:
    """All readers of this process, and the one watcher that serves them."""

    def __init__(self, database: Database, newest: Callable[[], Awaitable[int]]) -> None:
        self._database = database
        self._read_newest = newest
        self._newest = -1
        self._readers: WeakSet[Subscription] = WeakSet()
        self._watcher: asyncio.Task[None] | None = None

    def subscribe(self) -> Subscription:
        """A reader that hears of everything from now on, whenever it starts to read."""
        reader = Subscription(self._newest)
        self._readers.add(reader)
        if self._watcher is None or self._watcher.done():
            self._watcher = asyncio.create_task(self._watch(), name="journal watcher")
        return reader

    def tell(self, seq: int) -> None:
        """The journal has an entry with this number."""
        self._newest = max(self._newest, seq)
        for reader in list(self._readers):
            reader.tell(seq)

    async def close(self) -> None:
        """End every reader and the watcher."""
        for reader in list(self._readers):
            reader.end()
        if self._watcher is not None:
            self._watcher.cancel()
            with suppress(asyncio.CancelledError):
                await self._watcher

    async def _watch(self) -> None:
        watch = self._poll if self._database.sqlite else self._listen
        while self._readers:
            try:
                await watch()
            except CroupierError as error:
                _log.warning("journal.watch_failed", error=str(error))
                await asyncio.sleep(POLL_S)
            except Exception:  # noqa: BLE001 - a mistake of ours: unwatched, no kill of another control plane is heard of
                _log.exception("journal.watch_failed")
                await asyncio.sleep(POLL_S)

    async def _poll(self) -> None:
        while self._readers:
            self.tell(await self._read_newest())
            await asyncio.sleep(POLL_S)

    async def _listen(self) -> None:
        """Listen first, look then: nothing falls between. A notification only says that looking is worth it."""
        async with listening(self._database, CHANNEL) as notifications:
            self.tell(await self._read_newest())
            while self._readers:
                said = await notifications.next()
                # Any user of the database may notify: what is no number says as much as nothing.
                if said is None or not _SEQ.fullmatch(said) or int(said) > self._newest:
                    self.tell(await self._read_newest())
