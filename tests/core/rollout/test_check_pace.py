"""Bounds of ``auto`` and of waiting that make no sense, judged from the spec alone and with its gates."""

import math

import pytest

from croupier.core.gates import Comparison, Gate, RatioSli, SequentialRule
from croupier.core.rollout.check import advise, check
from croupier.core.rollout.resolve import resolve, without_evidence
from croupier.core.rollout.spec import Analysis, Asked, Auto, Pause, Resort, RolloutSpec, SetWeight, Undecided
from croupier.errors import Rejected

SLI = RatioSli("requests_total", good=(("code", ("200",)),))
EVIDENCE = Gate("evidence", SLI, comparison=Comparison(), rule=SequentialRule())
CLASSIC = Gate("classic", SLI, comparison=Comparison())
ABORT = Undecided(Resort.ABORT, 60.0)


def spec(*steps: Asked, guards: tuple[str, ...] = ("evidence",)) -> RolloutSpec:
    return RolloutSpec("shop", "shop", steps, guards)


def fields(rollout: RolloutSpec) -> list[str]:
    return [problem.field.replace("spec.strategy.canary.", "") for problem in check(rollout)]


@pytest.mark.parametrize(
    "steps",
    [
        (Auto(),),
        (SetWeight(100), Auto()),
        (SetWeight(100), Pause(), Auto(first_bp=500, last_bp=9_000, weights_bp=(500, 2_500)), Pause()),
        (SetWeight(100), Analysis(("evidence",), harm=5, dwell=12, patience=12, on_inconclusive=ABORT)),
    ],
)
def test_bounds_that_make_sense(steps: tuple[Asked, ...]) -> None:
    assert check(spec(*steps)) == ()
    assert advise(spec(*steps)) == ()


@pytest.mark.parametrize(
    "steps, expected",
    [
        ((Auto(), Pause(), Auto()), ["steps[2].auto", "steps[2].auto"]),
        ((SetWeight(10_000), Pause(), Auto()), ["steps[2].auto"]),
        ((Auto(weights_bp=()),), ["steps[0].auto.weights"]),
        ((Auto(weights_bp=(500, 100, 100)),), ["steps[0].auto.weights[1]", "steps[0].auto.weights[2]"]),
        ((Auto(weights_bp=(0, 10_000)),), ["steps[0].auto.weights[0]", "steps[0].auto.weights[1]"]),
        ((Auto(first_bp=0),), ["steps[0].auto.first"]),
        ((Auto(last_bp=10_000),), ["steps[0].auto.last"]),
        ((Auto(first_bp=600, last_bp=500),), ["steps[0].auto.first"]),
        ((Auto(watch_s=-1.0),), ["steps[0].auto.watch"]),
        ((Auto(watch_s=math.inf),), ["steps[0].auto.watch"]),
        ((SetWeight(1), Analysis(("evidence",), dwell=9, patience=8)), ["steps[1].analysis.patience"]),
        (
            (SetWeight(1), Analysis(("evidence",), on_inconclusive=Undecided(after_s=-1.0))),
            ["steps[1].analysis.onInconclusive.after"],
        ),
        (
            (SetWeight(1), Analysis(("evidence",), on_no_data=Undecided(Resort.ABORT, 0.0))),
            ["steps[1].analysis.onNoData.after"],
        ),
    ],
)
def test_bounds_that_make_none(steps: tuple[Asked, ...], expected: list[str]) -> None:
    assert fields(spec(*steps)) == expected


def test_waiting_that_makes_no_sense_for_the_whole_rollout() -> None:
    rollout = RolloutSpec(
        "shop",
        "shop",
        (SetWeight(1), Pause()),
        on_inconclusive=Undecided(Resort.ABORT, 0.0),
        on_no_data=Undecided(after_s=math.nan),
    )
    assert fields(rollout) == ["spec.onInconclusive.after", "spec.onNoData.after"]


def test_auto_needs_a_guard_that_gathers_evidence() -> None:
    assert fields(spec(Auto(), guards=())) == ["steps"]
    with pytest.raises(Rejected, match="no guard gathers the evidence that 'auto' waits for: classic"):
        resolve(spec(Auto(), guards=("classic",)), [CLASSIC], [])
    assert list(without_evidence(spec(Auto(), guards=("classic", "unknown")), {"classic": CLASSIC})) == []


def test_bounds_need_a_gate_that_gathers_evidence() -> None:
    bounded = spec(SetWeight(1), Analysis(("classic",), harm=5, patience=80))
    found = [problem.field for problem in without_evidence(bounded, {"classic": CLASSIC})]
    assert found == [
        "spec.strategy.canary.steps[1].analysis.harm",
        "spec.strategy.canary.steps[1].analysis.patience",
    ]
    both = spec(SetWeight(1), Analysis(("classic", "evidence"), harm=5))
    assert list(without_evidence(both, {"classic": CLASSIC, "evidence": EVIDENCE})) == []
    assert list(without_evidence(bounded, {})) == []
