"""Flags that rollouts turn: what is known of them, and how a change gets into the commit of the rollout's event.

The same door as a person's change: a new version of the ruleset, an entry of its own, sent to clients at once. Used by
the reconciler; the server puts its own flags behind it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from croupier.control.flags.flags import Flags
from croupier.control.flags.recording import Decided, Happening, made_commit
from croupier.control.ports import Commit, FlagRecord
from croupier.control.recording import Who
from croupier.core.flags.events import FlagDeclared
from croupier.core.rollout import events as e
from croupier.core.rollout.flags.turn import Flags as Known
from croupier.core.rollout.flags.turn import Heard, why_impossible
from croupier.core.rollout.spec import Plan, SetFlag
from croupier.core.rollout.state import RolloutState
from croupier.errors import Rejected, Transient

_CHANGES: Final = (e.FlagTurned, e.FlagBack)


class FlagDoor(Protocol):
    """The flags, as far as rollouts turn them."""

    async def known(self, keys: Collection[str], now: float) -> Known | None:
        """The flags of these keys as recorded, and what clients said of the newest version; ``None``: not known now."""
        ...

    async def refresh(self) -> None:
        """Read what others recorded."""
        ...

    async def join(self, commit: Commit, changes: Sequence[Happening], who: Who) -> Commit:
        """The commit with these changes in it, under the ruleset's next version."""
        ...

    async def tell(self, commit: Commit) -> None:
        """It is recorded: clients are to hear of it."""
        ...


@dataclass(frozen=True, slots=True)
class OpenDoor:
    """The flags of this process."""

    flags: Flags

    async def known(self, keys: Collection[str], now: float) -> Known | None:
        book, propagation = self.flags.book, self.flags.propagation
        if not book.lineage:  # nothing was read yet: that is no reason to think that a flag is gone
            try:
                await book.refresh()
            except Transient:
                return None
        found = {key: state for key in keys if (state := book.recorded(key)) is not None}
        clients = 0
        behind: list[str] = []
        for environment in book.environments:
            said = propagation.summary(environment, now)
            clients += said.clients
            behind += [each.client.name for each in said.laggards]
        return Known(book.version, found, Heard(clients, tuple(behind)))

    async def refresh(self) -> None:
        await self.flags.book.refresh()

    async def join(self, commit: Commit, changes: Sequence[Happening], who: Who) -> Commit:
        book = self.flags.book
        made = await made_commit(book, book.version, Decided(tuple(changes)), who, commit.now)
        return replace(commit, entries=(*commit.entries, *made.entries), flags=made.flags, ruleset=made.ruleset)

    async def tell(self, commit: Commit) -> None:
        book = self.flags.book
        if commit.ruleset is not None:
            await book.take(FlagRecord(book.lineage, commit.ruleset + 1, commit.flags))


def asked(state: RolloutState) -> tuple[str, ...]:
    """The flags that the rollout turns, or has to put back."""
    steps = [step.flag for step in state.plan.steps if isinstance(step, SetFlag)]
    return tuple(dict.fromkeys((*steps, *(each.flag for each in state.turned))))


def happenings(rollout: str, events: Sequence[e.Event]) -> tuple[Happening, ...]:
    """What these events of the rollout do to flags. Said to be a preset's, they neither kill nor restore."""
    return tuple(
        Happening(event.flag, (FlagDeclared(event.source, event.digest, f"rollout/{rollout}"),))
        for event in events
        if isinstance(event, _CHANGES)
    )


def before_flags(each: Sequence[Sequence[e.Event]]) -> list[tuple[e.Event, ...]]:
    """The events of each member (in the order of moving up) before the first that changes a flag: somebody who changes
    flags at this moment must not delay an abort. Who goes back after the flag waits for it.
    """
    kept: list[tuple[e.Event, ...]] = []
    ends: tuple[type[e.Event], ...] = _CHANGES
    for events in reversed(each):
        end = next((place for place, event in enumerate(events) if isinstance(event, ends)), None)
        kept.insert(0, tuple(events[:end]))
        if end is not None:
            ends = (*_CHANGES, e.AbortStarted)
    return kept


async def check_flags(door: FlagDoor | None, plan: Plan, now: float) -> None:
    """Raises ``Rejected`` where a step would turn a flag that cannot be turned like that."""
    steps = [step for step in plan.steps if isinstance(step, SetFlag)]
    known = await door.known([step.flag for step in steps], now) if door is not None and steps else Known()
    if known is None:
        raise Transient("The flags cannot be read now.")
    for step in steps:
        if (why := why_impossible(step, known.states.get(step.flag))) is not None:
            raise Rejected(f"This rollout cannot turn flag {step.flag}: {why}.", hint="See: croupier flag list")
