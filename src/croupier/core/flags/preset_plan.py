"""What applying a preset does to each flag, and the exact way back. Pure: events for the use case to record.

All of it goes into one version of the ruleset, or nothing does.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from croupier.core.flags.events import FlagDeclared, FlagEvent, FlagKilled, FlagRestored
from croupier.core.flags.preset import Application, Before, Preset, changed_source
from croupier.core.flags.read import read_flag
from croupier.core.flags.state import FlagState
from croupier.core.flags.write import digest_of, write_flag
from croupier.errors import Problem, Rejected


@dataclass(frozen=True, slots=True)
class Planned:
    """What happens to one flag, in order."""

    key: str
    events: tuple[FlagEvent, ...]


@dataclass(frozen=True, slots=True)
class Undo:
    """The way back. ``kept`` are flags that somebody changed after the preset: they stay as they are now."""

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
    plans = (Planned(key, _events(states[key], source, key in killed, reason)) for key, source in sources.items())
    return tuple(each for each in plans if each.events)


def before(planned: Planned, state: FlagState, version: int) -> Before:
    """What to remember of a flag that a preset changes; ``version`` is the ruleset's that the preset makes."""
    return Before(planned.key, state.source, state.digest, state.killed is not None, version)


def undo(application: Application, states: Mapping[str, FlagState]) -> Undo:
    """The events that make every flag what it was, but for those that somebody changed since."""
    planned: list[Planned] = []
    kept: list[str] = []
    for was in application.before:
        state = states.get(was.flag)
        if state is None or state.version != was.version:
            kept.append(was.flag)
            continue
        events: list[FlagEvent] = []
        if state.digest != was.digest:
            events.append(FlagDeclared(was.source, was.digest))
        if state.killed is not None and not was.killed:
            events.append(FlagRestored())
        planned.append(Planned(was.flag, tuple(events)))
    return Undo(tuple(planned), tuple(kept))


def _events(state: FlagState, source: Mapping[str, object], kill: bool, reason: str) -> tuple[FlagEvent, ...]:
    events: list[FlagEvent] = []
    digest = digest_of(source)
    if digest != state.digest:
        events.append(FlagDeclared(source, digest))
    if kill and state.killed is None:
        events.append(FlagKilled(reason))
    return tuple(events)
