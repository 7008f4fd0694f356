"""Kills: recorded at once where the store answers, acted on without it where it does not (invariant 13).

A kill that cannot be recorded within ``patience_s`` is kept on disk, goes out to every client by ``FlagBook.early``,
and is recorded when the store is back. Only away from harm: a restore waits for the record.
"""

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Final

from croupier.control.flags.recording import Changed, Decided, Happening, Keep, Recorder
from croupier.control.flags.tried import tried
from croupier.control.ports import Journal, KillIntent, KillSpool
from croupier.control.recording import CONTROLLER, Who
from croupier.core.flags.events import FlagKilled, FlagRestored
from croupier.core.flags.state import FlagState, Kill
from croupier.core.journal.flags import FLAG, written
from croupier.errors import NotFound, Problem, Rejected, Transient

PATIENCE_S: Final = 0.2
"""How long the record of a kill may take before the kill is acted on without it."""

_RETRY_S: Final = 1.0
_LOOKED_AT: Final = 100
"""Entries of a flag that are searched for a kill that may be recorded already."""

log = logging.getLogger("croupier.flags")


@dataclass(frozen=True, slots=True)
class Kills:
    """The use cases of kills. ``spool`` holds those that wait."""

    recorder: Recorder
    journal: Journal
    spool: KillSpool
    patience_s: float = field(default_factory=lambda: PATIENCE_S)
    _waiting: asyncio.Event = field(default_factory=asyncio.Event)

    async def resume(self) -> None:
        """At the start: what a former process could not record is in force before the first client asks."""
        for intent in self.spool.pending():
            try:
                done = await self._is_recorded(intent)
            except Transient:
                done = False  # the safe side
            if done:
                self.spool.remove(intent.flag)
            else:
                self._act(intent, unless_killed=True)

    async def kill(
        self, key: str, *, actor: str, reason: str, at: float | None = None, answer: Keep | None = None
    ) -> Changed:
        """Let the flag answer its safe variant everywhere. ``recorded`` is false where the store does not answer: the
        kill is in force all the same. ``at`` is when it was decided (epoch seconds), by default now; the same kill,
        asked of several control planes, has the same. Raises ``NotFound``; ``Rejected`` without a reason.
        """
        if not reason.strip():
            raise Rejected("A kill needs a reason.", hint="Say what is wrong: others will read it.")
        await known(self.recorder, key)
        # Whoever asked may be gone before the store answers; the kill goes on.
        intent = KillIntent(key, actor, reason, self.recorder.clock.now() if at is None else at)
        return await asyncio.shield(self._kill(intent, answer))

    async def _kill(self, intent: KillIntent, answer: Keep | None) -> Changed:
        key, book = intent.flag, self.recorder.book
        recorded = book.recorded(key)
        if key not in book.unrecorded and recorded is not None and recorded.killed_by_hand:
            # Another control plane may have restored it a moment ago.
            try:
                async with asyncio.timeout(self.patience_s):
                    await book.refresh()
            except Exception as trouble:  # noqa: BLE001 -- as below
                log.warning("the kill of %s is acted on once more, its record cannot be read: %s", key, trouble)
                return self._act(intent)
        state = book.state(key)
        if state is not None and state.killed_by_hand:
            return Changed((state,), book.version, recorded=key not in book.unrecorded)
        recording = asyncio.ensure_future(self._record(intent, answer))
        done, _ = await asyncio.wait({recording}, timeout=self.patience_s)
        if done:
            try:
                return recording.result()
            except Rejected:
                raise
            except Exception as trouble:  # noqa: BLE001 -- damaged, contended or broken: a kill works all the same
                log.warning("the kill of %s is acted on before it is recorded: %s", key, trouble)
        else:
            log.warning("the store hesitates, the kill of %s is acted on before it is recorded", key)
            recording.add_done_callback(_told)
        return self._act(intent, unless_killed=True)

    async def restore(self, key: str, *, actor: str, reason: str = "", answer: Keep | None = None) -> Changed:
        """Undo a person's kill; where there is none, all others. Warned of is what keeps the flag killed all the same.
        A kill that waits for its record is recorded first, so that both are in the journal.
        """
        by_hand = (await known(self.recorder, key)).killed_by_hand is not None
        if key in self.recorder.book.unrecorded:
            await self.settle()
        changed = await self._undo(key, Who(actor, "restore", reason), by_hand=by_hand, answer=answer)
        return changed if changed.states else Changed((await known(self.recorder, key),), changed.version)

    async def _undo(self, key: str, who: Who, *, by_hand: bool, answer: Keep | None = None) -> Changed:
        """Undo the kill ``by_hand`` and nothing else, also where somebody was faster; or what there is."""

        async def decide() -> Decided:
            state = await known(self.recorder, key)
            if not (state.killed_by_hand if by_hand else state.kills):
                return Decided(())
            return Decided((Happening(key, (FlagRestored(),)),), tuple(map(_still, state.after_restore)))

        return await self.recorder.record(decide, who, answer=answer)

    async def settle(self) -> None:
        """Record what waits. Raises ``Transient`` while that cannot be done."""
        for intent in self.spool.pending():
            # The journal first: what is in it and not in force after the refresh was undone by somebody.
            was_recorded = await self._is_recorded(intent)
            await self.recorder.book.refresh()
            state = self.recorder.book.recorded(intent.flag)
            if self._has_happened(state, intent):
                self.spool.remove(intent.flag)
            elif was_recorded:
                await self._end(intent)
            else:
                await self._record(intent, None)

    async def keep_settling(self) -> None:
        """Try again and again until nothing waits; for ever, as a task."""
        while True:
            await self._waiting.wait()
            if not await tried(self._settle_all(), "kills still wait for their record", "kills could not be recorded"):
                await self.recorder.clock.sleep(_RETRY_S)

    async def _settle_all(self) -> None:
        while self.spool.pending():
            await self.settle()
        self._waiting.clear()

    def _act(self, intent: KillIntent, *, unless_killed: bool = False) -> Changed:
        """Keep it and let it out, unless it came to be recorded meanwhile."""
        book, key = self.recorder.book, intent.flag
        state = book.recorded(key)
        self.spool.add(intent)
        self._waiting.set()
        if state is not None and not state.archived and not (unless_killed and state.killed_by_hand):
            book.early(key, Kill(intent.actor, intent.at, intent.reason))
        now = book.state(key)
        return Changed((now,) if now else (), book.version, recorded=key not in book.unrecorded)

    async def _record(self, intent: KillIntent, answer: Keep | None) -> Changed:
        key = intent.flag

        async def decide() -> Decided:
            state = self.recorder.book.recorded(key)
            if self._has_happened(state, intent):
                return Decided(())
            return Decided((Happening(key, (FlagKilled(intent.reason),), intent.at, intent.actor),))

        changed = await self.recorder.record(decide, Who(intent.actor, "kill", intent.reason), answer=answer)
        self.spool.remove(key)
        state = self.recorder.book.state(key)
        return changed if changed.states or state is None else Changed((state,), changed.version)

    def _has_happened(self, state: FlagState | None, intent: KillIntent) -> bool:
        """Whether there is nothing to record. A kill that went out on top of one needs its version all the same."""
        on_top = intent.flag in self.recorder.book.unrecorded
        return state is None or state.archived or (state.killed_by_hand is not None and not on_top)

    async def _end(self, intent: KillIntent) -> None:
        """A kill that is in the journal already, and was undone since, went out again: clients have it under a version
        that is still to come. So it is recorded as that version, and undone by the next one.
        """
        await self._record(intent, None)
        who = Who(CONTROLLER, "restore", "the kill was undone before it went out again")
        await self._undo(intent.flag, who, by_hand=True)

    async def _is_recorded(self, intent: KillIntent) -> bool:
        """Whether this very kill is in the journal: then a crash came before it was forgotten here, and whatever was
        done to the flag since counts for more.
        """
        kill = written(FlagKilled(intent.reason), version=0, at=intent.at)
        same = ("type", "reason", "at")
        for recorded in await self.journal.latest(limit=_LOOKED_AT, subject=f"{FLAG}{intent.flag}"):
            told = recorded.entry
            if told.actor == intent.actor and any(
                all(event.get(name) == kill[name] for name in same) for event in told.events
            ):
                return True
        return False


async def known(recorder: Recorder, key: str) -> FlagState:
    """The flag as it answers now. Raises ``NotFound`` where there is none, or no more."""
    state = recorder.book.state(key)
    if state is None:
        await recorder.book.refresh()
        state = recorder.book.state(key)
    if state is None or state.archived:
        gone = f"The flag '{key[:128]}' is archived." if state else f"There is no flag '{key[:128]}'."
        raise NotFound(gone, hint="Declare it again to bring it back." if state else "See: croupier flag list")
    return state


def _still(kill: Kill) -> Problem:
    """What keeps a flag killed that was restored."""
    if kill.declared:
        hint = "Declare it with kill_switch: false, or restore it once more."
    else:
        hint = f"Undo the preset {kill.preset}, or restore the flag once more."
    return Problem(f"the flag stays killed, by {kill.text}.", ("killed",), hint)


def _told(recording: asyncio.Future[Changed]) -> None:
    """A kill's record that nobody waits for any more."""
    if not recording.cancelled() and (trouble := recording.exception()) is not None:
        log.warning("a kill is in force and still waits for its record: %s", trouble)
