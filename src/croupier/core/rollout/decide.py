"""What happens next to a rollout: ``decide(state, evidence, now) -> events``. Pure; the heart of the product.

In order of rank: giving up outranks everything (pauses, unready versions, running steps). Then gates, confirmations and
steps. The canary's share rises only while every gate that guards it says ``pass`` on data of the present weight, and
only for a canary that is ready; silence and doubt hold, unless the rollout says otherwise (``undecided``). Called by
``control.reconcile`` once per tick, and by the property tests thousands of times.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from croupier.core.gates import AnalysisRule, Finding, Gate, GateState, Opinion, Silence, Verdict
from croupier.core.gates.hard_stop import stops
from croupier.core.gates.judge import Said, due, is_news, span
from croupier.core.gates.recordable import recordable
from croupier.core.governance.calendar.closure import Shut
from croupier.core.rollout import approval, disruption, freezing, smoking
from croupier.core.rollout import events as e
from croupier.core.rollout.asking import asked, counting, heard, watching_since
from croupier.core.rollout.blue_green import measured_before
from croupier.core.rollout.exposure import rose
from croupier.core.rollout.flags import turn
from croupier.core.rollout.flags.turned import unsettled
from croupier.core.rollout.groups import watch
from croupier.core.rollout.groups.answer import Acting, answer
from croupier.core.rollout.groups.words import still_held
from croupier.core.rollout.machine import evolve
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause, Hold
from croupier.core.rollout.routes import ServiceRoutes
from croupier.core.rollout.segments.guards import guarding_segments
from croupier.core.rollout.segments.kept import latest_change, still
from croupier.core.rollout.shadow.ending import at_the_end, over
from croupier.core.rollout.shadow.report import ShadowReport
from croupier.core.rollout.spec import (
    Analysis,
    Pause,
    SetFlag,
    Shadow,
    Smoke,
    Step,
)
from croupier.core.rollout.state import RolloutState, routes
from croupier.core.rollout.undecided import at_a_loss, comes_due

_FINDINGS_KEPT = 20
_TOO_LARGE = "what was counted in all is too large to be recorded exactly (2^53)"
_RESTING = (Phase.ABORTING, Phase.SUCCEEDED)
"""Nothing follows there by itself in the same look."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen at one tick. ``served`` is what the data plane was seen to serve (``None``: not known now);
    ``said`` is what the metric source said of the gates that were due; ``failure`` is why the canary was given up by
    the workloads, if it was. ``killed`` are the flags among those that the rollout turns off that are off now,
    ``refused`` is why one of them cannot be. Without ``recording`` nothing is acted upon but going back. ``awaited``
    are the gates whose source owes an answer for too long: what they said before promotes nobody now. ``moved`` are the
    rounds that an abort which waits for none took away, ``shut`` is what the freeze calendar closes now. ``smoked`` are
    the results of smoke checks that ended. ``led``: others go along (``together``), who are asked before anything
    begins, goes on or is promoted. ``flags`` are those that it turns; ``None``: they are not known.
    ``compared`` is what comparing answers in the step in progress came to so far.
    """

    canary_ready: bool = False
    failure: str | None = None
    served: ServiceRoutes | None = None
    said: Mapping[str, Said] = field(default_factory=dict)
    killed: frozenset[str] = frozenset()
    refused: str | None = None
    recording: bool = True
    awaited: frozenset[str] = frozenset()
    moved: e.RoundsMoved | None = None
    shut: tuple[Shut, ...] = ()
    smoked: smoking.Smoked | None = None
    led: bool = False
    flags: turn.Flags | None = None
    compared: ShadowReport | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """A gate that is due, and the span (epoch seconds) to read for it."""

    gate: Gate
    since: float
    until: float


def decide(state: RolloutState, evidence: Evidence, now: float) -> tuple[e.Event, ...]:
    """Events that follow from what was seen; none is the usual answer. Folding them into the state never raises."""
    if not state.phase.active:
        return ()
    if state.phase is Phase.ABORTING:
        return _going_back(state, evidence, now)
    # First, since what a gate's look leads to stands next to it in the record.
    out: list[e.Event] = list(freezing.news(state, evidence.shut, now)) if evidence.recording else []
    out += smoking.finished(state, evidence.smoked, now)
    for noted in out:
        state = evolve(state, noted)
    for event in _judged(state, evidence, now):
        out.append(event)
        state = evolve(state, event)
    failed = _failed(state, evidence, now)
    if isinstance(failed, e.AbortStarted):  # its flags go back before its players do
        return (*out, failed, *turn.back(evolve(state, failed), evidence.flags, now))
    for acting in failed:
        out.append(acting)
        state = evolve(state, acting)
    while state.phase not in _RESTING and (following := _next(state, evidence, now)):
        out.append(following)
        state = evolve(state, following)
    return tuple(out)


def _going_back(state: RolloutState, evidence: Evidence, now: float) -> tuple[e.Event, ...]:
    """Flags go back, rounds that were moved are told of, and when nobody is there any more it is over."""
    flags = tuple(turn.back(state, evidence.flags, now))
    if not left(state, evidence.served) or len(flags) < len(unsettled(state.turned)):
        return flags
    moved = (evidence.moved,) if evidence.moved is not None else ()
    return (*flags, *moved, e.Aborted(now))


def looks(state: RolloutState, now: float, looked_at: Mapping[str, float] | None = None) -> tuple[Look, ...]:
    """Gates that are due now. Before the data plane confirmed a weight above 0 only those that measure: there is
    nothing to count.
    """
    confirmed_at = state.confirmed_at
    if confirmed_at is None or confirmed_at > now or not state.phase.active:
        return ()
    seen = looked_at or {}
    out: list[Look] = []
    for gate in (asked(state, name) for name in (guarding(state) if state.exposing else measured_before(state))):
        known, since = state.gate_state(gate.name), watching_since(state, gate, now)
        began = since if isinstance(gate.rule, AnalysisRule) else confirmed_at
        if due(gate, known, now, watching_since=began, looked_at=seen.get(gate.name)):
            out.append(Look(gate, *span(gate, known, now, watching_since=since)))
    return tuple(out)


def guarding(state: RolloutState) -> tuple[str, ...]:
    """Gates that guard the canary now: the background ones, those of segments that have a share, and the running
    analysis', without waived ones.
    """
    step = state.current_step
    names = state.plan.guards + guarding_segments(state) + (step.gates if isinstance(step, Analysis) else ())
    return tuple(name for name in dict.fromkeys(names) if name not in state.waived)


def binding(state: RolloutState) -> tuple[str, ...]:
    """Those of the guarding gates whose word counts; advisory ones only speak."""
    return tuple(name for name in guarding(state) if not state.plan.gate(name).advisory)


def keeping(state: RolloutState, now: float) -> tuple[str, ...]:
    """Those that may keep it from going on: the same, and watches that should be over and cannot decide."""
    names = binding(state)
    return names + watch.in_doubt(state, names, now)


def rise_blocked(state: RolloutState) -> str | None:
    """Why the canary's share may not rise now, in words; ``None`` when it may (invariant 2)."""
    if not state.exposing:
        return smoking.blocked(state)
    if state.confirmed_bp != state.weight_bp:
        return f"the data plane has not confirmed {state.exposure} yet"
    names = binding(state)
    for name in names:
        gate = state.gate_state(name)
        if gate.passed_at is None:
            return f"gate {name} {_said(gate)}"
    return smoking.blocked(state) or watch.open_watch(state, names)


