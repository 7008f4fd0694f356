"""Presets: prepared by one person, approved by another, applied at once under one version, undone exactly.

An approval is for one digest and dies with it (invariant 9). What a preset did is kept with it until it is undone, so
that the way back is known and refused where somebody changed a flag since. Called by the API and the page.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from croupier.control.flags.recording import Changed, Decided, Happening, Keep, Recorder, Stamp
from croupier.control.flags.surroundings import surroundings
from croupier.control.ports import Answer, Commit, Stored
from croupier.control.recording import Who
from croupier.core.experiments.fit import disturbed
from croupier.core.flags.check import check
from croupier.core.flags.events import FlagDeclared
from croupier.core.flags.model import Flag
from croupier.core.flags.preset import Application, Approval, Preset, PresetState, write_preset
from croupier.core.flags.preset_plan import Planned, before, folded, plan, undo, wanted
from croupier.core.flags.state import FlagState, Kill, declare
from croupier.core.flags.write import digest_of, write_flag
from croupier.core.journal.entry import Entry
from croupier.errors import Conflict, NotFound, Problem, Rejected

PRESET: Final = "preset/"
"""What the subject of a preset's entries starts with; its name follows."""

KeepPreset: TypeAlias = Callable[[Stored[PresetState]], Answer | None]
"""Makes the answer that is recorded with a preset."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What a preset would make of one flag: the declaration and the kills that stand, before and after."""

    flag: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    kills_before: tuple[Kill, ...]
    kills_after: tuple[Kill, ...]

    @property
    def text(self) -> str:
        """What becomes of its kills, in words; empty where it is not killed, before nor afterwards."""
        if not self.kills_after:
            return "restored" if self.kills_before else ""
        if not self.kills_before:
            return "killed"
        others = [kill.text for kill in self.kills_after if kill in self.kills_before]
        return f"stays killed by {' and by '.join(others)}"


