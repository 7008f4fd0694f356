"""How what happens to flags becomes a record: one entry a flag, all in one commit under one version of the ruleset.

The one place where flags are written, whoever asked: people, presets, the lifecycle, kills that had to wait.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypeAlias

from croupier.control.flags.book import FlagBook
from croupier.control.ports import Answer, Clock, Commit, FlagRecord, Store, Stored
from croupier.control.recording import Who
from croupier.core.flags.events import FlagEvent
from croupier.core.flags.model import Flag
from croupier.core.flags.preset import PresetState
from croupier.core.flags.state import FlagState
from croupier.core.journal.entry import Entry
from croupier.core.journal.flags import FLAG, fold, written
from croupier.errors import Conflict, Problem, Rejected

MANY: Final = 200
"""From so many flags on, work is done beside the event loop."""

_TRIES: Final = 10


class Effect(StrEnum):
    """What declaring something does."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Happening:
    """What happens to one flag, one event at least. ``at`` is when it took effect (epoch seconds), where that was
    before now. ``declared`` is what the event declares, where that was read already: of many flags that takes seconds.
    """

    flag: str
    events: tuple[FlagEvent, ...]
    at: float | None = None
    actor: str | None = None
    declared: Flag | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """What a request did. ``states`` are the flags as they answer now, ``version`` the ruleset's; ``seq`` is the newest
    entry, ``None`` where nothing had to change or where it is not ``recorded`` yet. ``warnings`` are doubts;
    ``effects`` are what became of each declared flag, in the order of the request.
    """

    states: tuple[FlagState, ...]
    version: int
    seq: int | None = None
    recorded: bool = True
    warnings: tuple[Problem, ...] = ()
    effects: tuple[tuple[str, Effect], ...] = ()


Keep: TypeAlias = Callable[[Changed], Answer | None]
"""Makes the answer that is recorded with the change."""

Decide: TypeAlias = Callable[[], Awaitable["Decided"]]
"""What is to happen, decided on the book as it is; asked again where somebody was faster."""

Stamp: TypeAlias = Callable[[int, float], tuple[Stored[PresetState], Entry]]
"""The preset and its entry, from the commit's version of the ruleset and its time (epoch seconds)."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What is to be written, and said of it as in ``Changed``. ``stamp`` gives what goes into the same commit of the
    preset that does it, from the version and the time of that commit. ``entries`` are more of the same commit, of other
    subjects.
    """

    happenings: tuple[Happening, ...]
    warnings: tuple[Problem, ...] = ()
    effects: tuple[tuple[str, Effect], ...] = ()
    stamp: Stamp | None = None
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class Recorder:
    """Writes changes of flags and tells the book of them at once."""

    store: Store
    book: FlagBook
    clock: Clock

    async def record(self, decide: Decide, who: Who, *, answer: Keep | None = None) -> Changed:
        """Write what ``decide`` says, unless it says nothing. Raises what it raises and what the store raises; then
        nothing happened. ``Conflict`` only where trying again cannot help.
        """
        for attempt in range(_TRIES):
            version = self.book.version
            try:
                decided = await decide()
            except (Rejected, Conflict):
                if await self._is_behind(version):
                    continue
                raise
            if not decided.happenings and decided.stamp is None:
                if await self._is_behind(version):
                    continue
                return Changed((), version, warnings=decided.warnings, effects=decided.effects)
            change = await made_commit(self.book, version, decided, who, self.clock.now())
            states = tuple(map(self.book.as_answered, change.flags))
            changed = Changed(states, version + 1, 0, warnings=decided.warnings, effects=decided.effects)
            try:
                seqs = await self.store.commit(replace(change, answer=answer(changed) if answer else None))
            except Conflict:
                if attempt == _TRIES - 1 or not await self._is_behind(version):
                    raise
            else:
                await self.book.take(FlagRecord(self.book.lineage, version + 1, change.flags))
                return replace(changed, seq=max(seqs))
        raise Conflict("The flags change faster than this can be decided.", hint="Try again.")

    async def _is_behind(self, version: int) -> bool:
        """Whether the store knows more than was decided on; the book knows it then, too."""
        await self.book.refresh()
        return self.book.version != version


async def made_commit(book: FlagBook, version: int, decided: Decided, who: Who, now: float) -> Commit:
    """The commit of these happenings on the ruleset's ``version``; kills come through while many are put together."""
    work = (book, version, decided, who, now)
    return await asyncio.to_thread(_commit, *work) if len(decided.happenings) > MANY else _commit(*work)


def _commit(book: FlagBook, version: int, decided: Decided, who: Who, now: float) -> Commit:
    states: list[FlagState] = []
    entries: list[Entry] = []
    for item in decided.happenings:
        at, actor = now if item.at is None else item.at, item.actor or who.actor
        first, *others = item.events
        state = fold(book.recorded(item.flag), first, version=version + 1, actor=actor, at=at, flag=item.declared)
        for event in others:
            state = fold(state, event, version=version + 1, actor=actor, at=at)
        states.append(state)
        told = tuple(written(event, version=version + 1, at=at) for event in item.events)
        entries.append(Entry(now, actor, who.action, f"{FLAG}{item.flag}", told, who.reason))
    presets: tuple[Stored[PresetState], ...] = ()
    if decided.stamp is not None:
        preset, entry = decided.stamp(version + 1, now)
        presets, entries = (preset,), [*entries, entry]
    entries += decided.entries
    return Commit(tuple(entries), now, flags=tuple(states), presets=presets, ruleset=version)