def after_step(state: RolloutState, now: float) -> e.StepStarted | e.PromotionStarted:
    """The event that leaves the current step: the next step, or the promotion after the last."""
    following = state.step + 1
    return e.StepStarted(following, now) if following < len(state.plan.steps) else e.PromotionStarted(now)


def rises(state: RolloutState, event: e.StepStarted | e.PromotionStarted) -> bool:
    """Whether this event raises the canary's share. A promotion always does: even from 100 % it makes the canary the
    version that the next one is compared with.
    """
    after = evolve(state, event)
    shares = (state.weight_bp, state.insides), (after.weight_bp, after.insides)
    return after.phase is Phase.PROMOTING or rose(*shares)


def _judged(state: RolloutState, evidence: Evidence, now: float) -> Iterator[e.GateJudged]:
    if not confirmed(state, now):
        return  # it would be about another weight
    for name in guarding(state):
        if name in evidence.said:
            said = evidence.said[name]
            yield from _one_judged(state, name, said, now)
            # Two gates may have acted on one group, each in its own way: it is watched once.
            for watched in dict.fromkeys(acted.watch_name(name) for acted in watch.watching(state, name)):
                yield from _one_judged(state, watched, said, now)


def _one_judged(state: RolloutState, name: str, said: Said, now: float) -> Iterator[e.GateJudged]:
    before, after = state.gate_state(name), _after(state, name, counting(state, name, said), now)
    if after.latest is not None and (is_news(before, after) or comes_due(state, before, after)):
        yield e.GateJudged(_trimmed(asked(state, name), after), now)


