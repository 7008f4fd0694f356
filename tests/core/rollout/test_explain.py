"""A rollout in words."""

from dataclasses import replace
from typing import Any

import pytest

from croupier.core.gates import (
    ClassicRule,
    Comparison,
    EventsSli,
    Gate,
    GateState,
    HardStop,
    Judgement,
    LatencySli,
    Objective,
    PromqlSli,
    RatioSli,
    SequentialRule,
    Verdict,
)
from croupier.core.rollout import events as e
from croupier.core.rollout.explain import (
    describe_event,
    describe_gate,
    describe_pace,
    describe_step,
    duration,
    gate_line,
)
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause, Hold
from croupier.core.rollout.spec import Analysis, Pace, Pause, Plan, SetSegment, SetWeight, Timing
from croupier.core.rollout.state import RolloutState
from croupier.core.segments import Segment

SLI = RatioSli("deposits_total", (("outcome", ("ok",)),))
GATE = Gate("slo", SLI, objective=Objective(0.99))
STEPS = (SetWeight(500), Pause(60.0), Analysis(("slo",)), SetWeight(5_000), Pause())
PLAN = Plan(STEPS, ("slo",), (GATE,), timing=Timing(progress_deadline_s=100.0))
START = RolloutState("shop-2", "shop", "1.0.0", "1.1.0", "sha256:0", PLAN, Phase.PENDING, 0.0, 0.0)


def said(verdict: Verdict, reason: str = "why", passed_at: float | None = None) -> tuple[GateState, ...]:
    latest = Judgement("slo", verdict, 20.0, 10.0, 20.0, reason)
    return (GateState("slo", judged_at=20.0, passed_at=passed_at, latest=latest),)


@pytest.mark.parametrize(
    "step,text",
    [
        (SetWeight(25), "0.25 % of the players"),
        (Pause(300.0), "wait 5 min"),
        (Pause(), "wait for a person"),
        (Analysis(("a", "b")), "ask a, b"),
    ],
)
def test_steps(step: Any, text: str) -> None:
    assert describe_step(step) == text


@pytest.mark.parametrize(
    "gate,text",
    [
        (GATE, "99 % or more of deposits_total good"),
        (
            Gate("g", LatencySli("latency_seconds", 0.4), by=("psp", "market"), objective=Objective(0.95)),
            "95 % or more of latency_seconds within 400 ms, by psp and market",
        ),
        (
            Gate("g", SLI, comparison=Comparison(1.1, 0.001)),
            "deposits_total good: at most 1.1 × the baseline's bad share + 0.1 %",
        ),
        (
            Gate("g", SLI, comparison=Comparison(1.1, 0.001), rule=SequentialRule()),
            "deposits_total good: at most 1.1 × the baseline's bad share",
        ),
        (
            Gate(
                "g",
                LatencySli("latency_seconds", 0.4),
                comparison=Comparison(1.0, canary_threshold_s=0.48),
                rule=SequentialRule(),
            ),
            "latency_seconds within 400 ms: at most 1 × the baseline's bad share, the canary's counted from 0.48 s",
        ),
        (
            Gate("g", SLI, objective=Objective(0.995), comparison=Comparison(1.5, 0.0)),
            "99.5 % or more of deposits_total good; at most 1.5 × the baseline's bad share + 0 %",
        ),
        (
            Gate("g", EventsSli("double_debits_total"), hard_stop=HardStop(events=1)),
            "stop at 1 bad of double_debits_total",
        ),
        (Gate("g", PromqlSli("a", "b"), objective=Objective(0.9)), "90 % or more of a without b"),
        (Gate("g", SLI, hard_stop=HardStop(failing=0.5), rule=ClassicRule()), "stop at 50 % bad of 20 or more"),
    ],
)
def test_gates(gate: Gate, text: str) -> None:
    assert describe_gate(gate) == text


