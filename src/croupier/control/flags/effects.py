"""What a preset makes of one flag, there and back, as events. Pure; called by ``Presets``."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from croupier.core.flags.events import FlagDeclared, FlagEvent, FlagKilled, FlagRestored
from croupier.core.flags.preset import Before, Change, changed_source
from croupier.core.flags.state import FlagState
from croupier.core.flags.write import digest_of
from croupier.core.journal.flags import fold


@dataclass(frozen=True, slots=True)
class Difference:
    """What a preset would make of one flag: the declaration before and after, and whether it is killed."""

    flag: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    killed_before: bool
    killed_after: bool

    @property
    def changes(self) -> bool:
        return (self.before, self.killed_before) != (self.after, self.killed_after)


def after(source: Mapping[str, Any], changes: Iterable[Change]) -> Mapping[str, Any]:
    """The declaration with all these changes."""
    for change in changes:
        source = changed_source(source, change)
    return source


def applying(state: FlagState, wanted: Mapping[str, Any], kill: str) -> tuple[Difference, tuple[FlagEvent, ...]]:
    """The events that make the flag what the preset wants; declared alone it must not become killed or alive."""
    events: list[FlagEvent] = [FlagDeclared(wanted, digest_of(wanted))] if wanted != state.source else []
    if kill and state.killed is None:
        events.append(FlagKilled(kill))
    elif state.killed is None and _folded(state, events).killed is not None:
        events.append(FlagRestored())  # its declaration has kill_switch: true, which somebody undid
    killed = _folded(state, events).killed is not None
    return Difference(state.key, state.source, wanted, state.killed is not None, killed), tuple(events)


def undoing(item: Before, state: FlagState | None) -> tuple[Difference, tuple[FlagEvent, ...]]:
    """The events that make the flag what it was."""
    if state is None:
        return Difference(item.flag, {}, item.source, killed_before=False, killed_after=item.killed), ()
    events: list[FlagEvent] = [FlagDeclared(item.source, item.digest)] if item.digest != state.digest else []
    if not item.killed and _folded(state, events).killed is not None:
        events.append(FlagRestored())
    difference = Difference(item.flag, state.source, item.source, state.killed is not None, item.killed)
    return difference, tuple(events)


def _folded(state: FlagState, events: Iterable[FlagEvent]) -> FlagState:
    for event in events:
        state = fold(state, event, version=state.version, actor="", at=0.0)
    return state
