"""A gate's story: what it counted, how surely, what is missing, and how long until it decides."""

import math
import random
from dataclasses import replace

import pytest
from tests.core.rollout.test_evidence import ERRORS, started, watch

from croupier.core.gates import (
    BurnRule,
    ClassicRule,
    Counts,
    EventsSli,
    Gate,
    HardStop,
    Reading,
    SequentialRule,
    Silence,
)
from croupier.core.gates.sequential.dispersion import Dispersion
from croupier.core.gates.sli import Group, Instance
from croupier.core.rollout import events as e
from croupier.core.rollout.commands import retry
from croupier.core.rollout.explain_gate import GateStory, explain_gate
from croupier.core.rollout.gate_words import describe_story
from croupier.core.rollout.resolve import resolve
from croupier.core.rollout.spec import Analysis, Pause, RolloutSpec, SetWeight, Step
from croupier.core.rollout.standing import stance
from croupier.errors import Corrupt
from croupier.testing import Rehearsal

CLASSIC = replace(ERRORS, rule=ClassicRule(min_samples=300))
COMPARED = replace(ERRORS, objective=None)


def story_of(rehearsal: Rehearsal, name: str = "errors") -> GateStory:
    return explain_gate(rehearsal.events, name, random.Random(1).random)


def said(story: GateStory) -> str:
    return "; ".join(describe_story(story))


def told(bad: int, total: int, samples: int, gate: Gate = ERRORS) -> GateStory:
    rehearsal = started(gate)
    watch(rehearsal, bad, total, samples=samples)
    return story_of(rehearsal)


def test_a_suspect_is_told_with_counts_odds_and_how_long_it_takes() -> None:
    story = told(2, 500, 5)
    text = said(story)
    assert "the canary had 99.6 % good of 2,500 (truly 99.02 % to 99.89 %)" in text
    assert "the stable version 99.95 % good of 10,000" in text
    assert ": 8 × as often bad" in text
    assert "100 to 1 convict; of the bets, 12 × the stable version's rate fits best" in text
    assert "it may err in 1 % of rollouts; it has come " in text
    assert "5 samples at this weight; 6 are the least to pass" in text
    assert "2 failures count as one: clumps cannot be measured where the counts do not tell several" in text
    assert "if failures go on at this rate it is blamed with probability above 99 % within 10 min (50 % in " in text
    assert "it does not pass while that stands against the canary" in text
    assert story.used is not None
    assert 0.1 < story.used < 0.6
    assert story.log_needed == pytest.approx(math.log(100))


@pytest.mark.parametrize(
    "rule, text",
    [
        (SequentialRule(clumps=3.0), "3 failures count as one: so its clumps say"),
        (SequentialRule(dispersion=Dispersion(90.0, 20.0)), "3.1 failures count as one: they come in clumps, as"),
        (SequentialRule(dispersion=Dispersion(20.0, 20.0)), None),
        (SequentialRule(dispersion=Dispersion(27.2, 20.0)), None),  # 1.03, which reads as 1
        (ClassicRule(), None),
    ],
)
def test_how_many_failures_count_as_one(rule: SequentialRule | ClassicRule, text: str | None) -> None:
    story = told(2, 500, 5, replace(ERRORS, rule=rule))
    if text is None:
        assert "count as one" not in said(story)
        assert story.clumps is None or 1.0 <= story.clumps < 1.05
    else:
        assert text in said(story)


def test_what_a_sick_instance_counted_is_told_apart() -> None:
    """While it is sick the rollout names it; afterwards its failures are in no count, and the story says so."""
    rehearsal = started(COMPARED)
    sick, well = Instance("pay-2", Counts(140, 200)), Instance("pay-1", Counts(200, 200))
    for _ in range(3):
        rehearsal.now += 10.0
        both = Reading(
            rehearsal.now - 10.0,
            rehearsal.now,
            {(): Counts(340, 400)},
            {(): Counts(1999, 2000)},
            instances=(well, sick),
        )
        rehearsal.tick(dict.fromkeys(rehearsal.due(), both))
        rehearsal.settle()
    assert stance(rehearsal.state, "errors") == (
        "says inconclusive (85.00 % of 1200 good, baseline 99.95 % of 6000: 29 to 1 that it is worse, 100 to 1 needed; "
        "of the canary's instances only pay-2 is sick (180 of 600 bad, 0 of 600 on the others))"
    )
    watch(rehearsal, 0, 500, samples=4)
    text = said(story_of(rehearsal))
    assert "the canary had 100 % good of 2,600" in text
    assert (
        "of 30 s, what a single sick instance counted is not held against the release and not in its counts; "
        "60 s more may be" in text
    )
    assert "sick" not in stance(rehearsal.state, "errors")
    assert "sick" not in said(told(2, 500, 5))


