"""Does the source that a gate names have what the gate counts? Called by ``check_gate``."""

from collections.abc import Iterator
from typing import Final

from croupier.core.gates import (
    EMBEDDED,
    OTLP,
    PROMETHEUS,
    ClassicRule,
    Gate,
    Matchers,
    MeasuredSli,
    PromqlSli,
    RatioSli,
)
from croupier.core.gates.selector import names_version, read
from croupier.errors import Problem, Rejected

_SLI: Final = ("spec", "sli")


def wrong_source(gate: Gate) -> Iterator[Problem]:
    """What the source cannot count."""
    if isinstance(gate.sli, MeasuredSli):
        return
    if isinstance(gate.sli, PromqlSli):
        if gate.source in (EMBEDDED, OTLP):
            yield Problem(
                "selectors of PromQL are read from Prometheus only.",
                (*_SLI, "promql"),
                "Write source: prometheus, or use a 'ratio' indicator.",
            )
        yield from _wrong_promql(gate.sli)
    elif gate.source != EMBEDDED and gate.sli.metric.startswith("edge_"):
        yield Problem(
            f"'{gate.sli.metric}' is counted by the edge, which only the embedded source reads.",
            (*_SLI, gate.sli.kind, "metric"),
            "Leave 'source' out, or name a metric of the service.",
        )
    yield from _without_a_past(gate)
    if gate.source != OTLP:
        for name, place in _names(gate):
            if "." in name:
                yield Problem(
                    f"'{name}' has dots, as only OpenTelemetry's names have.",
                    place,
                    f"Write '{name.replace('.', '_')}', or add source: otlp.",
                )


def _without_a_past(gate: Gate) -> Iterator[Problem]:
    """Comparisons with another day, where the source or the rule knows no other day."""
    if gate.comparison is None or not gate.comparison.ago_s:
        return
    at = ("spec", "comparison", "against")
    if gate.source != PROMETHEUS:
        yield Problem(
            f"the source '{gate.source}' keeps minutes and knows nothing of {gate.comparison.against}.",
            at,
            "Write source: prometheus, which keeps days, or compare with the baseline.",
        )
    if gate.comparison.canary_threshold_s is not None:
        yield Problem(
            "a canary that is counted at another threshold is compared with what happens at the same time.",
            (*at[:-1], "canaryThreshold"),
            "Remove it, or compare with the baseline.",
        )
    if not isinstance(gate.rule, ClassicRule):
        yield Problem(
            f"a '{gate.rule.kind}' rule compares what happens at the same time.",
            at,
            "Use 'rule', or compare with the baseline.",
        )


def _names(gate: Gate) -> Iterator[tuple[str, tuple[str | int, ...]]]:
    """Metric and labels, and where they stand."""
    sli = gate.sli
    named: list[tuple[str, Matchers]] = []
    if not isinstance(sli, PromqlSli | MeasuredSli):
        yield sli.metric, (*_SLI, sli.kind, "metric")
        named = [("good", sli.good), ("total", sli.total)] if isinstance(sli, RatioSli) else [("match", sli.match)]
    for field, matchers in named:
        for label, _ in matchers:
            yield label, (*_SLI, sli.kind, field, label)
    for place, label in enumerate(gate.by):
        yield label, ("spec", "by", place)


def _wrong_promql(sli: PromqlSli) -> Iterator[Problem]:
    selected = {}
    for field, text in (("total", sli.total), ("bad", sli.bad)):
        at = (*_SLI, "promql", field)
        try:
            selected[field] = read(text)
        except Rejected as refused:
            yield Problem(refused.message, at, refused.hint)
            continue
        if not all(map(names_version, selected[field])):
            yield Problem(
                "nothing tells the canary's counters from the baseline's.",
                at,
                'Match the label that holds the version by "=": version="{{version}}". "!=" and "!~" count the other '
                "version, and a regular expression may count both.",
            )
    if len(selected) == 2 and selected["total"] == selected["bad"]:
        yield Problem(
            "everything that counts is bad, so the gate can never pass.",
            (*_SLI, "promql", "bad"),
            "'bad' selects a part of what 'total' selects.",
        )
