"""From the shapes to the core's frozen dataclasses, with the core's defaults. Nothing is judged here."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from croupier.adapters.manifests import profiles, ready, shapes, smoking
from croupier.adapters.manifests.given import given
from croupier.adapters.manifests.matching import matchers
from croupier.adapters.manifests.measuring import measuring
from croupier.adapters.manifests.shadowing import set_mirror_route, shadow
from croupier.core.experiments import Experiment, Guard
from croupier.core.gates import (
    EMBEDDED,
    BurnRule,
    ClassicRule,
    Comparison,
    EventsSli,
    Gate,
    HardStop,
    HoldPlayers,
    KillFlag,
    LatencySli,
    Objective,
    OnGroupFail,
    PopulationRule,
    PromqlSli,
    RatioSli,
    SequentialRule,
    Sli,
)
from croupier.core.gates.model import BY_GROUP, Rule
from croupier.core.gates.ready import BY_NAME
from croupier.core.releases import Affinity, IdKind, IdSource, Limits, ProcessTemplate, Service, Where
from croupier.core.rollout.blue_green import steps_of
from croupier.core.rollout.consent import Consent
from croupier.core.rollout.profile.fill import filled
from croupier.core.rollout.profile.model import Disruption
from croupier.core.rollout.spec import (
    FALSE_ROLLBACKS,
    INCONCLUSIVE,
    NO_DATA,
    Analysis,
    Approval,
    Asked,
    Auto,
    BlueGreen,
    Pause,
    Resort,
    RolloutSpec,
    SegmentFail,
    SetFlag,
    SetSegment,
    SetWeight,
    Timing,
    Undecided,
)
from croupier.core.segments import AttributeMatch, Segment


def service(shape: shapes.ServiceShape) -> Service:
    spec = shape.spec
    return Service(
        name=shape.metadata.name,
        prefixes=tuple(route.prefix for route in spec.routes),
        process=overridden(ProcessTemplate(command=()), spec.process),
        identity_header=given(spec.identity.header if spec.identity else None, "x-player-id"),
        attribute_headers=tuple(sorted((spec.attributes or {}).items())),
        identity_cookie=spec.identity.cookie if spec.identity else None,
        affinity=_affinity(spec.affinity),
    )


def _affinity(shape: shapes.AffinityShape | None) -> Affinity | None:
    if shape is None:
        return None
    kinds = tuple(IdKind(each.kind, _sources(each, each.sources)) for each in shape.kinds or ())
    default = Affinity(kinds or (IdKind("round", _sources(shape, shape.sources)),))
    return replace(default, ttl_s=given(shape.ttl, default.ttl_s), drain_s=given(shape.drain, default.drain_s))


def _sources(one: shapes.IdSourceShape, several: Sequence[shapes.IdSourceShape] | None) -> tuple[IdSource, ...]:
    return tuple(
        IdSource(where, name)
        for each in several or (one,)
        for where, name in ((Where.HEADER, each.header), (Where.QUERY, each.query), (Where.PATH, each.path))
        if name is not None
    )


def overridden(template: ProcessTemplate, changes: shapes.ProcessOverrides | None) -> ProcessTemplate:
    """The template with what a release (or a service, over the defaults) says differently.

    ``env`` is merged by variable, ``health``, ``metrics`` and ``limits`` by field; a ``command`` replaces the whole
    command.
    """
    if changes is None:
        return template
    health = changes.health or shapes.HealthShape()
    limits = changes.limits or shapes.LimitsShape()
    return replace(
        template,
        command=tuple(changes.command) if changes.command else template.command,
        env=tuple(sorted({**dict(template.env), **(changes.env or {})}.items())),
        directory=given(changes.directory, template.directory),
        instances=given(changes.instances, template.instances),
        health_path=given(health.path, template.health_path),
        metrics_path=given(changes.metrics.path if changes.metrics else None, template.metrics_path),
        start_timeout_s=given(health.start_timeout, template.start_timeout_s),
        drain_s=given(changes.drain, template.drain_s),
        limits=Limits(
            given(limits.memory, template.limits.memory_bytes), given(limits.open_files, template.limits.open_files)
        ),
    )


def gate(shape: shapes.GateShape) -> Gate:
    """The gate; where it names a ready-made one, that one's demands hold unless it writes its own."""
    spec = shape.spec
    if spec.sli is None:
        return measuring(shape)
    usual = BY_NAME[spec.sli.ready.name].gate if spec.sli.ready else Gate("", _sli(spec.sli))
    by = tuple(given(spec.by, list(usual.by)))
    return Gate(
        name=shape.metadata.name,
        sli=_sli(spec.sli),
        by=by,
        objective=Objective(spec.objective.at_least) if spec.objective else usual.objective,
        comparison=_comparison(spec.comparison, usual.comparison) if spec.comparison else usual.comparison,
        hard_stop=_hard_stop(spec.hard_stop, usual.hard_stop) if spec.hard_stop else usual.hard_stop,
        rule=_rule(spec, usual.rule, by),
        description=given(spec.description, usual.description),
        source=given(spec.source, EMBEDDED),
        advisory=given(spec.advisory, usual.advisory),
        warmup_s=given(spec.warmup, usual.warmup_s),
        on_group_fail=_on_group_fail(spec.on_group_fail) if spec.on_group_fail else None,
    )