def test_the_forecast_comes_true() -> None:
    """What goes on as it was is blamed about when the forecast says."""
    story = told(2, 500, 4)
    assert story.ahead is not None
    half = story.ahead.blames.within(0.5)
    rehearsal = started(ERRORS)
    events = watch(rehearsal, 2, 500, samples=60)
    [abort] = [event for event in events if isinstance(event, e.AbortStarted)]
    assert half is not None
    assert half == pytest.approx(abort.at - story.points[-1].at, rel=0.6)


def test_a_healthy_one_passes_soon_and_then() -> None:
    story = told(0, 500, 4)
    assert "at these rates it is never blamed" in said(story)
    assert "if nothing worse comes it passes in 20 s" in said(story)
    assert story.groups[0].ratio is None


def test_a_sample_without_the_canary_changes_nothing_of_what_is_ahead() -> None:
    """Of few events it has none now and then."""
    rehearsal = started(ERRORS)
    watch(rehearsal, 1, 2, samples=3)
    rehearsal.now += 10.0
    nobody: dict[Group, Counts] = {(): Counts(0, 0)}
    others: dict[Group, Counts] = {(): Counts(40, 40)}
    rehearsal.tick({"errors": Reading(rehearsal.now - 10, rehearsal.now, nobody, others)})
    text = said(story_of(rehearsal))
    assert "never blamed" not in text
    assert "it is blamed with probability" in text


def waiting(*steps: Step) -> Rehearsal:
    rehearsal = Rehearsal(resolve(RolloutSpec("shop", "shop", steps, ("errors",)), [ERRORS], []))
    rehearsal.settle()
    return rehearsal


def test_one_that_passes_while_a_person_is_waited_for() -> None:
    rehearsal = waiting(SetWeight(500), Pause())
    watch(rehearsal, 0, 500, samples=8)
    assert "it passes as it is" in said(story_of(rehearsal))


def test_one_that_is_not_asked_any_more() -> None:
    steps = (SetWeight(500), Analysis(("errors",)), SetWeight(5_000), Pause())
    rehearsal = Rehearsal(resolve(RolloutSpec("shop", "shop", steps), [ERRORS], []))
    rehearsal.settle()
    watch(rehearsal, 0, 500, samples=8)
    assert said(story_of(rehearsal)).endswith("it does not guard the canary now")


def test_a_slow_fault_takes_its_time() -> None:
    text = said(told(1, 1_400, 3, replace(ERRORS, rule=SequentialRule(budget=1e-12))))
    assert "if failures go on at this rate it would take about" in text


def test_one_that_was_blamed_is_over() -> None:
    story = told(3, 500, 8)
    assert story.ahead is None
    assert said(story).startswith("it says fail: ")
    assert story.points[-1].verdict == "fail"
    odds = [point.log_odds for point in story.points]
    assert None not in odds
    assert odds == sorted(odds, key=lambda value: value or 0.0)
    assert {point.weight_bp for point in story.points} == {500}


def test_an_asked_gate_that_is_not_asked_now() -> None:
    rehearsal = started(ERRORS)
    unasked = story_of(rehearsal)
    assert describe_story(unasked) == ["it has not looked yet"]
    assert unasked.log_needed is None
    watch(rehearsal, 0, 500, samples=7)
    assert rehearsal.state.weight_bp == 5_000


def test_another_attempt_begins_anew() -> None:
    rehearsal = started(ERRORS)
    watch(rehearsal, 50, 500, samples=10)
    rehearsal.tick()
    rehearsal.serve()
    rehearsal.tick()
    rehearsal.command(retry, stable="1.0.0")
    story = story_of(rehearsal)
    assert (story.points, story.groups) == ((), ())


def test_groups_that_are_suspected_are_named() -> None:
    rehearsal = started(replace(ERRORS, by=("psp",)))
    good: Group = (("psp", "adyen"),)
    bad: Group = (("psp", "kestrel"),)
    for _ in range(3):
        rehearsal.now += 10.0
        canary = {good: Counts(200, 200), bad: Counts(80, 100), (): Counts(280, 300)}
        baseline = {good: Counts(999, 1000), bad: Counts(999, 1000), (): Counts(1998, 2000)}
        rehearsal.tick({"errors": Reading(rehearsal.now - 10, rehearsal.now, canary, baseline)})
    story = story_of(rehearsal)
    assert "psp=kestrel: the canary had 80 % good of 300" in said(story)
    assert "evidence against it for psp=kestrel" in said(story)
    assert "psp=adyen" not in said(story)
    assert story.points[-1].canary == Counts(80, 100)  # of the group that is nearest to being blamed
    assert (story.points[-1].log_odds or 0.0) > 1


