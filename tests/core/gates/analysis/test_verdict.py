"""What all metrics together say, and when they are to be measured."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.gates import Gate, GateState, MeasuredSli, Reading, Silence, Verdict
from croupier.core.gates.analysis.measurement import Measured, Measurement, measured
from croupier.core.gates.analysis.model import AnalysisRule, Metric, PrometheusQuery
from croupier.core.gates.analysis.run import MetricRun, Phase, Run
from croupier.core.gates.analysis.verdict import (
    asks_a_person,
    due,
    due_now,
    failing_since,
    look,
    next_at,
    reason,
    standing,
)
from croupier.core.gates.analysis.wording import describe, measurements, takes_s
from croupier.core.gates.judge import judge, span
from croupier.core.gates.model import ClassicRule

ASK = PrometheusQuery("up")
RATE = Metric("rate", ASK, "result > 0.9", interval_s=60.0)
COUNTED = Metric("counted", ASK, "result > 0.9", interval_s=60.0, count=2, failure_limit=1)
DRY = Metric("dry", ASK, "result > 0.9", interval_s=60.0, dry_run=True)
BOTH = AnalysisRule((RATE, COUNTED))


def said(at: float, **values: Any) -> Measured:
    return Measured(tuple(measured(name, at, value) for name, value in values.items()))


def silent(at: float, *names: str) -> Measured:
    return Measured(tuple(Measurement(name, at, error="no answer") for name in names))


def names(metrics: tuple[Metric, ...]) -> list[str]:
    return [each.name for each in metrics]


def test_the_worst_metric_decides() -> None:
    run, verdict, why = look(BOTH, None, said(0.0, rate=1.0, counted=1.0), 0.0)
    assert (verdict, why) == (
        Verdict.INCONCLUSIVE,
        "counted is 1, successful; 1 of 2 measured, 0 failed (1 may)",
    )
    run, verdict, _ = look(BOTH, run, said(60.0, rate=1.0, counted=1.0), 0.0)
    assert verdict is Verdict.PASS
    _, verdict, why = look(BOTH, run, said(120.0, rate=0.0), 0.0)
    assert (verdict, why) == (Verdict.FAIL, "rate is 0, failed; 3 measured, 1 failed (0 may)")


def test_an_error_is_silence_and_a_failure_outranks_it() -> None:
    run, verdict, why = look(BOTH, None, silent(0.0, "rate", "counted"), 0.0)
    assert verdict is Verdict.NO_DATA
    assert why.startswith("rate: an error: no answer")
    _, verdict, _ = look(BOTH, run, said(10.0, rate=0.0), 0.0)
    assert verdict is Verdict.FAIL
    assert look(AnalysisRule((RATE,)), None, Measured(), 0.0)[2] == "rate was not measured yet"


def test_a_dry_run_decides_nothing() -> None:
    rule = AnalysisRule((RATE, DRY))
    run, verdict, _ = look(rule, None, said(0.0, rate=1.0, dry=0.0), 0.0)
    assert verdict is Verdict.PASS
    assert run.metrics[1].phase is Phase.FAILED
    assert failing_since(rule, run) is None
    alone = look(AnalysisRule((DRY,)), None, said(0.0, dry=0.0), 0.0)
    assert alone[1:] == (Verdict.INCONCLUSIVE, "no metric counts")


@given(
    st.lists(st.sampled_from([0.0, 1.0, None]), max_size=12), st.lists(st.sampled_from([0.0, 1.0, None]), max_size=12)
)
def test_whatever_a_dry_run_measures_the_verdict_is_the_same(
    rates: list[float | None], drys: list[float | None]
) -> None:
    def verdicts(with_dry: bool) -> list[Verdict]:
        rule, run, found = AnalysisRule((RATE, DRY)), None, []
        for at, rate in enumerate(rates):
            taken = [measured("rate", at, rate) if rate is not None else Measurement("rate", at, error="no")]
            if with_dry and at < len(drys):
                taken.append(measured("dry", at, drys[at]))
            run, verdict, _ = look(rule, run, Measured(tuple(taken)), 0.0)
            found.append(verdict)
        return found

    assert verdicts(with_dry=True) == verdicts(with_dry=False)


def test_without_a_count_each_weight_needs_a_success_of_its_own() -> None:
    rule = AnalysisRule((replace(RATE, failure_limit=2),))
    run, verdict, _ = look(rule, None, said(10.0, rate=1.0), 0.0)
    assert verdict is Verdict.PASS
    assert look(rule, run, Measured(), 50.0)[1] is Verdict.INCONCLUSIVE
    later, verdict, _ = look(rule, run, said(70.0, rate=0.0), 50.0)
    assert verdict is Verdict.INCONCLUSIVE
    assert later.metrics[0].failed == 1  # the failures of all weights add up
    argo = replace(rule, compat="argo")
    assert look(argo, run, said(70.0, rate=0.0), 50.0)[1] is Verdict.PASS


def test_what_is_through_is_begun_again_at_the_next_weight() -> None:
    rule = AnalysisRule((COUNTED,))
    run, _, _ = look(rule, None, said(0.0, counted=1.0), 0.0)
    run, verdict, _ = look(rule, run, said(60.0, counted=1.0), 0.0)
    assert verdict is Verdict.PASS
    assert standing(rule, run, 0.0) is run
    assert standing(rule, run, 100.0) == Run(100.0, (MetricRun("counted"),))
    assert names(due(rule, run, 100.0, 100.0)) == ["counted"]
    argo = replace(rule, compat="argo")
    assert standing(argo, run, 100.0) is run
    assert not due(argo, run, 100.0, 100.0)
    passed = GateState("g", analysis=run, passed_at=60.0)
    assert not due_now(argo, passed, 0.0, 61.0)
    assert due_now(argo, replace(passed, passed_at=None), 100.0, 100.0)
    assert not due_now(argo, GateState("g"), 100.0, 99.0)
    both, _, _ = look(BOTH, run, said(70.0, rate=1.0), 0.0)
    assert names(due(BOTH, both, 100.0, 130.0)) == ["rate", "counted"]  # whatever else goes on
    again, verdict, _ = look(BOTH, both, said(130.0, rate=1.0, counted=1.0), 100.0)
    assert verdict is Verdict.INCONCLUSIVE
    assert (again.began, again.metrics[0].count, again.metrics[1].count) == (100.0, 2, 1)
    assert standing(BOTH, again, 100.0) is again
    unfinished = look(BOTH, None, said(0.0, rate=1.0, counted=1.0), 0.0)[0]
    assert standing(BOTH, unfinished, 100.0) is unfinished


def test_when_metrics_are_due() -> None:
    late = replace(COUNTED, initial_delay_s=30.0)
    rule = AnalysisRule((RATE, late))
    assert names(due(rule, None, 100.0, 100.0)) == ["rate"]
    assert next_at(rule, None, 100.0) == 100.0
    run, _, _ = look(rule, None, said(100.0, rate=1.0), 100.0)
    assert not due(rule, run, 100.0, 129.0)
    assert next_at(rule, run, 100.0) == 130.0
    assert names(due(rule, run, 100.0, 130.0)) == ["counted"]
    assert names(due(rule, run, 100.0, 160.0)) == ["rate", "counted"]
    # A clock that was set back does not blind it until it has caught up.
    assert names(due(rule, run, 100.0, 50.0)) == ["rate"]
    over = look(AnalysisRule((replace(COUNTED, count=1),)), None, said(0.0, counted=1.0), 0.0)[0]
    assert next_at(AnalysisRule((replace(COUNTED, count=1),)), over, 0.0) is None


def test_who_ends_inconclusive_asks_a_person() -> None:
    rule = AnalysisRule((replace(RATE, failure="result < 0.1"),))
    run, verdict, why = look(rule, None, said(0.0, rate=0.5), 0.0)
    assert verdict is Verdict.INCONCLUSIVE
    assert "1 inconclusive (0 may be)" in why
    assert asks_a_person(rule, run)
    assert not asks_a_person(rule, None)


def test_a_reason_says_what_counts() -> None:
    many = replace(RATE, consecutive_success_limit=3, failure_limit=-1)
    run = look(AnalysisRule((many,)), None, said(0.0, rate=1.0), 0.0)[0].metrics[0]
    assert reason(many, run) == "rate is 1, successful; 1 measured, 0 failed, 1 of 3 successes in a row"
    again = look(AnalysisRule((many,)), Run(0.0, (run,)), silent(60.0, "rate"), 0.0)[0]
    again = look(AnalysisRule((many,)), again, silent(70.0, "rate"), 0.0)[0]
    assert reason(many, again.metrics[0]).startswith("rate: 2 errors in a row: no answer")


def test_a_failure_is_remembered_from_its_beginning() -> None:
    rule = AnalysisRule((replace(RATE, failure_limit=1),))
    run = look(rule, None, said(10.0, rate=0.0), 0.0)[0]
    run = look(rule, run, said(70.0, rate=0.0), 0.0)[0]
    assert failing_since(rule, run) == 10.0


GATE = Gate("values", MeasuredSli(), rule=AnalysisRule((RATE,)))


def test_a_gate_judges_measurements() -> None:
    bounds = {"watching_since": 0.0, "next_bp": 10_000}
    passed = judge(GATE, GateState("values"), said(5.0, rate=1.0), 5.0, **bounds)  # type: ignore[arg-type]
    assert passed.passed_at == 5.0
    assert passed.latest is not None
    assert passed.latest.measured
    assert passed.latest.taken == (measured("rate", 5.0, 1.0),)
    held = judge(GATE, GateState("values"), said(5.0, rate=1.0), 5.0, withheld="not now", **bounds)  # type: ignore[arg-type]
    assert held.latest is not None
    assert (held.latest.verdict, held.latest.reason) == (Verdict.INCONCLUSIVE, "not now")
    silence = judge(GATE, passed, Silence("away"), 6.0, **bounds)  # type: ignore[arg-type]
    assert silence.passed_at is None
    assert silence.analysis == passed.analysis
    assert span(GATE, passed, 9.0, watching_since=3.0) == (3.0, 9.0)


def test_counts_are_no_measurements_and_measurements_no_counts() -> None:
    bounds = {"watching_since": 0.0, "next_bp": 10_000}
    state = GateState("values")
    assert judge(GATE, state, Reading(0.0, 1.0, {}, None), 1.0, **bounds) is state  # type: ignore[arg-type]
    classic = replace(GATE, rule=ClassicRule())
    assert judge(classic, state, said(1.0, rate=1.0), 1.0, **bounds) is state  # type: ignore[arg-type]


def test_an_analysis_in_words() -> None:
    rule = AnalysisRule(
        (
            replace(RATE, failure="result < 0.1", failure_limit=2),
            replace(COUNTED, success=None, failure="result > 5", initial_delay_s=30.0),
            replace(DRY, success=None, interval_s=None),
            replace(RATE, name="row", consecutive_success_limit=3, count=9),
        ),
        compat="argo",
    )
    assert describe(rule) == (
        "rate: result > 0.9, failed if result < 0.1, every 60 s, 2 may fail; "
        "counted: not result > 5, 2 times, every 60 s, 1 may fail; dry: no condition, dry run, it decides nothing; "
        "row: result > 0.9, 9 times, every 60 s, until 3 successes in a row; errors and NaN as in Argo Rollouts"
    )
    assert [takes_s(each) for each in rule.metrics] == [0.0, 90.0, 0.0, 120.0]
    assert list(measurements(rule, None)) == []
    short = AnalysisRule((RATE, DRY))
    run = look(short, None, said(0.0, rate=1.0), 0.0)[0]
    assert list(measurements(short, run)) == [
        "rate is 1, successful; 1 measured, 0 failed (0 may)",
        "rate, the last 1: 1 successful",
        "dry was not measured yet (dry run)",
    ]
    spared = AnalysisRule((replace(RATE, failure_limit=9),))
    for at in (60.0, 120.0, 180.0):
        run = look(spared, run, said(at, rate=0.0), at)[0]
    assert list(measurements(spared, run))[1] == "rate, the last 4: 1 successful, 0 failed (3 times)"
    assert short.interval_s == 60.0
    assert AnalysisRule(()).interval_s == 10.0


@pytest.mark.parametrize("metric, wanted, ends", [(RATE, None, False), (COUNTED, 2, True)])
def test_what_has_an_end(metric: Metric, wanted: int | None, ends: bool) -> None:
    assert (metric.wanted, metric.ends) == (wanted, ends)
    assert replace(metric, interval_s=None, count=None).wanted == 1
    assert replace(metric, consecutive_success_limit=1).ends
