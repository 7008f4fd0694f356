"""From the shape of a gate that measures to the core's, with the core's defaults. Called by ``convert``."""

from croupier.adapters.manifests import shapes
from croupier.adapters.manifests.given import given
from croupier.core.gates import MEASURED, AnalysisRule, Comparison, Gate, HardStop, MeasuredSli, Objective
from croupier.core.gates.analysis.model import Arg, Metric, PrometheusQuery, Provider, WebRequest


def measuring(shape: shapes.GateShape) -> Gate:
    """The gate of a shape that has an analysis. Demands that cannot stand beside one are carried over, to be told."""
    spec = shape.spec
    asked = spec.analysis
    assert asked is not None  # noqa: S101 - one of both is there
    args = tuple(
        Arg(each.name, each.value, *((each.value_from.file, each.value_from.env) if each.value_from else (None, None)))
        for each in asked.args or ()
    )
    return Gate(
        name=shape.metadata.name,
        sli=MeasuredSli(),
        by=tuple(spec.by or ()),
        objective=Objective(spec.objective.at_least) if spec.objective else None,
        comparison=Comparison() if spec.comparison else None,
        hard_stop=HardStop() if spec.hard_stop else None,
        rule=AnalysisRule(tuple(map(_metric, asked.metrics)), args, asked.compat or "croupier"),
        description=spec.description or "",
        source=MEASURED,
        advisory=bool(spec.advisory),
        warmup_s=spec.warmup or 0.0,
    )


def _metric(shape: shapes.MeasuredMetricShape) -> Metric:
    provider = _provider(shape.provider)
    usual = Metric(shape.name, provider)
    return Metric(
        name=shape.name,
        provider=provider,
        success=shape.success_condition,
        failure=shape.failure_condition,
        interval_s=shape.interval,
        initial_delay_s=given(shape.initial_delay, usual.initial_delay_s),
        count=shape.count or None,
        failure_limit=given(shape.failure_limit, usual.failure_limit),
        inconclusive_limit=given(shape.inconclusive_limit, usual.inconclusive_limit),
        consecutive_error_limit=given(shape.consecutive_error_limit, usual.consecutive_error_limit),
        consecutive_success_limit=given(shape.consecutive_success_limit, usual.consecutive_success_limit),
        dry_run=bool(shape.dry_run),
        keep=given(shape.measurement_retention, usual.keep),
    )


def _provider(shape: shapes.ProviderShape) -> Provider:
    if shape.prometheus is not None:
        asked = shape.prometheus
        return PrometheusQuery(
            query=asked.query,
            address=asked.address,
            headers=tuple((asked.headers or {}).items()),
            timeout_s=given(asked.timeout, 30.0),
            insecure=bool(asked.insecure),
        )
    web = shape.web
    assert web is not None  # noqa: S101 - one of both is there
    return WebRequest(
        url=web.url,
        method=web.method or "GET",
        headers=tuple((web.headers or {}).items()),
        body=web.body,
        json_path=web.json_path or "",
        timeout_s=given(web.timeout, 10.0),
        insecure=bool(web.insecure),
    )
