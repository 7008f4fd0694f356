"""Server-sent events: one reader of the journal for all streams, and a bounded number of streams.

Every stream goes at its own pace: it takes new entries from the tail that the reader keeps in memory, and where it has
fallen behind it reads on from the journal. A client that takes nothing for a while is dropped; nobody waits for it.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from croupier.control.ports import Changes, Journal, Recorded
from croupier.errors import CroupierError
from croupier.server.problems import TooManyRequests

TAIL: Final = 1_000
_PAGE: Final = 200
_RETRY_S: Final = 1.0

log = logging.getLogger("croupier.server")


@dataclass(slots=True)
class Streams:
    """The tail of the journal in memory, and who follows it. ``observe`` sees every new entry once (for metrics)."""

    journal: Journal
    changes: Changes
    limit: int
    observe: Callable[[Recorded], None] = lambda _: None
    _tail: deque[Recorded] = field(default_factory=lambda: deque(maxlen=TAIL))
    _newest: int = -1
    _grown: asyncio.Event = field(default_factory=asyncio.Event)
    _open: int = 0
    _closed: bool = False

    @property
    def open(self) -> int:
        """How many streams there are."""
        return self._open

    async def run(self) -> None:
        """Read what the journal grows by, until cancelled. Trouble is waited out; streams go on afterwards."""
        changes = self.changes.subscribe()
        while not self._closed:
            try:
                if self._newest < 0:
                    self._grew_to((await self.journal.head()).size - 1)  # who came before wants what is there
                await anext(changes)
                await self._read()
            except StopAsyncIteration:
                return
            except CroupierError as trouble:
                log.warning("journal cannot be read, streams wait: %s", trouble)
                await asyncio.sleep(_RETRY_S)
            except Exception:  # a mistake of ours: without this task every stream stands still, without a word
                log.exception("journal cannot be read, streams wait")
                await asyncio.sleep(_RETRY_S)

    def close(self) -> None:
        """End every stream: the server stops."""
        self._closed = True
        self._grown.set()

    async def position(self) -> int:
        """The newest entry's sequence number."""
        return (await self.journal.head()).size - 1

    @contextmanager
    def seat(self) -> Iterator[None]:
        """Count one stream. Raises ``TooManyRequests`` where there are as many as may be."""
        if self._open >= self.limit:
            hint = "Close one, or start the control plane with a higher CROUPIER_MAX_STREAMS."
            raise TooManyRequests(f"There are {self.limit} event streams already.", hint=hint, retry_after_s=10.0)
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1

    async def follow(self, after: int, subject: str | None = None) -> AsyncIterator[Recorded]:
        """Every entry with ``seq > after`` (of one subject), now and as they come, until the server stops."""
        while not self._closed:
            grown = self._grown
            for recorded in await self._next(after):
                after = recorded.seq
                if subject is None or recorded.entry.subject == subject:
                    yield recorded
            if after >= self._newest:
                await grown.wait()

    async def _next(self, after: int) -> list[Recorded]:
        if self._tail and self._tail[0].seq <= after + 1:
            return [recorded for recorded in self._tail if recorded.seq > after]
        if after >= self._newest:
            return []
        return list(await self.journal.entries(after, _PAGE))

    async def _read(self) -> None:
        while entries := await self.journal.entries(self._newest, _PAGE):
            for recorded in entries:
                self._tail.append(recorded)
                self.observe(recorded)
            self._grew_to(entries[-1].seq)
            if len(entries) < _PAGE:
                return

    def _grew_to(self, newest: int) -> None:
        """Wake everybody who waits for more than there was."""
        self._newest = newest
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()
