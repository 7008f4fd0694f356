"""Does the source that a gate names have what the gate counts? Called by ``check_gate``."""

from collections.abc import Iterator
from typing import Final

from croupier.core.gates import EMBEDDED, Gate, PromqlSli
from croupier.core.gates.selector import names_version, read
from croupier.errors import Problem, Rejected

_SLI: Final = ("spec", "sli")


def wrong_source(gate: Gate) -> Iterator[Problem]:
    """What the source cannot count."""
    if isinstance(gate.sli, PromqlSli):
        if gate.source == EMBEDDED:
            yield Problem(
                "selectors of PromQL are read from Prometheus only.",
                (*_SLI, "promql"),
                "Add source: prometheus, or use a 'ratio' indicator.",
            )
        yield from _wrong_promql(gate.sli)
    elif gate.source != EMBEDDED and gate.sli.metric.startswith("edge_"):
        yield Problem(
            f"'{gate.sli.metric}' is counted by the edge, which only the embedded source reads.",
            (*_SLI, gate.sli.kind, "metric"),
            "Leave 'source' out, or name a metric of the service.",
        )


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
                'Match the label that holds the version: version="{{version}}".',
            )
    if len(selected) == 2 and selected["total"] == selected["bad"]:
        yield Problem(
            "everything that counts is bad, so the gate can never pass.",
            (*_SLI, "promql", "bad"),
            "'bad' selects a part of what 'total' selects.",
        )