def _on_group_fail(shape: shapes.OnGroupFailShape) -> OnGroupFail:
    usual = OnGroupFail(())
    return OnGroupFail(
        actions=tuple(_group_action(action) for action in shape.actions),
        at_most=given(shape.at_most, usual.at_most),
        watch_s=given(shape.watch, usual.watch_s),
    )


def _group_action(shape: shapes.GroupActionShape) -> KillFlag | HoldPlayers:
    return KillFlag(shape.kill) if shape.kill else HoldPlayers(tuple(shape.hold or ()))


def _comparison(shape: shapes.ComparisonShape, usual: Comparison | None) -> Comparison:
    usual, own = usual or Comparison(), shape.canary_threshold
    max_ratio = given(shape.max_ratio, usual.max_ratio if own is None else 1.0)
    return Comparison(max_ratio, given(shape.slack, usual.slack), own, given(shape.against, usual.against))


def _hard_stop(shape: shapes.HardStopShape, usual: HardStop | None) -> HardStop:
    samples = given(shape.samples, (usual or HardStop()).samples)
    return HardStop(shape.events, shape.failing, samples, shape.drop)


def _rule(spec: shapes.GateSpec, usual: Rule, by: Sequence[str]) -> Rule:
    if spec.burn:
        return _burn(spec.burn, usual if isinstance(usual, BurnRule) else BurnRule())
    if spec.population:
        return _population(spec.population, usual if isinstance(usual, PopulationRule) else PopulationRule())
    if spec.sequential or (isinstance(usual, SequentialRule) and not spec.rule):
        return _sequential(spec.sequential or shapes.SequentialShape(), BY_GROUP if by else SequentialRule())
    if spec.rule or isinstance(usual, ClassicRule):
        classic = usual if isinstance(usual, ClassicRule) else ClassicRule()
        return _classic(spec.rule or shapes.RuleShape(), classic)
    return usual


def _classic(shape: shapes.RuleShape, usual: ClassicRule) -> ClassicRule:
    return ClassicRule(
        interval_s=given(shape.interval, usual.interval_s),
        window_s=given(shape.window, usual.window_s),
        consecutive=given(shape.consecutive, usual.consecutive),
        min_samples=given(shape.min_samples, usual.min_samples),
    )


def _burn(shape: shapes.BurnShape, usual: BurnRule) -> BurnRule:
    return BurnRule(
        window_s=given(shape.window, usual.window_s),
        short_s=given(shape.short_window, usual.short_s),
        factor=given(shape.factor, usual.factor),
        interval_s=given(shape.interval, usual.interval_s),
        min_samples=given(shape.min_samples, usual.min_samples),
    )


def _population(shape: shapes.PopulationShape, usual: PopulationRule) -> PopulationRule:
    return PopulationRule(
        players=given(shape.players, usual.players),
        visit=given(shape.visit, usual.visit),
        error=given(shape.error, usual.error),
        interval_s=given(shape.interval, usual.interval_s),
        samples=given(shape.samples, usual.samples),
    )


