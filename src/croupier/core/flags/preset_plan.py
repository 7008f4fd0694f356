"""What applying a preset does to each flag, and the exact way back. Pure: events for the use case to record.

All of it goes into one version of the ruleset, or nothing does.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from croupier.core.flags.diff import diff
from croupier.core.flags.events import FlagDeclared, FlagEvent, FlagKilled, FlagRestored
from croupier.core.flags.preset import Application, Before, Preset, changed_source
from croupier.core.flags.read import read_flag
from croupier.core.flags.state import FlagState, evolve
from croupier.core.flags.write import digest_of, write_flag
from croupier.errors import Problem, Rejected

_NOTES: Final = frozenset({"type", "description", "owner", "tags", "expires_at", "on_expiry"})
"""What a declaration says that decides no answer. No preset changes it, and no undoing takes it back."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What happens to one flag, in order; nothing where somebody brought it back already."""

    key: str
    events: tuple[FlagEvent, ...]


@dataclass(frozen=True, slots=True)
class Undo:
    """The way back. ``kept`` are flags that somebody made answer otherwise since: neither as the preset
    left them nor as before.
    """

    planned: tuple[Planned, ...]
    kept: tuple[str, ...]


def plan(preset: Preset, states: Mapping[str, FlagState], *, reason: str) -> tuple[Planned, ...]:
    """The events per flag; a flag that the preset leaves as it is has none. Raises ``Rejected`` with every change that
    is not possible: a flag that does not exist, or settings that do not fit it.
    """
    problems: list[Problem] = []
    sources = {key: states[key].source for key in preset.flags if key in states and not states[key].archived}
    killed: set[str] = set()
    for index, change in enumerate(preset.changes):
        if change.flag not in sources:
            problems.append(Problem(f"there is no flag '{change.flag}'.", ("changes", index, "flag")))
        elif change.kill:
            killed.add(change.flag)
        else:
            try:
                flag = read_flag(changed_source(sources[change.flag], change))
            except Rejected as refused:
                problems += [
                    Problem(each.message, ("changes", index, *each.path), each.hint) for each in refused.problems
                ]
            else:
                sources[change.flag] = write_flag(flag)
    if problems:
        raise Rejected(f"The preset cannot be applied: {problems[0]}", problems=tuple(problems))
    plans = (
        Planned(key, _events(preset.name, states[key], source, reason if key in killed else None))
        for key, source in sources.items()
    )
    return tuple(each for each in plans if each.events)


def before(planned: Planned, state: FlagState) -> Before:
    """What to remember of a flag that a preset changes."""
    return Before(planned.key, state.source, state.digest, folded(state, planned.events).digest)


def folded(state: FlagState, events: Iterable[FlagEvent]) -> FlagState:
    """The flag after the events, under the version that it has."""
    for event in events:
        state = evolve(state, event, version=state.version, actor="", at=0.0)
    return state


def undo(preset: str, application: Application, states: Mapping[str, FlagState]) -> Undo:
    """The events that make every flag answer as it did, but for those that somebody made answer otherwise since. Of the
    kills only the preset's own is undone: a flag that a person or another preset killed meanwhile stays killed.
    """
    planned: list[Planned] = []
    kept: list[str] = []
    for was in application.before:
        state = states.get(was.flag)
        source = put_back(was, state)
        if state is None or source is None:
            kept.append(was.flag)
            continue
        events: list[FlagEvent] = []
        if (digest := digest_of(source)) != state.digest:
            events.append(FlagDeclared(source, digest, preset))
        if _holds(preset, state):
            events.append(FlagRestored(preset))
        planned.append(Planned(was.flag, tuple(events)))
    return Undo(tuple(planned), tuple(kept))


def put_back(was: Before, state: FlagState | None) -> Mapping[str, object] | None:
    """What the flag is to be declared as to answer as before; ``None`` where somebody made it answer otherwise since,
    or it is gone.
    """
    return None if state is None or state.archived else _back(was, state.source)


def wanted(was: Before, state: FlagState | None) -> str:
    """What a flag in ``Undo.kept`` needs to answer as before the preset, in words."""
    if state is None or state.archived:
        return f"{was.flag}: declare it again"
    steps = diff(state.flag, read_flag(_with_notes_of(state.source, was.source)))
    return f"{was.flag}: {'; '.join(steps)}"


def _back(was: Before, now: Mapping[str, object]) -> Mapping[str, object] | None:
    """What the flag is to be declared as: as before, but for what is only noted about it, which stays as it is now.
    ``None`` where it answers neither as the preset left it nor as before.
    """
    before = _with_notes_of(now, was.source)
    left_by_preset = digest_of(_with_notes_of(was.source, now)) == was.digest_after
    return before if left_by_preset or digest_of(before) == digest_of(now) else None


def _with_notes_of(noted: Mapping[str, object], source: Mapping[str, object]) -> dict[str, object]:
    """``source`` with what ``noted`` says of the flag beside its answers."""
    decides = {name: value for name, value in source.items() if name not in _NOTES}
    return decides | {name: value for name, value in noted.items() if name in _NOTES}


def _events(
    preset: str, state: FlagState, source: Mapping[str, object], kill_reason: str | None
) -> tuple[FlagEvent, ...]:
    digest = digest_of(source)
    events: list[FlagEvent] = [FlagDeclared(source, digest, preset)] if digest != state.digest else []
    if kill_reason is not None and not _holds(preset, state):
        events.append(FlagKilled(kill_reason, preset))
    return tuple(events)


def _holds(preset: str, state: FlagState) -> bool:
    """Whether the preset keeps the flag killed, alone or with others."""
    return any(kill.preset == preset for kill in state.kills)
