"""What follows from all gates that fail in one look: a segment is held, groups are acted upon, or everybody goes back.
Pure.

It needs nothing but the recorded state, so that the record makes the same actions again (``redecide``). Called by
``decide`` at each tick.
"""

from collections.abc import Iterable
from typing import TypeAlias

from croupier.core.gates import GateState, Judgement, Verdict
from croupier.core.rollout import events as e
from croupier.core.rollout.groups.remedy import remedy
from croupier.core.rollout.reasons import Cause
from croupier.core.rollout.segments.answer import Alone, alone, may_hold
from croupier.core.rollout.state import RolloutState

Acting: TypeAlias = e.GroupActed | e.SegmentHeld
"""What is done instead of giving up the whole release."""


def answer(
    state: RolloutState, binding: Iterable[str], now: float, *, recording: bool = True
) -> tuple[Acting, ...] | e.AbortStarted:
    """What the ``binding`` gates that say ``fail`` ask for between them; nothing where none does. Without ``recording``
    nothing is acted upon, and all goes back.
    """
    binding = tuple(binding)
    failing = [
        (gate, gate.latest)
        for gate in map(state.gate_state, binding)
        if gate.latest is not None and gate.latest.verdict is Verdict.FAIL
    ]
    single = alone(state, binding, [gate.gate for gate, _ in failing], now) if recording else Alone()
    acting: list[e.GroupActed] = []
    for gate, latest in failing:
        if gate.gate in single.answered:
            continue
        done = remedy(state, state.plan.gate(gate.gate), now) if recording else "this cannot be recorded now"
        if isinstance(done, str):
            asked = state.plan.gate(gate.gate).on_group_fail or (not recording and may_hold(state, gate.gate))
            return _blamed(gate, latest, single.why_not.get(gate.gate) or (done if asked else ""), now)
        acting += done
    acted = _within_bounds(state, acting, now)
    return acted if isinstance(acted, e.AbortStarted) else (*acted, *single.holds)


def _blamed(gate: GateState, latest: Judgement, alone: str, now: float) -> e.AbortStarted:
    """A gate takes everybody back; ``alone`` is why it was not left at one group, where it might have been."""
    cause = Cause.HARD_STOP if latest.hard else Cause.GATE
    why = f"; {alone}, so everybody goes back" if alone else ""
    return e.AbortStarted(cause, f"gate {gate.gate}: {latest.reason}{why}", now, gate.gate, gate.violated_since)


def _within_bounds(
    state: RolloutState, acting: list[e.GroupActed], now: float
) -> tuple[e.GroupActed, ...] | e.AbortStarted:
    """The actions of all gates that fail in this look, the same one once; giving up where they are too many."""
    once = {(event.group, event.kills, event.held): event for event in reversed(acting)}
    for event in acting:
        on_fail = state.plan.gate(event.gate).on_group_fail
        if on_fail is not None and len(state.acted) + len(once) > on_fail.at_most:
            gate = state.gate_state(event.gate)
            many = f"gate {event.gate}: {event.reason}; more than {on_fail.at_most} groups fail, so everybody goes back"
            return e.AbortStarted(Cause.GATE, many, now, event.gate, gate.violated_since)
    return tuple(event for event in acting if once.get((event.group, event.kills, event.held)) is event)
