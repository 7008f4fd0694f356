"""Rollouts and the freeze calendar: what waits, what never does, what is said of it, what a person may do."""

from dataclasses import replace

import pytest

from croupier.core.governance.calendar.closure import Shut
from croupier.core.governance.calendar.model import Kind
from croupier.core.rollout import commands, freezing
from croupier.core.rollout import events as e
from croupier.core.rollout.explain import describe_event
from croupier.core.rollout.headline import explain
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Hold
from croupier.core.rollout.spec import Pause, Plan, SetSegment, SetWeight, Timing
from croupier.core.rollout.state import RolloutState
from croupier.core.segments import AttributeMatch, Segment
from croupier.errors import Conflict, Rejected
from croupier.testing import START, Rehearsal

HOUR = 3_600.0
FINAL = Shut("sports/final", Kind.FREEZE, "the final", START, START + 2 * HOUR)
SWEDEN = (AttributeMatch("market", ("SE",)),)
DERBY = replace(FINAL, id="sports/derby", why="", matches=SWEDEN)
OUTSIDE = Shut("office-hours", Kind.WINDOW, "", START - HOUR, None)


def plan(*steps: SetWeight | SetSegment | Pause, segment: Segment | None = None) -> Plan:
    return Plan(steps or (SetWeight(500), Pause(30.0), SetWeight(5_000)), (), (), segment=segment)


def inside(name: str, *values: str, weight_bp: int = 1_000) -> SetSegment:
    return SetSegment(Segment(name, (AttributeMatch("market", values),)), weight_bp)


def types(events: tuple[e.Event, ...]) -> list[str]:
    return [event.type for event in events]


def test_a_rollout_that_is_asked_for_in_a_freeze_waits_and_then_goes_on_by_itself() -> None:
    story = Rehearsal(plan())
    story.shut = (FINAL,)
    assert types(story.settle()) == ["frozen"]
    assert story.state.phase is Phase.PENDING
    assert explain(story.state, story.now) == (
        "frozen by sports/final until 2026-01-01 02:00 UTC (the final); nobody has the canary before that, "
        "and it goes on by itself then"
    )
    assert story.tick(after=60) == ()
    story.shut = ()
    assert types(story.tick(after=2 * HOUR)) == ["thawed", "step_started"]
    assert "calendar no more" in describe_event(e.Thawed(1.0))


def test_what_is_exposed_stays_and_pauses_run_on() -> None:
    story = Rehearsal(plan())
    story.settle()
    story.shut = (FINAL,)
    [noted] = story.tick(after=10)
    assert describe_event(noted) == "waits: frozen by sports/final until 2026-01-01 02:00 UTC (the final)"
    assert story.tick(after=60) == ()
    assert story.state.weight_bp == 500
    assert explain(story.state, story.now).endswith("5 % stays and is watched, and it goes on by itself then")
    story.shut = ()
    assert types(story.tick()) == ["thawed", "step_started"]
    assert story.state.weight_bp == 5_000


def test_a_step_that_moves_nobody_does_not_begin_either() -> None:
    story = Rehearsal(plan(SetWeight(500), Pause(30.0), Pause(30.0)))
    story.settle()
    story.shut = (FINAL,)
    assert types(story.tick(after=31)) == ["frozen"]
    assert story.state.step == 1


def test_another_freeze_is_noted_and_a_person_still_decides_at_a_pause() -> None:
    story = Rehearsal(plan(SetWeight(500), Pause(None), SetWeight(5_000)))
    story.settle()
    assert story.state.phase is Phase.PAUSED
    story.shut = (FINAL,)
    assert types(story.tick()) == ["frozen"]
    assert "promote it to go on" not in explain(replace(story.state, hold=Hold.PERSON), story.now)
    story.shut = (OUTSIDE, FINAL)
    assert types(story.tick()) == ["frozen"]
    said = explain(replace(story.state, hold=Hold.PERSON), story.now)
    assert "outside the windows of office-hours until further notice and frozen by sports/final" in said
    assert "; and outside the windows" in explain(story.state, story.now)


