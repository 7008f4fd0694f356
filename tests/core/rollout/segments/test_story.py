"""A single segment, told sample by sample: it alone is taken back, or everybody is."""

from dataclasses import replace

import pytest
from tests.core.rollout.segments.stories import (
    CLASSIC,
    DEPOSITS,
    DK,
    HOLD,
    LOGINS,
    NORTH,
    SE,
    STEPS,
    STOPPING,
    play,
    share,
    started,
)

from croupier.core.gates import EventsSli, Gate, HardStop, HoldPlayers, KillFlag, OnGroupFail, Verdict
from croupier.core.rollout import commands
from croupier.core.rollout import events as e
from croupier.core.rollout.decide import binding, guarding
from croupier.core.rollout.explain import describe_event
from croupier.core.rollout.headline import explain
from croupier.core.rollout.machine import replay
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Hold
from croupier.core.rollout.redecide import in_words, redecide
from croupier.core.rollout.rejudge import rejudge
from croupier.core.rollout.segments import commands as single
from croupier.core.rollout.segments.effect import covers
from croupier.core.rollout.segments.kept import Kept
from croupier.core.rollout.segments.words import guarded_by, now_held
from croupier.core.rollout.spec import Pause, SegmentFail, SetSegment, SetWeight
from croupier.core.rollout.state import routes
from croupier.core.segments import AttributeMatch, Segment
from croupier.testing import Rehearsal

BROKEN = {"SE": 300}


def kinds(story: Rehearsal) -> list[str]:
    return [event.type for event in story.events if event.type != "gate_judged"]


def why(story: Rehearsal) -> str:
    assert story.state.abort is not None
    return story.state.abort.reason


def replays(story: Rehearsal) -> None:
    """What was recorded gives the state, the verdicts and the actions again."""
    assert replay(story.events) == story.state
    assert all(each.agrees for each in rejudge(story.events))
    assert all(each.agrees for each in redecide(story.events))


# --- a gate of the segment --------------------------------------------------------------------------------------------


def test_each_segment_is_judged_alone_while_it_has_a_share() -> None:
    story = started(guards=())
    assert guarding(story.state) == ("deposits@se",)
    play(story, 9)
    assert guarding(story.state) == ("deposits@se", "deposits@market=DK")
    assert story.state.plan.gate("deposits@se").sli.total == (("market", ("SE",)),)  # type: ignore[union-attr]


@pytest.mark.parametrize("gate", [DEPOSITS, CLASSIC, STOPPING])
@pytest.mark.parametrize("guards", [(), ("deposits",), ("logins",)])
def test_a_segment_that_fails_alone_is_taken_back_alone(gate: Gate, guards: tuple[str, ...]) -> None:
    story = started(gate, LOGINS, guards=guards)
    play(story, 9)
    play(story, 8, BROKEN)
    assert [each.segment for each in story.state.kept] == [SE]
    assert story.state.kept[0].gate == "deposits@se"
    assert routes(story.state).shares[0].segment == SE
    assert routes(story.state).shares[0].weights == (("1.0.0", 10_000),)
    assert "deposits@se" not in guarding(story.state)
    assert "se is held on 1.0.0" in explain(story.state, story.now)
    play(story, 60)
    assert (story.state.phase, story.state.hold) == (Phase.PAUSED, Hold.GROUPS)
    replays(story)
    story.command(commands.promote)
    story.settle()
    assert story.state.phase is Phase.SUCCEEDED


def test_the_record_of_an_action_is_checked_against_its_looks() -> None:
    story = started()
    play(story, 9)
    play(story, 8, BROKEN)
    [made] = redecide(story.events)
    assert in_words(made.recorded, "1.0.0") == in_words(made.again, "1.0.0") == "se held on 1.0.0"
    other = [replace(event, segment=DK) if isinstance(event, e.SegmentHeld) else event for event in story.events]
    assert not any(each.agrees for each in redecide(other))


def test_an_abort_is_the_answer_unless_the_step_says_hold() -> None:
    steps = (share(SE, 1_000, "deposits", on_fail=SegmentFail.ABORT), Pause(600.0))
    story = started(steps=steps)
    play(story, 6)
    play(story, 10, BROKEN)
    assert story.state.phase is Phase.ABORTED
    assert why(story).startswith("gate deposits@se: ")


