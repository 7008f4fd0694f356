"""The state machine of a rollout, as a table, and ``evolve``, which folds events into the state.

In prose: a rollout waits for its canary (pending; where somebody must approve of it first, it is paused), goes through
its steps (progressing), waits for a person where a step or a person says so (paused), moves everybody (promoting) and
is done (succeeded). From every active phase it can be given up: the canary's share is wanted at 0 at once (aborting)
and seen to be 0 (aborted). A newer rollout takes over from any active phase (superseded). Only a person takes an
aborted rollout up again (retried), or takes a succeeded one back while the version before is kept (aborting). Nothing
leaves superseded.

The diagram in the docs is drawn from ``MOVES``.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final, assert_never

from croupier.core.gates import GateState
from croupier.core.gates.analysis.model import AnalysisRule
from croupier.core.gates.analysis.verdict import asks_a_person
from croupier.core.rollout import events as e
from croupier.core.rollout import smoking
from croupier.core.rollout.consent import Given
from croupier.core.rollout.exposure import Insides, given
from croupier.core.rollout.flags.turned import after_turn
from croupier.core.rollout.frozen import frozen, overridden, thawed
from croupier.core.rollout.groups.effect import acted_upon, begun_anew, in_force, watched
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Hold
from croupier.core.rollout.segments.effect import kept_or_let_go
from croupier.core.rollout.segments.kept import by_people
from croupier.core.rollout.smoked import Occasion, forgotten
from croupier.core.rollout.spec import Analysis, SetSegment, SetWeight
from croupier.core.rollout.state import Abort, RolloutState
from croupier.core.segments import BUCKETS
from croupier.errors import Corrupt

_ALONG: Final = {
    "gate_judged": None,
    "gate_waived": None,
    "abort_started": Phase.ABORTING,
    "superseded": Phase.SUPERSEDED,
}
"""Possible in every phase in which a canary may have players. ``None``: the phase stays."""

_SMOKE: Final = {"smoke_finished": None}
"""Possible wherever a canary may be tried."""

_GROUPS: Final = {"group_acted": None, "group_set_aside": None, "group_watched": None}
"""Possible while there are players on both versions."""

_FLAGS: Final = {"flag_turned": None, "flag_seen": None}
"""Possible in a step of its own."""
_SEGMENTS: Final = {"segment_held": None, "segment_released": None}
"""Possible until everybody moves."""
_CALENDAR: Final = {"frozen": None, "thawed": None, "freeze_overridden": None}
"""Possible while something may still have to wait."""

MOVES: Final[dict[Phase, dict[str, Phase | None]]] = {
    Phase.PENDING: {
        "step_started": Phase.PROGRESSING,
        "promotion_started": Phase.PROMOTING,
        "paused": Phase.PAUSED,
        **_SEGMENTS,
        **_CALENDAR,
        **_ALONG,
    },
    Phase.PROGRESSING: {
        **_FLAGS,
        "step_started": None,
        "weight_confirmed": None,
        "shadow_compared": None,
        "paused": Phase.PAUSED,
        "promotion_started": Phase.PROMOTING,
        **_CALENDAR,
        **_SMOKE,
        **_GROUPS,
        **_SEGMENTS,
        **_ALONG,
    },
    Phase.PAUSED: {
        "weight_confirmed": None,
        "resumed": Phase.PROGRESSING,
        "approved": None,
        "step_started": Phase.PROGRESSING,
        "promotion_started": Phase.PROMOTING,
        **_CALENDAR,
        **_SMOKE,
        **_GROUPS,
        **_SEGMENTS,
        **_ALONG,
    },
    Phase.PROMOTING: {
        "weight_confirmed": None,
        "promoted": Phase.SUCCEEDED,
        **_SMOKE,
        **_ALONG,
    },
    Phase.ABORTING: {
        "flag_back": None,
        "flag_left": None,
        "rounds_moved": None,
        "drain_cut": None,
        "aborted": Phase.ABORTED,
        "superseded": Phase.SUPERSEDED,
    },
    Phase.ABORTED: {"drain_cut": None, "retried": Phase.PENDING},
    Phase.SUCCEEDED: {"abort_started": Phase.ABORTING},
    Phase.SUPERSEDED: {},
}
"""Phase -> event type -> next phase (``None``: stays). What is not here cannot happen."""


def create(event: e.Created) -> RolloutState:
    """The first state of a rollout: it waits for its canary, or for those who have to approve of it."""
    asks = event.plan.consent is not None
    return RolloutState(
        id=event.id,
        service=event.service,
        stable=event.stable,
        canary=event.canary,
        canary_digest=event.canary_digest,
        plan=event.plan,
        phase=Phase.PAUSED if asks else Phase.PENDING,
        created_at=event.at,
        started_at=event.at,
        hold=Hold.APPROVAL if asks else None,
        starters=(event.by,) if event.by else (),
    )


def evolve(state: RolloutState, event: e.Event) -> RolloutState:
    """The state after the event. Pure; raises ``Corrupt`` for an event that the table does not permit in this phase."""
    moves = MOVES[state.phase]
    if event.type not in moves:
        raise Corrupt(f"rollout {state.id}: event '{event.type}' cannot happen in phase '{state.phase}'")
    return _changed(replace(state, phase=moves[event.type] or state.phase), event)


def replay(history: Iterable[e.Event]) -> RolloutState:
    """The state that a recorded history leads to (invariant 10); the first event must be ``created``."""
    state, events = opened(history)
    for event in events:
        state = evolve(state, event)
    return state


def opened(history: Iterable[e.Event]) -> tuple[RolloutState, Iterator[e.Event]]:
    """The first state of a recorded history, and what follows. Raises ``Corrupt`` where it has no beginning."""
    events = iter(history)
    first = next(events, None)
    if not isinstance(first, e.Created):
        raise Corrupt(f"a rollout's history starts with 'created', not with {first!r}")
    return create(first), events


def _changed(state: RolloutState, event: e.Event) -> RolloutState:  # noqa: C901, PLR0911, PLR0912, PLR0915 - an arm an event
    match event:
        case e.StepStarted(index=index, at=at):
            step = state.plan.steps[index]
            weight = step.weight_bp if isinstance(step, SetWeight) else state.weight_bp
            insides = (
                given(state.insides, step.segment, step.weight_bp) if isinstance(step, SetSegment) else state.insides
            )
            asked = step.gates if isinstance(step, Analysis) else ()
            gates = tuple(_asked_anew(gate) if gate.gate in asked else gate for gate in state.gates)
            alone = set(asked).difference(state.plan.guards)
            gates = tuple(replace(gate, analysis=None) if gate.gate in alone else gate for gate in gates)
            begun = smoking.step_begun(replace(state, step=index, step_started_at=at, hold=None, gates=gates))
            return _at_weight(begun, weight, insides)
        case e.PromotionStarted(at=at):
            whole = replace(state, step=len(state.plan.steps), step_started_at=at, hold=None, frozen=())
            # All of a segment is not yet everybody: that is a new weight, whatever the number says.
            everybody = state.plan.segment is None and not state.held
            return _at_weight(whole, BUCKETS, ()) if everybody else _anew(whole, BUCKETS, ())
        case e.WeightConfirmed(weight_bp=weight, at=at):
            return replace(state, confirmed_bp=weight, confirmed_at=at, exposed_at=_exposed(state, at))
        case e.GateJudged(state=gate):
            return replace(state, gates=_with(state.gates, gate))
        case e.GateWaived(gate=name):
            return replace(state, waived=(*state.waived, name))
        case e.GroupActed(group=group):
            # Its own gates begin anew; watches of other groups go on.
            names = {gate.name for gate in state.plan.gates}
            gates = tuple(begun_anew(each, group) if each.gate in names else each for each in state.gates)
            return _anew(
                replace(state, acted=(*state.acted, acted_upon(event)), gates=gates), state.weight_bp, state.insides
            )
        case e.GroupSetAside():
            return replace(state, acted=in_force(state.acted, event))
        case e.GroupWatched():
            return replace(state, acted=watched(state.acted, event))
        case e.SegmentHeld() | e.SegmentReleased():
            return _anew(kept_or_let_go(state, event), state.weight_bp, state.insides)
        case e.SmokeFinished():
            return smoking.recorded(state, event)
        case e.ShadowCompared(report=report):
            return replace(state, compared=(*state.compared, report))
        case e.Paused(hold=hold):
            return replace(state, hold=hold)
        case e.Resumed():
            patient = tuple(replace(_taken_up(state, gate), undecided_s=0.0, blind_since=None) for gate in state.gates)
            # Its canary was not even run before: now is when its time to become ready begins.
            began = event.at if state.unapproved else state.started_at
            return smoking.resumed(replace(state, hold=None, gates=patient, started_at=began), event.at)
        case e.Approved():
            given_now = Given(event.actor, event.role, event.reason, event.step, event.at)
            return replace(state, approvals=(*state.approvals, given_now))
        case e.Promoted(at=at):
            return replace(state, ended_at=at)
        case e.AbortStarted():
            abort = Abort(event.cause, event.reason, event.at, event.gate, event.harm_since, at_once=event.at_once)
            gone = replace(state, weight_bp=0, insides=(), confirmed_bp=None, confirmed_at=None, ended_at=None)
            return replace(gone, hold=None, abort=abort, frozen=())
        case e.FlagTurned() | e.FlagSeen() | e.FlagBack() | e.FlagLeft():
            return replace(state, turned=after_turn(state.turned, event))
        case e.RoundsMoved():
            return replace(state, moved=(*state.moved, event))
        case e.DrainCut():
            if state.abort is None:
                raise Corrupt(f"rollout {state.id}: its drain was cut short without having been given up")
            return replace(state, abort=replace(state.abort, at_once=True))
        case e.Aborted(at=at):
            if state.abort is None:
                raise Corrupt(f"rollout {state.id}: aborted without having been given up")
            return replace(state, confirmed_bp=0, confirmed_at=at, ended_at=at, abort=replace(state.abort, zero_at=at))
        case e.Frozen():
            return frozen(state, event)
        case e.Thawed():
            return thawed(state, event)
        case e.FreezeOverridden():
            return overridden(state, event)
        case e.Superseded(by=by, at=at):
            return replace(state, weight_bp=0, insides=(), superseded_by=by, ended_at=at, hold=None, frozen=())
        case e.Retried():
            fresh = create(_created_again(state, event))
            people = by_people(state.kept)
            starters = tuple(dict.fromkeys((*state.starters, *fresh.starters)))
            return replace(fresh, created_at=state.created_at, attempt=event.attempt, kept=people, starters=starters)
        case e.Created():
            raise Corrupt(f"rollout {state.id}: created twice")
        case _:  # pragma: no cover
            assert_never(event)


def _at_weight(state: RolloutState, weight_bp: int, insides: Insides) -> RolloutState:
    """Changed shares must be confirmed anew, and gates must pass anew on data of those shares; streaks stay."""
    same = (weight_bp, insides) == (state.weight_bp, state.insides)
    return state if same else _anew(state, weight_bp, insides)


def _anew(state: RolloutState, weight_bp: int, insides: Insides) -> RolloutState:
    gates = tuple(_asked_anew(gate) for gate in state.gates)
    state = replace(state, gates=gates, smokes=forgotten(state.smokes, Occasion.SWITCH))
    return replace(state, weight_bp=weight_bp, insides=insides, confirmed_bp=None, confirmed_at=None)


def _exposed(state: RolloutState, at: float) -> float | None:
    """When the canary's warm-up began. With a clock that was set back it would else last until that has caught up."""
    if not state.exposing or not any(gate.warmup_s for gate in state.plan.gates):
        return state.exposed_at
    return at if state.exposed_at is None else min(at, state.exposed_at)


def _asked_anew(gate: GateState) -> GateState:
    """The gate must pass anew, and has all its time to do so."""
    return replace(gate, passed_at=None, undecided_s=0.0, blind_since=None)


def _taken_up(state: RolloutState, gate: GateState) -> GateState:
    """An analysis that ended inconclusive is begun again: a person has looked at it. What only a dry run is in doubt
    about goes on, with the failures that it has counted: a dry run changes nothing.
    """
    if gate.analysis is None:
        return gate
    rule = state.plan.gate(gate.gate).rule
    ended = isinstance(rule, AnalysisRule) and asks_a_person(rule, gate.analysis)
    return replace(gate, analysis=None) if ended else gate


def _with(gates: tuple[GateState, ...], changed: GateState) -> tuple[GateState, ...]:
    others = tuple(gate for gate in gates if gate.gate != changed.gate)
    return tuple(sorted((*others, changed), key=lambda gate: gate.gate))


def _created_again(state: RolloutState, event: e.Retried) -> e.Created:
    plan = replace(state.plan, edition=event.edition)
    return e.Created(state.id, state.service, event.stable, state.canary, state.canary_digest, plan, event.at, event.by)