def _sequential(shape: shapes.SequentialShape, usual: SequentialRule) -> SequentialRule:
    return SequentialRule(
        interval_s=given(shape.interval, usual.interval_s),
        samples=given(shape.samples, usual.samples),
        clumps=given(shape.clumps, usual.clumps),
        dwell=given(shape.dwell, usual.dwell),
        patience=given(shape.patience, usual.patience),
        harm=given(shape.harm, usual.harm),
    )


def _sli(shape: shapes.SliShape) -> Sli:
    if shape.ready:
        return ready.own(shape.ready)
    if shape.ratio:
        return RatioSli(shape.ratio.metric, matchers(shape.ratio.good), matchers(shape.ratio.total))
    if shape.latency:
        return LatencySli(shape.latency.metric, shape.latency.threshold, matchers(shape.latency.match))
    if shape.events:
        return EventsSli(shape.events.metric, matchers(shape.events.match))
    if shape.promql:
        return PromqlSli(shape.promql.total, shape.promql.bad)
    raise AssertionError("a shape with none of its choices never gets here")  # pragma: no cover


def segment(shape: shapes.SegmentShape) -> Segment:
    return Segment(shape.metadata.name, _matches(shape.spec.match))


def _matches(match: Mapping[str, Sequence[str]]) -> tuple[AttributeMatch, ...]:
    return tuple(AttributeMatch(name, tuple(values)) for name, values in sorted(match.items()))


def experiment(shape: shapes.ExperimentShape) -> Experiment:
    spec = shape.spec
    usual = Experiment("", "", "", "")
    return Experiment(
        name=shape.metadata.name,
        flag=spec.flag,
        control=spec.control,
        goal=spec.goal.event,
        treatments=tuple(spec.treatments or ()),
        environment=given(spec.environment, usual.environment),
        rule=given(spec.rule, usual.rule),
        within_s=spec.goal.within,
        fewer_is_better=spec.goal.better == "fewer",
        guards=tuple(Guard(guard.event, guard.worse == "fewer") for guard in spec.guards or ()),
        minimum_effect=given(spec.minimum_effect, usual.minimum_effect),
        error=given(spec.error, usual.error),
        lasts_s=given(spec.lasts, usual.lasts_s),
        owner=given(spec.owner, usual.owner),
        description=given(spec.description, usual.description),
    )


def rollout(shape: shapes.RolloutShape) -> RolloutSpec:
    spec, usual = shape.spec, Timing()
    chosen = profiles.chosen(spec.profile) if spec.profile else None
    profile = chosen.profile if chosen else None
    asked, steps, guards = _strategy(spec.strategy) if spec.strategy else (None, (), ())
    keep = asked.keep_s if asked is not None else None
    services = tuple(spec.services or ())
    written = RolloutSpec(
        name=shape.metadata.name,
        service=spec.service or services[0],
        services=services,
        only=tuple(dict.fromkeys(_about(spec.strategy))) if spec.strategy else (),
        steps=steps,
        guards=guards,
        segment=spec.segment,
        timing=Timing(
            progress_deadline_s=given(spec.progress_deadline, (profile or usual).progress_deadline_s),
            keep_stable_s=given(spec.keep_stable, given(keep, (profile or usual).keep_stable_s)),
            keep_canary_s=given(spec.keep_canary, given(keep, usual.keep_canary_s)),
        ),
        false_rollbacks=given(spec.false_rollbacks, profile.false_rollbacks if profile else FALSE_ROLLBACKS),
        on_inconclusive=_undecided(spec.on_inconclusive, INCONCLUSIVE) or INCONCLUSIVE,
        on_no_data=_undecided(spec.on_no_data, NO_DATA) or NO_DATA,
        blue_green=asked,
        profile=chosen,
        consent=profiles.consent(spec.approval),
        disruption=profiles.disruption(spec.disruption, profile.usual.disruption if profile else Disruption()),
        smoke=smoking.asked(spec.smoke),
    )
    return filled(written)


def _about(shape: shapes.StrategyShape) -> Iterator[tuple[str, str]]:
    """The gates that are about one of several services."""
    canary, both = shape.canary, shape.blue_green
    analyses = [canary.analysis, *(step.analysis for step in canary.steps or ())] if canary else []
    analyses += [both.pre_promotion_analysis, both.post_promotion_analysis] if both else []
    for template in (template for each in analyses if each is not None for template in each.templates):
        if template.service is not None:
            yield template.template_name, template.service


