"""From measurements to a gate's verdict: which are due, and what all metrics together say. Pure. Called by ``judge``.

One metric that failed fails the gate. A metric with an end (a count, successes in a row) passes when it is through; one
without passes on each measurement of the present weight that succeeds. Too many errors are silence: they hold, unless
``compat`` is ``argo``. A metric that stays inconclusive asks for a person.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from croupier.core.gates.analysis.measurement import Measured, Measurement
from croupier.core.gates.analysis.model import AnalysisRule, Metric
from croupier.core.gates.analysis.run import MetricRun, Phase, Run, begun, due_at, taken
from croupier.core.gates.verdict import GateState, Verdict

_ENDS: Final = {
    Phase.FAILED: Verdict.FAIL,
    Phase.ERROR: Verdict.FAIL,
    Phase.SUCCESSFUL: Verdict.PASS,
    Phase.INCONCLUSIVE: Verdict.INCONCLUSIVE,
}
_WORST_FIRST: Final = (Verdict.FAIL, Verdict.NO_DATA, Verdict.INCONCLUSIVE, Verdict.PASS)


def standing(rule: AnalysisRule, run: Run | None, since: float) -> Run:
    """The run that goes on at the weight that is watched ``since`` (epoch seconds): the present one, or a new one where
    there is none. Metrics that were through at an earlier weight begin again (which ``compat: argo`` leaves at that).
    """
    if run is None:
        return begun(rule, since)
    if run.began >= since or rule.compat == "argo":
        return run
    through = [each.phase is Phase.SUCCESSFUL for each in _deciding(rule, run)]
    if all(through):
        return begun(rule, since)
    anew = (MetricRun(each.name) if each.phase is Phase.SUCCESSFUL else each for _, each in _pairs(rule, run))
    return Run(since, tuple(anew)) if any(through) else run


def due(rule: AnalysisRule, run: Run | None, since: float, now: float) -> tuple[Metric, ...]:
    """The metrics to measure now."""
    current = standing(rule, run, since)
    moments = ((metric, due_at(metric, each, current.began)) for metric, each in _pairs(rule, current))
    # A measurement ahead of now is of before the clock was set back.
    return tuple(
        metric
        for (metric, at), (_, each) in zip(moments, _pairs(rule, current), strict=True)
        if at is not None and (at <= now or (each.measured_at is not None and each.measured_at > now))
    )


def due_now(rule: AnalysisRule, state: GateState, since: float, now: float) -> bool:
    """Whether there is something to measure now, or something to say without: what is through counts at a new weight,
    where ``compat: argo`` does not begin it again.
    """
    if due(rule, state.analysis, since, now):
        return True
    settled = state.analysis is not None and state.passed_at is None
    return settled and look(rule, state.analysis, Measured(), since)[1] is Verdict.PASS


def next_at(rule: AnalysisRule, run: Run | None, since: float) -> float | None:
    """When the next measurement is due (epoch seconds), if one is."""
    current = standing(rule, run, since)
    moments = (due_at(metric, each, current.began) for metric, each in _pairs(rule, current))
    return min((at for at in moments if at is not None), default=None)


def look(rule: AnalysisRule, run: Run | None, said: Measured, since: float) -> tuple[Run, Verdict, str]:
    """The run after these measurements, and the verdict with its reason."""
    current = standing(rule, run, since)
    by_name: dict[str, Measurement] = {each.metric: each for each in said.taken}
    runs = tuple(
        taken(rule, metric, each, by_name[metric.name]) if metric.name in by_name else each
        for metric, each in _pairs(rule, current)
    )
    after = replace(current, metrics=runs)
    verdicts = [(_verdict(rule, metric, each, since), metric, each) for metric, each in _pairs(rule, after)]
    counting = [(verdict, metric, each) for verdict, metric, each in verdicts if not metric.dry_run]
    worst = min((verdict for verdict, _, _ in counting), key=_WORST_FIRST.index, default=Verdict.INCONCLUSIVE)
    reasons = [reason(metric, each) for verdict, metric, each in counting if verdict is worst]
    return after, worst, "; ".join(reasons[:3]) or "no metric counts"


def _verdict(rule: AnalysisRule, metric: Metric, run: MetricRun, since: float) -> Verdict:
    if run.phase is not Phase.RUNNING:
        return _ENDS[run.phase]
    if run.latest is Phase.ERROR:
        return Verdict.NO_DATA
    here = run.measured_at is not None and run.measured_at >= since
    if metric.ends or not here:
        return Verdict.INCONCLUSIVE
    return Verdict.PASS if run.latest is Phase.SUCCESSFUL or rule.compat == "argo" else Verdict.INCONCLUSIVE


def reason(metric: Metric, run: MetricRun) -> str:
    """What the metric has come to, in a sentence."""
    text = run.shown[-1].text if run.shown else ""
    if run.latest is None:
        return f"{metric.name} was not measured yet"
    of = f" of {metric.wanted}" if metric.wanted is not None else ""
    counts = f"{run.count}{of} measured, {run.failed} failed"
    if metric.failure_limit >= 0:
        counts += f" ({metric.failure_limit} may)"
    if run.inconclusive:
        counts += f", {run.inconclusive} inconclusive ({metric.inconclusive_limit} may be)"
    if run.latest is Phase.ERROR:
        times = f"{run.errors_in_a_row} errors in a row" if run.errors_in_a_row > 1 else "an error"
        return f"{metric.name}: {times}: {text}; {counts}"
    if metric.consecutive_success_limit:
        counts += f", {run.successes_in_a_row} of {metric.consecutive_success_limit} successes in a row"
    return f"{metric.name} is {text}, {run.latest}; {counts}"


def asks_a_person(rule: AnalysisRule, run: Run | None) -> bool:
    """Whether a metric ended inconclusive, so that no measurement will change its mind."""
    return run is not None and any(each.phase is Phase.INCONCLUSIVE for each in _deciding(rule, run))


def failing_since(rule: AnalysisRule, run: Run) -> float | None:
    """When the first failure came (epoch seconds) of a metric that counts, if there was one."""
    return min((each.failing_since for each in _deciding(rule, run) if each.failing_since is not None), default=None)


def _pairs(rule: AnalysisRule, run: Run) -> Iterator[tuple[Metric, MetricRun]]:
    by_name = {each.name: each for each in run.metrics}
    for metric in rule.metrics:
        yield metric, by_name.get(metric.name, MetricRun(metric.name))


def _deciding(rule: AnalysisRule, run: Run) -> Iterator[MetricRun]:
    return (each for metric, each in _pairs(rule, run) if not metric.dry_run)
