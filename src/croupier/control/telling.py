"""Tells one receiver what happens to rollouts: everything at least once and in order, whatever breaks in between.

It reads the record from its bookmark on and moves the bookmark when the receiver took what an entry said. So nothing is
lost in a crash; what was taken just before it comes twice, under the same name. It runs beside the control loop, which
never waits for it. Only the control plane that acts tells. Started by ``server.running``, one per receiver.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from zlib import crc32

from croupier.control.ports import Bookmark, Bookmarks, Clock, Journal, Notifier, Recorded, Store, Trouble
from croupier.core.rollout.events import Event
from croupier.core.rollout.notices import Notice, happened, lasting
from croupier.errors import CroupierError

log = logging.getLogger("croupier.notify")

POLL_S: Final = 1.0
GIVEN_UP_S: Final = 86_400.0
"""Older than that, a notice is no news: a receiver that was away for so long is not told."""
REFUSED_S: Final = 600.0
"""What a receiver refuses for so long is not tried again: what comes after it must not wait for ever."""
LONGEST_PAUSE_S: Final = 300.0
_PAGE: Final = 200
_UNKEPT: Final = 500
"""So many entries that say nothing to a receiver may be read again after a crash."""
_SUBJECT: Final = "rollout/"

Decode = Callable[[Mapping[str, Any]], Event | None]
"""An event as the journal has it; ``None`` for one of a later version."""


@dataclass(slots=True)
class Teller:
    """One receiver and its bookmark. ``acting`` says whether this control plane is the one that acts."""

    notifier: Notifier
    journal: Journal
    store: Store
    bookmarks: Bookmarks
    clock: Clock
    decode: Decode
    acting: Callable[[], bool]
    _mark: Bookmark | None = None
    _kept_seq: int = -1

    async def run(self) -> None:
        """Tell for ever, until cancelled. Trouble of the store is waited out."""
        while True:
            try:
                await self.turn()
            except CroupierError as trouble:
                self._mark = None  # read anew what was kept
                log.warning("%s: not told, trying again: %s", self.notifier.name, trouble)
            except Exception:  # a mistake of ours: were the task to end, nobody would be told any more
                self._mark = None
                log.exception("%s: not told, trying again", self.notifier.name)
            await self.clock.sleep(POLL_S)

    async def turn(self) -> None:
        """Tell everything that there is to tell by now. Raises what the store raises."""
        mark: Bookmark | None = self._mark or await self._found()
        if not self.acting():  # another control plane moves it on
            self._mark = None
            return
        while mark is not None and (entries := await self.journal.entries(mark.seq, _PAGE)):
            for recorded in entries:
                mark = await self._tell_entry(mark, recorded) if mark is not None else None
        mark = await self._tell_lasting(mark) if mark is not None else None
        if mark is not None and mark.seq >= self._kept_seq + _UNKEPT:
            await self._keep(mark)
        self._mark = mark

    async def _found(self) -> Bookmark:
        """Where it was told up to; one that is new is told what happens from now on."""
        name = self.notifier.name
        known = next((one for one in await self.bookmarks.bookmarks() if one.notifier == name), None)
        if known is None:
            return await self._keep(Bookmark(name, (await self.journal.head()).size - 1))
        self._kept_seq = known.seq
        return known

    async def _tell_entry(self, mark: Bookmark, recorded: Recorded) -> Bookmark | None:
        """Tell what the entry says. ``None`` where this control plane ceased to act before all was told."""
        notices, told = await self._notices(mark, recorded)
        done: Bookmark | None = mark
        for place, notice in enumerate(notices):
            if done is not None and place >= mark.part and self.notifier.wants.includes(notice):
                done = await self._deliver(done, notice)
                if done is not None:
                    done = await self._keep(replace(done, part=place + 1))
        if done is None:
            return None
        done = replace(done, seq=recorded.seq, part=0, told=told)
        return await self._keep(done) if notices else done

    async def _notices(self, mark: Bookmark, recorded: Recorded) -> tuple[Sequence[Notice], frozenset[str]]:
        entry = recorded.entry
        if not entry.subject.startswith(_SUBJECT):
            return (), mark.told
        events = [event for event in map(self.decode, entry.events) if event is not None]
        stored = await self.store.rollout(entry.subject.removeprefix(_SUBJECT)) if events else None
        if stored is None:
            return (), mark.told
        return happened(events, stored.value, entry.actor, recorded.leaf_hash.hex(), mark.told)

    async def _tell_lasting(self, mark: Bookmark) -> Bookmark | None:
        states = [stored.value for stored in await self.store.active()]
        notices, told = lasting(states, self.clock.now(), self.notifier.wants.patience, mark.told)
        done: Bookmark | None = mark
        for notice in notices:
            if done is not None and self.notifier.wants.includes(notice):
                done = await self._deliver(done, notice)
        if done is None or told == mark.told:
            return done
        return await self._keep(replace(done, told=told))

    async def _deliver(self, mark: Bookmark, notice: Notice) -> Bookmark | None:
        """Try until it is taken or given up; the bookmark with what came of it. ``None`` where this control plane
        ceased to act.
        """
        began, tries = self.clock.now(), 0
        while True:
            trouble = await self._try(notice)
            now = self.clock.now()
            refused = trouble is not None and trouble.refused and now - began >= REFUSED_S
            given_up = refused or (trouble is not None and now - notice.at >= GIVEN_UP_S)
            mark, tries = after(mark, notice, trouble, now, given_up=given_up), tries + 1
            if trouble is None:
                return mark
            if given_up:
                log.error("%s: given up: %s: %s", self.notifier.name, notice.summary, trouble.why)
                return mark
            log.warning("%s: not delivered: %s", self.notifier.name, trouble.why)
            await self._keep(mark)
            await self.clock.sleep(pause_s(notice.id, tries, trouble))
            if not self.acting():
                return None

    async def _try(self, notice: Notice) -> Trouble | None:
        if self.clock.now() - notice.at >= GIVEN_UP_S:
            return Trouble("it was too old to be told")
        try:
            return await self.notifier.send(notice)
        except Exception as mistake:  # ours: what one notice breaks on must not keep back all that come after it
            log.exception("%s: a notice breaks what sends it", self.notifier.name)
            return Trouble(f"a mistake of the control plane: {type(mistake).__name__}", refused=True)

    async def _keep(self, mark: Bookmark) -> Bookmark:
        await self.bookmarks.keep_bookmark(mark)
        self._kept_seq = mark.seq
        return mark


def after(mark: Bookmark, notice: Notice, trouble: Trouble | None, now: float, *, given_up: bool) -> Bookmark:
    """The bookmark after a try."""
    return replace(
        mark,
        sent=mark.sent + (trouble is None),
        lost=mark.lost + given_up,
        tried_at=now,
        kind=notice.kind.value,
        trouble=trouble.why if trouble is not None else "",
    )


def pause_s(notice: str, tries: int, trouble: Trouble) -> float:
    """How long to wait after so many tries: longer each time, as long as the receiver asks, never for long. Receivers
    that failed together are not tried together.
    """
    longer = min(2.0 ** min(tries - 1, 20), LONGEST_PAUSE_S)
    spread = 0.75 + 0.25 * (crc32(f"{notice}:{tries}".encode()) % 1_000) / 1_000
    return max(longer * spread, min(trouble.retry_after_s or 0.0, LONGEST_PAUSE_S))