def test_everybody_goes_back_where_the_rest_fails_as_well() -> None:
    steps = (share(SE, 1_000, "deposits"), Pause(60.0), SetWeight(1_000), Pause(600.0))
    story = started(steps=steps, guards=("deposits",))
    play(story, 12)
    play(story, 10, {"SE": 300, "DK": 60, "MT": 60})
    assert story.state.phase is Phase.ABORTED
    assert why(story).endswith("the rest fails as well, so everybody goes back")
    assert story.state.kept == ()


def test_a_hard_stop_on_what_must_not_happen_is_about_everybody() -> None:
    twice = Gate("twice", EventsSli("twice_total"), hard_stop=HardStop(events=100))
    steps = (share(SE, 1_000, "twice"), Pause(600.0))
    story = started(twice, steps=steps, guards=("twice",))
    play(story, 4, BROKEN)
    assert story.state.phase is Phase.ABORTED
    assert why(story).endswith("such a hard stop is about everything, so everybody goes back")


def test_a_total_failure_of_the_only_segment_takes_it_back_alone() -> None:
    story = started(STOPPING, guards=("deposits",))
    play(story, 2)
    play(story, 1, BROKEN)
    assert [each.segment for each in story.state.kept] == [SE]


def test_the_rest_may_have_as_many_failures_as_chance_brings() -> None:
    objective = replace(STOPPING, comparison=None)
    steps = (share(SE, 1_000, "deposits"), Pause(60.0), SetWeight(1_000), Pause(600.0))
    story = started(objective, steps=steps, guards=("deposits",))
    play(story, 12)
    play(story, 10, {"SE": 300, "DK": 3, "MT": 4})
    assert [each.segment for each in story.state.kept] == [SE]


def test_without_a_record_everybody_goes_back() -> None:
    story = started()
    play(story, 9)
    story.recording = False
    play(story, 8, BROKEN)
    assert why(story).endswith("this cannot be recorded now, so everybody goes back")


def test_a_segment_that_fails_again_takes_everybody_back() -> None:
    story = started()
    play(story, 9)
    play(story, 8, BROKEN)
    play(story, 7)
    story.command(single.release, segment=SE)
    story.settle()
    assert "deposits@se" in guarding(story.state)
    play(story, 2)
    assert story.state.phase is Phase.PROGRESSING, "what it held against the segment is forgotten"
    play(story, 10, BROKEN)
    assert why(story).endswith("se was held once already, so everybody goes back")
    replays(story)


def test_a_waived_gate_of_a_segment_guards_nobody() -> None:
    story = started()
    story.command(commands.promote, waive=("deposits@se",))
    assert "deposits@se" not in binding(story.state)


def test_a_gate_that_says_nothing_of_the_segment_holds_no_one() -> None:
    story = started(guards=("deposits",))
    play(story, 9, settle=False)
    assert story.state.kept == ()
    assert all(state.latest is None or state.latest.verdict is not Verdict.FAIL for state in story.state.gates)


# --- a person ---------------------------------------------------------------------------------------------------------


def test_a_person_holds_and_releases_one_market_while_the_others_go_on() -> None:
    story = started(guards=("deposits",))
    play(story, 9)
    story.command(single.hold, segment=DK, reason="a bad translation")
    assert story.command(single.hold, segment=DK, reason="again") == ()
    assert explain(story.state, story.now).endswith("; market=DK is held on 1.0.0")
    story.settle()
    assert routes(story.state).shares[0].segment == DK
    assert guarding(story.state) == ("deposits", "deposits@se")
    play(story, 80)
    assert story.state.hold is Hold.GROUPS
    assert [event.held for event in story.events if isinstance(event, e.WeightConfirmed)][-1] == ("market=DK",)
    story.command(single.release, segment=DK)
    assert [event.type for event in story.events[-2:]] == ["segment_released", "resumed"], (
        "there is nothing left to ask"
    )
    story.settle()
    play(story, 12)
    assert story.state.phase is Phase.SUCCEEDED
    replays(story)


