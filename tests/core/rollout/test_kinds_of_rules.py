"""What forecasts and stories make of the rules that are not forecast: budgets and populations."""

import random
from dataclasses import replace

import pytest
from tests.core.rollout.test_evidence import ERRORS, started, watch

from croupier.core.gates import (
    BurnRule,
    Counts,
    EventsSli,
    Gate,
    HardStop,
    LatencySli,
    Objective,
    PopulationRule,
    RatioSli,
    Reading,
)
from croupier.core.gates.check import check_gate
from croupier.core.gates.forecast.flow import Flow
from croupier.core.gates.forecast.passing import Seen, passing
from croupier.core.gates.hard_stop import stops
from croupier.core.rollout.decide import looks
from croupier.core.rollout.explain import describe_gate
from croupier.core.rollout.explain_gate import explain_gate
from croupier.core.rollout.gate_words import describe_story
from croupier.core.rollout.outlook.outlook import look_ahead
from croupier.core.rollout.outlook.sights import player
from croupier.core.rollout.outlook.traffic import Traffic
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.prove import prove
from croupier.core.rollout.rejudge import rejudge
from croupier.core.rollout.resolve import resolve
from croupier.core.rollout.spec import Analysis, Pause, Plan, RolloutSpec, SetWeight
from croupier.testing import Rehearsal

SLI = RatioSli("requests_total", good=(("code", ("200",)),))
BURN = Gate("burn", SLI, objective=Objective(0.99), rule=BurnRule())
PEOPLE = Gate("people", RatioSli("requests_total", ()), rule=PopulationRule())
THIN = Traffic(20, 0.0005, 0.005)


@pytest.mark.parametrize("gate", [BURN, PEOPLE], ids=["burn", "population"])
@pytest.mark.parametrize("traffic", [None, THIN], ids=["unknown", "thin"])
@pytest.mark.parametrize("guard", [True, False])
def test_their_time_is_counted_and_their_word_is_not_forecast(gate: Gate, traffic: Traffic | None, guard: bool) -> None:
    steps = (SetWeight(500), Pause(300), Analysis((gate.name,)))
    plan = Plan(steps, (gate.name,) if guard else (), (gate,))
    outlook = look_ahead(plan, {} if traffic is None else {gate.name: traffic}, lambda: random.Random(1).random)
    assert outlook.gates[0].whole == ()
    with pytest.raises(TypeError, match="is not forecast"):
        player(gate, lambda: random.Random(1).random)(THIN.bad, (), 1, 1)


def test_a_population_passes_after_its_samples() -> None:
    found = passing(PEOPLE, Flow(20, 0.0, 0.0), 0.05, before=Seen(), next_bp=500)
    assert (found.soonest_s, found.usual_s) == (60, 60)


@pytest.mark.parametrize("rule", [BurnRule(window_s=60, short_s=20), PopulationRule()], ids=["burn", "population"])
def test_their_story_can_be_told_and_made_again(rule: BurnRule | PopulationRule) -> None:
    objective = Objective(0.99) if isinstance(rule, BurnRule) else None
    rehearsal = started(replace(ERRORS, objective=objective, comparison=None, hard_stop=None, rule=rule))
    watch(rehearsal, 2, 500, samples=8)
    story = explain_gate(rehearsal.events, "errors", random.Random(1).random)
    text = "; ".join(describe_story(story))
    if isinstance(rule, PopulationRule):
        assert "it holds when it alarms, and never stops a rollout" in text
    again = list(rejudge(rehearsal.events))
    assert again
    assert all(each.agrees for each in again)


def test_things_that_must_not_happen_turn_red_too() -> None:
    drift = Gate("drift", EventsSli("drift_total"), hard_stop=HardStop(events=1))
    assert prove(Plan((SetWeight(500), Pause(60)), ("drift",), (drift,)), "drift").red_after_s is not None


# --- the hard stop on a drop ------------------------------------------------------------------------------------------

GUARD = Gate("guard", SLI, hard_stop=HardStop(drop=0.15, samples=50))


@pytest.mark.parametrize(
    "canary, baseline, stopped",
    [
        (Counts(0, 200), Counts(60, 200), True),
        (Counts(250, 1_000), Counts(300, 1_000), False),  # 17 % lower, which may be chance
        (Counts(20_000, 100_000), Counts(30_000, 100_000), True),
        (Counts(26_000, 100_000), Counts(30_000, 100_000), False),  # surely lower, by less than 15 %
        (Counts(0, 49), Counts(300, 1_000), False),
        (Counts(0, 200), Counts(20, 49), False),
        (Counts(0, 200), Counts(0, 200), False),
        (Counts(0, 200), None, False),
    ],
)
def test_a_drop_stops_when_it_is_sure(canary: Counts, baseline: Counts | None, stopped: bool) -> None:
    assert stops(GUARD, canary, baseline) is stopped


def test_a_drop_that_nobody_can_mean() -> None:
    wrong = Gate("guard", SLI, hard_stop=HardStop(drop=1.0))
    assert [problem.path for problem in check_gate(wrong)] == [("spec", "hardStop", "drop")]
    events = Gate("guard", EventsSli("x"), hard_stop=HardStop(events=1, drop=0.1))
    assert [problem.path for problem in check_gate(events)] == [("spec", "hardStop", "drop")]


def test_what_is_no_time_has_no_unit() -> None:
    depth = Gate("depth", LatencySli("queue_depth", 20.0), objective=Objective(0.95))
    assert describe_gate(depth) == "95 % or more of queue_depth at most 20"
    assert describe_gate(GUARD) == "stop when requests_total good is surely 15 % below the baseline"


def test_a_double_debit_between_two_weights_takes_the_release_back() -> None:
    """It came after the last look at the one weight and before the data plane confirmed the next."""
    debits = Gate("debits", EventsSli("double_debits_total"), hard_stop=HardStop(events=1))
    steps = (SetWeight(100), Pause(15.0), SetWeight(5_000))
    story = Rehearsal(resolve(RolloutSpec("shop", "shop", steps, ("debits",)), [debits], []))
    story.settle()
    debited_at = story.now + 14.0

    def look(after: float) -> None:
        story.now += after
        said = {
            each.gate.name: Reading(
                each.since, each.until, {(): Counts(0, int(each.since < debited_at <= each.until))}, None
            )
            for each in looks(story.state, story.now)
        }
        story.tick(said)
        story.settle()

    look(10.0)
    look(5.0)
    assert story.state.weight_bp == 5_000
    look(10.0)
    assert story.state.phase is Phase.ABORTED
