"""A rollout in words: what it waits for now, what its steps and gates say, what happened. Pure.

The API carries these sentences, so that terminal and page tell the same story; neither decides anything by them.
"""

from typing import assert_never

from croupier.core.gates import (
    BurnRule,
    ClassicRule,
    EventsSli,
    Gate,
    GateState,
    LatencySli,
    PopulationRule,
    PromqlSli,
    RatioSli,
)
from croupier.core.rollout import events as e
from croupier.core.rollout.decide import after_step, binding, percent, rise_blocked, rises
from croupier.core.rollout.spec import Analysis, Pace, Pause, Resort, SetWeight, Step
from croupier.core.rollout.state import Phase, RolloutState
from croupier.core.rollout.undecided import waiting
from croupier.core.segments import BUCKETS


def explain(state: RolloutState, now: float) -> str:
    """What the rollout waits for at ``now`` (epoch seconds), or how it ended: one sentence without a full stop."""
    match state.phase:
        case Phase.SUCCEEDED:
            return f"done: {state.canary} serves everybody"
        case Phase.ABORTED:
            why = f": {state.abort.reason}" if state.abort else ""
            return f"given up{why}; {_home(state)}"
        case Phase.SUPERSEDED:
            return f"superseded by {state.superseded_by}"
        case Phase.ABORTING:
            return f"taking every player off {state.canary}: waiting for the data plane to confirm it"
        case Phase.PROMOTING:
            if state.confirmed_bp == state.weight_bp:
                return f"making {state.canary} the stable version"
            return f"waiting for the data plane to confirm that {state.canary} serves everybody"
        case Phase.PENDING | Phase.PROGRESSING | Phase.PAUSED:
            return _explain_active(state, now)
        case _:  # pragma: no cover
            assert_never(state.phase)


def describe_step(step: Step) -> str:
    """The step as people say it: ``5 % of the players``, ``wait 5 min``, ``ask deposit-slo``."""
    match step:
        case SetWeight(weight_bp=weight_bp):
            return f"{percent(weight_bp)} of the players"
        case Pause(duration_s=None):
            return "wait for a person"
        case Pause(duration_s=float() | int() as duration_s):
            return f"wait {duration(duration_s)}"
        case Analysis(gates=gates):
            bounds = [f"{step.dwell} samples"] if step.dwell is not None else []
            bounds += [f"{step.harm} failures at most"] if step.harm is not None else []
            return f"ask {', '.join(gates)}" + (f" ({', '.join(bounds)})" if bounds else "")
        case _:  # pragma: no cover
            raise AssertionError(step)


def describe_pace(pace: Pace) -> str:
    """How ``auto`` came by its weights, and what a total failure costs at the first."""
    left = f"{percent(BUCKETS - pace.last_bp)} stay on the stable version while the last weight is watched"
    if pace.per_s is None:
        return f"nobody could say what traffic there is, so it begins at {percent(pace.first_bp)}; {left}"
    lost = pace.per_s * 60 * pace.first_bp / BUCKETS
    return (
        f"for {pace.per_s:.3g} requests/s: it begins at {percent(pace.first_bp)}, where a total failure costs "
        f"{lost:.0f} requests a minute; {left}"
    )


