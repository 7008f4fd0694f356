"""Each number of a gate has a direction, and the comparison of gates is an order."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.gates import (
    BurnRule,
    ClassicRule,
    Comparison,
    Gate,
    HardStop,
    HoldPlayers,
    LatencySli,
    Objective,
    OnGroupFail,
    PopulationRule,
    RatioSli,
    SequentialRule,
)
from croupier.core.rollout.profile.gate_fields import FIELDS, Bound, laxer

RATIO = RatioSli("m", (("code", ("200",)),))
USUAL = Gate(
    "slo",
    RATIO,
    by=("market",),
    objective=Objective(0.99),
    comparison=Comparison(1.1),
    hard_stop=HardStop(failing=0.5, samples=20),
    rule=SequentialRule(),
)
SLOW = replace(USUAL, sli=LatencySli("m", 0.4))
CLASSIC = replace(USUAL, rule=ClassicRule())
BURN = replace(USUAL, rule=BurnRule())
POPULATION = replace(USUAL, rule=PopulationRule(), objective=None, comparison=None)


@pytest.mark.parametrize(
    "usual, field, changed",
    [
        (USUAL, "advisory", {"advisory": True}),
        (USUAL, "objective.atLeast", {"objective": Objective(0.98)}),
        (USUAL, "objective.atLeast", {"objective": None}),
        (USUAL, "comparison.maxRatio", {"comparison": Comparison(1.2)}),
        (USUAL, "comparison.maxRatio", {"comparison": None}),
        (CLASSIC, "comparison.slack", {"comparison": Comparison(slack=0.01)}),
        (USUAL, "comparison.against", {"comparison": Comparison(against="yesterday")}),
        (USUAL, "hardStop.failing", {"hard_stop": HardStop(failing=0.6, samples=20)}),
        (USUAL, "hardStop.failing", {"hard_stop": None}),
        (USUAL, "hardStop.samples", {"hard_stop": HardStop(failing=0.5, samples=21)}),
        (replace(USUAL, hard_stop=HardStop(events=1)), "hardStop.events", {"hard_stop": HardStop(events=2)}),
        (replace(USUAL, hard_stop=HardStop(drop=0.1)), "hardStop.drop", {"hard_stop": HardStop(drop=0.2)}),
        (SLOW, "sli.threshold", {"sli": LatencySli("m", 0.5)}),
        (USUAL, "warmup", {"warmup_s": 1.0}),
        (USUAL, "onGroupFail.atMost", {"on_group_fail": OnGroupFail((HoldPlayers(("market",)),))}),
        (USUAL, "sequential.samples", {"rule": SequentialRule(samples=5)}),
        (USUAL, "sequential.interval", {"rule": SequentialRule(interval_s=20.0)}),
        (USUAL, "sequential.clumps", {"rule": SequentialRule(clumps=2.0)}),
        (USUAL, "sequential.dwell", {"rule": SequentialRule(dwell=5)}),
        (USUAL, "sequential.patience", {"rule": SequentialRule(patience=50)}),
        (USUAL, "sequential.harm", {"rule": SequentialRule(harm=30)}),
        (CLASSIC, "rule.interval", {"rule": ClassicRule(interval_s=20.0)}),
        (CLASSIC, "rule.window", {"rule": ClassicRule(window_s=90.0)}),
        (CLASSIC, "rule.consecutive", {"rule": ClassicRule(consecutive=4)}),
        (CLASSIC, "rule.minSamples", {"rule": ClassicRule(min_samples=30)}),
        (BURN, "burn.window", {"rule": BurnRule(window_s=1_000.0)}),
        (BURN, "burn.shortWindow", {"rule": BurnRule(short_s=90.0)}),
        (BURN, "burn.factor", {"rule": BurnRule(factor=11.0)}),
        (BURN, "burn.interval", {"rule": BurnRule(interval_s=20.0)}),
        (BURN, "burn.minSamples", {"rule": BurnRule(min_samples=30)}),
        (POPULATION, "population.error", {"rule": PopulationRule(error=0.0001)}),
        (POPULATION, "population.samples", {"rule": PopulationRule(samples=5)}),
        (USUAL, "by", {"by": ()}),
        (USUAL, "rule", {"rule": ClassicRule()}),
    ],
)
def test_each_field_has_a_direction(usual: Gate, field: str, changed: dict[str, Any]) -> None:
    """What is laxer one way is stricter the other."""
    lax = replace(usual, **changed)
    found = [name for name, *_ in laxer(lax, usual)]
    # Without a hard stop there are no samples to be stopped by, either.
    assert found == ([field, "hardStop.samples"] if lax.hard_stop is None else [field])
    assert [name for name, *_ in laxer(usual, lax)] == (["rule"] if field == "rule" else [])


def test_every_field_is_tried() -> None:
    (mark,) = (each for each in test_each_field_has_a_direction.pytestmark if each.name == "parametrize")
    assert {field for _, field, _ in mark.args[1]} == {field.name for field in FIELDS} | {"by", "rule"}


def test_a_gate_that_asks_more_is_stricter() -> None:
    more = replace(USUAL, by=("market", "psp"), name="other", description="ours", sli=RatioSli("ours", ()))
    assert not list(laxer(more, USUAL))
    assert list(laxer(replace(USUAL, objective=None), USUAL)) == [("objective.atLeast", "none", "0.99")]


gates = st.builds(
    lambda objective, ratio, stop, samples, dwell, advisory, by: Gate(
        "slo",
        RATIO,
        by=by,
        objective=objective and Objective(objective),
        comparison=ratio and Comparison(ratio),
        hard_stop=stop and HardStop(failing=stop, samples=samples),
        rule=SequentialRule(samples=samples, dwell=dwell),
        advisory=advisory,
    ),
    st.sampled_from([None, 0.9, 0.99]),
    st.sampled_from([None, 1.1, 1.2]),
    st.sampled_from([None, 0.4, 0.5]),
    st.integers(4, 6),
    st.integers(4, 6),
    st.booleans(),
    st.sampled_from([(), ("market",), ("market", "psp")]),
)


def at_least_as_strict(one: Gate, other: Gate) -> bool:
    return not list(laxer(one, other))


@given(gates, gates, gates)
def test_strictness_is_an_order(one: Gate, two: Gate, three: Gate) -> None:
    assert at_least_as_strict(one, one)
    if at_least_as_strict(one, two) and at_least_as_strict(two, three):
        assert at_least_as_strict(one, three)
    if at_least_as_strict(one, two) and at_least_as_strict(two, one):
        assert [field.read(one) for field in FIELDS] == [field.read(two) for field in FIELDS]


@given(gates, gates, st.sampled_from(FIELDS))
def test_each_field_alone_is_total(one: Gate, two: Gate, field: Any) -> None:
    ours, theirs = field.read(one), field.read(two)
    assert field.laxer(ours, theirs) + field.laxer(theirs, ours) + (ours == theirs) == 1


def test_both_ways_are_used() -> None:
    assert {field.bound for field in FIELDS} == set(Bound)
