"""What applying a preset does to each flag, and the exact way back. Pure: events for the use case to record.

All of it goes into one version of the ruleset, or nothing does.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from croupier.core.flags.events import FlagDeclared, FlagEvent, FlagKilled, FlagRestored
from croupier.core.flags.preset import Application, Before, Preset, changed_source
from croupier.core.flags.read import read_flag
from croupier.core.flags.state import FlagState, evolve
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


def before(planned: Planned, state: FlagState) -> Before:
    """What to remember of a flag that a preset changes."""
    after = folded(state, planned.events)
    was, becomes = state.killed is not None, after.killed is not None
    return Before(planned.key, state.source, state.digest, was, after.digest, becomes)


def folded(state: FlagState, events: Iterable[FlagEvent]) -> FlagState:
    """The flag after the events, under the version that it has."""
    for event in events:
        state = evolve(state, event, version=state.version, actor="", at=0.0)
    return state


def undo(application: Application, states: Mapping[str, FlagState]) -> Undo:
    """The events that make every flag what it was, but for those that somebody changed since."""
    planned: list[Planned] = []
    kept: list[str] = []
    for was in application.before:
        state = states.get(was.flag)
        if state is None or not _is_as_left(was, state, application.at):
            kept.append(was.flag)
            continue
        events: list[FlagEvent] = [FlagDeclared(was.source, was.digest)] if state.digest != was.digest else []
        if not was.killed and folded(state, events).killed is not None:
            events.append(FlagRestored())
        planned.append(Planned(was.flag, tuple(events)))
    return Undo(tuple(planned), tuple(kept))


def _is_as_left(was: Before, state: FlagState, applied_at: float) -> bool:
    """Whether the flag is as the preset left it. That its owner was warned of its expiry changes nothing; that somebody
    restored it and killed it for another reason does.
    """
    found = (state.digest, state.killed is not None, state.archived)
    another = state.killed is not None and not was.killed and state.killed.at > applied_at
    return found == (was.digest_after, was.killed_after, False) and not another


def _events(state: FlagState, source: Mapping[str, object], kill: bool, reason: str) -> tuple[FlagEvent, ...]:
    digest = digest_of(source)
    events: list[FlagEvent] = [FlagDeclared(source, digest)] if digest != state.digest else []
    if kill and state.killed is None:
        events.append(FlagKilled(reason))
    elif state.killed is None and folded(state, events).killed is not None:
        # Its declaration says kill_switch: true, and somebody undid that: declared anew it is not to be killed anew.
        events.append(FlagRestored())
    return tuple(events)