def describe_gate(gate: Gate) -> str:
    """What the gate demands: ``99 % or more of payments_deposits_total good, and not worse than the baseline``."""
    what = _describe_sli(gate)
    demands: list[str] = []
    if isinstance(gate.rule, PopulationRule):
        demands.append(f"the canary's share of {gate.sli.metric} is what its weight says")
    if gate.objective is not None and isinstance(gate.rule, BurnRule):
        rule = gate.rule
        windows = f"over {duration(rule.window_s)} and the last {duration(rule.short_s)}"
        share = f"{gate.objective.at_least * 100:.6g} % of {what}"
        demands.append(f"the error budget of {share} burnt less than {rule.factor:g} times too fast {windows}")
    elif gate.objective is not None:
        demands.append(f"{gate.objective.at_least * 100:.6g} % or more of {what}")
    if gate.comparison is not None:
        most = gate.comparison
        whose = "the baseline's" if not most.ago_s else f"{most.against.replace('-', ' ')}'s (weaker evidence)"
        limit = f"at most {most.max_ratio:g} × {whose} bad share"
        if most.canary_threshold_s is not None:
            limit += f", the canary's counted from {most.canary_threshold_s:g} s"
        if isinstance(gate.rule, ClassicRule):
            limit += f" + {most.slack * 100:g} %"
        demands.append(limit if gate.objective is not None else f"{what}: {limit}")
    if gate.hard_stop is not None and gate.hard_stop.events is not None:
        demands.append(f"stop at {gate.hard_stop.events} bad of {what}")
    if gate.hard_stop is not None and gate.hard_stop.failing is not None:
        demands.append(f"stop at {gate.hard_stop.failing * 100:g} % bad of {gate.hard_stop.samples} or more")
    if gate.hard_stop is not None and gate.hard_stop.drop is not None:
        demands.append(f"stop when {what} is surely {gate.hard_stop.drop * 100:g} % below the baseline")
    where = f", by {' and '.join(gate.by)}" if gate.by else ""
    return "; ".join(demands) + where + ("; advisory, it stops nothing" if gate.advisory else "")


def gate_line(gate: GateState, *, waived: bool = False) -> str:
    """One line: the gate, its verdict and why."""
    if waived:
        return f"{gate.gate} waived: a person took it out of this rollout"
    if gate.latest is None:
        return f"{gate.gate} has not looked yet"
    return f"{gate.gate} {gate.latest.verdict.replace('_', ' ')}: {gate.latest.reason}"


def describe_event(event: e.Event, state: RolloutState | None = None) -> str:  # noqa: C901, PLR0911, PLR0912 - an arm an event
    """What happened, as people say it; ``state`` (of the same rollout, any time) gives the steps their words."""
    match event:
        case e.Created():
            before = f"{event.stable} serves now" if event.stable else "nothing serves yet"
            return f"rollout of {event.service} {event.canary} asked for; {before}"
        case e.StepStarted(index=index):
            what = f": {describe_step(state.plan.steps[index])}" if state and index < len(state.plan.steps) else ""
            return f"step {index + 1} began{what}"
        case e.WeightConfirmed(weight_bp=weight_bp):
            return f"the data plane serves {percent(weight_bp)} from the canary"
        case e.GateJudged(state=gate):
            return f"gate {gate_line(gate)}"
        case e.GateWaived(gate=name):
            return f"gate {name} was taken out of this rollout"
        case e.Paused(hold=e.Hold.PERSON):
            return "paused by a person"
        case e.Paused(hold=e.Hold.STEP):
            return "paused by its step: waiting for a person"
        case e.Paused(reason=reason):
            return f"paused, waiting for a person: {reason}"
        case e.Resumed():
            return "resumed"
        case e.PromotionStarted():
            first = state is not None and state.stable is None
            why = "nothing served before, so there is no step to take" if first else "no step is left"
            return f"{why}: everybody moves to the canary"
        case e.Promoted():
            return "the canary serves everybody and is the stable version now"
        case e.AbortStarted(reason=reason):
            return f"given up: {reason}"
        case e.Aborted():
            return "nobody is sent to the canary any more"
        case e.Superseded(by=by):
            return f"superseded by {by}"
        case e.Retried(attempt=attempt):
            return f"started again from the first step, attempt {attempt}"
        case _:  # pragma: no cover
            assert_never(event)


