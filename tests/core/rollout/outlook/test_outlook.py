"""What a rollout's gates can find before anybody is exposed: probabilities, warnings, and remedies that really help."""

import math
import random
from collections.abc import Mapping
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
from croupier.core.rollout.outlook import words
from croupier.core.rollout.outlook.outlook import GateOutlook, Outlook, look_ahead, played_s
from croupier.core.rollout.outlook.traffic import Traffic, fault_of, usual_of
from croupier.core.rollout.spec import INCONCLUSIVE, Analysis, Pause, Plan, Resort, SetWeight, Step, Undecided

SLI = RatioSli("requests_total", good=(("code", ("2xx",)),))
ERRORS = Gate("errors", SLI, comparison=Comparison(), rule=SequentialRule())
CLASSIC = Gate("ok", SLI, objective=Objective(0.99), rule=ClassicRule())
DRIFT = Gate("drift", EventsSli("drift_total"), hard_stop=HardStop(events=1))
STEPS: tuple[Step, ...] = (SetWeight(100), Pause(300), SetWeight(1_000), Pause(600))
THIN = Traffic(20, 0.0005, 0.005)


def ahead(
    gate: Gate, traffic: Traffic | None, steps: tuple[Step, ...] = STEPS, *, guards: tuple[str, ...] | None = None
) -> tuple[Outlook, GateOutlook]:
    plan = Plan(steps, (gate.name,) if guards is None else guards, (gate,))
    known: Mapping[str, Traffic] = {} if traffic is None else {gate.name: traffic}
    outlook = look_ahead(plan, known, lambda: random.Random(1).random)
    return outlook, outlook.gates[0]


def test_thin_traffic_is_warned_of_with_numbers_that_were_played() -> None:
    outlook, gate = ahead(ERRORS, THIN, (SetWeight(100), Pause(300), SetWeight(1_000), Pause(900)))
    assert outlook.soonest_s == outlook.usual_s == 1_200
    said = words.forecast(gate, gate.whole[0], outlook.stages[0])
    assert said.startswith(
        "with 20 requests/s, 1 % finds a fall from 99.95 % to 99.5 % good with probability below 1 % in 5 min (50 % in "
    )
    [warning] = words.warnings(gate, outlook.stages)
    assert warning.startswith("10 % of 20 requests/s seldom shows a fall from 99.95 % to 99.5 % good within 15 min (")
    assert warning.endswith("with all that was seen before); 80 % takes 30 % or 28 min")
    # What it says would help does.
    _, heavier = ahead(ERRORS, THIN, (SetWeight(3_000), Pause(900)))
    _, longer = ahead(ERRORS, THIN, (SetWeight(1_000), Pause(28 * 60)))
    for remedied in (heavier, longer):
        assert remedied.whole[-1].sight.probability > 0.7
        assert remedied.whole[-1].remedy is None


def test_enough_traffic_is_no_warning() -> None:
    outlook, gate = ahead(ERRORS, replace(THIN, per_s=2_000))
    assert words.warnings(gate, outlook.stages) == []
    said = words.forecast(gate, gate.whole[1], outlook.stages[1])
    assert said == (
        "with 2,000 requests/s, 10 % finds a fall from 99.95 % to 99.5 % good with probability above 99 % in 10 min "
        "(50 % in 50 s)"
    )
    assert gate.whole[1].sight.by_then == 1.0


def test_what_was_seen_at_smaller_weights_counts() -> None:
    _, gate = ahead(ERRORS, replace(THIN, per_s=100))
    assert gate.whole[1].sight.by_then > gate.whole[1].sight.probability > gate.whole[0].sight.probability


def test_what_is_tolerated_is_never_found_and_nothing_helps() -> None:
    outlook, gate = ahead(ERRORS, Traffic(200, 0.001, 0.00105))
    [warning] = words.warnings(gate, outlook.stages)
    assert "neither more time nor a larger weight would" in warning
    assert words.forecast(gate, gate.whole[0], outlook.stages[0]).endswith("(50 % not within a week)")


def test_where_a_person_decides_it_says_how_long_to_wait() -> None:
    outlook, gate = ahead(ERRORS, THIN, (SetWeight(5_000), Pause()))
    said = words.forecast(gate, gate.whole[0], outlook.stages[0])
    assert " with probability 50 % in " in said
    assert said.count(" in ") == 2
    assert words.warnings(gate, outlook.stages) == []


