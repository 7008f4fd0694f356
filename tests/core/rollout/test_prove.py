"""Every gate that is let through condemns a canary of which everything is bad, and never one of which nothing is."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.gates import (
    BurnRule,
    ClassicRule,
    Comparison,
    Counts,
    EventsSli,
    Gate,
    GateState,
    HardStop,
    LatencySli,
    Objective,
    RatioSli,
    Reading,
    SequentialRule,
    Verdict,
)
from croupier.core.gates.check import check_gate
from croupier.core.gates.judge import judge
from croupier.core.rollout.prove import MOST_LOOKS, prove
from croupier.core.rollout.resolve import resolve, unprovable
from croupier.core.rollout.spec import Analysis, Pause, Plan, RolloutSpec, SetSegment, SetWeight, Shadow, Step
from croupier.core.segments import AttributeMatch, Segment
from croupier.errors import Rejected

RATIO = RatioSli("deposits_total", good=(("outcome", ("credited",)),))
SLIS = (RATIO, LatencySli("seconds", 0.4), EventsSli("doubles_total"))
STEPS = (SetWeight(500), Pause(60), SetWeight(5_000), Pause(60))


def plan(gate: Gate, steps: tuple[Step, ...] = STEPS, *, guard: bool = True, segment: bool = False) -> Plan:
    return Plan(steps, (gate.name,) if guard else (), (gate,), Segment("germans", ()) if segment else None)


def shares(least: float, most: float) -> st.SearchStrategy[float]:
    return st.floats(least, most, allow_nan=False)


classic = st.builds(
    ClassicRule,
    interval_s=shares(0.5, 30),
    window_s=shares(30, 600),
    consecutive=st.integers(1, 1_000),
    min_samples=st.integers(1, 1_000_000_000),
)
sequential = st.builds(
    SequentialRule,
    interval_s=shares(0.5, 60),
    samples=st.integers(2, 50),
    clumps=shares(1, 20),
    dwell=st.integers(1, 60),
    patience=st.integers(60, 1_000),
    harm=st.integers(1, 10_000),
    budget=shares(1e-6, 0.05),
)
burn = st.builds(
    BurnRule,
    window_s=shares(60, 1_800),
    short_s=shares(30, 60),
    factor=shares(1, 1_000),
    interval_s=shares(0.5, 30),
    min_samples=st.integers(1, 10**9),
)
gates = st.builds(
    Gate,
    name=st.just("gate"),
    sli=st.sampled_from(SLIS),
    by=st.sampled_from([(), ("psp",), ("market", "psp")]),
    objective=st.none() | st.builds(Objective, shares(0.01, 1.0)),
    comparison=st.none() | st.builds(Comparison, shares(1, 100), shares(0, 0.99)),
    hard_stop=st.none()
    | st.builds(
        HardStop, st.none() | st.integers(1, 10**9), st.none() | shares(0.01, 1.0), samples=st.integers(1, 10**9)
    ),
    rule=classic | sequential | burn,
).filter(lambda gate: not any(check_gate(gate)))
"""Gates that pass validation, with demands that people would write."""


@given(gate=gates, guard=st.booleans(), segment=st.booleans(), weight=st.integers(1, 10_000))
def test_every_gate_that_passes_validation_turns_red(gate: Gate, guard: bool, segment: bool, weight: int) -> None:
    if weight == 10_000 and not segment and gate.objective is None and gate.comparison is not None:
        return  # it only compares, with nobody: refused elsewhere
    steps = (SetWeight(weight), Pause(10) if guard else Analysis((gate.name,)))
    proof = prove(plan(gate, steps, guard=guard, segment=segment), gate.name)
    assert proof.red_after_s is not None, proof


@given(
    gate=gates,
    baselines=st.lists(st.tuples(shares(0, 1), st.integers(0, 5_000), st.integers(0, 5_000)), min_size=1, max_size=30),
)
def test_a_perfect_canary_is_never_condemned(gate: Gate, baselines: list[tuple[float, int, int]]) -> None:
    state, at = GateState(gate.name), 0.0
    for bad_share, of_canary, of_baseline in baselines:
        at += gate.rule.interval_s
        events = isinstance(gate.sli, EventsSli)
        canary = Counts(0, 0) if events else Counts(of_canary, of_canary)
        bad = round(of_baseline * bad_share)
        baseline = Counts(0, bad) if events else Counts(of_baseline - bad, of_baseline)
        said = Reading(at - gate.rule.interval_s, at, {(): canary}, {(): baseline})
        state = judge(gate, state, said, at, watching_since=0.0, next_bp=5_000)
        assert state.latest is not None
        assert state.latest.verdict is not Verdict.FAIL


@pytest.mark.parametrize(
    "rule, seconds",
    [
        (ClassicRule(10, 60, 3), 30),
        (ClassicRule(10, 60, 1), 10),
        (SequentialRule(samples=5), 50),
        (SequentialRule(interval_s=1, samples=5), 5),
    ],
)
def test_it_is_known_beforehand_how_soon_it_turns_red(rule: ClassicRule | SequentialRule, seconds: float) -> None:
    gate = Gate("slo", RATIO, objective=Objective(0.99), comparison=Comparison(), rule=rule)
    assert prove(plan(gate), "slo").red_after_s == pytest.approx(seconds, rel=1e-3)


@pytest.mark.parametrize("guard", [True, False])
def test_a_person_may_go_on_at_once(guard: bool) -> None:
    gate = Gate("slo", RATIO, objective=Objective(0.99))
    steps = (SetWeight(100), Pause(), Analysis((gate.name,)), Pause())
    assert prove(plan(gate, steps, guard=guard), "slo").red_after_s == pytest.approx(30, rel=1e-3)


def test_while_requests_are_copied_it_sees_nothing_more_and_nothing_less() -> None:
    gate = Gate("slo", RATIO, objective=Objective(0.99))
    waits = prove(plan(gate, (SetWeight(100), Pause(60.0), Pause())), "slo")
    assert prove(plan(gate, (SetWeight(100), Shadow(2_500, 60.0), Pause())), "slo") == waits
    assert waits.red_after_s is not None


def test_a_gate_that_never_looks_cannot_turn_red() -> None:
    gate = Gate("slo", RATIO, objective=Objective(0.99))
    proof = prove(plan(gate, (SetWeight(0), Pause(60))), "slo")
    assert proof.red_after_s is None
    assert proof.looks == 0
    assert "it can never look" in proof.why


def test_a_budget_may_take_its_whole_window_however_often_one_looks() -> None:
    rule = BurnRule(window_s=1_100.0, short_s=30.0, factor=2.0, interval_s=0.5, min_samples=1)
    proof = prove(plan(Gate("slo", RATIO, objective=Objective(0.5), rule=rule)), "slo")
    assert proof.looks > MOST_LOOKS
    assert proof.red_after_s == pytest.approx(1_100.0, abs=1.0)


def test_too_much_proof_is_none() -> None:
    gate = Gate("slo", RATIO, comparison=Comparison(), rule=SequentialRule(samples=3_000, budget=0.5))
    proof = prove(plan(gate), "slo")
    assert proof.red_after_s is None
    assert proof.looks == MOST_LOOKS
    assert "can never fail in time" in proof.why


def test_a_stable_version_that_mostly_fails_leaves_nothing_to_be_worse() -> None:
    gate = Gate("slo", RATIO, comparison=Comparison(max_ratio=2))
    assert prove(plan(gate), "slo", Counts(900, 1_000)).red_after_s is not None
    assert prove(plan(gate), "slo", Counts(4, 10)).red_after_s is not None, "too few to know"
    proof = prove(plan(gate), "slo", Counts(400, 1_000))
    assert proof.red_after_s is None
    assert "60 % of the stable version's own events are bad (600 of 1000)" in proof.why


def test_a_rollout_with_such_a_gate_does_not_start() -> None:
    gate = Gate("slo", RATIO, comparison=Comparison(), rule=SequentialRule(samples=3_000))
    spec = RolloutSpec("p", "p", STEPS, ("slo",), false_rollbacks=0.1)
    with pytest.raises(Rejected, match="gate 'slo' cannot turn red here"):
        resolve(spec, [gate], [])
    [problem] = unprovable(spec, {"slo": gate})
    assert problem.path == ("spec", "strategy", "canary", "analysis", "templates", 0, "templateName")
    assert not list(unprovable(replace(spec, steps=()), {"slo": gate})), "one thing at a time"
    edge = replace(gate, sli=LatencySli("edge_request_duration_seconds", 0.4))
    swedes = Segment("swedes", (AttributeMatch("market", ("SE",)),))
    alone = replace(spec, steps=(SetSegment(swedes, 1_000, guards=("slo",)), *STEPS))
    assert not list(unprovable(alone, {"slo": edge})), "that it cannot tell the segment's players is told elsewhere"