def test_who_is_held_stays_held_whatever_the_steps_do() -> None:
    story = started()
    story.command(single.hold, segment=NORTH, reason="a law")
    assert guarding(story.state) == (), "nobody of Sweden has the canary any more"
    story.settle()
    with pytest.raises(Exception, match=r"north is held on 1\.0\.0, and would get the canary"):
        story.command(commands.promote, full=True)
    play(story, 60)
    assert story.state.step == len(STEPS) - 1
    assert routes(story.state).shares[0].segment == NORTH


def test_holding_before_the_canary_is_ready() -> None:
    story = started(settle=False)
    story.ready = False
    story.command(single.hold, segment=SE, reason="not there yet")
    story.ready = True
    story.settle()
    assert routes(story.state).shares[0].weights == (("1.0.0", 10_000),)
    story.command(single.release, segment=SE)
    assert story.state.held == ()


def test_holding_needs_no_gate_and_no_resumption() -> None:
    story = started()
    story.command(commands.pause)
    story.command(single.hold, segment=SE, reason="harm")
    story.settle()
    assert story.state.phase is Phase.PAUSED
    assert routes(story.state).versions == ("1.0.0",), "nobody else had it yet"
    story.command(single.release, segment=SE)
    assert routes(story.state).versions == ("1.0.0", "1.1.0"), "so no gate could have looked at anybody"


def test_an_abort_outranks_a_hold_that_is_not_confirmed() -> None:
    story = started()
    story.command(single.hold, segment=SE, reason="harm")
    story.command(commands.abort, reason="worse")
    story.settle()
    assert story.state.phase is Phase.ABORTED
    with pytest.raises(Exception, match="shop-1 is aborted: nobody gets"):
        story.command(single.hold, segment=SE, reason="harm")
    with pytest.raises(Exception, match="there is nothing to release"):
        story.command(single.release, segment=SE)


def test_the_others_go_on_where_only_the_held_segment_had_a_share() -> None:
    story = started(guards=("deposits",))
    play(story, 2)
    story.command(single.hold, segment=SE, reason="harm")
    story.settle()
    play(story, 9)
    assert story.state.shares == (("se", 1_000), ("market=DK", 1_000))
    assert guarding(story.state) == ("deposits", "deposits@market=DK")


def test_a_hold_that_nobody_confirms_takes_everybody_back() -> None:
    story = started(steps=(SetWeight(1_000), Pause(3_600.0)))
    story.now += 500.0
    story.command(single.hold, segment=SE, reason="harm")
    assert story.tick(after=300.0) == ()
    story.tick(after=301.0)
    assert why(story).startswith("the data plane was not seen to serve")


def test_a_retry_keeps_what_people_hold_and_forgets_what_gates_held() -> None:
    story = started()
    play(story, 9)
    play(story, 8, BROKEN)
    story.command(single.hold, segment=DK, reason="a law")
    story.command(commands.abort, reason="enough")
    story.settle()
    story.command(commands.retry, stable="1.0.0")
    assert story.state.kept == (Kept(DK, "a law", story.state.kept[0].at),)


@pytest.mark.parametrize("stable, match", [(None, "has no stable version yet that se could be held on")])
def test_a_first_deployment_has_nothing_to_hold_on(stable: str | None, match: str) -> None:
    plan = started(settle=False).state.plan
    story = Rehearsal(plan, stable=stable)
    with pytest.raises(Exception, match=match):
        story.command(single.hold, segment=SE, reason="harm")


def test_while_everybody_moves_nobody_can_be_held() -> None:
    story = started()
    play(story, 15)
    story.command(commands.promote, full=True)
    with pytest.raises(Exception, match="no segment can be held any more"):
        story.command(single.hold, segment=SE, reason="harm")


