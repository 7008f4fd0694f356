"""Whether the source has what the gate counts."""

import pytest

from croupier.core.gates import EMBEDDED, PROMETHEUS, Gate, Objective, PromqlSli, RatioSli, Sli
from croupier.core.rollout.check import check_gate

OURS = 'http_requests_total{version="{{version}}"}'
BAD = 'http_requests_total{version="{{version}}",code=~"5.."}'
EDGE = RatioSli("edge_requests_total", good=(("code", ("200",)),))


@pytest.mark.parametrize(
    "sli,source,fields",
    [
        (PromqlSli(OURS, BAD), PROMETHEUS, []),
        (PromqlSli(OURS, BAD), EMBEDDED, ["spec.sli.promql"]),
        (PromqlSli(OURS, f"{BAD} or timeouts_total"), PROMETHEUS, ["spec.sli.promql.bad"]),
        (PromqlSli("http_requests_total", BAD), PROMETHEUS, ["spec.sli.promql.total"]),
        (PromqlSli("rate(x[1m])", "1"), PROMETHEUS, ["spec.sli.promql.total", "spec.sli.promql.bad"]),
        (PromqlSli(OURS, f" {OURS}"), PROMETHEUS, ["spec.sli.promql.bad"]),
        (EDGE, EMBEDDED, []),
        (EDGE, PROMETHEUS, ["spec.sli.ratio.metric"]),
    ],
)
def test_each_source_counts_its_own(sli: Sli, source: str, fields: list[str]) -> None:
    gate = Gate("g", sli, objective=Objective(0.99), source=source)
    problems = check_gate(gate)
    assert [problem.field for problem in problems] == fields
    assert all(problem.hint for problem in problems)
