"""Waiting for the freeze calendar: which events may not happen while something is closed, what is noted of it. Pure.

Closed or not, players are taken away from a canary at once, gates look and pauses run. Only what gives the canary to
more players waits, and no step begins; with a closure for some players only what touches those. A person may override
one occurrence. Asked by ``decide`` and by the door of people's commands.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from croupier.core.governance.calendar.closure import Shut, apart
from croupier.core.governance.calendar.model import Kind
from croupier.core.rollout import events as e
from croupier.core.rollout import freeze_words
from croupier.core.rollout.machine import MOVES, evolve
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.spec import Pause
from croupier.core.rollout.state import Override, RolloutState
from croupier.core.segments import AttributeMatch
from croupier.errors import Conflict, Rejected

_WAITING = (Phase.PENDING, Phase.PROGRESSING, Phase.PAUSED)
_ALL: Final = Shut("", Kind.FREEZE, "", 0.0, None)
Players: TypeAlias = tuple[AttributeMatch, ...]


def blocking(state: RolloutState, event: e.Event, shut: Iterable[Shut], now: float) -> tuple[Shut, ...]:
    """What is closed and keeps this event from happening."""
    closed = in_force(state, shut, now)
    if not closed:
        return ()
    begins = isinstance(event, e.StepStarted | e.PromotionStarted)
    risen = _risen(state, event)
    return tuple(
        each
        for each in closed
        if (begins and not each.matches) or any(not apart(players, each.matches) for players in risen)
    )


def in_force(state: RolloutState, shut: Iterable[Shut], now: float) -> tuple[Shut, ...]:
    """What is closed and not overridden for this rollout."""
    return tuple(each for each in shut if not any(_covers(over, each, now) for over in state.overrides))


def holding(state: RolloutState, shut: Sequence[Shut], now: float) -> tuple[Shut, ...]:
    """What is closed and keeps from beginning what comes next, whatever else that waits for."""
    if not shut or state.phase not in _WAITING:
        return ()
    return blocking(state, _following(state, now), shut, now)


def waits(state: RolloutState, shut: Sequence[Shut], now: float) -> bool:
    """Whether the rollout stays where it is for the calendar's sake. A step that waits for a person says so anyway."""
    asks = isinstance(state.current_step, Pause) and state.current_step.duration_s is None
    return not asks and bool(holding(state, shut, now))


def news(state: RolloutState, shut: Sequence[Shut], now: float) -> Iterator[e.Frozen | e.Thawed]:
    """What is to be noted: that it waits for something else than before, or for nothing any more."""
    found = noted(holding(state, shut, now))
    if found and found != state.frozen:
        yield e.Frozen(found, now)
    elif state.frozen and not found and state.phase in _WAITING:
        yield e.Thawed(now)


def could_wait(state: RolloutState, events: Iterable[e.Event]) -> bool:
    """Whether any calendar could keep one of them from happening."""
    for event in events:
        if blocking(state, event, (_ALL,), event.at):
            return True
        state = evolve(state, event)
    return False


def check_open(state: RolloutState, events: Iterable[e.Event], shut: Sequence[Shut], now: float) -> None:
    """Raises ``Conflict`` where a person asks for what has to wait."""
    for event in events:
        _check_nothing(state, blocking(state, event, shut, now))
        state = evolve(state, event)


def check_following(state: RolloutState, shut: Sequence[Shut], now: float) -> None:
    """The same where somebody asks it of another rollout, which this one follows."""
    _check_nothing(state, holding(state, shut, now))


def override(state: RolloutState, freeze: str, shut: Sequence[Shut], now: float) -> tuple[e.Event, ...]:
    """A person lets the rollout go on in spite of what is closed now, for as long as that lasts. ``freeze`` is its id,
    or the last part of it. Raises ``Rejected`` where nothing of that name is closed for the rollout now.
    """
    if state.phase not in _WAITING:
        raise Rejected(f"{state.id} is {state.phase}: there is nothing to override.")
    found = named(freeze, shut)
    if len(found) != 1:
        ids = ", ".join(f"'{each.id}'" for each in shut)
        there = f"Closed now: {ids}." if ids else "Nothing is closed for it now."
        raise Rejected(
            f"'{freeze}' names {'several' if found else 'nothing'} that is closed for {state.id}.", hint=there
        )
    if not in_force(state, found, now):
        return ()
    event = e.FreezeOverridden(found[0].id, found[0].since, found[0].until, now)
    return (event, *news(evolve(state, event), shut, now))  # what it waits for now, in the answer already


def named(freeze: str, shut: Iterable[Shut]) -> tuple[Shut, ...]:
    """What is closed and is called so: by its id, or the last part of that."""
    return tuple(each for each in shut if freeze in (each.id, each.id.partition("/")[2]))


def said(closed: Sequence[Shut]) -> str:
    """What it waits for, in words."""
    return freeze_words.closed(noted(closed))


def noted(closed: Sequence[Shut]) -> tuple[e.Freeze, ...]:
    """The same as it is recorded."""
    return tuple(e.Freeze(each.id, each.until, each.words, each.why) for each in closed)


def how_to_override(rollout: str, freeze: str) -> str:
    return f'Wait for its end, or: croupier rollout override {rollout} --freeze "{freeze}" --reason TEXT'


def _check_nothing(state: RolloutState, closed: Sequence[Shut]) -> None:
    if closed:
        raise Conflict(f"{state.id} cannot go on: {said(closed)}.", hint=how_to_override(state.id, closed[0].id))


def _following(state: RolloutState, now: float) -> e.StepStarted | e.PromotionStarted:
    """What comes next, be it due or not. The first deployment serves everybody at once."""
    following = state.step + 1
    if state.stable is None or following >= len(state.plan.steps):
        return e.PromotionStarted(now)
    return e.StepStarted(following, now)


def _risen(state: RolloutState, event: e.Event) -> tuple[Players, ...]:
    """The players of whom more have the canary after the event; ``()`` stands for everybody."""
    if state.phase not in _WAITING or event.type not in MOVES[state.phase]:
        return ()
    after = evolve(state, event)
    if isinstance(event, e.PromotionStarted):
        return ((),)
    out: list[Players] = []
    if after.weight_bp > state.weight_bp:
        out.append(state.plan.segment.matches if state.plan.segment is not None else ())
    shares = {each.segment.name: each.weight_bp for each in state.insides}
    out += [
        each.segment.matches
        for each in after.insides
        if max(each.weight_bp, after.weight_bp) > max(shares.get(each.segment.name, 0), state.weight_bp)
    ]
    # Players of a segment that was held and is let go again.
    return (*out, *(each.matches for each in state.held if each not in after.held))


def _covers(over: Override, shut: Shut, now: float) -> bool:
    """Whether the override is for this occurrence. One whose end nobody knew lasts until an end is known."""
    if over.freeze != shut.id:
        return False
    if over.until is None:
        return shut.until is None
    ends = shut.until if shut.until is not None else now
    return now < over.until and shut.since < over.until and over.since <= ends
