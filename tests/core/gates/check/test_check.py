"""What keeps a gate from ever failing or passing, judged from the gate alone."""

import math
from dataclasses import replace

import pytest

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
from croupier.core.gates.check import advise_gate, check_gate

RATIO = RatioSli("deposits_total", good=(("outcome", ("credited",)),))
GATE = Gate("deposit-slo", RATIO, objective=Objective(0.99))
SLOW = Gate("slow", LatencySli("m", 0.4))


@pytest.mark.parametrize(
    "gate, expected",
    [
        (GATE, []),
        (replace(GATE, objective=Objective(1.0)), []),
        (replace(GATE, objective=Objective(1.0), rule=SequentialRule()), ["spec.objective.atLeast"]),
        (replace(GATE, objective=Objective(0.9999999), rule=SequentialRule()), ["spec.objective.atLeast"]),
        (replace(GATE, objective=Objective(0.99999), rule=SequentialRule()), []),
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


@pytest.mark.parametrize("at_least, warned", [(0.015, True), (0.49, True), (0.5, False), (0.99, False), (0.0, False)])
def test_a_share_that_was_meant_of_bad_ones_is_warned_of(at_least: float, warned: bool) -> None:
    found = advise_gate(replace(GATE, objective=Objective(at_least)))
    assert [problem.field for problem in found] == (["spec.objective.atLeast"] if warned else [])
    assert advise_gate(replace(GATE, objective=None)) == ()
