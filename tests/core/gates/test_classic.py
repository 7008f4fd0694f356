"""The classic rule, look by look: what one window of counts means for one gate."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from croupier.core.gates import (
    ClassicRule,
    Comparison,
    Counts,
    EventsSli,
    Finding,
    Gate,
    GateState,
    Group,
    HardStop,
    Judgement,
    LatencySli,
    Objective,
    Opinion,
    RatioSli,
    Reading,
    Sli,
    Verdict,
)
from croupier.core.gates.classic import look

NOW = 1_000.0
DEPOSITS = RatioSli("casino_deposits_total", good=(("outcome", ("ok",)),))
LATENCY = LatencySli("http_request_duration_seconds", threshold_s=0.4)
DOUBLE_DEBITS = EventsSli("casino_double_debits_total")
ALL: Group = ()
TRUSTLY: Group = (("psp", "trustly"),)
VISA: Group = (("psp", "visa"),)


def gate(sli: Sli = DEPOSITS, **asked: Any) -> Gate:
    return Gate("deposits", sli, **asked)


def absolute(at_least: float = 0.99, **more: Any) -> Gate:
    return gate(objective=Objective(at_least), **more)


def relative(**more: Any) -> Gate:
    return gate(comparison=Comparison(max_ratio=1.1, slack=0.001), **more)


def reading(
    canary: tuple[int, int] | Mapping[Group, tuple[int, int]],
    baseline: tuple[int, int] | Mapping[Group, tuple[int, int]] | None = (1000, 1000),
) -> Reading:
    """Counts given as (good, total), of everything or by group."""

    def counts(given: tuple[int, int] | Mapping[Group, tuple[int, int]]) -> dict[Group, Counts]:
        by_group = given if isinstance(given, Mapping) else {ALL: given}
        return {group: Counts(*pair) for group, pair in by_group.items()}

    return Reading(NOW - 60, NOW, counts(canary), None if baseline is None else counts(baseline))


def judged(what: Gate, said: Reading, **streaks: int) -> Judgement:
    before = tuple((ALL if name == "everything" else (("psp", name),), streak) for name, streak in streaks.items())
    assert isinstance(what.rule, ClassicRule)
    return look(what, what.rule, GateState(what.name, streaks=before), said, NOW)


def total(judgement: Judgement) -> Finding:
    return next(finding for finding in judgement.findings if finding.group == ALL)


@pytest.mark.parametrize(
    "what, canary, baseline, opinion, verdict",
    [
        # An objective alone.
        (absolute(), (1000, 1000), None, Opinion.GOOD, Verdict.PASS),
        (absolute(), (990, 1000), None, Opinion.GOOD, Verdict.PASS),
        (absolute(), (989, 1000), None, Opinion.VIOLATED, Verdict.INCONCLUSIVE),
        (absolute(), (20, 20), None, Opinion.GOOD, Verdict.PASS),
        (absolute(), (19, 19), None, Opinion.FEW, Verdict.INCONCLUSIVE),
        (absolute(), (0, 19), None, Opinion.FEW, Verdict.INCONCLUSIVE),
        (absolute(), (0, 0), None, Opinion.FEW, Verdict.NO_DATA),
        # An objective that the baseline meets, or misses likewise, or misses less.
        (absolute(), (980, 1000), (1000, 1000), Opinion.VIOLATED, Verdict.INCONCLUSIVE),
        (absolute(), (900, 1000), (900, 1000), Opinion.COMMON, Verdict.INCONCLUSIVE),
        (absolute(), (800, 1000), (900, 1000), Opinion.VIOLATED, Verdict.INCONCLUSIVE),
        (absolute(), (995, 1000), (900, 1000), Opinion.GOOD, Verdict.PASS),
        # A baseline with few events has no say.
        (absolute(), (900, 1000), (10, 19), Opinion.VIOLATED, Verdict.INCONCLUSIVE),
        (absolute(), (1000, 1000), (19, 19), Opinion.GOOD, Verdict.PASS),
        # A comparison alone needs a baseline.
        (relative(), (990, 1000), (990, 1000), Opinion.GOOD, Verdict.PASS),
        (relative(), (988, 1000), (990, 1000), Opinion.GOOD, Verdict.PASS),
        (relative(), (987, 1000), (990, 1000), Opinion.VIOLATED, Verdict.INCONCLUSIVE),
        (relative(), (999, 1000), (1000, 1000), Opinion.GOOD, Verdict.PASS),
        (relative(), (998, 1000), (1000, 1000), Opinion.VIOLATED, Verdict.INCONCLUSIVE),
        (relative(), (990, 1000), (19, 19), Opinion.FEW, Verdict.INCONCLUSIVE),
        (relative(), (990, 1000), None, Opinion.FEW, Verdict.INCONCLUSIVE),
        (relative(), (19, 19), (1000, 1000), Opinion.FEW, Verdict.INCONCLUSIVE),
        (relative(), (0, 0), (1000, 1000), Opinion.FEW, Verdict.NO_DATA),
        # Both: either can be violated; without a baseline the objective decides alone.
        (relative(objective=Objective(0.9)), (980, 1000), (1000, 1000), Opinion.VIOLATED, Verdict.INCONCLUSIVE),
        (relative(objective=Objective(0.9)), (800, 1000), (800, 1000), Opinion.COMMON, Verdict.INCONCLUSIVE),
        (relative(objective=Objective(0.9)), (950, 1000), None, Opinion.GOOD, Verdict.PASS),
        (relative(objective=Objective(0.9)), (850, 1000), None, Opinion.VIOLATED, Verdict.INCONCLUSIVE),
        # Latency is counts like any other.
        (absolute(0.95, sli=LATENCY), (95, 100), None, Opinion.GOOD, Verdict.PASS),
        (absolute(0.95, sli=LATENCY), (94, 100), None, Opinion.VIOLATED, Verdict.INCONCLUSIVE),
        # Things that must not happen: no minimum of events, silence of the counter is good news.
        (gate(DOUBLE_DEBITS), (0, 0), (0, 0), Opinion.GOOD, Verdict.PASS),
        (gate(DOUBLE_DEBITS), (0, 1), (0, 0), Opinion.VIOLATED, Verdict.INCONCLUSIVE),
        (gate(DOUBLE_DEBITS), (0, 1), (0, 50), Opinion.VIOLATED, Verdict.INCONCLUSIVE),
        # Nothing asked but a hard stop: enough events pass.
        (gate(hard_stop=HardStop(events=5)), (500, 501), None, Opinion.GOOD, Verdict.PASS),
    ],
)
def test_one_look(
    what: Gate,
    canary: tuple[int, int],
    baseline: tuple[int, int] | None,
    opinion: Opinion,
    verdict: Verdict,
) -> None:
    judgement = judged(what, reading(canary, baseline))
    assert (total(judgement).opinion, judgement.verdict) == (opinion, verdict)
    assert not judgement.hard
    assert judgement.reason


@pytest.mark.parametrize("at_least", [0.5, 0.56, 0.57, 0.7, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9995, 0.9999])
def test_exactly_the_objective_is_met_and_one_less_is_not(at_least: float) -> None:
    ten_thousandths = round(at_least * 10_000)
    for times in range(1, 60):
        goods, events = ten_thousandths * times, 10_000 * times
        assert judged(absolute(at_least), reading((goods, events), None)).verdict is Verdict.PASS
        assert judged(absolute(at_least), reading((goods - 1, events), None)).verdict is Verdict.INCONCLUSIVE


def test_violations_in_a_row_fail() -> None:
    what, bad = absolute(), reading((900, 1000))
    assert judged(what, bad).verdict is Verdict.INCONCLUSIVE
    assert judged(what, bad, everything=1).verdict is Verdict.INCONCLUSIVE
    third = judged(what, bad, everything=2)
    assert third.verdict is Verdict.FAIL
    assert not third.hard
    assert third.reason == "90.00 % of 1000 good (objective 99 %), baseline 100.00 % of 1000, 3 looks in a row"
    assert "look 2 of 3" in judged(what, bad, everything=1).reason


@pytest.mark.parametrize(
    "said, streak",
    [
        (reading((1000, 1000)), 0),
        (reading((900, 1000), (900, 1000)), 0),  # an incident common to both is no violation
        (reading((5, 19)), 2),  # too few events: neither ends a streak nor adds to it
        (reading((0, 0)), 2),
        (reading((900, 1000)), 3),
    ],
)
def test_what_a_look_does_to_a_streak(said: Reading, streak: int) -> None:
    assert total(judged(absolute(), said, everything=2)).streak == streak


@pytest.mark.parametrize("said", [reading((5, 19)), reading((0, 0))])
def test_a_streak_kept_alive_by_few_events_holds_and_does_not_fail(said: Reading) -> None:
    assert judged(absolute(), said, everything=2).verdict is Verdict.INCONCLUSIVE


def test_consecutive_one_fails_at_the_first_look() -> None:
    what = absolute(rule=ClassicRule(consecutive=1))
    assert judged(what, reading((900, 1000))).verdict is Verdict.FAIL


def test_a_common_incident_is_named_as_such() -> None:
    judgement = judged(absolute(), reading((900, 1000), (901, 1000)))
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "the release is not blamed" in judgement.reason


def test_one_bad_group_fails_though_the_total_is_good() -> None:
    what = absolute(by=("psp",))
    said = reading({ALL: (9950, 10_000), VISA: (9900, 9900), TRUSTLY: (50, 100)}, {ALL: (9990, 10_000)})
    first = judged(what, said)
    assert first.verdict is Verdict.INCONCLUSIVE
    third = judged(what, said, trustly=2)
    assert third.verdict is Verdict.FAIL
    assert third.reason.startswith("psp=trustly: 50.00 % of 100 good")
    assert [(finding.group, finding.streak) for finding in third.findings] == [(ALL, 0), (TRUSTLY, 3), (VISA, 0)]


def test_of_equally_bad_the_narrower_group_is_named() -> None:
    said = reading({ALL: (50, 100), TRUSTLY: (50, 100)})
    assert judged(absolute(by=("psp",)), said, everything=2, trustly=2).reason.startswith("psp=trustly: ")


def test_small_groups_do_not_keep_a_good_total_from_passing() -> None:
    said = reading({ALL: (1000, 1000), VISA: (995, 995), TRUSTLY: (5, 5)})
    assert judged(absolute(by=("psp",)), said).verdict is Verdict.PASS


def test_a_violated_group_that_falls_silent_holds() -> None:
    judgement = judged(absolute(by=("psp",)), reading((1000, 1000)), trustly=2)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "psp=trustly" in judgement.reason


def test_a_group_without_a_baseline_is_judged_by_the_objective() -> None:
    said = reading({ALL: (1000, 1000), TRUSTLY: (900, 1000)}, {ALL: (1000, 1000)})
    trustly = next(f for f in judged(absolute(by=("psp",)), said).findings if f.group == TRUSTLY)
    assert trustly.opinion is Opinion.VIOLATED
    assert trustly.baseline == Counts(0, 0)


def test_a_reading_without_any_group_has_no_data() -> None:
    assert judged(absolute(), Reading(NOW - 60, NOW, {}, None)).verdict is Verdict.NO_DATA


def test_too_few_says_how_many_are_needed() -> None:
    assert judged(absolute(), reading((7, 7))).reason == "7 of the 20 canary events needed for an opinion"
    assert "baseline has fewer than the 20" in judged(relative(), reading((100, 100), (7, 7))).reason


@pytest.mark.parametrize(
    "stop, canary, baseline, stops",
    [
        (HardStop(events=3), (97, 100), (1000, 1000), True),
        (HardStop(events=3), (98, 100), (1000, 1000), False),
        (HardStop(events=1), (0, 1), (0, 0), True),
        (HardStop(failing=0.5), (50, 100), (1000, 1000), True),
        (HardStop(failing=0.5), (51, 100), (1000, 1000), False),
        (HardStop(failing=0.5, samples=20), (0, 19), (1000, 1000), False),
        (HardStop(failing=0.5, samples=20), (0, 20), (1000, 1000), True),
        # Both fail alike: an incident, whatever the canary's share of failures.
        (HardStop(failing=0.5), (40, 100), (400, 1000), False),
        (HardStop(failing=0.5), (10, 100), (400, 1000), True),
        # So too where chance makes the canary look worse: at 70 % of failures, of 20 events in a quarter of all looks.
        (HardStop(failing=0.5, samples=20), (4, 20), (122, 400), False),
        (HardStop(failing=0.5, samples=20), (8, 20), (20, 20), True),
        (HardStop(failing=0.5, samples=20), (10, 20), (20, 20), False),
        # Nothing to compare with.
        (HardStop(failing=0.5), (0, 100), None, True),
        (HardStop(failing=0.5), (0, 100), (0, 0), True),
        (HardStop(), (0, 100), (1000, 1000), False),
    ],
)
def test_hard_stop(stop: HardStop, canary: tuple[int, int], baseline: tuple[int, int] | None, stops: bool) -> None:
    judgement = judged(absolute(hard_stop=stop), reading(canary, baseline))
    assert judgement.hard is stops
    assert (judgement.verdict is Verdict.FAIL) is stops
    assert judgement.reason.startswith("hard stop: ") is stops


def test_hard_stop_in_one_group_is_enough() -> None:
    said = reading({ALL: (9900, 10_000), TRUSTLY: (0, 100)}, {ALL: (10_000, 10_000), TRUSTLY: (100, 100)})
    judgement = judged(absolute(0.9, by=("psp",), hard_stop=HardStop(failing=0.9)), said)
    assert judgement.hard
    assert judgement.reason.startswith("hard stop: psp=trustly: ")


def test_events_that_must_not_happen_are_named() -> None:
    what = gate(DOUBLE_DEBITS, hard_stop=HardStop(events=1))
    judgement = judged(what, reading((0, 2), (0, 0)))
    assert judgement.reason == "hard stop: 2 events that must not happen"


def test_the_judgement_carries_its_evidence() -> None:
    said = reading((990, 1000), (995, 1000))
    judgement = judged(absolute(), replace(said, since=NOW - 42))
    assert (judgement.gate, judgement.at, judgement.since, judgement.until) == ("deposits", NOW, NOW - 42, NOW)
    assert judgement.findings == (Finding(ALL, Counts(990, 1000), Counts(995, 1000), Opinion.GOOD, 0),)


def test_a_passing_comparison_says_both_shares() -> None:
    assert (
        judged(relative(), reading((990, 1000), (990, 1000))).reason == "99.00 % of 1000 good, baseline 99.00 % of 1000"
    )


def test_when_the_whole_fails_first_the_reason_says_where_the_harm_is() -> None:
    said = reading({ALL: (30, 40), TRUSTLY: (1, 9), VISA: (29, 31)}, {ALL: (400, 400)})
    what = absolute(by=("psp",), rule=ClassicRule(min_samples=35))
    judgement = judged(what, said, everything=2)
    assert judgement.verdict is Verdict.FAIL
    assert judgement.reason.endswith("3 looks in a row; 8 of 10 bad in psp=trustly")
