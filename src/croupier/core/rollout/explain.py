"""A rollout in words: what its steps and gates say, what happened (``headline``: what it waits for now). Pure.

The API carries these sentences, so that terminal and page tell the same story; neither decides anything by them.
"""

from typing import assert_never

from croupier.core.gates import (
    AnalysisRule,
    BurnRule,
    ClassicRule,
    EventsSli,
    Gate,
    GateState,
    LatencySli,
    MeasuredSli,
    PopulationRule,
    PromqlSli,
    RatioSli,
)
from croupier.core.gates.analysis.wording import describe
from croupier.core.gates.wording import name as named
from croupier.core.rollout import events as e
from croupier.core.rollout.consent import in_words
from croupier.core.rollout.exposure import exposure, percent
from croupier.core.rollout.freeze_words import closed, until
from croupier.core.rollout.groups import words
from croupier.core.rollout.reasons import Cause, Hold
from croupier.core.rollout.segments.words import guarded_by, held_or_released
from croupier.core.rollout.shadow.words import comparing, copied, summary
from croupier.core.rollout.smoked_words import ran
from croupier.core.rollout.spec import (
    Analysis,
    Approval,
    Pace,
    Pause,
    SetFlag,
    SetMirrorRoute,
    SetSegment,
    SetWeight,
    Shadow,
    Smoke,
    Step,
)
from croupier.core.rollout.state import RolloutState
from croupier.core.segments import BUCKETS


def describe_step(step: Step) -> str:  # noqa: PLR0911 - an arm a step
    """The step as people say it: ``5 % of the players``, ``wait 5 min``, ``ask deposit-slo``."""
    match step:
        case SetWeight(weight_bp=weight_bp):
            return f"{percent(weight_bp)} of the players"
        case SetSegment(segment=segment, weight_bp=weight_bp):
            return f"{percent(weight_bp)} of {segment.name}{guarded_by(step)}"
        case SetMirrorRoute(share_bp=0, name=name):
            return f"nothing more copied as {name}"
        case SetMirrorRoute(share_bp=share_bp, allowed=allowed):
            return copied(share_bp, allowed)
        case Shadow(share_bp=share_bp, allowed=allowed, duration_s=lasts_s, compare=compare):
            asked = f"; {comparing(compare)}" if compare else ""
            return f"{copied(share_bp, allowed)} for {duration(lasts_s)}{asked}"
        case Pause(duration_s=None):
            return "wait for a person"
        case Pause(duration_s=float() | int() as duration_s):
            return f"wait {duration(duration_s)}" if duration_s else "nothing to wait for here"
        case Analysis(gates=gates):
            bounds = [f"{step.dwell} samples"] if step.dwell is not None else []
            bounds += [f"{step.harm} failures at most"] if step.harm is not None else []
            return f"ask {', '.join(gates)}" + (f" ({', '.join(bounds)})" if bounds else "")
        case Approval(consent=consent):
            return f"approval by {in_words(consent)}"
        case SetFlag():
            return describe_flag(step)
        case Smoke(checks=checks):
            return f"smoke check {', '.join(checks)}"
        case _:  # pragma: no cover
            raise AssertionError(step)