def test_groups_see_less_and_fewer_groups_more() -> None:
    by = replace(ERRORS, by=("psp",))
    traffic = Traffic(60, 0.003, 0.1, groups=20, what="events")
    outlook, gate = ahead(by, traffic, (SetWeight(500), Pause(300)))
    assert gate.group[0].sight.by_then < gate.whole[0].sight.by_then
    warning = words.warnings(gate, outlook.stages)[-1]
    assert "5 % of 60 events/s cannot show a fall from 99.7 % to 90 % good in one of 20 groups within 5 min" in warning
    assert "groups" in warning.rpartition("80 % takes")[2]
    assert gate.group[0].remedy is not None
    fewer = gate.group[0].remedy.groups
    assert fewer is not None
    _, less = ahead(by, replace(traffic, groups=fewer), (SetWeight(500), Pause(300)))
    assert less.group[0].sight.probability > 0.7


def test_a_gate_without_groups_may_be_what_helps() -> None:
    outlook, gate = ahead(replace(ERRORS, by=("psp",)), Traffic(9, 0.003, 0.2, groups=2), (SetWeight(500), Pause(150)))
    found = [view.remedy.groups for view in gate.group if view.remedy is not None]
    assert found == [1]
    assert "one group" in words.warnings(gate, outlook.stages)[-1]


def test_a_window_with_too_few_events_waits_and_is_told_what_would_do() -> None:
    outlook, gate = ahead(CLASSIC, Traffic(20, 0.001, 0.05))
    assert gate.whole[0].opinions == pytest.approx(0.02, abs=0.01)
    few, _ = words.warnings(gate, outlook.stages)
    assert few == (
        "it has an opinion in 2 % of its looks: 1 % of 20 requests/s is 12 in a window of 1 min, and minSamples is 20; "
        "use setWeight: 3 or window: 3m or minSamples: 5"
    )
    assert outlook.usual_s > outlook.soonest_s


def test_a_window_that_never_has_enough_is_where_it_ends() -> None:
    outlook, gate = ahead(CLASSIC, Traffic(1, 0.001, 0.05))
    assert outlook.stages[0].stuck == ("ok",)
    assert outlook.usual_s == math.inf
    assert gate.traffic is not None
    text = words.stuck(outlook.stages[0], CLASSIC, gate.traffic, INCONCLUSIVE)
    assert text.startswith("the rollout waits there for ever: 1 % of 1 requests/s is 0.6 in a window of 1 min")
    assert words.few(CLASSIC, ClassicRule(), replace(gate.traffic, per_s=0), outlook.stages[0]).endswith(
        "use sequential: {}"
    )


@pytest.mark.parametrize(
    "then,said",
    [
        (Undecided(Resort.PAUSE, 600), "the rollout waits there for a person after 10 min: "),
        (Undecided(Resort.ABORT, 1800), "the rollout goes back from there after 30 min: "),
    ],
)
def test_what_a_rollout_does_with_a_gate_that_never_passes(then: Undecided, said: str) -> None:
    outlook, gate = ahead(CLASSIC, Traffic(1, 0.001, 0.05))
    assert gate.traffic is not None
    assert words.stuck(outlook.stages[0], CLASSIC, gate.traffic, then).startswith(said)


def test_the_bounds_of_an_analysis_and_a_warm_up_take_their_time() -> None:
    steps: tuple[Step, ...] = (SetWeight(1_000), Analysis(("errors",), dwell=30))
    assert ahead(ERRORS, THIN, steps)[0].usual_s == pytest.approx(300)
    assert ahead(ERRORS, None, steps)[0].usual_s == 300
    warm = replace(ERRORS, warmup_s=45.0)
    assert ahead(warm, THIN, (*steps, SetWeight(2_000), Pause(1)))[0].usual_s == pytest.approx(345 + 60)


def test_a_comparison_at_everybody_never_ends() -> None:
    outlook, gate = ahead(ERRORS, THIN, (SetWeight(10_000), Pause(60)))
    assert outlook.stages[0].stuck == ("errors",)
    assert gate.traffic is not None
    assert words.stuck(outlook.stages[0], ERRORS, gate.traffic, INCONCLUSIVE).endswith(
        "100 % of 20 requests/s gives no sample to compare"
    )


def test_a_classic_comparison_counts_the_scarcer_version() -> None:
    gate = replace(CLASSIC, objective=None, comparison=Comparison())
    outlook, seen = ahead(gate, Traffic(20, 0.001, 0.05), (SetWeight(9_900), Pause(60)))
    [few] = words.warnings(seen, outlook.stages)
    assert "is 12 in a window of 1 min" in few
    assert "setWeight" not in few


