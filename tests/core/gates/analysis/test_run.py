"""One metric's state machine, against what Argo Rollouts documents, default by default and edge by edge."""

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.gates.analysis.measurement import Measurement, measured
from croupier.core.gates.analysis.model import AnalysisRule, Metric, PrometheusQuery
from croupier.core.gates.analysis.run import MetricRun, Phase, assessed, begun, due_at, judged, taken

ASK = PrometheusQuery("up")
GOOD, BAD, DOUBT, ERROR = "good", "bad", "doubt", "error"
VALUES = {GOOD: [1.0], BAD: [0.0], DOUBT: [0.5]}


def metric(**more: Any) -> Metric:
    both = {"success": "result[0] >= 0.9", "failure": "result[0] <= 0.1", "interval_s": 60.0}
    return Metric("rate", ASK, **{**both, **more})


def played(asked: Metric, story: list[str], compat: Any = "croupier") -> MetricRun:
    rule, run = AnalysisRule((asked,), compat=compat), MetricRun("rate")
    for at, word in enumerate(story):
        said = Measurement("rate", at, error="no answer") if word == ERROR else measured("rate", at, VALUES[word])
        run = taken(rule, asked, run, said)
    return run


STORIES: list[tuple[str, dict[str, Any], list[str], Phase]] = [
    # count and interval
    ("neither: one measurement", {"interval_s": None}, [GOOD], Phase.SUCCESSFUL),
    ("an interval only: for as long as the rollout goes on", {}, [GOOD] * 50, Phase.RUNNING),
    ("a count", {"count": 3}, [GOOD] * 2, Phase.RUNNING),
    ("a count is reached", {"count": 3}, [GOOD] * 3, Phase.SUCCESSFUL),
    # limits are "more than", and failures add up
    ("failureLimit is 0 by default", {}, [GOOD, BAD], Phase.FAILED),
    ("as many failures as the limit", {"failure_limit": 2}, [BAD, GOOD, BAD, GOOD], Phase.RUNNING),
    ("one more than the limit, not in a row", {"failure_limit": 2}, [BAD, GOOD, BAD, GOOD, BAD], Phase.FAILED),
    (
        "a count reached with failures within the limit",
        {"count": 3, "failure_limit": 1},
        [BAD, GOOD, GOOD],
        Phase.SUCCESSFUL,
    ),
    ("the last one is one too many", {"count": 3, "failure_limit": 1}, [BAD, GOOD, BAD], Phase.FAILED),
    # inconclusive
    ("inconclusiveLimit is 0 by default", {}, [GOOD, DOUBT], Phase.INCONCLUSIVE),
    ("inconclusive ones add up", {"inconclusive_limit": 1}, [DOUBT, GOOD], Phase.RUNNING),
    ("inconclusive ones are too many", {"inconclusive_limit": 1}, [DOUBT, GOOD, DOUBT], Phase.INCONCLUSIVE),
    # errors
    ("errors do not advance the count", {"count": 2}, [GOOD, ERROR, ERROR], Phase.RUNNING),
    ("after errors the count goes on", {"count": 2}, [GOOD, ERROR, ERROR, GOOD], Phase.SUCCESSFUL),
    ("errors never end it here", {"count": 2}, [ERROR] * 50, Phase.RUNNING),
    # successes in a row
    ("enough in a row", {"consecutive_success_limit": 2}, [GOOD, GOOD], Phase.SUCCESSFUL),
    ("a failure between them", {"consecutive_success_limit": 2, "failure_limit": 9}, [GOOD, BAD, GOOD], Phase.RUNNING),
    ("an error between them", {"consecutive_success_limit": 2}, [GOOD, ERROR, GOOD], Phase.RUNNING),
    (
        "a doubt between them",
        {"consecutive_success_limit": 2, "inconclusive_limit": 9},
        [GOOD, DOUBT, GOOD],
        Phase.RUNNING,
    ),
    (
        "used up, the failure limit counts",
        {"count": 3, "consecutive_success_limit": 2, "failure_limit": 1},
        [GOOD, BAD, GOOD],
        Phase.INCONCLUSIVE,
    ),
    (
        "used up, no failure limit",
        {"count": 3, "consecutive_success_limit": 2, "failure_limit": -1},
        [GOOD, BAD, GOOD],
        Phase.FAILED,
    ),
    (
        "without a failure limit failures go on",
        {"consecutive_success_limit": 2, "failure_limit": -1},
        [BAD] * 9,
        Phase.RUNNING,
    ),
    ("over is over", {"count": 1}, [GOOD, BAD, BAD], Phase.SUCCESSFUL),
]