def _after(state: RolloutState, name: str, said: Said, now: float) -> GateState:
    """The gate after its look. What it cannot judge, or cannot be written down, it did not see: neither may keep
    another gate's verdict from counting.
    """
    try:
        after = heard(state, name, said, now)
    except Exception as trouble:  # noqa: BLE001 -- a mistake in one rule must not hide another gate's hard stop
        return heard(state, name, Silence(f"the counts cannot be judged: {type(trouble).__name__}: {trouble}"), now)
    return after if recordable(after) else heard(state, name, Silence(_TOO_LARGE), now)


def _trimmed(gate: Gate, state: GateState) -> GateState:
    """The record keeps the total and the groups that speak against the canary, not hundreds of healthy ones: first
    those that stop it at once, which may be small. Evidence is kept with every count that it was made of, so that it
    can be made again.
    """
    latest = state.latest
    if latest is None or len(latest.findings) <= _FINDINGS_KEPT or state.evidence or state.population:
        return state

    def rank(found: Finding) -> tuple[bool, bool, bool, int]:
        stopped = stops(gate, found.canary, found.baseline)
        return found.group != (), not stopped, found.opinion is not Opinion.VIOLATED, -found.canary.total

    ranked = sorted(latest.findings, key=rank)
    return replace(state, latest=replace(latest, findings=tuple(ranked[:_FINDINGS_KEPT])))


def _failed(state: RolloutState, evidence: Evidence, now: float) -> e.AbortStarted | tuple[Acting, ...]:
    """Giving up, if it is time; else the actions on groups and segments that fail, if any do."""
    found = answer(state, binding(state), now, recording=evidence.recording)
    if isinstance(found, e.AbortStarted):
        return found
    vain = watch.in_vain(state, binding(state), _seen(state, evidence), now)
    return vain or _given_up(state, evidence, now) or found


def _given_up(state: RolloutState, evidence: Evidence, now: float) -> e.AbortStarted | None:
    if evidence.failure is not None:
        return e.AbortStarted(Cause.WORKLOAD, f"{state.canary} cannot run: {evidence.failure}", now)
    deadline_s = state.plan.timing.progress_deadline_s
    began = max(state.started_at, state.thawed_at or state.started_at)
    kept = state.unapproved or freezing.waits(state, evidence.shut, now)
    if state.step < 0 and not evidence.canary_ready and not kept and now - began >= deadline_s:
        return e.AbortStarted(Cause.DEADLINE, f"{state.canary} was not ready within {deadline_s:g} s", now)
    if _unseen_s(state, evidence, now) >= deadline_s:
        unseen = f"the data plane was not seen to serve {state.exposure} within {deadline_s:g} s"
        return e.AbortStarted(Cause.DEADLINE, f"{unseen}, and no gate looks before that", now)
    return smoking.blame(state, now)


def _unseen_s(state: RolloutState, evidence: Evidence, now: float) -> float:
    """For how many seconds players may have the canary without any gate that guards them: what is wanted is not seen
    to be served. A first deployment has nothing to go back to.
    """
    confirmed = state.confirmed_bp == state.weight_bp or _seen(state, evidence).routed
    if not state.exposing or state.stable is None or confirmed:
        return 0.0
    began = (state.step_started_at, latest_change(state.kept), *(acted.at for acted in state.acted))
    return now - max((at for at in began if at is not None), default=now)


