"""A forecast against the rule itself: both are played on seeded traffic and must find faults equally often and soon."""

import math
import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from croupier.core.gates import (
    Comparison,
    Counts,
    Gate,
    GateState,
    LatencySli,
    Objective,
    RatioSli,
    Reading,
    SequentialRule,
    Verdict,
)
from croupier.core.gates.forecast.flow import Flow, Stretch
from croupier.core.gates.forecast.found import Found
from croupier.core.gates.forecast.sequential import play, trials
from croupier.core.gates.judge import judge
from croupier.core.gates.sli import Group

RULE = SequentialRule()
ERRORS = Gate("errors", RatioSli("requests_total", good=(("code", ("2xx",)),)), comparison=Comparison(), rule=RULE)
OBJECTIVE = replace(ERRORS, objective=Objective(0.999), comparison=None)
BOTH = replace(ERRORS, objective=Objective(0.999))
SLOW = Gate("slow", LatencySli("seconds", 0.4), comparison=Comparison(1.2), rule=RULE)
TOLERANCE = 0.08
"""400 rollouts know a share to 0.025 (a standard error), the forecast's 800 to 0.018. The seeds are fixed."""
RUNS = 400


def forecast(gate: Gate, flow: Flow, stretches: Sequence[Stretch], *, groups: int = 0, runs: int = 800) -> Found:
    assert isinstance(gate.rule, SequentialRule)
    trial = trials(gate, gate.rule, groups)[-1]
    return play(gate, gate.rule, trial, flow, stretches, chance=random.Random(7).random, runs=runs)


def simulated(gate: Gate, flow: Flow, stretches: Sequence[Stretch], *, groups: int = 0) -> Found:
    """The rule on rollouts in which requests come as they like; with groups the last one has the fault."""
    found = [at for seed in range(RUNS) if (at := one(gate, flow, stretches, groups, seed)) is not None]
    return Found(tuple(sorted(found)), RUNS, sum(stretch.seconds for stretch in stretches))


def one(gate: Gate, flow: Flow, stretches: Sequence[Stretch], groups: int, seed: int) -> float | None:
    rng, state, now, interval = np.random.default_rng(seed), GateState(gate.name), 0.0, gate.rule.interval_s
    names: list[Group] = [(("psp", f"{index}"),) for index in range(groups)] or [()]
    for stretch in stretches:
        since = now
        for _ in range(int(stretch.seconds / interval)):
            now += interval
            canary: dict[Group, Counts] = {}
            baseline: dict[Group, Counts] = {}
            for name in names:
                total = rng.poisson(flow.per_s * interval)
                ours = rng.binomial(total, stretch.weight)
                bad = flow.canary if name == names[-1] else flow.baseline
                canary[name] = drawn(rng, ours, bad)
                baseline[name] = drawn(rng, total - ours, flow.baseline)
            for arm in (canary, baseline):
                arm[()] = Counts(sum(c.good for c in arm.values()), sum(c.total for c in arm.values()))
            said = Reading(now - interval, now, canary, baseline if stretch.weight < 1 else None)
            state = judge(gate, state, said, now, watching_since=since, next_bp=10_000)
            if state.latest is not None and state.latest.verdict is Verdict.FAIL:
                return now
    return None


def drawn(rng: np.random.Generator, total: int, bad: float) -> Counts:
    failed = int(rng.binomial(total, bad))
    return Counts(total - failed, total)