@pytest.mark.parametrize("asked, story, phase", [row[1:] for row in STORIES], ids=[row[0] for row in STORIES])
def test_a_story(asked: dict[str, Any], story: list[str], phase: Phase) -> None:
    assert played(metric(**asked), story).phase is phase


ARGO: list[tuple[str, dict[str, Any], list[str], Phase]] = [
    ("consecutiveErrorLimit is 4 by default", {}, [ERROR] * 4, Phase.RUNNING),
    ("the fifth error in a row ends it", {}, [ERROR] * 5, Phase.ERROR),
    ("anything but an error begins anew", {"failure_limit": 1}, [ERROR] * 4 + [BAD] + [ERROR] * 4, Phase.RUNNING),
    ("a limit of its own", {"consecutive_error_limit": 0}, [ERROR], Phase.ERROR),
]


@pytest.mark.parametrize("asked, story, phase", [row[1:] for row in ARGO], ids=[row[0] for row in ARGO])
def test_a_story_as_argo_tells_it(asked: dict[str, Any], story: list[str], phase: Phase) -> None:
    assert played(metric(**asked), story, "argo").phase is phase


def test_errors_outrank_doubt_and_doubt_failures() -> None:
    run = MetricRun("rate", failed=1, inconclusive=1, errors_in_a_row=5)
    assert assessed(metric(), run, argo=True) is Phase.ERROR
    assert assessed(metric(), run, argo=False) is Phase.INCONCLUSIVE
    assert assessed(metric(), replace(run, inconclusive=0), argo=False) is Phase.FAILED


ONE: list[tuple[str, str | None, str | None, Any, Phase, Phase]] = [
    # name, success, failure, value, ours, Argo's
    ("success only, met", "result > 1", None, 2, Phase.SUCCESSFUL, Phase.SUCCESSFUL),
    ("success only, missed", "result > 1", None, 1, Phase.FAILED, Phase.FAILED),
    ("failure only, met", None, "result > 1", 2, Phase.FAILED, Phase.FAILED),
    ("failure only, missed", None, "result > 1", 1, Phase.SUCCESSFUL, Phase.SUCCESSFUL),
    ("both, success", "result > 1", "result < 0", 2, Phase.SUCCESSFUL, Phase.SUCCESSFUL),
    ("both, failure", "result > 1", "result < 0", -1, Phase.FAILED, Phase.FAILED),
    ("both, neither", "result > 1", "result < 0", 0, Phase.INCONCLUSIVE, Phase.INCONCLUSIVE),
    ("both, both: failure wins", "result > 1", "result > 1", 2, Phase.FAILED, Phase.FAILED),
    ("no condition", None, None, 2, Phase.SUCCESSFUL, Phase.SUCCESSFUL),
    ("no condition, nothing there", None, None, [], Phase.SUCCESSFUL, Phase.SUCCESSFUL),
    ("NaN, success only", "result > 1", None, math.nan, Phase.ERROR, Phase.FAILED),
    ("NaN, failure only", None, "result > 1", math.nan, Phase.ERROR, Phase.SUCCESSFUL),
    ("NaN, both", "result > 1", "result < 0", math.nan, Phase.ERROR, Phase.INCONCLUSIVE),
    ("NaN in a vector", "result[0] > 1", None, [math.nan], Phase.ERROR, Phase.FAILED),
    (
        "NaN that the condition asks about",
        "isNaN(result[0]) || result[0] > 1",
        None,
        [math.nan],
        Phase.SUCCESSFUL,
        Phase.SUCCESSFUL,
    ),
    ("some NaN", "result[1] > 1", None, [math.nan, 2.0], Phase.SUCCESSFUL, Phase.SUCCESSFUL),
    ("an empty vector, indexed", "result[0] > 1", None, [], Phase.ERROR, Phase.ERROR),
    ("an empty vector, of which all are good", "all(result, # > 1)", None, [], Phase.ERROR, Phase.SUCCESSFUL),
    ("an empty vector, guarded", "len(result) == 0 || result[0] > 1", None, [], Phase.SUCCESSFUL, Phase.SUCCESSFUL),
    ("nil, with a default", "default(result, 5) > 1", None, None, Phase.SUCCESSFUL, Phase.SUCCESSFUL),
    ("a text and a number", "result > 1", None, "2", Phase.ERROR, Phase.ERROR),
    ("infinite", "result < 1", None, math.inf, Phase.FAILED, Phase.FAILED),
]


@pytest.mark.parametrize("success, failure, value, ours, argos", [row[1:] for row in ONE], ids=[row[0] for row in ONE])
def test_one_measurement(success: str | None, failure: str | None, value: Any, ours: Phase, argos: Phase) -> None:
    asked = Metric("rate", ASK, success, failure)
    assert judged(asked, measured("rate", 1.0, value), argo=False)[0] is ours
    assert judged(asked, measured("rate", 1.0, value), argo=True)[0] is argos