def _strategy(shape: shapes.StrategyShape) -> tuple[BlueGreen | None, tuple[Asked, ...], tuple[str, ...]]:
    """The two stacks, if it is that, the steps and the guards."""
    if shape.blue_green is not None:
        asked, watching = _blue_green(shape.blue_green), shape.blue_green.post_promotion_analysis
        return asked, steps_of(asked), _gates(watching) if watching else ()
    if shape.canary is not None:
        canary = shape.canary
        return (
            None,
            tuple(_step(step) for step in canary.steps or ()),
            _gates(canary.analysis) if canary.analysis else (),
        )
    raise AssertionError("a shape with none of its choices never gets here")  # pragma: no cover


def _blue_green(shape: shapes.BlueGreenShape) -> BlueGreen:
    usual, before = BlueGreen(), shape.pre_promotion_analysis
    return BlueGreen(
        before=_gates(before) if before else (),
        by_hand=shape.auto_promotion_enabled is False,
        wait_s=shape.auto_promotion_seconds,
        watch_s=given(shape.watch, usual.watch_s),
        keep_s=given(shape.keep, given(shape.scale_down_delay_seconds, usual.keep_s)),
        checks=smoking.asked(shape.before),
    )


def _step(shape: shapes.StepShape) -> Asked:  # noqa: PLR0911 - a return a step
    if shape.analysis is not None:
        asked = shape.analysis
        return Analysis(
            _gates(asked),
            harm=asked.harm,
            dwell=asked.dwell,
            patience=asked.patience,
            on_inconclusive=_undecided(asked.on_inconclusive, INCONCLUSIVE),
            on_no_data=_undecided(asked.on_no_data, NO_DATA),
        )
    if shape.flag is not None:
        return _set_flag(shape.flag)
    if shape.approval is not None:
        return Approval(profiles.consent(shape.approval) or Consent())
    if (smoke := smoking.asked(shape.smoke)) is not None:
        return smoke
    if shape.auto is not None:
        return _auto(shape.auto)
    if shape.pause is not None:
        return Pause(shape.pause.duration)
    if shape.set_weight is not None:
        return SetWeight(shape.set_weight)
    if shape.set_segment is not None:
        return _set_segment(shape.set_segment)
    if shape.set_mirror_route is not None:
        return set_mirror_route(shape.set_mirror_route)
    if shape.shadow is not None:
        return shadow(shape.shadow)
    raise AssertionError("a shape with none of its choices never gets here")  # pragma: no cover


def _set_flag(shape: shapes.FlagStepShape) -> SetFlag:
    usual, to = SetFlag(shape.name), shape.to
    variant, share = (to.variant, to.percent) if to is not None else (None, None)
    wait = given(shape.wait, usual.wait_s)
    return SetFlag(shape.name, given(variant, usual.variant), given(share, usual.share_bp), wait)


def _set_segment(shape: shapes.SegmentWeightShape) -> SetSegment:
    matches = _matches(shape.match or {})
    written = " ".join(f"{match.attribute}={','.join(match.values)}" for match in matches)
    return SetSegment(
        Segment(shape.segment or written, matches),
        shape.weight,
        guards=tuple(shape.guards or ()),
        on_fail=SegmentFail(given(shape.on_fail, SegmentFail.ABORT)),
    )


def _auto(shape: shapes.AutoShape) -> Auto:
    usual = Auto()
    return Auto(
        weights_bp=tuple(given(shape.weights, list(usual.weights_bp))),
        first_bp=shape.first,
        last_bp=shape.last,
        harm=shape.harm,
        dwell=shape.dwell,
        bake=given(shape.bake, usual.bake),
        watch_s=given(shape.watch, usual.watch_s),
    )


def _undecided(shape: shapes.UndecidedShape | None, usual: Undecided) -> Undecided | None:
    return None if shape is None else Undecided(Resort(shape.then), given(shape.after, usual.after_s))


def _gates(shape: shapes.AnalysisShape) -> tuple[str, ...]:
    return tuple(template.template_name for template in shape.templates)