def describe_flag(step: SetFlag) -> str:
    """``flag new-cashier on``, ``flag new-cashier on for 25 % of the players``."""
    whom = "" if step.share_bp == BUCKETS else f" for {percent(step.share_bp)} of the players"
    return f"flag {step.flag} {step.variant}{whom}"


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
    if isinstance(gate.rule, AnalysisRule):
        demands.append(describe(gate.rule))
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
    where += f"; {words.asked(gate.on_group_fail)}" if gate.on_group_fail is not None else ""
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
            what = "hotfix" if event.plan.hotfix else "rollout"
            waits = f"; it waits for an approval by {in_words(event.plan.consent)}" if event.plan.consent else ""
            return f"{what} of {event.service} {event.canary} asked for; {before}{waits}"
        case e.StepStarted(index=index):
            what = f": {describe_step(state.plan.steps[index])}" if state and index < len(state.plan.steps) else ""
            return f"step {index + 1} began{what}"
        case e.WeightConfirmed(weight_bp=weight_bp, segments=segments, held=held):
            but = f", nobody of {' and '.join(held)}" if held else ""
            return f"the data plane serves {exposure(weight_bp, segments)} from the canary{but}"
        case e.GateJudged(state=gate):
            return f"gate {gate_line(gate)}"
        case e.GateWaived(gate=name):
            return f"gate {name} was taken out of this rollout"
        case e.GroupActed(gate=name, group=group, reason=reason):
            stable = state.stable if state is not None else "the stable version"
            return (
                f"{named(group)} fails alone, so it is acted upon: {words.done(event, stable)}; gate {name}: {reason}"
            )
        case e.GroupSetAside(group=group):
            return f"{named(group)}: {_what_is_done(event, state)}; it is watched whether that helps"
        case e.GroupWatched(group=group):
            return f"{named(group)}: {_what_is_done(event, state)} helped, and the others go on"
        case e.SegmentHeld() | e.SegmentReleased():
            return held_or_released(event, state.stable if state is not None else None)
        case e.SmokeFinished(exposure=exposed, results=results):
            return f"smoke checks at {exposed}: {ran(results)}"
        case e.ShadowCompared(report=report):
            return f"answers compared: {summary(report)}"
        case e.Paused(hold=Hold.PERSON):
            return "paused by a person"
        case e.Paused(hold=Hold.STEP):
            return "paused by its step: waiting for a person"
        case e.Paused(hold=Hold.APPROVAL):
            return "paused by its step: waiting for an approval"
        case e.Approved(actor=actor, role=role, step=step):
            return f"{actor} ({role}) approved of " + ("the rollout" if step < 0 else f"going on after step {step + 1}")
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
        case e.AbortStarted(cause=Cause.UNDO, reason=reason):
            return f"taken back after its promotion: {reason}"
        case e.AbortStarted(reason=reason):
            return f"given up: {reason}"
        case e.FlagTurned(flag=flag, version=version):
            turned = state.plan.steps[event.step] if state is not None else None
            what = describe_flag(turned) if isinstance(turned, SetFlag) else f"flag {flag} turned"
            return f"{what}, by version {version} of the flags"
        case e.FlagSeen(flag=flag, clients=clients, behind=behind, missing=missing):
            late = f"; waited in vain for {missing}: {', '.join(behind)}" if missing else ""
            return f"flag {flag} is with {clients - missing} of {clients} clients{late}"
        case e.FlagBack(flag=flag):
            return f"flag {flag} answers as before the rollout again"
        case e.FlagLeft(reason=reason):
            return reason
        case e.RoundsMoved() | e.DrainCut():
            return _of_rounds(event, state)
        case e.Aborted():
            return "nobody is sent to the canary any more"
        case e.Frozen(freezes=freezes):
            return f"waits: {closed(freezes)}"
        case e.Thawed():
            return "waits for the freeze calendar no more"
        case e.FreezeOverridden(freeze=freeze, until=end):
            return f"a person overrode {freeze} {until(end)}"
        case e.Superseded(by=by):
            return f"superseded by {by}"
        case e.Retried(attempt=attempt):
            asks = state.plan.consent if state is not None else None
            waits = f"; it waits for an approval by {in_words(asks)}" if asks else ""
            return f"started again from the first step, attempt {attempt}{waits}"
        case _:  # pragma: no cover
            assert_never(event)


def _what_is_done(event: e.GroupSetAside | e.GroupWatched, state: RolloutState | None) -> str:
    """What was done about the group, where the state that tells is at hand."""
    found = [each for each in state.acted if each.group == event.group] if state is not None else []
    return words.done(found[0], state.stable) if found and state is not None else "what was done about it"


def duration(seconds: float) -> str:
    """A duration as people say it, to two units: ``43 s``, ``5 min``, ``1 h 30 min``."""
    whole = round(seconds)
    if 0 < seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    parts = ((whole // 86_400, "d"), (whole // 3_600 % 24, "h"), (whole // 60 % 60, "min"), (whole % 60, "s"))
    said = [f"{count} {unit}" for count, unit in parts if count]
    return " ".join(said[:2]) or "0 s"


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
        case MeasuredSli():
            return "measured values"
        case _:  # pragma: no cover
            assert_never(gate.sli)


def _of_rounds(event: e.RoundsMoved | e.DrainCut, state: RolloutState | None) -> str:
    if isinstance(event, e.DrainCut):
        return f"open rounds of {state.canary if state else 'the canary'} wait no more: {event.reason}"
    rounds = "1 open round" if event.count == 1 else f"{event.count} open rounds"
    return f"{rounds} of {event.version} went on elsewhere: {event.reason}"
