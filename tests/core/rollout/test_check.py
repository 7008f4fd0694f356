"""Sense, judged from the spec alone: for whoever builds specs without files."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.gates import (
    Gate,
    LatencySli,
    Objective,
    RatioSli,
)
from croupier.core.rollout.check import advise, check
from croupier.core.rollout.check_pace import percentage
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