def test_what_only_the_canary_has() -> None:
    rehearsal = started(ERRORS)
    arms: list[dict[Group, Counts] | None] = [{(): Counts(2000, 2000)}, None]
    for baseline in arms:
        rehearsal.now += 10.0
        rehearsal.tick({"errors": Reading(rehearsal.now - 10, rehearsal.now, {(): Counts(90, 100)}, baseline)})
    assert "bad ones only in the canary" in said(story_of(rehearsal))
    alone = started(ERRORS)
    alone.now += 10.0
    alone.tick({"errors": Reading(alone.now - 10, alone.now, {(): Counts(90, 100)}, None)})
    assert "there was nothing to compare it with" in said(story_of(alone))
    assert story_of(alone).groups[0].ratio is None


def test_silence_and_nobody() -> None:
    rehearsal = started(COMPARED)
    rehearsal.now += 10.0
    rehearsal.tick({"errors": Silence("away")})
    assert said(story_of(rehearsal)).startswith("it says no data: away")
    rehearsal.now += 10.0
    nobody: dict[Group, Counts] = {(): Counts(0, 0)}
    rehearsal.tick({"errors": Reading(rehearsal.now - 10, rehearsal.now, nobody, nobody)})
    text = said(story_of(rehearsal))
    assert "the canary had no events" in text
    assert "it does not pass before something is counted again" in text
    assert "passes in" not in text


def test_a_window_says_what_is_missing() -> None:
    rehearsal = started(CLASSIC)
    watch(rehearsal, 1, 40, samples=1)
    text = said(story_of(rehearsal))
    assert "0 violations in a row, 3 fail: 3 more" in text
    assert "40 of the 300 events that it needs for an opinion came in a window of 1 min" in text
    assert "it may err" not in text
    assert story_of(rehearsal).used is None
    failing = started(CLASSIC)
    watch(failing, 100, 400, samples=3)
    story = story_of(failing)
    assert "3 violations in a row, 3 fail" in said(story)
    assert [point.streak for point in story.points] == [1, 2, 3]


def test_things_that_must_not_happen() -> None:
    gate = Gate("errors", EventsSli("drift_total"), hard_stop=HardStop(events=2), rule=ClassicRule())
    rehearsal = started(gate)
    rehearsal.now += 10.0
    rehearsal.tick({"errors": Reading(rehearsal.now - 10, rehearsal.now, {(): Counts(0, 1)}, None)})
    assert "2 such events stop the rollout at the next look" in said(story_of(rehearsal))
    never = replace(story_of(rehearsal), gate=replace(gate, hard_stop=None))
    assert "1 such event stops the rollout" in said(never)


def test_a_history_that_breaks() -> None:
    rehearsal = started(ERRORS)
    with pytest.raises(Corrupt):
        explain_gate(rehearsal.events[1:], "errors", random.Random(1).random)
    with pytest.raises(KeyError):
        story_of(rehearsal, "nobody")


def test_a_burnt_budget_has_no_streak_and_may_lack_events() -> None:
    gate = replace(ERRORS, comparison=None, rule=BurnRule(min_samples=100))
    rehearsal = started(gate)
    watch(rehearsal, 0, 40, samples=1)
    text = said(story_of(rehearsal))
    assert "40 of the 100 events that it needs for an opinion came in a window of 15 min" in text
    assert "in a row" not in text
    assert story_of(rehearsal).used is None


def test_why_the_whole_and_the_groups_need_other_odds_is_said() -> None:
    rehearsal = started(replace(ERRORS, by=("psp",)))
    rehearsal.now += 10.0
    arm: dict[Group, Counts] = {(): Counts(297, 300)}
    arm |= {(("psp", name),): Counts(99, 100) for name in ("a", "b", "c")}
    rehearsal.tick({"errors": Reading(rehearsal.now - 10.0, rehearsal.now, arm, arm)})
    story = story_of(rehearsal)
    why = "the whole may use a quarter of that and the groups share the rest, so each needs more than the 100 to 1"
    assert f"{why} of the gate" in said(story)
    assert [round(group.needed or 0.0) for group in story.groups] == [400, 444, 444, 444]
    assert why not in said(told(2, 500, 5))
