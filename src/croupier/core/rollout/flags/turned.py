"""What a rollout remembers of a flag that it turned, and how events change that. Used by ``state`` and ``machine``."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from croupier.core.rollout import events as e


@dataclass(frozen=True, slots=True)
class Turned:
    """A flag that ``step`` turned, and what it was declared as before the rollout; ``digest`` is what the rollout made
    of it, ``version`` the ruleset's since. ``seen_at``: when clients had it, or enough was waited for them.
    ``settled_at``: when it was put back or, if that could not be, left as it was.
    """

    flag: str
    step: int
    before: Mapping[str, Any]
    digest: str
    version: int
    at: float
    seen_at: float | None = None
    settled_at: float | None = None


def after_turn(
    known: tuple[Turned, ...], event: e.FlagTurned | e.FlagSeen | e.FlagBack | e.FlagLeft
) -> tuple[Turned, ...]:
    """A flag that is turned again goes back to what it was at first."""
    if isinstance(event, e.FlagTurned):
        first = next((each for each in known if each.flag == event.flag), None)
        before = first.before if first is not None else event.before
        new = Turned(event.flag, event.step, before, event.digest, event.version, event.at)
        return (*(each for each in known if each.flag != event.flag), new)
    return tuple(_noted(each, event) if each.flag == event.flag else each for each in known)


def _noted(turned: Turned, event: e.FlagSeen | e.FlagBack | e.FlagLeft) -> Turned:
    if isinstance(event, e.FlagSeen):
        return replace(turned, seen_at=event.at)
    return replace(turned, settled_at=event.at)


def unsettled(known: tuple[Turned, ...]) -> tuple[Turned, ...]:
    """Those that have to go back if the rollout does, the last one first."""
    return tuple(each for each in reversed(known) if each.settled_at is None)
