"""What an analysis asks, as people say it. Called by the words for gates and plans."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from croupier.core.gates.analysis.model import AnalysisRule, Metric
from croupier.core.gates.analysis.run import Run
from croupier.core.gates.analysis.verdict import reason


def describe(rule: AnalysisRule) -> str:
    """``error-rate: result[0] < 0.05, 5 times, every 60 s, 1 may fail``, for each metric."""
    told = "; ".join(map(_described, rule.metrics))
    return f"{told}; errors and NaN as in Argo Rollouts" if rule.compat == "argo" else told


def measurements(rule: AnalysisRule, run: Run | None) -> Iterator[str]:
    """Each metric's counters and its last measurements, a line each."""
    for each in run.metrics if run is not None else ():
        metric = next(metric for metric in rule.metrics if metric.name == each.name)
        yield f"{reason(metric, each)}{' (dry run)' if metric.dry_run else ''}"
        if each.shown:
            alike = groupby(f"{one.text} {one.phase}" for one in each.shown)
            yield f"{each.name}, the last {len(each.shown)}: " + ", ".join(_times(*same) for same in alike)


def takes_s(metric: Metric) -> float:
    """Seconds from the beginning to the measurement that it passes at, if every one succeeds."""
    needed = [wanted for wanted in (metric.wanted, metric.consecutive_success_limit) if wanted]
    return metric.initial_delay_s + (min(needed, default=1) - 1) * (metric.interval_s or 0.0)


def _times(said: str, alike: Iterable[str]) -> str:
    times = sum(1 for _ in alike)
    return said if times == 1 else f"{said} ({times} times)"


def _described(metric: Metric) -> str:
    asked = []
    if metric.success is not None:
        asked.append(metric.success)
    if metric.failure is not None:
        asked.append(f"not {metric.failure}" if metric.success is None else f"failed if {metric.failure}")
    parts = [f"{metric.name}: {', '.join(asked) or 'no condition'}"]
    if metric.count and metric.count > 1:
        parts.append(f"{metric.count} times")
    if metric.interval_s is not None:
        parts.append(f"every {metric.interval_s:g} s")
    if metric.consecutive_success_limit:
        parts.append(f"until {metric.consecutive_success_limit} successes in a row")
    if metric.failure_limit > 0:
        parts.append(f"{metric.failure_limit} may fail")
    if metric.dry_run:
        parts.append("dry run, it decides nothing")
    return ", ".join(parts)
