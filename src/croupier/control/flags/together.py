"""Flags and presets that are declared together with other documents: all of a file set in one commit, or nothing.

Made by ``Flags.together``, handed to ``Catalog.apply``, which records it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from croupier.control.flags.changes import Effect, FlagChanges, Plan
from croupier.control.flags.presets import PlannedPresets, Presets
from croupier.control.flags.recording import commit_of
from croupier.control.ports import Commit
from croupier.control.recording import Who
from croupier.core.flags.model import Flag
from croupier.core.flags.preset import Preset
from croupier.errors import Problem


@dataclass(frozen=True, slots=True)
class Together:
    """What becomes of the flags and presets of a request. ``effects`` are kind, name and effect of each."""

    changes: FlagChanges
    plan: Plan
    presets: PlannedPresets
    names: tuple[str, ...]
    who: Who

    @property
    def effects(self) -> tuple[tuple[str, str, Effect], ...]:
        """Kind, name and what is done to it, flags first, as declared."""
        found = {item.value.preset.name: item.version for item in self.presets.presets}
        flags = tuple(("Flag", key, effect) for key, effect in self.plan.effects)
        return (*flags, *(("Preset", name, _effect(found.get(name))) for name in self.names))

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """Doubts, and what was filled in; paths begin with the flag's place among the flags."""
        return self.plan.decided.warnings

    @property
    def changes_something(self) -> bool:
        return bool(self.plan.decided.happenings or self.presets.presets)

    def join(self, change: Commit) -> Commit:
        """The commit with the flags and presets in it. Raises ``Conflict`` by the store if the flags changed since."""
        if self.plan.decided.happenings:
            book = self.changes.recorder.book
            flags = commit_of(book, self.plan.version, self.plan.decided, self.who, change.now)
            change = replace(
                change, entries=(*change.entries, *flags.entries), flags=flags.flags, ruleset=flags.ruleset
            )
        entries = (*change.entries, *self.presets.entries)
        return replace(change, entries=entries, presets=self.presets.presets)

    async def tell(self) -> None:
        """It is recorded: clients are to hear of it at once."""
        await self.changes.recorder.book.refresh()


async def together(
    changes: FlagChanges,
    presets: Presets,
    flags: Sequence[Flag],
    wanted: Sequence[Preset],
    *,
    actor: str,
    reason: str = "",
    segments: Collection[str] = (),
) -> Together:
    """What declaring these would do now; ``segments`` are declared in the same breath. Raises ``Rejected`` with all
    problems of the flags, or of the presets; paths begin with the place in ``flags``, or in ``wanted``.
    """
    await changes.recorder.book.refresh()
    plan = await changes.plan(flags, actor=actor, segments=segments)
    planned = await presets.plan(wanted, actor=actor, reason=reason, flags=plan.flags, segments=segments)
    return Together(changes, plan, planned, tuple(item.name for item in wanted), Who(actor, "declare", reason))


def _effect(version: int | None) -> Effect:
    if version is None:
        return Effect.UNCHANGED
    return Effect.UPDATED if version else Effect.CREATED