def test_a_freeze_for_some_players_holds_only_what_touches_them() -> None:
    story = Rehearsal(plan(inside("germans", "DE"), inside("nordics", "SE", "NO"), SetWeight(100)))
    story.shut = (DERBY,)
    assert types(story.settle()) == ["step_started", "frozen", "weight_confirmed"]
    assert story.state.step == 0
    story.shut = ()
    assert story.settle()[-1].type == "promoted"


@pytest.mark.parametrize("whole, waits", [("DE", False), ("SE", True), (None, True)])
def test_everybody_is_everybody_of_the_rollouts_segment(whole: str | None, waits: bool) -> None:
    segment = Segment("own", (AttributeMatch("market", (whole,)),)) if whole else None
    story = Rehearsal(plan(segment=segment))
    story.shut = (DERBY,)
    assert (story.tick()[0].type == "frozen") is waits


def test_a_step_that_gives_nobody_more_goes_on_in_a_freeze_for_some() -> None:
    story = Rehearsal(plan(SetWeight(500), Pause(30.0), SetWeight(300), inside("swedes", "SE", weight_bp=200)))
    story.settle()
    story.shut = (DERBY,)
    assert types(story.tick(after=31))[0] == "step_started"
    assert story.state.weight_bp == 300


def test_the_first_deployment_waits_too() -> None:
    story = Rehearsal(plan(), stable=None)
    story.shut = (FINAL,)
    assert types(story.settle()) == ["frozen"]


def test_taking_players_away_never_waits() -> None:
    story = Rehearsal(plan())
    story.settle()
    story.shut = (FINAL,)
    story.tick()
    assert types(story.command(commands.pause)) == ["paused"]
    assert types(story.command(commands.abort, reason="enough")) == ["abort_started"]
    assert story.state.frozen == ()
    story.serve()
    assert types(story.tick()) == ["aborted"]
    story.failure = "it crashed"
    again = Rehearsal(plan())
    again.settle()
    again.shut, again.failure = (FINAL,), "it crashed"
    assert types(again.tick())[-1] == "abort_started"


def test_nobody_waits_in_vain_in_a_freeze() -> None:
    """The deadline for a canary that does not get ready begins anew after it."""
    story = Rehearsal(replace(plan(), timing=Timing(progress_deadline_s=100.0)), ready=False)
    story.shut = (FINAL,)
    story.tick()
    assert story.tick(after=HOUR) == ()
    story.shut = ()
    assert types(story.tick(after=HOUR)) == ["thawed"]
    assert "given up in 40 s" in explain(story.state, story.now + 60)
    assert types(story.tick(after=99)) == []
    assert types(story.tick(after=1)) == ["abort_started"]


def test_without_a_record_nothing_is_noted_and_nothing_rises() -> None:
    story = Rehearsal(plan())
    story.shut, story.recording = (FINAL,), False
    assert story.tick() == ()
    assert story.state.phase is Phase.PENDING


def overridden(state: RolloutState, now: float, *shut: Shut, name: str = "final") -> tuple[e.Event, ...]:
    return freezing.override(state, name, shut, now)


def test_an_override_lasts_as_long_as_what_it_overrides() -> None:
    story = Rehearsal(plan())
    story.shut = (FINAL,)
    story.tick()
    event, after = story.command(lambda state, now: overridden(state, now, FINAL))
    assert (after.type, story.state.frozen) == ("thawed", ())
    assert describe_event(event) == "a person overrode sports/final until 2026-01-01 02:00 UTC"
    assert story.command(lambda state, now: overridden(state, now, FINAL, name="sports/final")) == ()
    assert types(story.settle())[:1] == ["step_started"]
    tomorrow = replace(FINAL, since=START + 24 * HOUR, until=START + 26 * HOUR)
    story.shut = (tomorrow,)
    assert types(story.tick(after=24 * HOUR)) == ["frozen"]
    yesterday = replace(FINAL, since=START - 24 * HOUR, until=START - 22 * HOUR)
    assert freezing.in_force(story.state, [yesterday], START - 23 * HOUR), "the clock was set back to an earlier one"


