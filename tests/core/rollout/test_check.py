"""Sense, judged from the spec alone: for whoever builds specs without files."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.gates import (
    ClassicRule,
    Comparison,
    EventsSli,
    Gate,
    HardStop,
    LatencySli,
    Objective,
    RatioSli,
    SequentialRule,
)
from croupier.core.rollout.check import advise, check, check_gate, percentage
from croupier.core.rollout.spec import Analysis, Pause, RolloutSpec, SetWeight, Step, Timing

RATIO = RatioSli("deposits_total", good=(("outcome", ("credited",)),))
GATE = Gate("deposit-slo", RATIO, objective=Objective(0.99))
SLOW = Gate("slow", LatencySli("m", 0.4))


def spec(*steps: Step, guards: tuple[str, ...] = ("deposit-slo",), timing: Timing | None = None) -> RolloutSpec:
    return RolloutSpec("payments", "payments", steps, guards, timing=timing or Timing())


def fields(rollout: RolloutSpec) -> list[str]:
    return [problem.field.replace("spec.strategy.canary.", "") for problem in check(rollout)]


ISSUE = (
    SetWeight(500),
    Pause(300),
    Analysis(("deposit-slo",)),
    SetWeight(2500),
    Pause(600),
    Analysis(("auth-error-rate",)),
    SetWeight(5000),
    Pause(),
)


@pytest.mark.parametrize(
    "steps",
    [
        ISSUE,
        (SetWeight(0), Pause(), SetWeight(100), Pause(60)),  # dark first, then players
        (Pause(), SetWeight(100), Pause(60)),
        (SetWeight(100), Analysis(("deposit-slo",)), SetWeight(10_000), Pause(60), Analysis(("deposit-slo",))),
        (SetWeight(100), Pause(60), Pause()),  # at least a minute, then a person
        (SetWeight(100), Pause(), Pause(60)),
        (SetWeight(100), Pause(), Analysis(("deposit-slo",)), Pause()),
        (SetWeight(1), Pause(60)),
        (SetWeight(10_000),),
    ],
)
def test_steps_that_make_sense(steps: tuple[Step, ...]) -> None:
    assert check(spec(*steps)) == ()
    assert advise(spec(*steps)) == ()


@pytest.mark.parametrize(
    "steps, expected",
    [
        ((), ["steps"]),
        ((SetWeight(10_001), Pause()), ["steps[0].setWeight"]),
        ((SetWeight(-1), Pause()), ["steps[0].setWeight"]),
        ((SetWeight(100), SetWeight(100), Pause()), ["steps[1].setWeight"]),
        ((SetWeight(100), Pause(-1.0)), ["steps[1].pause.duration"]),
        ((SetWeight(100), Pause(math.nan)), ["steps[1].pause.duration"]),
        ((SetWeight(100), Pause(), Pause()), ["steps[2].pause"]),
        ((Analysis(("g",)),), ["steps[0].analysis"]),
        ((SetWeight(100), Pause(), SetWeight(0), Analysis(("g",))), ["steps[3].analysis"]),
        ((SetWeight(100), Analysis(())), ["steps[1].analysis.templates"]),
        ((SetWeight(100), Analysis(("g", "h", "g"))), ["steps[1].analysis.templates[2]"]),
    ],
)
def test_steps_that_are_refused(steps: tuple[Step, ...], expected: list[str]) -> None:
    assert fields(spec(*steps)) == expected


@pytest.mark.parametrize(
    "timing, expected",
    [
        (Timing(progress_deadline_s=0), ["spec.progressDeadline"]),
        (Timing(keep_stable_s=-1), ["spec.keepStable"]),
        (Timing(keep_canary_s=math.inf), ["spec.keepCanary"]),
        (Timing(keep_stable_s=0, keep_canary_s=0), []),
    ],
)
def test_timing(timing: Timing, expected: list[str]) -> None:
    assert fields(spec(SetWeight(100), Pause(), timing=timing)) == expected


def test_a_guard_named_twice() -> None:
    assert fields(spec(*ISSUE, guards=("a", "b", "a"))) == ["analysis.templates[2]"]


@pytest.mark.parametrize(
    "rollout, expected",
    [
        (spec(SetWeight(100), Pause(), guards=()), ["no gate watches this rollout"]),
        (spec(Pause()), ["no step gives the canary any players"]),
        (spec(SetWeight(0), Pause()), ["no step gives the canary any players"]),
        (spec(SetWeight(100)), ["nobody has time to look at 1 %: everybody follows"]),
        (
            spec(SetWeight(100), SetWeight(25), Pause()),
            ["nobody has time to look at 1 %: setWeight: 0.25", "the weight"],
        ),
        (spec(SetWeight(100), Pause(), SetWeight(100), Pause()), ["this step has no effect"]),
        (spec(SetWeight(100), Pause(0)), ["a pause of 0 seconds"]),
    ],
)
def test_what_is_allowed_but_rarely_meant(rollout: RolloutSpec, expected: list[str]) -> None:
    assert check(rollout) == ()
    found = [problem.message for problem in advise(rollout)]
    assert len(found) == len(expected)
    assert all(message.startswith(start) for message, start in zip(found, expected, strict=True))


def test_dark_start_is_no_mistake() -> None:
    assert "no effect" not in str(advise(spec(SetWeight(0), Pause(), SetWeight(100), Pause())))


@pytest.mark.parametrize(
    "gate, expected",
    [
        (GATE, []),
        (replace(GATE, objective=Objective(1.0)), []),
        (replace(GATE, objective=None, comparison=Comparison()), []),
        (replace(GATE, objective=None, hard_stop=HardStop(failing=1.0)), []),
        (Gate("g", EventsSli("m"), hard_stop=HardStop(events=1)), []),
        (Gate("g", LatencySli("m", 0.4), objective=Objective(0.95)), []),
        (replace(SLOW, comparison=Comparison(1.0, canary_threshold_s=0.48)), []),
        (
            replace(SLOW, comparison=Comparison(canary_threshold_s=0.3), objective=Objective(0.9)),
            ["spec.comparison.canaryThreshold"] * 2,
        ),
        (replace(SLOW, comparison=Comparison(canary_threshold_s=math.nan)), ["spec.comparison.canaryThreshold"]),
        (
            replace(GATE, objective=None, comparison=Comparison(canary_threshold_s=1.0)),
            ["spec.comparison.canaryThreshold"],
        ),
        (replace(GATE, objective=None), ["spec"]),
        (replace(GATE, objective=Objective(0.0)), ["spec.objective.atLeast"]),
        (replace(GATE, objective=Objective(1.5)), ["spec.objective.atLeast"]),
        (replace(GATE, objective=Objective(math.nan)), ["spec.objective.atLeast"]),
        (replace(GATE, comparison=Comparison(0.9, 1.0)), ["spec.comparison.maxRatio", "spec.comparison.slack"]),
        (replace(GATE, comparison=Comparison(math.inf, -0.1)), ["spec.comparison.maxRatio", "spec.comparison.slack"]),
        (replace(GATE, hard_stop=HardStop()), ["spec.hardStop"]),
        (replace(GATE, hard_stop=HardStop(events=0)), ["spec.hardStop.events"]),
        (replace(GATE, hard_stop=HardStop(failing=0.0)), ["spec.hardStop.failing"]),
        (replace(GATE, hard_stop=HardStop(failing=1.1, samples=0)), ["spec.hardStop.failing", "spec.hardStop.samples"]),
        (replace(GATE, rule=ClassicRule(interval_s=0)), ["spec.rule.interval"]),
        (replace(GATE, rule=ClassicRule(interval_s=60, window_s=10)), ["spec.rule.window"]),
        (
            replace(GATE, rule=ClassicRule(consecutive=0, min_samples=0)),
            ["spec.rule.consecutive", "spec.rule.minSamples"],
        ),
        (replace(GATE, rule=SequentialRule()), []),
        (
            replace(GATE, rule=SequentialRule(interval_s=0, samples=1, clumps=0.5, dwell=0, patience=-1, harm=0)),
            [f"spec.sequential.{name}" for name in ("interval", "samples", "clumps", "dwell", "patience", "harm")],
        ),
        (replace(GATE, objective=None, hard_stop=HardStop(failing=0.5), rule=SequentialRule()), ["spec.sequential"]),
        (Gate("g", EventsSli("m"), hard_stop=HardStop(events=1), rule=SequentialRule()), ["spec.sequential"]),
        (replace(GATE, sli=LatencySli("m", 0.0)), ["spec.sli.latency.threshold"]),
        (replace(GATE, sli=RatioSli("m", good=())), ["spec.sli.ratio.good"]),
        (replace(GATE, sli=RatioSli("m", (("o", ("a",)),), (("o", ("a",)),))), ["spec.sli.ratio.good"]),
        (replace(GATE, sli=RatioSli("m", (("o", ("a", "x")),), (("o", ("a", "b")),))), ["spec.sli.ratio.good.o"]),
        (replace(GATE, sli=EventsSli("m"), comparison=Comparison()), ["spec.objective", "spec.comparison"]),
        (Gate("g", EventsSli("m"), hard_stop=HardStop(failing=0.5)), ["spec.hardStop.failing"]),
    ],
)
def test_gates(gate: Gate, expected: list[str]) -> None:
    assert [problem.field for problem in check_gate(gate)] == expected


@pytest.mark.parametrize("weight_bp, text", [(0, "0"), (1, "0.01"), (25, "0.25"), (500, "5"), (10_000, "100")])
def test_weights_read_as_they_are_written(weight_bp: int, text: str) -> None:
    assert percentage(weight_bp) == text


STEPS = st.one_of(
    st.builds(SetWeight, st.integers(-5, 10_005)),
    st.builds(Pause, st.none() | st.floats()),
    st.builds(Analysis, st.lists(st.sampled_from("abc"), max_size=3).map(tuple)),
)


@given(st.lists(STEPS, max_size=8).map(tuple))
def test_any_steps_are_judged_and_every_problem_says_what_to_do(steps: tuple[Step, ...]) -> None:
    for problem in (*check(spec(*steps)), *advise(spec(*steps))):
        assert problem.message.endswith(".")
        assert problem.hint
