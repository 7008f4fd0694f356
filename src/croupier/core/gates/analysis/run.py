"""The state machine of one metric: measurements in, counters and a phase out. Pure; as Argo Rollouts has it.

Errors do not advance the count and are retried after ten seconds. Failures and inconclusive measurements add up for
good; errors and successes count in a row. A metric is over when a limit is passed, when enough successes came in a row,
or when its measurements are used up. Two mends hold unless ``compat`` is ``argo``: too many errors never end a metric
(they hold it), and a result that is NaN, or of which the decisive part is, is an error like any other silence. Called
by ``verdict``.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from croupier.core.expr import Unanswerable, condition
from croupier.core.gates.analysis.measurement import Measurement, is_nothing, value_of, written
from croupier.core.gates.analysis.model import RETRY_S, AnalysisRule, Metric


class Phase(StrEnum):
    """Of a measurement, and of a metric."""

    RUNNING = "running"
    SUCCESSFUL = "successful"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Shown:
    """A measurement that was taken, for people: when (epoch seconds), what it was, and the value or what went wrong."""

    at: float
    phase: Phase
    text: str


@dataclass(frozen=True, slots=True)
class MetricRun:
    """What a metric has come to. ``measured_at`` is the last measurement (epoch seconds), ``latest`` what it was;
    ``shown`` the last few, oldest first. ``failing_since`` is the first failure that counts.
    """

    name: str
    phase: Phase = Phase.RUNNING
    count: int = 0
    successful: int = 0
    failed: int = 0
    inconclusive: int = 0
    errors: int = 0
    errors_in_a_row: int = 0
    successes_in_a_row: int = 0
    measured_at: float | None = None
    latest: Phase | None = None
    failing_since: float | None = None
    shown: tuple[Shown, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """All metrics of an analysis that began at ``began`` (epoch seconds)."""

    began: float
    metrics: tuple[MetricRun, ...]


_EMPTY: Final = "the answer was empty"


def begun(rule: AnalysisRule, at: float) -> Run:
    """A run that has measured nothing yet."""
    return Run(at, tuple(MetricRun(each.name) for each in rule.metrics))


def due_at(metric: Metric, run: MetricRun, began: float) -> float | None:
    """When the next measurement is due (epoch seconds); ``None`` if none is wanted any more."""
    if run.phase is not Phase.RUNNING:
        return None
    if run.measured_at is None:
        return began + metric.initial_delay_s
    if run.latest is Phase.ERROR or metric.interval_s is None:
        return run.measured_at + RETRY_S
    return run.measured_at + metric.interval_s


def taken(rule: AnalysisRule, metric: Metric, run: MetricRun, measurement: Measurement) -> MetricRun:
    """The metric after a measurement. One that is over stays as it is."""
    if run.phase is not Phase.RUNNING:
        return run
    argo = rule.compat == "argo"
    phase, text = judged(metric, measurement, argo=argo)
    error, success = phase is Phase.ERROR, phase is Phase.SUCCESSFUL
    counted = replace(
        run,
        count=run.count + (not error),
        successful=run.successful + success,
        failed=run.failed + (phase is Phase.FAILED),
        inconclusive=run.inconclusive + (phase is Phase.INCONCLUSIVE),
        errors=run.errors + error,
        errors_in_a_row=run.errors_in_a_row + 1 if error else 0,
        successes_in_a_row=run.successes_in_a_row + 1 if success else 0,
        measured_at=measurement.at,
        latest=phase,
        failing_since=measurement.at if run.failing_since is None and phase is Phase.FAILED else run.failing_since,
        shown=(*run.shown, Shown(measurement.at, phase, text))[-metric.keep :],
    )
    return replace(counted, phase=assessed(metric, counted, argo=argo))


def assessed(metric: Metric, run: MetricRun, *, argo: bool) -> Phase:
    """What the counters come to. Errors outrank doubt, and doubt failures, where several limits are passed at once."""
    if argo and run.errors_in_a_row > metric.consecutive_error_limit:
        return Phase.ERROR
    if run.inconclusive > metric.inconclusive_limit:
        return Phase.INCONCLUSIVE
    if 0 <= metric.failure_limit < run.failed:
        return Phase.FAILED
    if 0 < metric.consecutive_success_limit <= run.successes_in_a_row:
        return Phase.SUCCESSFUL
    if metric.wanted is None or run.count < metric.wanted:
        return Phase.RUNNING
    if not metric.consecutive_success_limit:
        return Phase.SUCCESSFUL
    return Phase.INCONCLUSIVE if metric.failure_limit >= 0 else Phase.FAILED


def judged(metric: Metric, measurement: Measurement, *, argo: bool) -> tuple[Phase, str]:
    """What one measurement is, and its value or what went wrong, for people."""
    if measurement.value is None:
        return Phase.ERROR, _short(measurement.error)
    value = value_of(measurement)
    try:
        return _compared(metric, value, argo=argo), written(measurement)
    except Unanswerable as why:
        return Phase.ERROR, _short(_EMPTY if value in (None, []) else f"{why} (of {written(measurement)})")


def _compared(metric: Metric, value: Any, *, argo: bool) -> Phase:
    """Only one condition: what is not the one is the other. Failure wins over success; neither is inconclusive."""
    asked = [condition(text) for text in (metric.success, metric.failure) if text is not None]
    nan = argo or any(each.calls("isNaN") for each in asked)
    if asked and not argo:
        if is_nothing(value) and not nan:
            raise Unanswerable("the result is not a number, as when nothing happened that could be counted")
        if value == [] and not any(each.calls("len") for each in asked):
            raise Unanswerable(_EMPTY)
    success = condition(metric.success).holds(value, nan=nan) if metric.success is not None else None
    failure = condition(metric.failure).holds(value, nan=nan) if metric.failure is not None else None
    if failure is None:
        return Phase.SUCCESSFUL if success is None or success else Phase.FAILED
    if failure:
        return Phase.FAILED
    return Phase.SUCCESSFUL if success is None or success else Phase.INCONCLUSIVE


def _short(text: str) -> str:
    return text if len(text) <= 300 else f"{text[:300]}…"
