"""Presets: prepared by one person, approved by another, applied at once under one version, undone exactly.

An approval is for one digest and dies with it (invariant 9). What a preset did is kept with it until it is undone, so
that the way back is known and refused where somebody changed a flag since. Called by the API and the page.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from croupier.control.flags.check import Check
from croupier.control.flags.effects import Difference, after, applying, undoing
from croupier.control.flags.recording import Changed, Decided, Happening, Keep, Recorder
from croupier.control.ports import Answer, Commit, Stored
from croupier.control.recording import Who
from croupier.core.flags.events import FlagEvent
from croupier.core.flags.model import Flag
from croupier.core.flags.preset import (
    Application,
    Approval,
    Before,
    Preset,
    PresetState,
    write_preset,
)
from croupier.core.flags.read import read_flag
from croupier.core.flags.state import FlagState
from croupier.core.flags.write import digest_of, write_flag
from croupier.core.journal.entry import Entry
from croupier.errors import Conflict, NotFound, Problem, Rejected

PRESET = "preset/"
"""What the subject of a preset's entries starts with; its name follows."""

KeepPreset: TypeAlias = Callable[[Stored[PresetState]], Answer | None]
"""Makes the answer that is recorded with a preset."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What applying (or undoing) would do now. With ``problems`` it would be refused."""

    differences: tuple[Difference, ...]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Presets:
    """The use cases of presets."""

    recorder: Recorder

    async def all(self) -> Sequence[Stored[PresetState]]:
        """Every preset, by name."""
        return await self.recorder.store.presets()

    async def get(self, name: str) -> Stored[PresetState]:
        """The preset of that name. Raises ``NotFound``."""
        found = next((item for item in await self.all() if item.value.preset.name == name), None)
        if found is None:
            raise NotFound(f"There is no preset '{name[:128]}'.", hint="See: croupier preset list")
        return found

    async def put(
        self,
        preset: Preset,
        *,
        actor: str,
        reason: str = "",
        expected: int | None = None,
        dry_run: bool = False,
        answer: KeepPreset | None = None,
    ) -> Stored[PresetState]:
        """Record the preset; a changed one needs a new approval. Raises ``Rejected`` with what does not fit the flags,
        ``Conflict`` where ``expected`` (0: none yet) is not its version.
        """
        await self.recorder.book.refresh()
        planned = await self.plan((preset,), actor=actor, reason=reason, expected=expected)
        if not planned.presets:
            return await self.get(preset.name)
        (before,) = planned.presets
        put = Stored(before.value, before.version + 1)
        if not dry_run:
            now = self.recorder.clock.now()
            kept = answer(put) if answer else None
            await self.recorder.store.commit(Commit(planned.entries, now, presets=planned.presets, answer=kept))
        return put

    async def plan(
        self,
        presets: Sequence[Preset],
        *,
        actor: str,
        reason: str = "",
        expected: int | None = None,
        flags: Mapping[str, Flag] | None = None,
    ) -> "PlannedPresets":
        """What ``put`` would record of each; for those who record it together with something else. ``flags`` are
        declared in the same breath.
        """
        known = {item.value.preset.name: item for item in await self.all()}
        now = self.recorder.clock.now()
        problems: list[Problem] = []
        writes: list[Stored[PresetState]] = []
        entries: list[Entry] = []
        for index, preset in enumerate(presets):
            before = known.get(preset.name)
            version = before.version if before else 0
            if expected is not None and expected != version:
                raise Conflict(f"The preset {preset.name} is at version {version}, not at {expected}.")
            _, wrong = self._differences(preset, "", flags or {})
            problems += [replace(item, path=(index, *item.path)) for item in wrong]
            source = write_preset(preset)
            state = PresetState(preset, source, digest_of(source), actor, now)
            if before is None or before.value.digest != state.digest:
                applied = before.value.applied if before else None
                writes.append(Stored(replace(state, applied=applied), version))
                event = {"type": "preset_put", "digest": state.digest, "source": source}
                entries.append(_entry(preset.name, Who(actor, "prepare", reason), event, now))
        if problems:
            raise Rejected(f"The preset is wrong: {problems[0]}", problems=tuple(problems))
        return PlannedPresets(tuple(writes), tuple(entries))

    async def approve(
        self, name: str, digest: str, *, actor: str, reason: str = "", answer: KeepPreset | None = None
    ) -> Stored[PresetState]:
        """Approve the preset with this digest. Raises ``Rejected`` for its author, ``Conflict`` where it changed."""
        stored = await self.get(name)
        state = stored.value
        if digest != state.digest:
            raise Conflict(f"The preset {name} has changed since.", hint="Look at it again, then approve it.")
        if actor == state.author:
            raise Rejected(f"{actor} wrote the preset {name}: somebody else must approve it.")
        if state.approved:
            return stored
        now = self.recorder.clock.now()
        approved = Stored(replace(state, approval=Approval(actor, now, digest)), stored.version + 1)
        entry = _entry(name, Who(actor, "approve", reason), {"type": "preset_approved", "digest": digest}, now)
        kept = answer(approved) if answer else None
        change = Commit((entry,), now, presets=(Stored(approved.value, stored.version),), answer=kept)
        await self.recorder.store.commit(change)
        return approved

    async def preview(self, name: str) -> Preview:
        """What applying it would do now, or undoing it where it is in force."""
        stored = await self.get(name)
        await self.recorder.book.refresh()
        if stored.value.applied is None:
            differences, problems = self._differences(stored.value.preset, "", {})
            return Preview(tuple(item for item, _ in differences if item.changes), tuple(problems))
        changed = self.changed_since(stored.value.applied)
        found = [undoing(item, self.recorder.book.recorded(item.flag)) for item in stored.value.applied.before]
        differences_back = tuple(difference for difference, _ in found)
        return Preview(differences_back, tuple(Problem(f"{flag} changed since.", (flag,)) for flag in changed))

    async def apply(
        self, name: str, *, actor: str, reason: str, digest: str | None = None, answer: Keep | None = None
    ) -> Changed:
        """Make all its changes under one version. Raises ``Rejected`` where it is not approved or does not fit the
        flags any more, ``Conflict`` where it is in force already or is another than ``digest``.
        """

        async def decide() -> Decided:
            stored = await self.get(name)
            state = stored.value
            if digest not in (None, state.digest):
                raise Conflict(f"The preset {name} has changed since.", hint="Look at it again.")
            if state.applied is not None:
                raise Conflict(f"The preset {name} is in force since {state.applied.actor} applied it.")
            if not state.approved:
                raise Rejected(f"The preset {name} is not approved.", hint="Somebody other than its author must do it.")
            differences, problems = self._differences(state.preset, reason, {})
            if problems:
                raise Rejected(f"The preset {name} does not fit the flags: {problems[0]}", problems=tuple(problems))
            changing = [(item, events) for item, events in differences if item.changes]
            if not changing:
                raise Rejected(f"The preset {name} would change nothing.", hint="Everything is as it says already.")
            happenings = tuple(Happening(item.flag, events) for item, events in changing)
            return Decided(happenings, stamp=self._applied(stored, [item for item, _ in changing], actor, reason))

        return await self.recorder.record(decide, Who(actor, f"apply preset {name}", reason), answer=answer)

    async def undo(self, name: str, *, actor: str, reason: str = "", answer: Keep | None = None) -> Changed:
        """Bring every flag back to what it was before. Raises ``Conflict``, naming them, where flags changed since."""

        async def decide() -> Decided:
            stored = await self.get(name)
            applied = stored.value.applied
            if applied is None:
                raise Conflict(f"The preset {name} is not in force.")
            if changed := self.changed_since(applied):
                names = ", ".join(changed)
                hint = "Bring those back by hand, or declare them as they should be."
                raise Conflict(f"The preset {name} cannot be undone exactly: {names} changed since.", hint=hint)
            book = self.recorder.book
            found = [undoing(item, book.recorded(item.flag)) for item in applied.before]
            happenings = tuple(Happening(item.flag, events) for item, events in found)
            return Decided(happenings, stamp=self._undone(stored, actor, reason))

        return await self.recorder.record(decide, Who(actor, f"undo preset {name}", reason), answer=answer)

    def changed_since(self, applied: Application) -> tuple[str, ...]:
        """The flags that somebody changed after the preset did."""
        states = ((item, self.recorder.book.state(item.flag)) for item in applied.before)
        return tuple(item.flag for item, state in states if state is None or not _is_as_left(item, state))

    def _differences(
        self, preset: Preset, reason: str, flags: Mapping[str, Flag]
    ) -> tuple[list[tuple[Difference, tuple[FlagEvent, ...]]], list[Problem]]:
        """What would become of each flag, by which events, and what is wrong with that."""
        found: list[tuple[Difference, tuple[FlagEvent, ...]]] = []
        problems: list[Problem] = []
        places = {change.flag: index for index, change in reversed([*enumerate(preset.changes)])}
        wanted: dict[str, Flag] = {}
        for key in preset.flags:
            state = self.recorder.book.recorded(key)
            changes = [change for change in preset.changes if change.flag == key]
            declared = flags.get(key)
            if declared is None and (state is None or state.archived):
                problems.append(Problem(f"there is no flag '{key[:60]}'.", ("changes", places[key], "flag")))
                continue
            before = write_flag(declared) if declared else (state.source if state else {})
            try:
                wanted[key] = read_flag(after(before, changes))
            except Rejected as refused:
                place = ("changes", places[key])
                problems += [Problem(item.message, (*place, *item.path), item.hint) for item in refused.problems]
                continue
            if declared is None and state is not None:
                kill = f"preset {preset.name}: {reason}".strip(": ") if any(item.kill for item in changes) else ""
                found.append(applying(state, write_flag(wanted[key]), kill))
        check = Check(self.recorder.book, {**flags, **wanted}, self.recorder.clock.now())
        for key, flag in wanted.items():
            check.flag(places[key], flag)
        problems += [replace(item, path=("changes", *item.path)) for item in check.problems]
        return found, problems

    def _applied(
        self, stored: Stored[PresetState], differences: Sequence[Difference], actor: str, reason: str
    ) -> Callable[[tuple[FlagState, ...]], tuple[Stored[PresetState], Entry]]:
        now = self.recorder.clock.now()

        def stamp(states: tuple[FlagState, ...]) -> tuple[Stored[PresetState], Entry]:
            version = states[0].version
            before = tuple(
                Before(
                    item.flag,
                    item.before,
                    digest_of(item.before),
                    item.killed_before,
                    digest_of(item.after),
                    item.killed_after,
                )
                for item in differences
            )
            value = stored.value
            application = Application(actor, now, reason, version, value.digest, before)
            names = [item.flag for item in differences]
            event = {"type": "preset_applied", "digest": value.digest, "version": version, "flags": names}
            entry = _entry(value.preset.name, Who(actor, "apply", reason), event, now)
            return Stored(replace(value, applied=application), stored.version), entry

        return stamp

    def _undone(
        self, stored: Stored[PresetState], actor: str, reason: str
    ) -> Callable[[tuple[FlagState, ...]], tuple[Stored[PresetState], Entry]]:
        now = self.recorder.clock.now()

        def stamp(states: tuple[FlagState, ...]) -> tuple[Stored[PresetState], Entry]:
            event = {"type": "preset_undone", "digest": stored.value.digest, "version": states[0].version}
            entry = _entry(stored.value.preset.name, Who(actor, "undo", reason), event, now)
            return Stored(replace(stored.value, applied=None), stored.version), entry

        return stamp


@dataclass(frozen=True, slots=True)
class PlannedPresets:
    """Presets to write and their entries; none for those that are unchanged."""

    presets: tuple[Stored[PresetState], ...]
    entries: tuple[Entry, ...]


def _is_as_left(item: Before, state: FlagState) -> bool:
    """Whether the flag is as the preset left it; that its owner was warned of its expiry changes nothing."""
    found = (state.digest, state.killed is not None, state.archived)
    return found == (item.digest_after, item.killed_after, False)


def _entry(name: str, who: Who, event: Mapping[str, Any], now: float) -> Entry:
    return Entry(now, who.actor, who.action, f"{PRESET}{name}", (event,), who.reason)