def test_nothing_keeps_what_cannot_happen() -> None:
    story = Rehearsal(plan())
    assert freezing.blocking(story.state, e.Aborted(START), (FINAL,), START) == ()


def test_an_override_is_for_one_thing_only() -> None:
    story = Rehearsal(plan())
    story.shut = (FINAL,)
    story.tick()
    story.command(lambda state, now: overridden(state, now, FINAL, OUTSIDE))
    assert freezing.in_force(story.state, [FINAL, OUTSIDE], START) == (OUTSIDE,)
    assert [each.id for each in story.state.frozen] == ["office-hours"], "and waits for the other one"


def test_who_promotes_what_has_not_begun_is_told_what_it_waits_for() -> None:
    story = Rehearsal(plan())
    story.shut = (FINAL,)
    story.tick()
    with pytest.raises(Rejected, match="shop-1 has not begun: frozen by sports/final until"):
        story.command(commands.promote)


def test_an_override_of_what_has_no_known_end_lasts_until_one_is_known() -> None:
    story = Rehearsal(plan())
    story.shut = (OUTSIDE,)
    story.tick()
    event, _ = story.command(lambda state, now: overridden(state, now, OUTSIDE, name="office-hours"))
    assert describe_event(event) == "a person overrode office-hours until further notice"
    assert not freezing.in_force(story.state, [OUTSIDE], START)
    assert freezing.in_force(story.state, [replace(OUTSIDE, until=START + HOUR)], START)
    known = replace(story.state, overrides=(replace(story.state.overrides[0], until=START + HOUR),))
    assert not freezing.in_force(known, [OUTSIDE], START)


def test_an_override_names_one_thing_that_is_closed_now() -> None:
    story = Rehearsal(plan())
    with pytest.raises(Rejected, match=r"'final' names nothing that is closed for shop-1\. Nothing is closed"):
        overridden(story.state, START)
    with pytest.raises(Rejected, match=r"'cup' names nothing .* Closed now: 'sports/final'"):
        overridden(story.state, START, FINAL, name="cup")
    with pytest.raises(Rejected, match=r"'final' names several .* 'sports/final', 'poker/final'"):
        overridden(story.state, START, FINAL, replace(FINAL, id="poker/final"))
    with pytest.raises(Rejected, match="is succeeded: there is nothing to override"):
        overridden(replace(story.state, phase=Phase.SUCCEEDED), START, FINAL)


def test_people_are_told_what_their_command_waits_for() -> None:
    story = Rehearsal(plan(SetWeight(500), Pause(None), SetWeight(5_000)))
    story.settle()
    events = commands.promote(story.state, story.now)
    with pytest.raises(Conflict, match=r"shop-1 cannot go on: frozen by sports/final until .* override shop-1"):
        freezing.check_open(story.state, events, [FINAL], story.now)
    freezing.check_open(story.state, events, [], story.now)
    freezing.check_open(story.state, commands.abort(story.state, story.now, reason="x"), [FINAL], story.now)
    with pytest.raises(Conflict):
        freezing.check_open(story.state, commands.promote(story.state, story.now, full=True), [DERBY], story.now)


def test_what_waits_for_no_calendar_need_not_ask_for_one() -> None:
    story = Rehearsal(plan(SetWeight(500), Pause(None), SetWeight(5_000)))
    story.settle()
    assert freezing.could_wait(story.state, commands.promote(story.state, story.now))
    assert not freezing.could_wait(story.state, commands.abort(story.state, story.now, reason="enough"))
    assert not freezing.could_wait(story.state, ())


def test_who_follows_another_one_is_asked_about_too() -> None:
    story = Rehearsal(plan(SetWeight(500), Pause(None), SetWeight(5_000)))
    story.settle()
    freezing.check_following(story.state, (), START)
    with pytest.raises(Conflict, match="shop-1 cannot go on: frozen by sports/final"):
        freezing.check_following(story.state, (FINAL,), START)