def test_gate_lines() -> None:
    assert gate_line(GateState("slo")) == "slo has not looked yet"
    assert gate_line(said(Verdict.NO_DATA, "gone")[0]) == "slo no data: gone"
    assert gate_line(said(Verdict.FAIL)[0], waived=True) == "slo waived: a person took it out of this rollout"


@pytest.mark.parametrize(
    "event,text",
    [
        (
            e.Created("shop-2", "shop", "1.0.0", "1.1.0", "d", PLAN, 0.0),
            "rollout of shop 1.1.0 asked for; 1.0.0 serves now",
        ),
        (
            e.Created("shop-1", "shop", None, "1.0.0", "d", PLAN, 0.0),
            "rollout of shop 1.0.0 asked for; nothing serves yet",
        ),
        (e.StepStarted(0, 1.0), "step 1 began: 5 % of the players"),
        (e.WeightConfirmed(500, 1.0), "the data plane serves 5 % from the canary"),
        (e.WeightConfirmed(0, 1.0, (("staff", 10_000),)), "the data plane serves 100 % of staff from the canary"),
        (e.GateJudged(said(Verdict.PASS)[0], 1.0), "gate slo pass: why"),
        (e.GateWaived("slo", 1.0), "gate slo was taken out of this rollout"),
        (e.Paused(Hold.PERSON, 1.0), "paused by a person"),
        (e.Paused(Hold.STEP, 1.0), "paused by its step: waiting for a person"),
        (e.Resumed(1.0), "resumed"),
        (e.PromotionStarted(1.0), "no step is left: everybody moves to the canary"),
        (e.Promoted(1.0), "the canary serves everybody and is the stable version now"),
        (e.AbortStarted(Cause.PERSON, "smells", 1.0), "given up: smells"),
        (e.Aborted(1.0), "nobody is sent to the canary any more"),
        (e.Superseded("shop-3", 1.0), "superseded by shop-3"),
        (e.Retried("1.0.0", 2, 1.0), "started again from the first step, attempt 2"),
    ],
)
def test_events(event: Any, text: str) -> None:
    assert describe_event(event, START) == text


def test_a_step_that_is_not_known_has_only_a_number() -> None:
    assert describe_event(e.StepStarted(8, 1.0), START) == "step 9 began"
    assert describe_event(e.StepStarted(0, 1.0)) == "step 1 began"


@pytest.mark.parametrize(
    "seconds,text",
    [
        (0, "0 s"),
        (0.25, "250 ms"),
        (43, "43 s"),
        (300, "5 min"),
        (5_400, "1 h 30 min"),
        (90_061, "1 d 1 h"),
        (59.7, "1 min"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_first_release_of_a_service_takes_no_steps() -> None:
    first = describe_event(e.PromotionStarted(1.0), replace(START, stable=None))
    assert first == "nothing served before, so there is no step to take: everybody moves to the canary"
    assert describe_event(e.PromotionStarted(1.0)) == "no step is left: everybody moves to the canary"


@pytest.mark.parametrize(
    "pace, sentence",
    [
        (
            Pace(184.0, 100, 8_300),
            (
                "for 184 requests/s: it begins at 1 %, where a total failure costs 110 requests a minute; "
                "17 % stay on the stable version while the last weight is watched"
            ),
        ),
        (
            Pace(None, 100, 5_000),
            (
                "nobody could say what traffic there is, so it begins at 1 %; "
                "50 % stay on the stable version while the last weight is watched"
            ),
        ),
    ],
)
def test_how_weights_were_chosen(pace: Pace, sentence: str) -> None:
    assert describe_pace(pace) == sentence


def test_the_bounds_of_a_step() -> None:
    assert describe_step(Analysis(("slo",), harm=20, dwell=12)) == "ask slo (12 samples, 20 failures at most)"
    assert describe_step(SetSegment(Segment("staff", ()), 10_000)) == "100 % of staff"
    assert describe_step(Analysis(("slo",), harm=20)) == "ask slo (20 failures at most)"
