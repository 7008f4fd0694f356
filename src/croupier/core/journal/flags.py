"""Flags in the journal: how an event stands in an entry, and the states that the entries give (invariant 10).

Used by the use cases that record flags, and by ``verify``.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from croupier.core.flags.events import FlagDeclared, FlagEvent
from croupier.core.flags.model import Flag
from croupier.core.flags.state import FlagState, declare, evolve
from croupier.core.journal.discrepancy import Discrepancy
from croupier.core.journal.entry import Recorded
from croupier.errors import Corrupt, Rejected

FLAG: Final = "flag/"
"""What the subject of a flag's entries starts with; its key follows."""

Decode: TypeAlias = Callable[[Mapping[str, Any]], FlagEvent]
"""Reads an event back from its JSON object; raises ``Corrupt`` for what is no event."""


def written(event: FlagEvent, *, version: int, at: float) -> dict[str, Any]:
    """The event as its entry carries it: with the ruleset's version that it made, and when it took effect (epoch
    seconds), which may be before it could be recorded.
    """
    told = {name: getattr(event, name) for name in event.__slots__}
    if not told.get("preset", True):
        del told["preset"]  # most changes are no preset's
    return {**told, "version": version, "at": at}


def fold(
    state: FlagState | None, event: FlagEvent, *, version: int, actor: str, at: float, flag: Flag | None = None
) -> FlagState:
    """The state after the event; ``None`` is a flag that was never declared. Raises ``Corrupt`` where that one is not
    declared first. ``flag`` is as for ``evolve``.
    """
    if state is not None:
        return evolve(state, event, version=version, actor=actor, at=at, flag=flag)
    if not isinstance(event, FlagDeclared):
        raise Corrupt(f"the history of a flag does not start with its declaration but with '{event.type}'.")
    return declare(event, version=version, actor=actor, at=at, flag=flag)


@dataclass(slots=True)
class ReplayedFlags:
    """Every flag's state as its recorded events give it."""

    decode: Decode
    found: list[Discrepancy]
    states: dict[str, FlagState] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)

    def add(self, recorded: Recorded) -> None:
        """Fold one entry's events; a flag whose history breaks is reported once and then left out."""
        subject = recorded.entry.subject
        if not subject.startswith(FLAG) or (key := subject.removeprefix(FLAG)) in self.broken:
            return
        try:
            for item in recorded.entry.events:
                self._fold(key, item, recorded.entry.actor)
        except (Corrupt, Rejected, KeyError, TypeError, ValueError) as error:
            self.broken.add(key)
            self.found.append(Discrepancy(f"entry {recorded.seq}", f"cannot be replayed: {error}"))

    def compare(self, states: Iterable[tuple[str, FlagState | Corrupt]]) -> None:
        """Report stored states (or why they cannot be read) that differ from the replayed ones, and those that only one
        side knows.
        """
        missing = set(self.states) - self.broken
        for key, stored in states:
            missing.discard(key)
            if isinstance(stored, Corrupt):
                self.found.append(Discrepancy(f"flag {key}", str(stored)))
            elif key not in self.broken:
                self._compare(key, stored)
        self.found.extend(Discrepancy(f"flag {key}", "is in the journal, not in the store.") for key in sorted(missing))

    def _fold(self, key: str, item: Mapping[str, Any], actor: str) -> None:
        event = self.decode(item)
        after = fold(self.states.get(key), event, version=int(item["version"]), actor=actor, at=float(item["at"]))
        if after.key != key:
            raise Corrupt(f"what was declared as {key} is the flag {after.key}.")
        self.states[key] = after

    def _compare(self, key: str, stored: FlagState) -> None:
        state = self.states.get(key)
        if state is None:
            self.found.append(Discrepancy(f"flag {key}", "is in the store, not in the journal."))
        elif state != stored:
            names = [name for name in stored.__slots__ if getattr(stored, name) != getattr(state, name)]
            text = f"its stored state is not what its history gives: {', '.join(names)} differ."
            self.found.append(Discrepancy(f"flag {key}", text))
