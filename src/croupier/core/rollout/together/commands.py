"""What people may ask of rollouts that move as one: whatever is asked of one is asked of all. Pure; as ``commands``.

``states`` are the members in the order of moving up. Called by ``control.together``, which records it in one commit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from croupier.core.rollout import commands
from croupier.core.rollout import events as e
from croupier.core.rollout.approval import unapproved
from croupier.core.rollout.decide import confirmed
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Hold
from croupier.core.rollout.state import RolloutState
from croupier.core.rollout.together.whole import Events, given_up, order
from croupier.errors import Conflict, Rejected


def promote(
    states: Sequence[RolloutState],
    now: float,
    *,
    full: bool = False,
    waive: tuple[str, ...] = (),
    unready: Mapping[str, str | None],
) -> Events:
    """Leave the present step: the first member goes, the others follow as it is seen, each by its own gates.
    ``unready`` is why canaries can take no more players now, by rollout. Raises as ``commands.promote`` does.
    """
    _need_course(states, "promoted")
    waived = [_known(state, waive) for state in states]
    if unknown := set(waive).difference(*waived):
        names = sorted({name for state in states for name in _names(state)})
        others = " and smoke checks" if any(state.plan.checks for state in states) else ""
        raise Rejected(
            f"There is no gate {', '.join(sorted(unknown))} here.",
            hint=f"Gates{others}: {', '.join(names) or 'none'}.",
        )
    if any(state.hold is Hold.PERSON for state in states) and not full:
        return tuple(
            (*commands.waived(state, names, now), *_taken_up(state, now, every=True))
            for state, names in zip(states, waived, strict=True)
        )
    turn = _turn(states, now, full=full)
    return tuple(
        _one(state, now, turn, place, names, unready.get(state.id))
        for place, (state, names) in enumerate(zip(states, waived, strict=True))
    )


def pause(states: Sequence[RolloutState], now: float) -> Events:
    """Hold all of them where they are."""
    _need_course(states, "paused")
    return tuple(commands.pause(state, now) for state in states)


def resume(states: Sequence[RolloutState], now: float, *, unready: Mapping[str, str | None]) -> Events:
    """Go on after a pause; where a step asked for it, that step is left, as by ``promote``."""
    _need_course(states, "resumed")
    if any(state.hold is Hold.STEP for state in states) and not any(
        state.phase is Phase.PAUSED and state.hold is not Hold.STEP for state in states
    ):
        return promote(states, now, unready=unready)
    if refused := next((why for state in states if _asks(state) and (why := unapproved(state))), None):
        raise refused
    return tuple(_taken_up(state, now, every=True) for state in states)


def abort(
    states: Sequence[RolloutState],
    now: float,
    *,
    reason: str,
    at_once: bool = False,
    newest: Mapping[str, str] | None = None,
) -> Events:
    """Give all of them up, the last one first; the others follow as it is gone. ``at_once`` may be said of those that
    were given up already, where no other rollout is the service's ``newest``.
    """
    if given_up(states) is not None:
        return tuple(
            commands.abort(state, now, reason=reason, at_once=at_once)
            if state.abort is not None and (newest is None or newest[state.service] == state.id)
            else ()
            for state in states
        )
    *others, last = states
    return (*(() for _ in others), commands.abort(last, now, reason=reason, at_once=at_once))


def retry(states: Sequence[RolloutState], now: float, *, stable: Mapping[str, str | None], by: str = "") -> Events:
    """Start all of them again, with other players first. ``stable`` is what serves each service now."""
    return tuple(commands.retry(state, now, stable=stable[state.service], by=by) for state in states)


def _need_course(states: Sequence[RolloutState], what: str) -> None:
    first = states[0]
    if not any(state.phase.active for state in states):
        again = f"To start them again: croupier rollout retry {first.id}" if first.phase is Phase.ABORTED else ""
        raise Rejected(f"{first.id} is over ({first.phase}) and cannot be {what}.", hint=again)
    if (reason := given_up(states)) is not None:
        raise Rejected(f"All of them go back ({reason}) and cannot be {what}.", hint="Wait for it, then retry them.")


def _asks(state: RolloutState) -> bool:
    return state.hold is Hold.APPROVAL


def _known(state: RolloutState, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if name in _names(state))


def _names(state: RolloutState) -> frozenset[str]:
    """What can be waived: gates and smoke checks."""
    return frozenset({gate.name for gate in state.plan.gates} | {check.name for check in state.plan.checks})


@dataclass(frozen=True, slots=True)
class _Turn:
    """Whose turn it is, and whether all were at one step: then all must be able to leave it."""

    place: int
    full: bool
    level: bool


def _turn(states: Sequence[RolloutState], now: float, *, full: bool) -> _Turn:
    places, ahead = order(states, now), max(state.step for state in states)
    turn = next((at for at, place in enumerate(places) if states[place].step < ahead), None)
    if turn is None:
        return _Turn(places[0], full, level=True)
    before = states[places[turn - 1]]
    promoting = before.phase is Phase.PROMOTING
    if not confirmed(before, now) or (full and not promoting):
        raise Conflict(
            f"{before.id} is on its way, and the others follow.", hint="Ask again when all of them are at one step."
        )
    return _Turn(places[turn], promoting, level=False)


def _one(
    state: RolloutState, now: float, turn: _Turn, place: int, waive: tuple[str, ...], unready: str | None
) -> tuple[e.Event, ...]:
    if place == turn.place:
        return commands.promote(state, now, full=turn.full, waive=waive, unready=unready)
    if turn.level:  # raises where this one could not follow
        commands.promote(state, now, full=turn.full, waive=waive, unready=unready)
    return (*commands.waived(state, waive, now), *_taken_up(state, now, every=False))


def _taken_up(state: RolloutState, now: float, *, every: bool) -> tuple[e.Event, ...]:
    """The end of a pause that is not a step's: those wait for their turn anyway."""
    ends = state.phase is Phase.PAUSED and state.hold not in (Hold.STEP, Hold.APPROVAL)
    return (e.Resumed(now),) if ends and (every or state.hold is not Hold.PERSON) else ()