def duration(seconds: float) -> str:
    """A duration as people say it, to two units: ``43 s``, ``5 min``, ``1 h 30 min``."""
    whole = round(seconds)
    if 0 < seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    parts = ((whole // 86_400, "d"), (whole // 3_600 % 24, "h"), (whole // 60 % 60, "min"), (whole % 60, "s"))
    said = [f"{count} {unit}" for count, unit in parts if count]
    return " ".join(said[:2]) or "0 s"


def _explain_active(state: RolloutState, now: float) -> str:
    if state.hold is e.Hold.PERSON:
        return f"paused by a person at {percent(state.weight_bp)}: resume it to go on"
    if state.hold in (e.Hold.INCONCLUSIVE, e.Hold.NO_DATA):
        why = rise_blocked(state) or "its gates say pass now"
        return f"paused at {percent(state.weight_bp)}, since a gate kept it waiting: {why}; resume it to wait on"
    if state.step < 0:
        left = state.started_at + state.plan.timing.progress_deadline_s - now
        return f"waiting for {state.canary} to become ready; given up in {duration(max(left, 0.0))}"
    if state.confirmed_bp != state.weight_bp:
        return f"waiting for the data plane to confirm {percent(state.weight_bp)}"
    step = state.current_step
    if isinstance(step, Pause) and step.duration_s is None:
        return f"waiting for a person at {percent(state.weight_bp)}: promote it to go on{_but(state)}"
    if isinstance(step, Pause) and step.duration_s is not None:
        left = (now if state.step_started_at is None else state.step_started_at) + step.duration_s - now
        if left > 0:
            return f"waiting {duration(left)} more at {percent(state.weight_bp)}{_but(state)}"
    if isinstance(step, Analysis):
        asked = binding(state)
        open_gates = [g for g in step.gates if g in asked and state.gate_state(g).passed_at is None]
        if open_gates:
            return "waiting for " + "; ".join(_wanted(state, name) for name in open_gates) + _until(state, now)
    blocked = _blocked(state)
    return (
        f"holding at {percent(state.weight_bp)}: {blocked}{_until(state, now)}"
        if blocked
        else f"going on as soon as {state.canary} is ready"
    )


def _wanted(state: RolloutState, name: str) -> str:
    gate = state.gate_state(name)
    said = "has not looked yet" if gate.latest is None else f"says {gate.latest.verdict.replace('_', ' ')}"
    why = f" ({gate.latest.reason})" if gate.latest is not None else ""
    return f"gate {name} to pass: it {said}{why}"


def _until(state: RolloutState, now: float) -> str:
    """What happens if the gates go on like this, and when."""
    ends = [waited for waited in waiting(state, binding(state), now) if waited.policy.then is not Resort.HOLD]
    if not ends:
        return ""
    first = min(ends, key=lambda waited: waited.policy.after_s - waited.seconds)
    left = max(first.policy.after_s - first.seconds, 0.0)
    then = "goes back" if first.policy.then is Resort.ABORT else "waits for a person"
    return f"; {then} after {duration(left)} more of that"


def _blocked(state: RolloutState) -> str | None:
    """Why the next step cannot begin, where it would raise the share."""
    return rise_blocked(state) if rises(state, after_step(state, state.started_at)) else None


def _but(state: RolloutState) -> str:
    """What would keep it from going on even then."""
    blocked = _blocked(state)
    return f"; {blocked}" if blocked else ""


def _home(state: RolloutState) -> str:
    return f"everybody is on {state.stable}" if state.stable else "nothing serves"


def _describe_sli(gate: Gate) -> str:
    match gate.sli:
        case RatioSli(metric=metric):
            return f"{metric} good"
        case LatencySli(metric=metric, threshold_s=threshold_s) if not metric.endswith("_seconds"):
            return f"{metric} at most {threshold_s:g}"
        case LatencySli(metric=metric, threshold_s=threshold_s):
            return f"{metric} within {duration(threshold_s)}"
        case EventsSli(metric=metric):
            return metric
        case PromqlSli(total=total, bad=bad):
            return f"{total} without {bad}"
        case _:  # pragma: no cover
            assert_never(gate.sli)
