"""Flags and presets that are declared together with other documents: all of a file set in one commit, or nothing.

Made by ``together``, handed to ``Catalog.apply``, which records it.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from croupier.control.flags.changes import FlagChanges, Plan
from croupier.control.flags.presets import PlannedPresets, Presets
from croupier.control.flags.recording import Effect, made_commit
from croupier.control.ports import Commit, FlagRecord
from croupier.control.recording import Who
from croupier.core.flags.model import Flag
from croupier.core.flags.preset import Preset
from croupier.core.flags.reading import Path
from croupier.core.segments import Segment
from croupier.errors import Problem, Rejected

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Together:
    """What becomes of the flags and presets of a request. ``effects`` are kind, name and effect of each."""

    changes: FlagChanges
    plan: Plan
    presets: PlannedPresets
    names: tuple[str, ...]
    who: Who
    warnings: tuple[Problem, ...]
    """Doubts, and what was filled in, at their places."""

    @property
    def effects(self) -> tuple[tuple[str, str, Effect], ...]:
        """Kind, name and what is done to it, flags first, as declared."""
        found = {item.value.preset.name: item.version for item in self.presets.presets}
        flags = tuple(("Flag", key, effect) for key, effect in self.plan.decided.effects)
        return (*flags, *(("Preset", name, _effect(found.get(name))) for name in self.names))

    @property
    def changes_something(self) -> bool:
        return bool(self.plan.decided.happenings or self.presets.presets)

    async def join(self, change: Commit) -> Commit:
        """The commit with the flags and presets in it. Raises ``Conflict`` by the store if the flags changed since."""
        if self.plan.decided.happenings:
            book = self.changes.recorder.book
            flags = await made_commit(book, self.plan.version, self.plan.decided, self.who, change.now)
            change = replace(
                change, entries=(*change.entries, *flags.entries), flags=flags.flags, ruleset=flags.ruleset
            )
        entries = (*change.entries, *self.presets.entries)
        return replace(change, entries=entries, presets=self.presets.presets)

    async def tell(self, change: Commit) -> None:
        """It is recorded: clients are to hear of it at once."""
        book = self.changes.recorder.book
        if not change.flags:
            await book.refresh()
            return
        specs = (item.value.spec for item in change.documents)
        version = self.plan.version + 1
        segments = [(spec, version) for spec in specs if isinstance(spec, Segment)]
        await book.take(FlagRecord(book.lineage, version, change.flags, segments))


@dataclass(frozen=True, slots=True)
class Placed(Generic[T]):
    """A flag or a preset, and where a field of it stands for the one who wrote it."""

    value: T
    place: Callable[[Path], Path]


async def together(
    changes: FlagChanges,
    presets: Presets,
    flags: Sequence[Placed[Flag]],
    wanted: Sequence[Placed[Preset]],
    *,
    actor: str,
    reason: str = "",
    segments: Collection[str] = (),
) -> Together:
    """What declaring these would do now; ``segments`` are declared in the same breath. Raises ``Rejected`` with all
    problems of the flags, or else of the presets, at their places.
    """
    await changes.recorder.book.refresh()
    with _places(flags):
        plan = await changes.plan([item.value for item in flags], actor=actor, segments=segments)
    with _places(wanted):
        names = [item.value for item in wanted]
        planned = await presets.plan(names, actor=actor, reason=reason, flags=plan.flags, segments=segments)
    warnings = _moved(flags, plan.decided.warnings)
    return Together(changes, plan, planned, tuple(item.name for item in names), Who(actor, "declare", reason), warnings)


@contextmanager
def _places(items: Sequence[Placed[Any]]) -> Iterator[None]:
    """Problems begin with the place of the item among all; put them where the item's author finds them."""
    try:
        yield
    except Rejected as refused:
        raise Rejected(refused.message, hint=refused.hint, problems=_moved(items, refused.problems)) from None


def _moved(items: Sequence[Placed[Any]], problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(replace(item, path=items[int(item.path[0])].place(item.path[1:])) for item in problems)


def _effect(version: int | None) -> Effect:
    if version is None:
        return Effect.UNCHANGED
    return Effect.UPDATED if version else Effect.CREATED
