"""From recorded state to what the API says. Pure; used by the API's routes, the page and the event stream."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Final, Literal

from croupier.control.ports import (
    Sample,
    Stored,
    Token,
    VersionKey,
    WorkloadStatus,
)
from croupier.core.gates import AnalysisRule, Counts, Finding, Gate, GateState, SequentialRule
from croupier.core.gates.sequential.budget import used
from croupier.core.gates.sequential.trials import spent
from croupier.core.releases import Release
from croupier.core.rollout.decide import guarding
from croupier.core.rollout.explain import (
    describe_gate,
    describe_pace,
    describe_step,
    gate_line,
)
from croupier.core.rollout.groups.acted import Acted
from croupier.core.rollout.groups.words import outcome
from croupier.core.rollout.headline import explain
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.routes import ServiceRoutes
from croupier.core.rollout.segments.guards import judges, named_by_steps
from croupier.core.rollout.segments.words import now_held
from croupier.core.rollout.spec import (
    Analysis,
    Approval,
    Pause,
    SetFlag,
    SetMirrorRoute,
    SetSegment,
    SetWeight,
    Shadow,
    Smoke,
    Step,
)
from croupier.core.rollout.stacks import stacks
from croupier.core.rollout.standing import stance, standing, unpassed
from croupier.core.rollout.state import Abort, RolloutState
from croupier.core.rollout.undo import kept_until
from croupier.server.api import models as m
from croupier.server.api.approval_view import approved
from croupier.server.api.calendar_views import freezes
from croupier.server.api.formats import moment, percent_of
from croupier.server.api.smoke_views import smoke_run
from croupier.server.auth import owner_of

_LOG_MOST: Final = 20.0
"""Larger odds say no more than these."""


def rollout(stored: Stored[RolloutState], now: float, awaited: Collection[str] = ()) -> m.RolloutView:
    """Everything that is shown of a rollout. ``awaited`` are the gates whose answers are overdue, as the loop knows."""
    state = stored.value
    return m.RolloutView(
        id=state.id,
        service=state.service,
        stable=state.stable,
        canary=state.canary,
        digest=state.canary_digest,
        phase=state.phase,
        active=state.phase.active,
        attempt=state.attempt,
        step=state.step,
        steps=[step(state, index, item) for index, item in enumerate(state.plan.steps)],
        weight=percent_of(state.weight_bp),
        confirmed_weight=None if state.confirmed_bp is None else percent_of(state.confirmed_bp),
        segments=[
            m.SegmentShareView(segment=name, weight=percent_of(share), held=name in {each.name for each in state.held})
            for name, share in state.shares
        ],
        exposure=state.exposure,
        pace=describe_pace(state.plan.pace) if state.plan.pace else None,
        segment=state.plan.segment.name if state.plan.segment else None,
        frozen=freezes(state),
        hold=state.hold,
        hotfix=state.plan.hotfix,
        profile=m.ProfileUsedView(**asdict(state.plan.profile)) if state.plan.profile else None,
        loosened=list(state.plan.loosened),
        approval=approved(state),
        waiting_for=explain(state, now, awaited),
        gates=[gate(state, item) for item in state.plan.gates],
        smokes=[smoke_run(item) for item in state.smokes],
        open=list(unpassed(state)) if state.phase in (Phase.PROGRESSING, Phase.PAUSED) else [],
        held=[
            m.HeldView(
                segment=kept.segment.name,
                match={match.attribute: list(match.values) for match in kept.segment.matches},
                text=text,
                reason=kept.reason,
                gate=kept.gate,
                at=moment(kept.at),
            )
            for kept, text in now_held(state)
        ],
        named=list(named_by_steps(state.plan)),
        acted=[_acted(state, item) for item in state.acted],
        abort=_abort(state.abort) if state.abort else None,
        moved=[
            m.MovedView(
                version=each.version, count=each.count, ids=list(each.ids), reason=each.reason, at=moment(each.at)
            )
            for each in state.moved
        ],
        superseded_by=state.superseded_by,
        created_at=moment(state.created_at),
        started_at=moment(state.started_at),
        ended_at=moment(state.ended_at),
        stacks=[
            m.StackView(colour=each.colour, version=each.version, serves=each.serves, text=each.text)
            for each in stacks(state, now)
        ],
        kept_until=_way_back(state, now),
        version=stored.version,
    )


def _way_back(state: RolloutState, now: float) -> str | None:
    """Until when ``undo`` is possible."""
    until = kept_until(state)
    return moment(until) if until is not None and until > now else None


def step(state: RolloutState, index: int, item: Step) -> m.StepView:  # noqa: PLR0911 - an arm a step
    """One step of the plan and how far it is."""
    shown = m.StepView(index=index, kind=item.kind, state=_progress(state, index), text=describe_step(item))
    match item:
        case SetWeight(weight_bp=weight_bp):
            return shown.model_copy(update={"weight": percent_of(weight_bp)})
        case SetSegment(segment=segment, weight_bp=weight_bp):
            return shown.model_copy(
                update={"weight": percent_of(weight_bp), "segment": segment.name, "guards": list(item.guards)}
            )
        case SetMirrorRoute(share_bp=share_bp):
            return shown.model_copy(update={"copied": percent_of(share_bp)})
        case Shadow(share_bp=share_bp, duration_s=duration_s):
            return shown.model_copy(update={"copied": percent_of(share_bp), "duration_s": duration_s})
        case Pause(duration_s=duration_s):
            return shown.model_copy(update={"duration_s": duration_s})
        case Analysis(gates=gates):
            return shown.model_copy(update={"gates": list(gates), "harm": item.harm, "dwell": item.dwell})
        case Approval():
            return shown
        case SetFlag(flag=flag):
            return shown.model_copy(update={"flag": flag})
        case Smoke(checks=checks):
            return shown.model_copy(update={"checks": list(checks)})


def _progress(state: RolloutState, index: int) -> Literal["done", "current", "stopped", "todo"]:
    if index < state.step or state.phase is Phase.SUCCEEDED:
        return "done"
    if index > state.step:
        return "todo"
    return "stopped" if state.phase in (Phase.ABORTING, Phase.ABORTED, Phase.SUPERSEDED) else "current"


def gate(state: RolloutState, asked: Gate) -> m.GateView:
    """A gate of the rollout with its last judgement."""
    remembered = state.gate_state(asked.name)
    latest, waived = remembered.latest, asked.name in state.waived
    alone = judges(state.plan, asked.name)
    stands = standing(state, asked.name)
    return m.GateView(
        name=asked.name,
        verdict=latest.verdict if latest else None,
        reason=latest.reason if latest else "",
        standing=stands.verdict if stands else None,
        standing_reason=stands.reason if stands else "",
        stance=stance(state, asked.name),
        text=gate_line(remembered, waived=waived),
        objective=describe_gate(asked),
        at=moment(latest.at) if latest else None,
        since=moment(latest.since) if latest else None,
        until=moment(latest.until) if latest else None,
        guarding=state.phase.active and asked.name in guarding(state),
        background=asked.name in state.plan.guards or alone is not None,
        segment=alone.segment.name if alone is not None else None,
        on_fail=alone.on_fail.value if alone is not None else None,
        waived=waived,
        advisory=asked.advisory,
        hard=latest.hard if latest else False,
        budget=_budget(asked, remembered),
        evidence=gathered(remembered),
        findings=[finding(item) for item in latest.findings] if latest else [],
        metrics=measured(asked, remembered),
    )


def measured(asked: Gate, remembered: GateState) -> list[m.MetricView]:
    """What the metrics of a gate that measures have come to."""
    rule, run = asked.rule, remembered.analysis
    if not isinstance(rule, AnalysisRule) or run is None:
        return []
    by_name = {each.name: each for each in run.metrics}
    return [
        m.MetricView(
            name=each.name,
            phase=found.phase,
            count=found.count,
            wanted=each.wanted,
            failed=found.failed,
            inconclusive=found.inconclusive,
            errors=found.errors,
            errors_in_a_row=found.errors_in_a_row,
            dry_run=each.dry_run,
            measurements=[
                m.MeasurementView(at=moment(one.at), outcome=one.phase, text=one.text) for one in found.shown
            ],
        )
        for each in rule.metrics
        if (found := by_name.get(each.name)) is not None
    ]


def _budget(asked: Gate, remembered: GateState) -> m.BudgetView | None:
    if not isinstance(asked.rule, SequentialRule):
        return None
    held = asked.rule.budget
    return m.BudgetView(held=held, used=used(spent(remembered.evidence), held))


def gathered(remembered: GateState) -> list[m.EvidenceView]:
    """What a sequential gate holds against each group."""
    return [
        m.EvidenceView(
            group=dict(trial.group),
            canary=_counts(trial.canary),
            baseline=_counts(trial.baseline) if trial.baseline.total else None,
            odds=math.exp(min(trial.log_e, _LOG_MOST)),
            needed=1.0 / trial.budget,
        )
        for trial in (remembered.evidence.trials if remembered.evidence else ())
    ]


def finding(item: Finding) -> m.FindingView:
    return m.FindingView(
        group=dict(item.group),
        canary=_counts(item.canary),
        baseline=_counts(item.baseline) if item.baseline else None,
        opinion=item.opinion,
        streak=item.streak,
    )


def _counts(counts: Counts) -> m.CountsView:
    return m.CountsView(good=counts.good, total=counts.total)


def _acted(state: RolloutState, item: Acted) -> m.GroupActionView:
    return m.GroupActionView(
        group=dict(item.group),
        gate=item.gate,
        text=outcome(item, state.stable, given_up=state.abort is not None),
        reason=item.reason,
        kills=list(item.kills),
        held=item.held.name if item.held is not None else None,
        at=moment(item.at),
        in_force_at=moment(item.in_force_at),
        watched_at=moment(item.watched_at),
    )


def _abort(abort: Abort) -> m.AbortView:
    return m.AbortView(
        cause=abort.cause,
        reason=abort.reason,
        gate=abort.gate,
        at=moment(abort.at),
        harm_since=moment(abort.harm_since),
        zero_at=moment(abort.zero_at),
    )


def shares(routes: ServiceRoutes) -> list[m.ShareView]:
    """Who gets which version."""
    return [
        m.ShareView(
            segment=share.segment.name if share.segment else None,
            weights=[m.WeightView(version=version, weight=percent_of(weight)) for version, weight in share.weights],
        )
        for share in routes.shares
    ]


def workloads(seen: Mapping[VersionKey, WorkloadStatus], service: str) -> list[m.WorkloadView]:
    """How the running versions of a service are."""
    return [
        m.WorkloadView(
            version=key.version,
            health=status.health,
            instances=[f"{endpoint.host}:{endpoint.port}" for endpoint in status.endpoints],
            reason=status.reason,
        )
        for key, status in sorted(seen.items())
        if key.service == service
    ]


def release(value: Release, state: m.ReleaseUse) -> m.ReleaseView:
    return m.ReleaseView(
        service=value.service,
        version=value.version,
        digest=value.digest,
        command=list(value.process.command),
        env=[name for name, _ in value.process.env],
        instances=value.process.instances,
        notes=value.notes,
        state=state,
    )


def samples(state: RolloutState, kept: Sequence[Sample]) -> m.Samples:
    """Charts: per gate one series of each version, oldest first."""
    gates: list[m.GateSamples] = []
    for asked in state.plan.gates:
        series: dict[tuple[str, bool], list[m.Point]] = {}
        for sample in kept:
            if sample.gate == asked.name:
                point = m.Point(at=moment(sample.at), good=sample.good, total=sample.total)
                series.setdefault((sample.version, sample.canary), []).append(point)
        lines = [
            m.Series(version=version, canary=canary, points=points) for (version, canary), points in series.items()
        ]
        gates.append(m.GateSamples(gate=asked.name, objective=describe_gate(asked), series=lines))
    return m.Samples(rollout=state.id, gates=gates)


def token(value: Token) -> m.TokenView:
    """A token without its secret."""
    owner = owner_of(value)
    return m.TokenView(
        id=value.id,
        name=value.name,
        role=owner.role.value,
        environment=owner.environment,
        services=sorted(owner.services) if owner.services is not None else None,
        created_at=moment(value.created_at),
        revoked_at=moment(value.revoked_at),
    )