def _next(state: RolloutState, evidence: Evidence, now: float) -> e.Event | None:
    """The one next thing that is due, or nothing."""
    seen = _seen(state, evidence)
    if state.phase is not Phase.PROMOTING and (event := watch.next_event(state, binding(state), seen, now)):
        return event
    if state.step >= 0 and not confirmed(state, now):
        in_force = all(acted.in_force_at is not None for acted in state.acted)
        held = tuple(each.name for each in still(state.kept))
        return e.WeightConfirmed(state.weight_bp, now, state.shares, held) if seen.routed and in_force else None
    if evidence.led or state.phase is Phase.PAUSED:
        return None
    if state.phase is Phase.PROMOTING:
        return smoking.at_a_loss(state, evidence.smoked, now) if smoking.blocked(state) else e.Promoted(now)
    if freezing.waits(state, evidence.shut, now):
        return None
    return leaving(state, evidence, now)


def _seen(state: RolloutState, evidence: Evidence) -> watch.Seen:
    return watch.Seen(evidence.killed, evidence.served == routes(state), evidence.refused)


def leaving(state: RolloutState, evidence: Evidence, now: float) -> e.Event | None:
    """The end of the present step, if it has come, or of waiting for it; the first step, for a canary that is ready."""
    if state.step < 0:
        return _first(state, now) if evidence.canary_ready else None
    if asked := smoking.asks(state, now):
        return asked
    step = state.current_step
    if isinstance(step, SetFlag) and not turn.done(state, step):
        # Players who are not seen to have the code get no flag that turns it on.
        return turn.turning(state, step, evidence.flags, now) if confirmed(state, now) else None
    if isinstance(step, Pause) and step.duration_s is None:
        return e.Paused(Hold.STEP, now)
    if approval.missing(state):
        return e.Paused(Hold.APPROVAL, now)
    if isinstance(step, Shadow) and over(state, step, now) and _seen(state, evidence).routed:
        ended, saying = at_the_end(state, step, evidence.compared, now)
        if not ended:
            return saying
    elif not _done(state, step, now):
        lost = at_a_loss(state, keeping(state, now), now) if isinstance(step, Analysis) else None
        return lost or smoking.at_a_loss(state, evidence.smoked, now)
    return going_on(state, evidence, now, after_step(state, now))


def going_on(
    state: RolloutState, evidence: Evidence, now: float, event: e.StepStarted | e.PromotionStarted
) -> e.Event | None:
    """The event, if nothing speaks against it, or the end of waiting for that."""
    if rises(state, event) and (rise_blocked(state) or evidence.awaited.intersection(binding(state))):
        return at_a_loss(state, keeping(state, now), now) or smoking.at_a_loss(state, evidence.smoked, now)
    if rises(state, event) and disruption.wait_s(state, now):
        return None
    if isinstance(event, e.PromotionStarted) and (kept := state.held):
        return e.Paused(Hold.GROUPS, now, reason=f"{still_held(kept)} on {state.stable}")
    return event if evidence.canary_ready or not rises(state, event) else None


def confirmed(state: RolloutState, now: float) -> bool:
    """Whether the data plane was seen to serve the present weight. Once more after the clock was set back: gates read
    from that moment on.
    """
    return state.confirmed_bp == state.weight_bp and state.confirmed_at is not None and state.confirmed_at <= now


def _first(state: RolloutState, now: float) -> e.Event:
    """The first deployment has nothing to be compared with and nobody to hurt: it serves at once."""
    return e.PromotionStarted(now) if state.stable is None else after_step(state, now)


def _done(state: RolloutState, step: Step | None, now: float) -> bool:
    match step:
        case Pause(duration_s=float() | int() as duration_s):
            return state.step_started_at is not None and now - state.step_started_at >= duration_s
        case Analysis(gates=gates):
            asked = set(gates).intersection(binding(state))
            return all(state.gate_state(name).passed_at is not None for name in asked)
        case Smoke():
            return smoking.blocked(state) is None
        case Shadow():
            return False  # not before its copies were seen to be made
        case _:
            return True


def _said(gate: GateState) -> str:
    """Why this gate's word does not count as ``pass`` now."""
    if gate.latest is None:
        return "has not looked yet"
    if gate.latest.verdict is Verdict.PASS:
        return "has not looked again yet"
    return f"{gate.latest.verdict}: {gate.latest.reason}"


def left(state: RolloutState, served: ServiceRoutes | None) -> bool:
    """Whether the data plane was seen to send nobody to the canary, nor copies of what anybody sends."""
    if served is None or served.mirrored is not None:
        return False
    return served.weight_of(state.canary) == 0 and served.default != state.canary
