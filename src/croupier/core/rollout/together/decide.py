"""What happens next to rollouts that move as one: ``decide_each(states, evidence, now) -> events of each``. Pure.

Each member is watched as if it were alone (``core.rollout.decide``); here is who goes first. Up: a step is left when
all may leave it, by one after the other, each seen before the next goes. Back: all of them if one is, in reverse order,
each seen, or when it takes too long. Promoted: all at once. Called by ``control.reconcile`` once per tick; what comes
out is one commit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from croupier.core.rollout import events as e
from croupier.core.rollout import freezing, smoking
from croupier.core.rollout.decide import Evidence, confirmed, decide, going_on, leaving
from croupier.core.rollout.machine import evolve
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause, Hold
from croupier.core.rollout.state import RolloutState
from croupier.core.rollout.together.whole import TURN_S, Events, given_up, moves, order, told


def decide_each(states: Sequence[RolloutState], evidence: Sequence[Evidence], now: float) -> Events:
    """Events of each member, in the given order, which is that of moving up; of a rollout that is alone: its own."""
    if states[0].plan.together is None:
        return tuple(decide(state, seen, now) for state, seen in zip(states, evidence, strict=True))
    whole = _Whole(list(states), evidence, now)
    whole.decide()
    return tuple(tuple(events) for events in whole.events)


def everybody_leaves(states: Sequence[RolloutState], events: Events, now: float) -> tuple[e.AbortStarted | None, ...]:
    """The abort of each member that is not given up yet, if any of these events gives one up; without the order, for
    when nothing can be recorded.
    """
    own = [next((event for event in mine if isinstance(event, e.AbortStarted)), None) for mine in events]
    reason = next(
        (told(state.id, first.cause, first.reason) for state, first in zip(states, own, strict=True) if first), None
    )
    if reason is None:
        return (None,) * len(states)
    undone = any(first is not None and first.cause is Cause.UNDO for first in own)
    at_once = any(first is not None and first.at_once for first in own)

    def follows(state: RolloutState) -> e.AbortStarted | None:
        cause = _follows(state)
        if cause is None or not (undone or state.phase.active):
            return None
        return e.AbortStarted(cause, reason, now, at_once=at_once)

    return tuple(first or follows(state) for state, first in zip(states, own, strict=True))


@dataclass(slots=True)
class _Whole:
    """The members while it is decided about them."""

    states: list[RolloutState]
    evidence: Sequence[Evidence]
    now: float
    events: list[list[e.Event]] = field(init=False)
    own: dict[int, e.AbortStarted] = field(default_factory=dict)
    """Why members go back by themselves."""

    def __post_init__(self) -> None:
        self.events = [[] for _ in self.states]

    def decide(self) -> None:
        if not any(state.phase.active for state in self.states):
            return
        reason = given_up(self.states)
        for place, state in enumerate(self.states):
            if state.phase is not Phase.ABORTING:
                for event in decide(state, replace(self.evidence[place], led=True), self.now):
                    self._add(place, event)
                    if place in self.own:
                        break  # what follows from it comes with its turn
        while reason is None and not self.own and self._go_on():
            pass
        if reason is None and self.own:
            first = min(self.own)
            reason = told(self.states[first].id, self.own[first].cause, self.own[first].reason)
        if reason is not None:
            self._go_back(reason)

    def _add(self, place: int, event: e.Event) -> None:
        """An abort waits for its turn; all else happens."""
        if isinstance(event, e.AbortStarted):
            self.own[place] = event
        else:
            self.events[place].append(event)
            self.states[place] = evolve(self.states[place], event)

    def _go_back(self, reason: str) -> None:
        began = [state.abort.at for state in self.states if state.abort is not None]
        # Neither a data plane that does not confirm nor a clock that was set back keeps anybody.
        overdue = bool(began) and not min(began) <= self.now < min(began) + TURN_S
        # Who wants open rounds moved at once wants that of all of them.
        at_once = any(state.abort.at_once for state in self.states if state.abort is not None)
        for place in reversed(range(len(self.states))):
            if (cause := _follows(self.states[place])) is not None:
                follows = e.AbortStarted(cause, reason, self.now, at_once=at_once)
                abort = self.own.get(place) or follows
                self.events[place].append(abort)
                self.states[place] = evolve(self.states[place], abort)
            state = self.states[place]
            for event in decide(state, self.evidence[place], self.now) if state.phase is Phase.ABORTING else ():
                self._add(place, event)
            if self.states[place].phase.active and not overdue:
                return

    def _go_on(self) -> bool:
        """The one next move; whether there was one."""
        if all(state.phase is Phase.PROMOTING for state in self.states):
            self._promote()
            return False
        steps = {state.step for state in self.states}
        return self._follow(max(steps)) if len(steps) > 1 else self._leave()

    def _promote(self) -> None:
        """All of them, where everybody is seen to have all of them and no smoke check of any is awaited."""
        if not all(confirmed(state, self.now) for state in self.states):
            return
        awaited = [place for place, state in enumerate(self.states) if smoking.blocked(state)]
        for place in awaited or range(len(self.states)):
            smoked = self.evidence[place].smoked
            event = smoking.at_a_loss(self.states[place], smoked, self.now) if awaited else e.Promoted(self.now)
            if event is not None:
                self._add(place, event)

    def _leave(self) -> bool:
        """The first goes, if all may; whoever may not waits, or no longer does."""
        both = tuple(zip(self.states, self.evidence, strict=True))
        if any(freezing.waits(state, seen.shut, self.now) for state, seen in both):
            return False
        found = [leaving(*each, self.now) if each[0].phase is not Phase.PAUSED else None for each in both]
        if all(_goes(event) for event in found):
            first = order(self.states, self.now)[0]
            self._add(first, moves(self.states[first], None, self.now))
            return True
        said = [(place, event) for place, event in enumerate(found) if event is not None and not _goes(event)]
        for place, event in said:
            self._add(place, event)
        return bool(said)

    def _follow(self, ahead: int) -> bool:
        """The next one goes where the one before it is seen to be."""
        places = order(self.states, self.now)
        turn = next(at for at, place in enumerate(places) if self.states[place].step < ahead)
        place, before = places[turn], self.states[places[turn - 1]]
        state = self.states[place]
        if not confirmed(before, self.now) or (state.phase is Phase.PAUSED and state.hold is not Hold.STEP):
            return False
        move, seen = moves(state, before, self.now), self.evidence[place]
        if freezing.blocking(state, move, seen.shut, self.now):
            return False
        event = going_on(state, seen, self.now, move)
        if event is None or (state.phase is Phase.PAUSED and isinstance(event, e.Paused)):
            return False
        self._add(place, event)
        return True


def _goes(event: e.Event | None) -> bool:
    """Whether this is the next step, and nothing that belongs to the present one."""
    return isinstance(event, e.StepStarted | e.PromotionStarted)


def _follows(state: RolloutState) -> Cause | None:
    """For what cause this member goes back if others do; ``None`` where it is given up already. What was promoted was
    promoted with all, so that it can only be undone with all.
    """
    if state.phase is Phase.SUCCEEDED:
        return Cause.UNDO
    return Cause.TOGETHER if state.phase.active and state.phase is not Phase.ABORTING else None
