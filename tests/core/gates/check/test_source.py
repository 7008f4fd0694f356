"""Whether the source has what the gate counts."""

from dataclasses import replace

import pytest

from croupier.core.gates import (
    EMBEDDED,
    OTLP,
    PROMETHEUS,
    Gate,
    LatencySli,
    Objective,
    PromqlSli,
    RatioSli,
    Sli,
)
from croupier.core.gates.check import check_gate

OURS = 'http_requests_total{version="{{version}}"}'
BAD = 'http_requests_total{version="{{version}}",code=~"5.."}'
DOTTED = RatioSli("shop.requests", good=(("http.code", ("200",)),))
EDGE = RatioSli("edge_requests_total", good=(("code", ("200",)),))


@pytest.mark.parametrize(
    "sli,source,fields",
    [
        (PromqlSli(OURS, BAD), PROMETHEUS, []),
        (PromqlSli(OURS, BAD), EMBEDDED, ["spec.sli.promql"]),
        (PromqlSli(OURS, f"{BAD} or timeouts_total"), PROMETHEUS, ["spec.sli.promql.bad"]),
        (PromqlSli("http_requests_total", BAD), PROMETHEUS, ["spec.sli.promql.total"]),
        (PromqlSli(OURS.replace("=", "!="), BAD), PROMETHEUS, ["spec.sli.promql.total"]),
        (PromqlSli(OURS, BAD.replace('="{{version}}"', '=~"{{version}}|.*"')), PROMETHEUS, ["spec.sli.promql.bad"]),
        (PromqlSli("rate(x[1m])", "1"), PROMETHEUS, ["spec.sli.promql.total", "spec.sli.promql.bad"]),
        (PromqlSli(OURS, f" {OURS}"), PROMETHEUS, ["spec.sli.promql.bad"]),
        (EDGE, EMBEDDED, []),
        (EDGE, PROMETHEUS, ["spec.sli.ratio.metric"]),
        (EDGE, OTLP, ["spec.sli.ratio.metric"]),
        (PromqlSli(OURS, BAD), OTLP, ["spec.sli.promql"]),
        (DOTTED, OTLP, []),
        (DOTTED, PROMETHEUS, ["spec.sli.ratio.metric", "spec.sli.ratio.good.http.code"]),
        (LatencySli("x_seconds", 0.5, (("http.route", ("/",)),)), EMBEDDED, ["spec.sli.latency.match.http.route"]),
    ],
)
def test_each_source_counts_its_own(sli: Sli, source: str, fields: list[str]) -> None:
    gate = Gate("g", sli, objective=Objective(0.99), source=source)
    problems = check_gate(gate)
    assert [problem.field for problem in problems] == fields
    assert all(problem.hint for problem in problems)


def test_groups_have_dots_with_otlp_only() -> None:
    gate = Gate("g", RatioSli("m", (("o", ("ok",)),)), by=("psp", "http.route"), objective=Objective(0.99))
    assert [problem.field for problem in check_gate(gate)] == ["spec.by[1]"]
    assert not check_gate(replace(gate, source=OTLP))