@pytest.mark.played
@pytest.mark.parametrize(
    "gate,flow,weight,seconds",
    [
        (ERRORS, Flow(20, 0.0005, 0.05), 0.01, 600),
        (ERRORS, Flow(20, 0.0005, 0.02), 0.10, 400),
        (ERRORS, Flow(20, 0.0005, 0.2), 0.05, 150),  # the cap decides
        (ERRORS, Flow(200, 0.0005, 0.005), 0.05, 300),
        (ERRORS, Flow(200, 0.0005, 0.003), 0.50, 400),
        (ERRORS, Flow(2000, 0.0005, 0.0025), 0.05, 200),
        (ERRORS, Flow(2000, 0.0005, 0.001), 0.50, 600),
        (ERRORS, Flow(2000, 0.0005, 0.05), 0.01, 100),
        (replace(ERRORS, rule=replace(RULE, clumps=1.0, samples=2, budget=0.001)), Flow(200, 0.0005, 0.005), 0.05, 200),
        (replace(ERRORS, rule=replace(RULE, clumps=3.0)), Flow(200, 0.0005, 0.02), 0.05, 200),
        (OBJECTIVE, Flow(200, 0.0005, 0.005), 0.10, 400),
        (OBJECTIVE, Flow(200, 0.0005, 0.02), 1.00, 100),
        (BOTH, Flow(20, 0.0005, 0.02), 0.25, 300),
        (SLOW, Flow(200, 0.022, 0.08), 0.05, 200),
        (ERRORS, Flow(0.3, 0.003, 0.3), 0.50, 600),  # so few that they wait for each other
        (OBJECTIVE, Flow(0.3, 0.003, 0.2), 0.25, 900),
        (ERRORS, Flow(1.0, 0.01, 0.5), 0.05, 900),
    ],
    ids=lambda value: value.name if isinstance(value, Gate) else f"{value}",
)
def test_it_finds_as_often_and_as_soon_as_the_rule(gate: Gate, flow: Flow, weight: float, seconds: float) -> None:
    stretches = [Stretch(weight, seconds)]
    said, real = forecast(gate, flow, stretches), simulated(gate, flow, stretches)
    assert real.by(seconds) > 0.05, "the case shows nothing"
    for part in (0.25, 0.5, 0.75, 1.0):
        assert said.by(part * seconds) == pytest.approx(real.by(part * seconds), abs=TOLERANCE), part


@pytest.mark.played
def test_over_the_steps_of_a_rollout() -> None:
    flow, stretches = Flow(200, 0.0005, 0.005), [Stretch(0.01, 200), Stretch(0.05, 100), Stretch(0.25, 100)]
    said, real = forecast(ERRORS, flow, stretches), simulated(ERRORS, flow, stretches)
    for at in (200, 250, 300, 350, 400):
        assert said.by(at) == pytest.approx(real.by(at), abs=TOLERANCE), at


@pytest.mark.played
@pytest.mark.parametrize("groups", [1, 5])
def test_one_group_by_its_own_part_of_the_budget(groups: int) -> None:
    gate = replace(ERRORS, by=("psp",))
    flow, stretches = Flow(40, 0.003, 0.05), [Stretch(0.10, 300)]
    said, real = forecast(gate, flow, stretches, groups=groups), simulated(gate, flow, stretches, groups=groups)
    # Together with the whole, which it does not play, the group may be found a little sooner.
    assert said.by(300) == pytest.approx(real.by(300), abs=TOLERANCE)
    assert trials(gate, RULE, groups)[-1].budget == pytest.approx(0.9 * RULE.budget * 3 / 4 / groups)


def test_what_is_tolerated_is_never_found() -> None:
    said = forecast(ERRORS, Flow(2000, 0.001, 0.00105), [Stretch(0.5, 600)], runs=50)
    assert (said.at, said.pace_s) == ((), math.inf)


def test_it_says_about_how_long_it_takes_in_the_long_run() -> None:
    flow = Flow(20, 0.0005, 0.005)
    short = forecast(ERRORS, flow, [Stretch(0.10, 100)])
    long = forecast(ERRORS, flow, [Stretch(0.10, 7200)], runs=200)
    assert short.within(0.5) is None
    half = long.within(0.5)
    assert half is not None
    assert 1.0 < short.pace_s / half < 2.0


def test_a_canary_without_events_is_never_found() -> None:
    for weight in (0.0, 0.5, 1.0):
        assert forecast(BOTH, Flow(0.0, 0.0005, 0.5), [Stretch(weight, 100)], runs=5).pace_s == math.inf


def test_absurd_evidence_overflows_nothing() -> None:
    flow = Flow(100_000, 0.2, 0.2)  # misses the objective by far, as the baseline does: that is no fault of its own
    said = forecast(OBJECTIVE, flow, [Stretch(0.5, 3600)], runs=2)
    assert said.at == ()