def test_releasing_is_a_rise() -> None:
    story = started()
    play(story, 2)
    story.command(single.hold, segment=DK, reason="a law")
    story.settle()
    with pytest.raises(Exception, match="market=DK cannot be released: gate deposits@se"):
        story.command(single.release, segment=DK)
    play(story, 15)
    with pytest.raises(Exception, match="is not ready: it starts"):
        story.command(single.release, segment=DK, unready="it starts")
    with pytest.raises(Exception, match="se is not held in shop-1: market=DK is held"):
        story.command(single.release, segment=SE)
    story.command(single.release, segment=DK)
    with pytest.raises(Exception, match="se is not held in shop-1: no segment is held"):
        story.command(single.release, segment=SE)


def test_a_segment_that_a_gates_action_holds_stays_held() -> None:
    by_market = replace(DEPOSITS, by=("market",), on_group_fail=OnGroupFail((HoldPlayers(("market",)),)))
    market = Segment("market=SE", (AttributeMatch("market", ("SE",)),))
    story = started(by_market, steps=(SetWeight(1_000), Pause(600.0)), guards=("deposits",))
    story._record((e.GroupActed("deposits", (("market", "SE"),), (), market, "it fails", story.now),))
    with pytest.raises(Exception, match="held by a gate's action on groups"):
        story.command(single.release, segment=market)
    assert single.known(story.state) == {"market=SE": market}
    assert not single.may_be_held(story.state, market)
    assert single.may_be_held(story.state, SE)


def test_the_watch_of_a_group_goes_on_when_a_segment_is_held() -> None:
    """What a gate held against the segment's groups is forgotten, and nothing else."""
    by_psp = replace(DEPOSITS, by=("market",), on_group_fail=OnGroupFail((KillFlag("market_{market}"),)))
    story = started(by_psp, guards=("deposits",))
    story._record((e.GroupActed("deposits", (("market", "MT"),), ("market_MT",), None, "it fails", story.now),))
    story.killed = frozenset({"market_MT"})
    story.settle()
    play(story, 3)
    watch = story.state.gate_state("deposits/market=MT")
    story._record((e.SegmentHeld(SE, "it fails", story.now, "deposits@se"),))
    assert watch.latest == story.state.gate_state("deposits/market=MT").latest
    assert watch.latest is not None
    assert story.state.gate_state("deposits").latest is None
    assert covers(SE, (("market", "SE"), ("psp", "x")))
    assert not covers(SE, (("market", "MT"),))


# --- in words ---------------------------------------------------------------------------------------------------------


def test_who_is_held_now_and_why() -> None:
    story = started()
    play(story, 9)
    play(story, 8, BROKEN)
    story.command(single.hold, segment=DK, reason="a law")
    story.command(single.hold, segment=NORTH, reason="a mistake")
    play(story, 7)
    story.settle()
    play(story, 7)
    story.command(single.release, segment=NORTH)
    texts = [text for _, text in now_held(story.state)]
    assert texts[0].startswith("se held on 1.0.0 by gate deposits@se: ")
    assert texts[1:] == ["market=DK held on 1.0.0 by a person: a law"]


@pytest.mark.parametrize(
    "event, words",
    [
        (e.SegmentHeld(SE, "a law", 1.0), "se held on 1.0.0 alone by a person: a law"),
        (
            e.SegmentHeld(SE, "12 of 40 bad", 1.0, "deposits@se"),
            "se held on 1.0.0 alone, since it fails alone; gate deposits@se: 12 of 40 bad",
        ),
        (e.SegmentReleased(SE, 1.0), "se released: its players go with the others again"),
        (
            e.WeightConfirmed(500, 1.0, (("se", 1_000),), ("market=DK",)),
            "the data plane serves 10 % of se, 5 % of everybody else from the canary, nobody of market=DK",
        ),
    ],
)
def test_what_happened_in_words(event: e.Event, words: str) -> None:
    assert describe_event(event, started(settle=False).state) == words


def test_the_plan_says_what_a_failure_does() -> None:
    story = started(settle=False)
    assert [each.type for each in story.events] == ["created"]
    assert HOLD is SegmentFail.HOLD
    assert guarded_by(SetSegment(SE, 500)) == ""
    assert describe_event(e.StepStarted(0, 1.0), story.state) == (
        "step 1 began: 10 % of se, watched by deposits@se, which holds it alone if it fails"
    )
