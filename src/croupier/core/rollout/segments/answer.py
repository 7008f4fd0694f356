"""What follows when a gate fails and one segment may be the reason: it alone is held, or everybody goes back. Pure.

Two kinds of gates speak of a segment: its own, and the gate that this was made of, which counts everybody. The segment
is held if its own gate speaks against it and what the other counted of everybody else is sound. Whatever is in doubt
takes the whole release back. Called by ``groups.answer`` with everything that fails in one look.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from croupier.core.gates import Counts, Gate, GateState, Opinion, Verdict
from croupier.core.gates.forecast.chance import at_least
from croupier.core.gates.hard_stop import stops
from croupier.core.rollout import events as e
from croupier.core.rollout.segments.guards import Judges, judges
from croupier.core.rollout.segments.kept import held_by_gate
from croupier.core.rollout.spec import SegmentFail
from croupier.core.rollout.state import RolloutState

_SURPRISING: Final = 0.05
"""Failures of the rest that are less likely than this by chance alone speak against the rest."""


@dataclass(frozen=True, slots=True)
class Alone:
    """Segments to be held, and which failing gates that answers. ``why_not`` says of others why it is no answer."""

    holds: tuple[e.SegmentHeld, ...] = ()
    answered: frozenset[str] = frozenset()
    why_not: Mapping[str, str] = field(default_factory=dict)


def alone(state: RolloutState, binding: Collection[str], failing: Sequence[str], now: float) -> Alone:
    """What the ``failing`` gates of those that are ``binding`` ask for between them."""
    holds: dict[str, e.SegmentHeld] = {}
    answered: set[str] = set()
    why_not: dict[str, str] = {}
    suspects = dict(_suspects(state, binding))
    for name in failing:
        found = [each for each in suspects if name in (each, suspects[each].base)]
        if not found:
            continue
        again = [suspects[each].segment.name for each in found if held_by_gate(state.kept, suspects[each].segment)]
        why = (
            f"{again[0]} was held once already"
            if again
            else _rest_fails(state, binding, suspects[found[0]].base, found)
        )
        if why:
            why_not[name] = why
            continue
        answered.add(name)
        for each in found:
            segment, said = suspects[each].segment, state.gate_state(each).latest
            reason = said.reason if said is not None else ""
            holds.setdefault(segment.name, e.SegmentHeld(segment, reason, now, each))
    return Alone(tuple(holds.values()), frozenset(answered), why_not)


def may_hold(state: RolloutState, name: str) -> bool:
    """Whether the gate judges a segment that it may hold alone."""
    about = judges(state.plan, name)
    return about is not None and about.on_fail is SegmentFail.HOLD


def _suspects(state: RolloutState, binding: Collection[str]) -> Iterator[tuple[str, Judges]]:
    """The gates of single segments that may hold them and have something against them now."""
    for name in binding:
        about, said = judges(state.plan, name), state.gate_state(name).latest
        if about is None or about.on_fail is not SegmentFail.HOLD or said is None:
            continue
        if said.verdict is Verdict.FAIL or any(found.opinion is Opinion.VIOLATED for found in said.findings):
            yield name, about


def _rest_fails(state: RolloutState, binding: Collection[str], base: str, suspects: Sequence[str]) -> str | None:
    """Why more than these segments is at fault; ``None`` where the rest is sound, or no gate that guards counts it."""
    if base not in binding:
        return None
    gate, memory = state.plan.gate(base), state.gate_state(base)
    canary, baseline = _counted(memory)
    for name in suspects:
        own_canary, own_baseline = _counted(state.gate_state(name))
        canary, baseline = canary.without(own_canary), baseline.without(own_baseline)
    said = memory.latest
    if gate.hard_stop is not None and said is not None and said.hard:
        never = replace(gate, hard_stop=replace(gate.hard_stop, failing=None))
        if any(stops(never, found.canary, found.baseline) for found in said.findings):
            return "such a hard stop is about everything"
    if stops(gate, canary, baseline if baseline.total else None) or _surprising(gate, canary, baseline):
        return "the rest fails as well"
    return None


def _counted(memory: GateState) -> tuple[Counts, Counts]:
    """The gate's whole: all that it gathered, or its last window."""
    nothing = Counts(0, 0)
    if memory.evidence is not None:
        whole = memory.evidence.trials[0]
        return whole.canary, whole.baseline
    found = next((each for each in memory.latest.findings if not each.group), None) if memory.latest else None
    return (found.canary, found.baseline or nothing) if found is not None else (nothing, nothing)


def _surprising(gate: Gate, canary: Counts, baseline: Counts) -> bool:
    """Whether so many failures are more than chance brings at the share that is permitted."""
    usual = (baseline.bad + 1) / (baseline.total + 1) if baseline.total else 0.0
    if gate.comparison is not None and baseline.total:
        permitted = gate.comparison.max_ratio * usual + gate.comparison.slack
    else:
        permitted = max(usual, 1.0 - gate.objective.at_least if gate.objective is not None else 0.0)
    return canary.bad > 0 and at_least(canary.bad, permitted * canary.total) < _SURPRISING