@dataclass(frozen=True, slots=True)
class Preview:
    """What applying (or undoing) would do now. With ``problems`` it would be refused; ``warnings`` are what it does to
    experiments that run.
    """

    differences: tuple[Difference, ...]
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


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
        (write,) = planned.presets
        put = Stored(write.value, write.version + 1)
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
        segments: Collection[str] = (),
    ) -> "PlannedPresets":
        """What ``put`` would record of each; for those who record it together with something else. ``flags`` and
        ``segments`` are declared in the same breath.
        """
        known = {item.value.preset.name: item for item in await self.all()}
        now = self.recorder.clock.now()
        problems: list[Problem] = []
        writes: list[Stored[PresetState]] = []
        entries: list[Entry] = []
        for index, preset in enumerate(presets):
            former = known.get(preset.name)
            version = former.version if former else 0
            if expected is not None and expected != version:
                raise Conflict(f"The preset {preset.name} is at version {version}, not at {expected}.")
            _, wrong = self._planned(preset, "", flags, segments)
            problems += [replace(item, path=(index, *item.path)) for item in wrong]
            source = write_preset(preset)
            state = PresetState(preset, source, digest_of(source), actor, now)
            if former is None or former.value.digest != state.digest:
                applied = former.value.applied if former else None
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
        applied = stored.value.applied
        if applied is not None:
            states = self._states(item.flag for item in applied.before)
            back = undo(name, applied, states)
            steps = _steps(applied, back.kept, states)
            kept = tuple(Problem(f"{flag} changed since.", (flag,), step) for flag, step in steps.items())
            return Preview(self._differences(back.planned), kept, tuple(self._disturbed(back.planned)))
        planned, problems = self._planned(stored.value.preset, "")
        return Preview(self._differences(planned), tuple(problems), tuple(self._disturbed(planned)))

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
            why = f"preset {name}: {reason}" if reason.strip() else f"preset {name}"
            planned, problems = self._planned(state.preset, why)
            if problems:
                raise Rejected(f"The preset {name} does not fit the flags: {problems[0]}", problems=tuple(problems))
            if not planned:
                raise Rejected(f"The preset {name} would change nothing.", hint="Everything is as it says already.")
            told = tuple(self._disturbed(planned))
            return Decided(_happenings(planned), told, stamp=self._applied(stored, planned, actor, reason))

        return await self.recorder.record(decide, Who(actor, f"apply preset {name}", reason), answer=answer)

    async def undo(self, name: str, *, actor: str, reason: str = "", answer: Keep | None = None) -> Changed:
        """Make every flag answer as before; what others killed stays killed. Raises ``Conflict``, naming them and what
        they need, where some answer otherwise by now.
        """

        async def decide() -> Decided:
            stored = await self.get(name)
            applied = stored.value.applied
            if applied is None:
                raise Conflict(f"The preset {name} is not in force.")
            states = self._states(item.flag for item in applied.before)
            back = undo(name, applied, states)
            if back.kept:
                names = ", ".join(back.kept)
                steps = ". ".join(_steps(applied, back.kept, states).values())
                hint = f"Make them answer as before the preset, then undo it. {steps}."
                raise Conflict(f"The preset {name} cannot be undone exactly: {names} changed since.", hint=hint)
            told = (*self._still_killed(back.planned), *self._disturbed(back.planned))
            return Decided(_happenings(back.planned), told, stamp=self._undone(stored, actor, reason))

        return await self.recorder.record(decide, Who(actor, f"undo preset {name}", reason), answer=answer)

    def _planned(
        self, preset: Preset, reason: str, flags: Mapping[str, Flag] | None = None, segments: Collection[str] = ()
    ) -> tuple[tuple[Planned, ...], list[Problem]]:
        """The events of each flag, and what is wrong with the preset. ``flags`` are about to be declared."""
        declared = flags or {}
        states = self._states(preset.flags) | {key: _declared(flag) for key, flag in declared.items()}
        try:
            planned = plan(preset, states, reason=reason)
        except Rejected as refused:
            return (), list(refused.problems)
        after = {item.key: folded(states[item.key], item.events).flag for item in planned}
        around = surroundings(self.recorder.book, {**declared, **after}, segments)
        places = {change.flag: index for index, change in reversed([*enumerate(preset.changes)])}
        problems = [
            Problem(f"there is no environment '{change.environment[:60]}'.", ("changes", index, "environment"))
            for index, change in enumerate(preset.changes)
            if change.environment and change.environment not in around.environments
        ]
        return planned, problems + [
            Problem(found.message, ("changes", places[key], *found.path), found.hint)
            for key, flag in after.items()
            for found in check(flag, around)
        ]

    def _differences(self, planned: Sequence[Planned]) -> tuple[Difference, ...]:
        # With a kill that is not recorded yet.
        states = ((item, self.recorder.book.state(item.key)) for item in planned)
        pairs = ((old, folded(old, item.events)) for item, old in states if old is not None)
        return tuple(Difference(old.key, old.source, new.source, old.kills, new.kills) for old, new in pairs)

    def _still_killed(self, planned: Sequence[Planned]) -> Iterator[Problem]:
        """The flags that stay killed when the preset is undone, and by whom."""
        for each in self._differences(planned):
            if each.kills_after:
                names = " and by ".join(kill.text for kill in each.kills_after)
                yield Problem(f"{each.flag} stays killed by {names}.", (each.flag,))

    def _disturbed(self, planned: Sequence[Planned]) -> Iterator[Problem]:
        """What the preset does to experiments that run on its flags."""
        states = ((item, self.recorder.book.recorded(item.key)) for item in planned)
        for item, state in ((item, state) for item, state in states if state is not None):
            found = disturbed(state, folded(state, item.events).flag)
            yield from (Problem(f"{item.key}: {each.message}", (item.key,), each.hint) for each in found)

    def _states(self, keys: Iterable[str]) -> dict[str, FlagState]:
        found = ((key, self.recorder.book.recorded(key)) for key in keys)
        return {key: state for key, state in found if state is not None}

    def _applied(self, stored: Stored[PresetState], planned: Sequence[Planned], actor: str, reason: str) -> Stamp:
        value = stored.value
        known = self._states(item.key for item in planned)
        kept = tuple(before(item, known[item.key]) for item in planned)

        def stamp(version: int, now: float) -> tuple[Stored[PresetState], Entry]:
            application = Application(actor, now, reason, version, value.digest, kept)
            names = [item.flag for item in kept]
            event = {"type": "preset_applied", "digest": value.digest, "version": version, "flags": names}
            entry = _entry(value.preset.name, Who(actor, "apply", reason), event, now)
            return Stored(replace(value, applied=application), stored.version), entry

        return stamp

    def _undone(self, stored: Stored[PresetState], actor: str, reason: str) -> Stamp:
        def stamp(version: int, now: float) -> tuple[Stored[PresetState], Entry]:
            event = {"type": "preset_undone", "digest": stored.value.digest, "version": version}
            entry = _entry(stored.value.preset.name, Who(actor, "undo", reason), event, now)
            return Stored(replace(stored.value, applied=None), stored.version), entry

        return stamp


@dataclass(frozen=True, slots=True)
class PlannedPresets:
    """Presets to write and their entries; none for those that are unchanged."""

    presets: tuple[Stored[PresetState], ...]
    entries: tuple[Entry, ...]


def _steps(applied: Application, kept: Collection[str], states: Mapping[str, FlagState]) -> dict[str, str]:
    """What each flag that stands in the way needs, so that undoing works."""
    return {was.flag: wanted(was, states.get(was.flag)) for was in applied.before if was.flag in kept}


def _happenings(planned: Iterable[Planned]) -> tuple[Happening, ...]:
    return tuple(Happening(item.key, item.events) for item in planned if item.events)


def _declared(flag: Flag) -> FlagState:
    """The flag as it will stand when it is declared."""
    source = write_flag(flag)
    return declare(FlagDeclared(source, digest_of(source)), version=0, actor="", at=0.0)


def _entry(name: str, who: Who, event: Mapping[str, Any], now: float) -> Entry:
    return Entry(now, who.actor, who.action, f"{PRESET}{name}", (event,), who.reason)