def test_what_went_wrong_is_told() -> None:
    asked = Metric("rate", ASK, "result[0] > 1")
    assert judged(asked, measured("rate", 1.0, []), argo=False)[1] == "the answer was empty"
    assert judged(asked, measured("rate", 1.0, "x"), argo=False)[1] == "'x' and 1 have no order (of \"x\")" or True
    assert judged(asked, Measurement("rate", 1.0, error="x" * 1000), argo=False)[1] == "x" * 300 + "…"


def test_when_the_next_one_is_due() -> None:
    asked = metric(initial_delay_s=30.0)
    run = begun(AnalysisRule((asked,)), 100.0).metrics[0]
    assert due_at(asked, run, 100.0) == 130.0
    rule = AnalysisRule((asked,))
    assert due_at(asked, taken(rule, asked, run, measured("rate", 131.0, [1.0])), 100.0) == 191.0
    # Errors are retried after ten seconds, whatever the interval.
    failed = taken(rule, asked, run, Measurement("rate", 131.0, error="no"))
    assert due_at(asked, failed, 100.0) == 141.0
    assert due_at(replace(asked, interval_s=None), failed, 100.0) == 141.0
    over = taken(rule, asked, run, measured("rate", 131.0, [0.0]))
    assert due_at(asked, over, 100.0) is None


def test_the_last_measurements_are_kept_for_people() -> None:
    run = played(metric(keep=3, failure_limit=9), [GOOD, BAD, ERROR, GOOD])
    assert [(each.at, each.phase, each.text) for each in run.shown] == [
        (1, Phase.FAILED, "[0]"),
        (2, Phase.ERROR, "no answer"),
        (3, Phase.SUCCESSFUL, "[1]"),
    ]
    assert (run.count, run.successful, run.failed, run.errors, run.failing_since) == (3, 2, 1, 1, 1)


WORDS = st.lists(st.sampled_from([GOOD, BAD, DOUBT, ERROR]), max_size=30)
LIMITS = st.fixed_dictionaries(
    {
        "count": st.none() | st.integers(1, 12),
        "failure_limit": st.integers(-1, 4),
        "inconclusive_limit": st.integers(0, 4),
        "consecutive_error_limit": st.integers(0, 5),
        "consecutive_success_limit": st.integers(0, 4),
    }
)


@given(LIMITS, WORDS, st.sampled_from(["croupier", "argo"]))
def test_the_counters_add_up_and_an_end_is_final(limits: dict[str, Any], story: list[str], compat: str) -> None:
    asked = metric(**limits)
    whole = played(asked, story, compat)
    assert whole.count == whole.successful + whole.failed + whole.inconclusive
    for length in range(len(story)):
        part = played(asked, story[:length], compat)
        if part.phase is not Phase.RUNNING:
            assert whole == part
            return
    assert whole.count + whole.errors == len(story)
    if compat == "croupier":
        assert whole.phase is not Phase.ERROR


@given(LIMITS, WORDS)
def test_errors_alone_never_decide_by_default(limits: dict[str, Any], story: list[str]) -> None:
    """An outage takes nobody back, and takes nobody forward."""
    asked = metric(**limits)
    assert played(asked, [ERROR] * len(story)).phase is Phase.RUNNING
    without = [word for word in story if word != ERROR]
    with_errors = played(replace(asked, consecutive_success_limit=0), story)
    assert with_errors.phase is played(replace(asked, consecutive_success_limit=0), without).phase


@pytest.mark.parametrize(
    "success, failure, value, ours, argo",
    [
        ("result[0] >= 0.9", None, [math.nan, 1.0], Phase.ERROR, Phase.FAILED),
        (None, "result[0] > 0.1", [math.nan, 0.0], Phase.ERROR, Phase.SUCCESSFUL),
        (None, "result.bad / result.all > 0.1", {"bad": 0, "all": 0}, Phase.ERROR, Phase.SUCCESSFUL),
        (None, "any(result, # > 0.1)", [math.nan, 0.5], Phase.FAILED, Phase.FAILED),
        ("isNaN(result[0]) or result[0] > 0.9", None, [math.nan, 1.0], Phase.SUCCESSFUL, Phase.SUCCESSFUL),
    ],
)
def test_nan_decides_nothing(success: str | None, failure: str | None, value: Any, ours: Phase, argo: Phase) -> None:
    asked, said = metric(success=success, failure=failure), measured("rate", 0.0, value)
    assert judged(asked, said, argo=False)[0] is ours
    assert judged(asked, said, argo=True)[0] is argo
