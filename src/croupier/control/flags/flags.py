"""Everything about flags in one control plane process, put together from its ports. Made once by the server."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from croupier.control.flags.book import FlagBook
from croupier.control.flags.changes import FlagChanges
from croupier.control.flags.killing import Kills
from croupier.control.flags.lifecycle import Lifecycle
from croupier.control.flags.presets import Presets
from croupier.control.flags.propagation import Propagation
from croupier.control.flags.recording import Recorder
from croupier.control.ports import Changes, Clock, Journal, KillSpool, Store


@dataclass(frozen=True, slots=True)
class Flags:
    """What the API and the page ask about flags, and tell."""

    book: FlagBook
    changes: FlagChanges
    presets: Presets
    lifecycle: Lifecycle
    propagation: Propagation

    @classmethod
    def of(cls, store: Store, journal: Journal, spool: KillSpool, clock: Clock, environments: Sequence[str]) -> "Flags":
        """Flags on these ports; nothing is read yet."""
        book = FlagBook(store, clock, environments)
        recorder = Recorder(store, book, clock)
        changes = FlagChanges(recorder, Kills(recorder, journal, spool))
        return cls(book, changes, Presets(recorder), Lifecycle(recorder), Propagation(book))

    async def start(self) -> None:
        """Read everything, and let out the kills that a former process could not record. Before the first request."""
        await self.book.refresh()
        await self.changes.kills.resume()

    async def run(self, changes: Changes) -> None:
        """Follow the record, settle what waits, warn and revert what expires, until cancelled; one task."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.book.follow(changes), name="flags follow the journal")
            group.create_task(self.changes.kills.keep_settling(), name="kills that wait")
            group.create_task(self.lifecycle.run(), name="flags that expire")
