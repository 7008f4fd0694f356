"""The classic rule's forecast against the rule itself, on seeded traffic: faults found, and healthy releases blamed."""

import random
from dataclasses import replace

import numpy as np
import pytest

from croupier.core.gates import (
    ClassicRule,
    Comparison,
    Counts,
    Gate,
    GateState,
    HardStop,
    Objective,
    RatioSli,
    Reading,
    Verdict,
)
from croupier.core.gates.forecast.classic import play
from croupier.core.gates.forecast.flow import Flow, Stretch
from croupier.core.gates.judge import judge
from croupier.core.gates.sli import Group

GATE = Gate("ok", RatioSli("requests_total", good=(("code", ("2xx",)),)), objective=Objective(0.99), rule=ClassicRule())
COMPARED = replace(GATE, comparison=Comparison(), rule=ClassicRule(interval_s=20, window_s=60, consecutive=2))
STOPPED = replace(GATE, hard_stop=HardStop(failing=0.5, samples=5), rule=ClassicRule(consecutive=9))
RUNS, TOLERANCE = 300, 0.10
"""300 rollouts know a share to 0.03 (a standard error), as does the forecast."""


def simulated(gate: Gate, flow: Flow, weight: float, seconds: float) -> list[float]:
    assert isinstance(gate.rule, ClassicRule)
    found, interval = [], gate.rule.interval_s
    for seed in range(RUNS):
        rng, state = np.random.default_rng(seed), GateState(gate.name)
        samples: list[tuple[int, int, int, int]] = []
        for look in range(1, int(seconds / interval) + 1):
            total = rng.poisson(flow.per_s * interval)
            ours = rng.binomial(total, weight)
            bad = rng.binomial(ours, flow.canary), rng.binomial(total - ours, flow.baseline)
            samples.append((ours, int(bad[0]), total - ours, int(bad[1])))
            window = [*zip(*samples[-round(gate.rule.window_s / interval) :], strict=True)]
            events, failed, others, theirs = map(sum, window)
            baseline: dict[Group, Counts] | None = {(): Counts(others - theirs, others)} if weight < 1 else None
            now = look * interval
            said = Reading(0.0, now, {(): Counts(events - failed, events)}, baseline)
            state = judge(gate, state, said, now, watching_since=0.0, next_bp=10_000)
            if state.latest is not None and state.latest.verdict is Verdict.FAIL:
                found.append(now)
                break
    return found


@pytest.mark.played
@pytest.mark.parametrize(
    "gate,flow,weight,seconds",
    [
        (GATE, Flow(20, 0.005, 0.02), 0.10, 300),
        (GATE, Flow(200, 0.005, 0.02), 0.01, 200),
        (GATE, Flow(200, 0.005, 0.005), 0.05, 900),  # a healthy one, blamed
        (GATE, Flow(20, 0.005, 0.02), 1.00, 100),
        (COMPARED, Flow(20, 0.002, 0.02), 0.20, 200),
        (STOPPED, Flow(20, 0.002, 0.40), 0.01, 300),
    ],
)
def test_it_fails_as_often_as_the_rule(gate: Gate, flow: Flow, weight: float, seconds: float) -> None:
    assert isinstance(gate.rule, ClassicRule)
    said = play(gate, gate.rule, flow, [Stretch(weight, seconds)], chance=random.Random(3).random, runs=RUNS)
    real = simulated(gate, flow, weight, seconds)
    assert len(real) / RUNS > 0.05, "the case shows nothing"
    for part in (0.5, 1.0):
        share = sum(at <= part * seconds for at in real) / RUNS
        assert said.by(part * seconds) == pytest.approx(share, abs=TOLERANCE), part


def test_a_streak_goes_on_over_a_change_of_weight() -> None:
    assert isinstance(GATE.rule, ClassicRule)
    flow, chance = Flow(500, 0.0, 0.5), random.Random(3).random
    said = play(GATE, GATE.rule, flow, [Stretch(0.1, 20), Stretch(0.5, 20)], chance=chance, runs=20)
    assert said.at == (30.0,) * 20
