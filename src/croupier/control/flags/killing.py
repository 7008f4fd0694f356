"""Kills: recorded at once where the store answers, acted on without it where it does not (invariant 13).

A kill that cannot be recorded within ``patience_s`` is kept on disk, goes out to every client by ``FlagBook.early``,
and is recorded when the store is back, also one that came while another of the flag waited: somebody may have undone
the other. Only away from harm: a restore waits for the record.
"""

import asyncio
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
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
_MOST_WAIT: Final = 16
"""Kills of one flag that are kept while they wait; of more, the first ones and the newest."""
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
        """At the start: what a former process could not record is in force before the first client asks. What it did
        record is left to be settled, since it may have died halfway through that.
        """
        for intent in self.spool.pending():
            self._waiting.set()
            try:
                done = await self._is_recorded(intent)
            except Transient:
                done = False  # the safe side
            if not done:
                self._act(intent)  # also on top of a kill: clients may have it under a version that is still to come

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

    async def turn_off(self, flag: str, *, actor: str, reason: str, at: float) -> None:
        """As ``kill``, for one who may ask again after a crash: nothing happens where this very kill is in the journal
        already, also where somebody undid it since.
        """
        intent = KillIntent(flag, actor, reason, at)
        try:
            async with asyncio.timeout(self.patience_s):
                if await self._is_recorded(intent):
                    return
        except (Transient, TimeoutError) as trouble:
            log.warning("the kill of %s is acted on, its record cannot be read: %s", flag, trouble)
        await self.kill(flag, actor=actor, reason=reason, at=at)

    def names(self) -> Collection[str]:
        """The flags that there are now."""
        return tuple(state.key for state in self.recorder.book.states() if not state.archived)

    async def _kill(self, intent: KillIntent, answer: Keep | None) -> Changed:
        key, book = intent.flag, self.recorder.book
        if _by_person(book.recorded(key)) and key not in book.unrecorded:
            # Another control plane may have restored it a moment ago.
            try:
                async with asyncio.timeout(self.patience_s):
                    await book.refresh()
            except Exception as trouble:  # noqa: BLE001 -- as below
                log.warning("the kill of %s is acted on once more, its record cannot be read: %s", key, trouble)
                return self._act(intent)
        if key in book.unrecorded:
            return self._act(intent)  # what waits may have been undone elsewhere, before this one was decided
        state = book.recorded(key)
        if state is not None and _by_person(state):
            return Changed((state,), book.version)
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
        if self._of(key):
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
        for flag in dict.fromkeys(intent.flag for intent in self.spool.pending()):
            await self._settle(flag)

    async def _settle(self, flag: str) -> None:
        """Every kill that is in no record is recorded and stays in force. Where all are in the journal, and somebody
        undid them since, they end.
        """
        book, intents = self.recorder.book, self._of(flag)
        # The journal first: what is in it and not in force after the refresh was undone by somebody.
        fresh = [intent for intent in intents if not await self._is_recorded(intent)]
        await book.refresh()
        if not fresh and not _by_person(book.recorded(flag)):
            await self._end(flag, intents)
        else:
            out = self._out(flag)
            # Clients have that one under the next version, so it is recorded as that.
            for intent in fresh if out is None else dict.fromkeys((out, *fresh)):
                await self._record(intent, None, waited=True)
        for intent in intents:
            self.spool.remove(intent)

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
        """Keep it and let it out, unless a person's kill came to be recorded meanwhile."""
        book, key = self.recorder.book, intent.flag
        state = book.recorded(key)
        if state is not None and unless_killed and key not in book.unrecorded and _by_person(state):
            return Changed((state,), book.version)
        if len(waiting := self._of(key)) >= _MOST_WAIT and intent not in waiting:
            self.spool.remove(waiting[-1])
        self.spool.add(intent)
        self._waiting.set()
        if state is not None and key not in book.unrecorded:
            book.early(key, Kill(intent.actor, intent.at, intent.reason))
        now = book.state(key)
        return Changed((now,) if now else (), book.version, recorded=False)

    async def _record(self, intent: KillIntent, answer: Keep | None, *, waited: bool = False) -> Changed:
        """Record it, also on an archived flag, since kills survive that: in any case if it ``waited``, else where no
        person's kill is recorded already.
        """
        key, book, asked_before = intent.flag, self.recorder.book, waited

        async def decide() -> Decided:
            nonlocal asked_before
            state, again, asked_before = book.recorded(key), asked_before, True
            if state is None:
                return Decided(())
            if key not in book.unrecorded and not waited and _by_person(state):
                return Decided(())
            # It may have been recorded beside this, and undone since.
            if self._out(key) != intent and again and await self._is_recorded(intent):
                return Decided(())
            return Decided((Happening(key, (FlagKilled(intent.reason),), intent.at, intent.actor),))

        changed = await self.recorder.record(decide, Who(intent.actor, "kill", intent.reason), answer=answer)
        self.spool.remove(intent)
        now = book.state(key)
        return changed if changed.states or now is None else Changed((now,), changed.version)

    async def _end(self, flag: str, intents: Sequence[KillIntent]) -> None:
        """These kills are in the journal already and were undone since. If one of them went out again, clients have it
        under a version that is still to come: so it is recorded as that version, and undone by the next one. Both by
        the controller, whose kill no person's kill takes for one that stays.
        """
        book, who = self.recorder.book, Who(CONTROLLER, "restore", "the kill was undone before it went out again")

        async def as_it_went_out() -> Decided:
            out = self._out(flag)
            if out is None or out not in intents:
                return Decided(())
            return Decided((Happening(flag, (FlagKilled(out.reason),), out.at),))

        async def undone() -> Decided:
            state = book.recorded(flag)
            ours = [Kill(CONTROLLER, intent.at, intent.reason) for intent in intents]
            if state is None or state.killed_by_hand not in ours or set(self._of(flag)) - set(intents):
                return Decided(())  # nothing went out, or somebody killed it meanwhile
            return Decided((Happening(flag, (FlagRestored(),)),))

        await self.recorder.record(as_it_went_out, replace(who, action="kill"))
        await self.recorder.record(undone, who)

    def _of(self, flag: str) -> tuple[KillIntent, ...]:
        """The flag's kills that wait, oldest first."""
        return tuple(intent for intent in self.spool.pending() if intent.flag == flag)

    def _out(self, flag: str) -> KillIntent | None:
        """The kill that went out and waits for its record."""
        book = self.recorder.book
        state = book.state(flag) if flag in book.unrecorded else None
        kill = state.killed_by_hand if state is not None else None
        return None if kill is None else KillIntent(flag, kill.actor, kill.reason, kill.at)

    async def _is_recorded(self, intent: KillIntent) -> bool:
        """Whether this very kill is in the journal, or one by a person that was decided later: then whatever was done
        to the flag since counts for more.
        """
        kill = written(FlagKilled(intent.reason), version=0, at=intent.at)
        same = ("type", "reason", "at")
        for recorded in await self.journal.latest(limit=_LOOKED_AT, subject=f"{FLAG}{intent.flag}"):
            told = recorded.entry
            for event in told.events:
                if told.actor == intent.actor and all(event.get(name) == kill[name] for name in same):
                    return True
                by_person = event["type"] == kill["type"] and not event.get("preset") and told.actor != CONTROLLER
                if by_person and event["at"] > intent.at:
                    return True
        return False


def _by_person(state: FlagState | None) -> bool:
    """Whether a person's kill is on it that stays until somebody restores it."""
    kill = state.killed_by_hand if state is not None else None
    return kill is not None and kill.actor != CONTROLLER


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