def test_a_classic_gate_that_blames_the_healthy_is_told() -> None:
    swinging = Traffic(200, 0.005, 0.05, groups=4)
    outlook, gate = ahead(replace(CLASSIC, by=("psp",)), swinging)
    assert words.warnings(gate, outlook.stages)[-1].startswith("it rolls back a healthy release with probability ")
    blamed = [view.sight.blamed for view in (gate.whole[-1], gate.group[-1])]
    assert blamed[1] is not None
    assert blamed[0] is not None
    assert blamed[1] > blamed[0] > 0.05


@pytest.mark.played
def test_how_long_a_window_takes_is_extrapolated() -> None:
    _, gate = ahead(CLASSIC, Traffic(20, 0.001, 0.015))
    sight = gate.whole[0].sight
    assert 3_600 < sight.likely_s < math.inf
    _, never = ahead(CLASSIC, Traffic(1, 0.001, 0.05))
    assert never.whole[0].sight.half_s == math.inf


def test_an_asked_gate_looks_while_it_is_asked() -> None:
    steps: tuple[Step, ...] = (SetWeight(1_000), Pause(300), Analysis(("errors",)), SetWeight(5_000), Pause(300))
    _, gate = ahead(ERRORS, THIN, steps, guards=())
    assert [(view.stage, view.sight.seconds) for view in gate.whole] == [(0, 60)]
    _, classic = ahead(CLASSIC, THIN, (SetWeight(1_000), Analysis(("ok",))), guards=())
    assert classic.whole[0].sight.seconds == 30
    _, nobody = ahead(ERRORS, THIN, (Pause(5),))
    assert nobody.whole == ()


def test_unknown_traffic_and_events_that_must_not_happen() -> None:
    outlook, gate = ahead(ERRORS, None)
    assert (gate.whole, outlook.usual_s) == ((), 900)
    _, drift = ahead(DRIFT, THIN)
    assert drift.whole == ()
    assert ahead(CLASSIC, None, (SetWeight(1_000),))[0].usual_s == 10


@pytest.mark.played
def test_a_week_of_steps_is_played_in_a_moment() -> None:
    outlook, gate = ahead(ERRORS, replace(THIN, per_s=0.5), (SetWeight(100), Pause(7 * 86_400)))
    assert gate.whole[0].sight.seconds == played_s(ERRORS) == 5_000
    assert outlook.usual_s == 7 * 86_400


@pytest.mark.parametrize(
    "gate,usual,fault",
    [
        (ERRORS, 0.0005, 0.005),
        (CLASSIC, 0.005, 0.05),
        (replace(CLASSIC, objective=Objective(0.5)), 0.25, 0.5),
        (Gate("slow", LatencySli("seconds", 0.4), objective=Objective(0.95)), 0.025, 0.1),
        (Gate("slow", LatencySli("seconds", 0.4), comparison=Comparison(1.2)), 0.02, 0.08),
    ],
)
def test_what_is_assumed(gate: Gate, usual: float, fault: float) -> None:
    assert usual_of(gate) == pytest.approx(usual)
    assert fault_of(gate, usual) == pytest.approx(fault)


@pytest.mark.parametrize(
    "bad,text",
    [(0.0, "100 %"), (0.0005, "99.95 %"), (0.005, "99.5 %"), (0.05, "95 %"), (0.00001, "99.999 %"), (1, "0 %")],
)
def test_shares_keep_the_digits_that_tell(bad: float, text: str) -> None:
    assert words.good(bad) == text


def test_nothing_played_is_told_as_certain() -> None:
    assert [words.probability(share) for share in (0.0, 0.123, 1.0)] == ["below 1 %", "12 %", "above 99 %"]
    assert words.roughly(5_000) == "1 h 23 min"
    assert words.roughly(605) == "10 min 5 s"


def test_large_rates_keep_their_digits() -> None:
    outlook, gate = ahead(ERRORS, replace(THIN, per_s=12_345), (SetWeight(100), Pause(60)))
    assert "12,345 requests/s" in words.forecast(gate, gate.whole[0], outlook.stages[0])


def test_ten_times_nothing_is_a_fault_nevertheless() -> None:
    assert fault_of(ERRORS, 0.0) == pytest.approx(0.0005)
