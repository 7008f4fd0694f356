"""What is acted on before it is recorded, while the store is out of reach: players are taken away from a canary, and
nobody is moved towards one.

Aborts and holds wait in the spool, on disk. Called by ``reconcile``, and by the API to say how a rollout will stand.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Final

from croupier.control.fleet import Fleet
from croupier.control.ports import Intent, Spool, Stored
from croupier.control.recording import CONTROLLER, delivered, fold
from croupier.control.way_back import leaves_with, may_be_undone
from croupier.core.rollout.decide import Evidence
from croupier.core.rollout.events import (
    AbortStarted,
    Event,
    GateJudged,
    GroupSetAside,
    GroupWatched,
    SegmentHeld,
    SmokeFinished,
    WeightConfirmed,
)
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause
from croupier.core.rollout.segments.commands import may_be_held
from croupier.core.rollout.state import RolloutState
from croupier.core.rollout.together.decide import decide_each, everybody_leaves

_SEEN: Final = (GateJudged, GroupSetAside, GroupWatched, SmokeFinished, WeightConfirmed)
"""What only says what was seen, and moves nobody."""


@dataclass(slots=True)
class Unrecorded:
    """What waits in ``spool``, and what gates counted since the record was out of reach."""

    spool: Spool
    _counted: dict[str, Stored[RolloutState]] = field(default_factory=dict)

    def known(self, stored: Stored[RolloutState]) -> Stored[RolloutState]:
        """The rollout with what its gates counted since; as it is recorded, where that is newer."""
        counted = self._counted.get(stored.value.id)
        return stored if counted is None or counted.version != stored.version else counted

    def keep(self, rollouts: Collection[str]) -> None:
        """Forget what was counted of all other rollouts."""
        self._counted = {name: counted for name, counted in self._counted.items() if name in rollouts}

    def decide(self, members: Sequence[Stored[RolloutState]], evidence: Sequence[Evidence], now: float) -> None:
        """Without the store only one decision is acted on: taking players away from the canary, and from those that go
        with it. Gates count on in memory, so that one that needs several looks gets there, also where the weight is
        confirmed only now; the next record begins at what is recorded.
        """
        known = [self.known(stored) for stored in members]
        states = [each.value for each in known]
        decided = decide_each(states, [replace(each, recording=False, flags=None) for each in evidence], now)
        for stored, before, events in zip(members, known, decided, strict=True):
            seen = tuple(takewhile(lambda event: isinstance(event, _SEEN), events))
            self._counted[stored.value.id] = Stored(fold(before, seen).value, stored.version)
        for state, abort in zip(states, everybody_leaves(states, decided, now), strict=True):
            if abort is not None:
                self.spool.add(Intent(state.id, abort, CONTROLLER))

    def bound_for_stable(self, fleet: Fleet) -> Fleet:
        """The fleet with the aborts and holds that could not be recorded yet: their players go to the stable version
        all the same.
        """
        pending, recorded = self.spool.pending(), fleet
        for stored in recorded.rollouts.values():
            after = foreseen(recorded, stored, pending)
            if after is not stored:
                delivery = fleet.deliveries.get(stored.value.service)
                moved = delivered(delivery, after.value) if delivery is not None else None
                fleet = fleet.with_rollout(after, moved, fleet.size)
        return fleet


def foreseen(fleet: Fleet, stored: Stored[RolloutState], pending: Iterable[Intent]) -> Stored[RolloutState]:
    """The rollout as it will be recorded, after what is pending of it, or of one that it moves as one with: all of them
    leave, though only one may have come to the disk. The same object where that changes nothing.
    """
    for intent in pending:
        if (event := _meant_for(fleet, stored.value, intent)) is not None:
            stored = fold(stored, (event,))
    return stored


def _meant_for(fleet: Fleet, state: RolloutState, intent: Intent) -> AbortStarted | SegmentHeld | None:
    if intent.rollout == state.id:
        return intent.event if still_meant(fleet, state, intent) else None
    asked = fleet.rollouts.get(intent.rollout) if intent.rollout in state.as_one else None
    if asked is None or isinstance(intent.event, SegmentHeld) or not still_meant(fleet, asked.value, intent):
        return None
    return leaves_with(state, asked.value, intent.event)


def since_acted(events: Iterable[Event], rollout: str, pending: Iterable[Intent]) -> tuple[Event, ...]:
    """The events with the time since when they are acted on, where that is earlier: a record that was slow to come
    says when players were taken away, not when it came.
    """
    begun = {intent.key: intent.event.at for intent in pending}
    return tuple(
        replace(event, at=min(event.at, begun.get(Intent(rollout, event, "").key, event.at)))
        if isinstance(event, AbortStarted | SegmentHeld)
        else event
        for event in events
    )


def still_meant(fleet: Fleet, state: RolloutState, intent: Intent) -> bool:
    """Whether it would change anything now, and only what was meant: others may have gone on meanwhile."""
    if isinstance(intent.event, SegmentHeld):
        return may_be_held(state, intent.event.segment)
    if state.phase is Phase.SUCCEEDED:
        return intent.event.cause is Cause.UNDO and may_be_undone(fleet, state)
    return state.phase.active and state.phase is not Phase.ABORTING
