"""From names to a frozen plan, or every name that is missing."""

import pytest

from croupier.core.gates import Comparison, Gate, HardStop, LatencySli, Objective, RatioSli, SequentialRule
from croupier.core.gates.edition import EDITION
from croupier.core.rollout.resolve import gate_uses, resolve
from croupier.core.rollout.spec import Analysis, Pause, Plan, RolloutSpec, SetWeight, Timing
from croupier.core.segments import AttributeMatch, Segment
from croupier.errors import Rejected

RATIO = RatioSli("deposits_total", good=(("outcome", ("credited",)),))
SLO = Gate("slo", RATIO, objective=Objective(0.99))
STOP = Gate("stop", RATIO, hard_stop=HardStop(events=1))
UNUSED = Gate("unused", RATIO)
GERMANS = Segment("germans", (AttributeMatch("market", ("DE",)),))
STEPS = (SetWeight(500), Pause(60), Analysis(("slo",)))


def test_a_plan_holds_the_gates_that_are_named_and_the_segment() -> None:
    timing = Timing(1, 2, 3)
    spec = RolloutSpec("payments", "payments", STEPS, ("stop", "slo"), "germans", timing)
    plan = Plan(STEPS, ("stop", "slo"), (STOP, SLO), GERMANS, timing, edition=EDITION)
    assert resolve(spec, [UNUSED, SLO, STOP], [GERMANS]) == plan


def test_no_segment_is_everybody() -> None:
    assert resolve(RolloutSpec("p", "p", STEPS), [SLO], [GERMANS]).segment is None


def test_every_missing_name_is_told_with_its_place() -> None:
    spec = RolloutSpec("payments", "payments", (*STEPS, Analysis(("auth", "slo"))), ("stop",), "swedes")
    with pytest.raises(Rejected, match="rollout 'payments' cannot start") as caught:
        resolve(spec, [SLO], [GERMANS])
    assert [str(problem) for problem in caught.value.problems] == [
        "spec.strategy.canary.analysis.templates[0].templateName: there is no gate 'stop'. Apply it first.",
        "spec.strategy.canary.steps[3].analysis.templates[0].templateName: there is no gate 'auth'. Apply it first.",
        "spec.segment: there is no segment 'swedes'. Apply it first.",
    ]


def test_a_senseless_rollout_does_not_start() -> None:
    with pytest.raises(Rejected, match="this step can never end"):
        resolve(RolloutSpec("p", "p", (Analysis(("slo",)),)), [SLO], [])


def test_a_gate_that_could_never_fail_does_not_guard() -> None:
    with pytest.raises(Rejected, match="gate 'unused' cannot be used: the gate asks for nothing"):
        resolve(RolloutSpec("p", "p", STEPS, ("unused",)), [SLO, UNUSED], [])


@pytest.mark.parametrize(
    "segment, objective, allowed", [(None, None, False), ("germans", None, True), (None, 0.9, True)]
)
def test_a_comparison_needs_players_on_the_stable_version(
    segment: str | None, objective: float | None, allowed: bool
) -> None:
    gate = Gate("slo", RATIO, comparison=Comparison(), objective=Objective(objective) if objective else None)
    asked_at_the_end = RolloutSpec("p", "p", (SetWeight(10_000), Analysis(("slo",))), segment=segment)
    asked_all_along = RolloutSpec("p", "p", (SetWeight(500), SetWeight(10_000)), ("slo",), segment=segment)
    for spec in (asked_at_the_end, asked_all_along):
        if allowed:
            assert resolve(spec, [gate], [GERMANS]).gates == (gate,)
        else:
            with pytest.raises(Rejected, match="only compares with the stable version"):
                resolve(spec, [gate], [GERMANS])


def test_an_objective_needs_nobody_on_the_stable_version() -> None:
    spec = RolloutSpec("p", "p", (SetWeight(10_000), Analysis(("slo",))), ("slo",))
    assert resolve(spec, [SLO], []).gates == (SLO,)


def test_uses_of_gates_in_the_order_of_the_document() -> None:
    spec = RolloutSpec("p", "p", STEPS, ("stop",))
    assert [name for name, _ in gate_uses(spec)] == ["stop", "slo"]


def test_sequential_gates_share_the_budget_of_the_rollout() -> None:
    names = ("a", "b", "slo")
    gates = [Gate(name, RATIO, comparison=Comparison(), rule=SequentialRule()) for name in "ab"]
    plan = resolve(RolloutSpec("p", "p", STEPS, names, false_rollbacks=0.02), [*gates, SLO], [])
    rules = [gate.rule for gate in plan.gates]
    assert rules == [SequentialRule(budget=0.01), SequentialRule(budget=0.01), SLO.rule]


def test_thresholds_of_one_latency_share_what_errors_have_alone() -> None:
    rule = SequentialRule()
    slow = [
        Gate(name, LatencySli("seconds", at_s), comparison=Comparison(), rule=rule)
        for name, at_s in (("p75", 0.2), ("p95", 0.4))
    ]
    gates = [Gate("errors", RATIO, comparison=Comparison(), rule=rule), *slow]
    watched = Gate("watched", LatencySli("seconds", 0.8), comparison=Comparison(), rule=rule, advisory=True)
    spec = RolloutSpec("p", "p", STEPS, ("errors", "p75", "p95", "watched", "slo"), false_rollbacks=0.02)
    plan = resolve(spec, [*gates, watched, SLO], [])
    shares = {gate.name: gate.rule.budget for gate in plan.gates if isinstance(gate.rule, SequentialRule)}
    assert shares == {"errors": 0.01, "p75": 0.005, "p95": 0.005, "watched": 0.02}


@pytest.mark.parametrize(
    "budget, why",
    [
        (0.0, r"a budget of 0 % false rollbacks is not possible\. Write for example 1%\."),
        (-0.1, "a budget of -10 % false rollbacks is not possible"),
        (1.0, "a budget of 100 % false rollbacks is not possible"),
        (0.11, "this may take 11 of 100 healthy releases back"),
        (0.5, r"Write at most 10%, usually 1%; or 0\.5%, if that was meant\."),
    ],
)
def test_a_budget_is_a_small_share(budget: float, why: str) -> None:
    with pytest.raises(Rejected, match=why):
        resolve(RolloutSpec("p", "p", STEPS, false_rollbacks=budget), [SLO], [])


def test_a_tenth_is_the_most() -> None:
    plan = resolve(RolloutSpec("p", "p", STEPS, ("slo",), false_rollbacks=0.1), [SLO], [])
    assert plan.guards == ("slo",)
