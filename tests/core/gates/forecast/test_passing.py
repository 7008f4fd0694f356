"""When a healthy canary is let on: the forecast, and the rule itself on counts as they are on average."""

import math
import random
from dataclasses import replace

import pytest

from croupier.core.gates import (
    ClassicRule,
    Comparison,
    Counts,
    EventsSli,
    Gate,
    GateState,
    HardStop,
    MeasuredSli,
    Objective,
    RatioSli,
    Reading,
    SequentialRule,
    Verdict,
)
from croupier.core.gates.analysis.model import AnalysisRule, Metric, PrometheusQuery
from croupier.core.gates.forecast.chance import poisson
from croupier.core.gates.forecast.flow import Flow
from croupier.core.gates.forecast.passing import Passing, Seen, enough, passing
from croupier.core.gates.judge import judge
from croupier.core.gates.sli import Group

SLI = RatioSli("requests_total", good=(("code", ("2xx",)),))
EVIDENCE = Gate("errors", SLI, comparison=Comparison(), rule=SequentialRule())
CLASSIC = Gate("ok", SLI, objective=Objective(0.99), rule=ClassicRule())
NOTHING = Seen()


def usual(gate: Gate, per_s: float, weight: float, *, next_bp: int = 500, before: Seen = NOTHING) -> float:
    return passing(gate, Flow(per_s, 0.0005, 0.0005), weight, before=before, next_bp=next_bp).usual_s


@pytest.mark.parametrize("per_s,weight,next_bp", [(20, 0.1, 2500), (200, 0.05, 1000), (2000, 0.01, 500)])
@pytest.mark.parametrize("gate", [EVIDENCE, replace(EVIDENCE, objective=Objective(0.999))], ids=["compared", "both"])
def test_evidence_passes_when_the_rule_does(gate: Gate, per_s: float, weight: float, next_bp: int) -> None:
    state, seen = GateState(gate.name), Seen()
    for sample in range(1, 62):
        before, seen = seen, seen.with_more(per_s, weight, 10)
        arms: list[dict[Group, Counts]] = []
        for were, are in ((before.canary, seen.canary), (before.baseline, seen.baseline)):
            bad = round(are * 0.0005) - round(were * 0.0005)
            total = round(are) - round(were)
            arms.append({(): Counts(total - bad, total)})
        said = Reading(10 * sample - 10, 10 * sample, arms[0], arms[1])
        state = judge(gate, state, said, 10 * sample, watching_since=0, next_bp=next_bp)
        if state.latest is not None and state.latest.verdict is Verdict.PASS:
            break
    assert usual(gate, per_s, weight, next_bp=next_bp) == pytest.approx(10 * sample, rel=0.2, abs=20)


def test_what_was_seen_at_smaller_weights_counts() -> None:
    alone = usual(EVIDENCE, 200, 0.10, next_bp=10_000)
    after = usual(EVIDENCE, 200, 0.10, next_bp=10_000, before=Seen().with_more(200, 0.05, 3600))
    assert (alone, after) == (120, 60)


def test_patience_ends_a_wait_in_which_nothing_speaks_against_it() -> None:
    strict = replace(EVIDENCE, rule=SequentialRule(harm=1, patience=40))
    assert usual(strict, 20, 0.01, next_bp=10_000) == pytest.approx(400 / -math.expm1(-12))


def test_thin_traffic_waits_for_the_samples_that_have_events() -> None:
    # Every tenth sample has an event, and of those after it five count as well.
    assert usual(EVIDENCE, 1.0, 0.01) == pytest.approx(133, rel=0.05)
    assert passing(EVIDENCE, Flow(1.0, 0.0, 0.0), 0.01, before=NOTHING, next_bp=500).soonest_s == 60
    assert usual(EVIDENCE, 1.0, 0.0) == math.inf


def test_a_baseline_that_is_seldom_heard_of_holds_up_the_rule_for_as_long() -> None:
    """On average, by the rule itself on counts that come by chance: what nothing is compared with does not count."""
    chance = random.Random(4).random
    draws = [poisson(10.0 * weight, chance) for weight in (0.95, 0.05)]
    took = []
    for _ in range(30):
        state, sample = GateState(EVIDENCE.name), 0
        while state.latest is None or state.latest.verdict is not Verdict.PASS:
            sample += 1
            arms: list[dict[Group, Counts]] = [{(): Counts(events, events)} for events in (draw() for draw in draws)]
            said = Reading(10 * sample - 10, 10 * sample, arms[0], arms[1])
            state = judge(EVIDENCE, state, said, 10 * sample, watching_since=0, next_bp=9_500, weight_bp=9_500)
        took.append(10 * sample)
    assert usual(EVIDENCE, 1.0, 0.95, next_bp=9_500) == pytest.approx(sum(took) / len(took), rel=0.2)


def test_a_comparison_alone_never_passes_without_a_baseline() -> None:
    assert usual(EVIDENCE, 200, 1.0) == math.inf
    assert usual(replace(EVIDENCE, objective=Objective(0.99)), 200, 1.0) < math.inf


def test_a_window_waits_for_events_enough() -> None:
    assert usual(CLASSIC, 200, 0.01) == 10
    assert usual(CLASSIC, 40, 0.01) == 50
    assert 80 < usual(CLASSIC, 20, 0.01) < 1000
    assert usual(CLASSIC, 1, 0.01) == math.inf
    assert isinstance(CLASSIC.rule, ClassicRule)
    assert enough(CLASSIC, CLASSIC.rule, 20, 0.01) == pytest.approx(0.0213, abs=1e-3)


def test_a_comparison_alone_needs_the_baseline_s_events_too() -> None:
    gate = replace(CLASSIC, objective=None, comparison=Comparison())
    assert usual(gate, 20, 0.99) > usual(CLASSIC, 20, 0.99)


def test_things_that_must_not_happen_need_one_look() -> None:
    gate = Gate("drift", EventsSli("drift_total"), hard_stop=HardStop(events=1), rule=ClassicRule(interval_s=15))
    assert passing(gate, Flow(0.0, 0.0, 0.0), 0.01, before=NOTHING, next_bp=500) == Passing(15, 15)


def test_an_analysis_takes_its_measurements_whatever_the_traffic() -> None:
    rate = Metric("rate", PrometheusQuery("up"), "result[0] < 0.05", interval_s=10.0, count=4)
    gate = Gate("values", MeasuredSli(), rule=AnalysisRule((rate,)))
    assert passing(gate, Flow(0.0, 0.0, 0.0), 0.01, before=NOTHING, next_bp=500) == Passing(30, 30)


@pytest.mark.parametrize("per_s", [0.001, 0.008, 0.01])
def test_hardly_an_event_passes_late_and_is_reckoned_with(per_s: float) -> None:
    """At the first samples not one event is due, of neither version."""
    assert usual(EVIDENCE, per_s, 0.1) > 60 * 10
