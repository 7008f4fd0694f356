"""Smoke checks in a rollout: when they are wanted, what a failure does, and what no result does not."""

from dataclasses import replace
from typing import Any

import pytest

from croupier.core.gates import ClassicRule, Counts, Gate, Objective, RatioSli, Reading
from croupier.core.rollout import commands, smoking
from croupier.core.rollout import events as e
from croupier.core.rollout.explain import describe_event, describe_step
from croupier.core.rollout.headline import explain
from croupier.core.rollout.machine import evolve, replay
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.prove import prove
from croupier.core.rollout.reasons import Cause, Hold
from croupier.core.rollout.smoked import KEPT, Occasion
from croupier.core.rollout.smoking import Smoked, Wanted
from croupier.core.rollout.spec import Pause, Plan, Resort, SetWeight, Smoke, Undecided
from croupier.core.smoke import CheckResult, Outcome, SmokeCheck
from croupier.errors import Rejected
from croupier.testing import Rehearsal

MONEY, LIMITS = SmokeCheck("money"), SmokeCheck("limits")
FIRST = Plan((Smoke(("money", "limits")), SetWeight(500), Pause(60.0)), (), (), checks=(MONEY, LIMITS))
ALWAYS = Plan((SetWeight(500), SetWeight(5_000)), (), (), smoke=Smoke(("money",)), checks=(MONEY,))


def passed(check: str) -> CheckResult:
    return CheckResult(check, Outcome.PASSED)


def failed(check: str, said: str = "it paid") -> CheckResult:
    return CheckResult(check, Outcome.FAILED, said)


def started(plan: Plan = FIRST, **changes: Any) -> Rehearsal:
    story = Rehearsal(replace(plan, **changes))
    story.settle()
    return story


def asked(story: Rehearsal) -> Wanted:
    found = smoking.wanted(story.state, story.now)
    assert found is not None
    return found


def answer(story: Rehearsal, *results: CheckResult, after: float = 1.0) -> tuple[e.Event, ...]:
    """The checks that are wanted now end with these results."""
    story.smoked = Smoked(asked(story), results)
    story.serve()
    events = story.tick(after=after)
    story.smoked = None
    return events


def test_a_step_before_any_player_asks_and_its_checks_let_it_go_on() -> None:
    story = started()
    wanted = asked(story)
    assert (story.state.exposing, wanted.occasion, wanted.step) == (False, Occasion.STEP, 0)
    assert wanted.checks == (MONEY, LIMITS)
    assert "running smoke checks for the smoke step at 0 %: money, limits" in explain(story.state, story.now)
    events = answer(story, passed("money"), passed("limits"))
    assert [event.type for event in events] == ["smoke_finished", "step_started"]
    assert describe_event(events[0], story.state) == "smoke checks at 0 %: money passed; limits passed"
    assert describe_step(story.state.plan.steps[0]) == "smoke check money, limits"
    assert (story.state.step, story.state.weight_bp) == (1, 500)
    assert story.state.smokes[0].passed
    assert replay(story.events) == story.state


def test_a_failure_before_any_player_goes_back_and_nobody_was_touched() -> None:
    story = started()
    events = answer(story, passed("money"), failed("limits"))
    assert [event.type for event in events] == ["smoke_finished", "abort_started"]
    assert story.state.abort is not None
    assert story.state.abort.cause is Cause.SMOKE
    assert story.state.abort.reason == "smoke check limits failed: it paid"
    assert not any(isinstance(event, e.WeightConfirmed) and event.weight_bp for event in story.events)


def test_two_failures_are_counted() -> None:
    story = started()
    answer(story, failed("money"), failed("limits"))
    assert story.state.abort is not None
    assert story.state.abort.reason == "smoke check money failed: it paid (and 1 more)"


def test_after_every_switch_the_share_rises_only_when_the_checks_passed() -> None:
    story = started(ALWAYS)
    assert (story.state.weight_bp, asked(story).occasion) == (500, Occasion.SWITCH)
    assert story.tick(after=1000.0) == ()
    assert "running smoke checks for the switch at 5 %: money" in explain(story.state, story.now)
    answer(story, passed("money"))
    story.settle()
    assert (story.state.weight_bp, asked(story).since) == (5_000, story.now)
    answer(story, passed("money"))
    story.settle()
    assert (story.state.phase, story.state.confirmed_bp) == (Phase.PROMOTING, 10_000)
    assert "running smoke checks for the switch" in explain(story.state, story.now)
    answer(story, passed("money"))
    assert story.state.phase is Phase.SUCCEEDED
    assert [run.stands for run in story.state.smokes] == [False, False, True]
    assert replay(story.events) == story.state


@pytest.mark.parametrize("on_fail", [Resort.ABORT, Resort.PAUSE])
def test_with_everybody_on_it_a_failure_goes_back_whatever_else_was_asked(on_fail: Resort) -> None:
    story = started(ALWAYS, smoke=Smoke(("money",), on_fail), steps=(SetWeight(500),))
    answer(story, passed("money"))
    story.settle()
    assert story.state.phase is Phase.PROMOTING
    answer(story, failed("money"))
    assert (story.state.phase, story.state.weight_bp) == (Phase.ABORTING, 0)


def test_who_asks_for_a_pause_is_asked_and_resuming_tries_again() -> None:
    story = started(ALWAYS, smoke=Smoke(("money",), Resort.PAUSE))
    events = answer(story, failed("money"))
    assert [event.type for event in events] == ["smoke_finished", "paused"]
    assert (story.state.hold, smoking.wanted(story.state, story.now)) == (Hold.SMOKE, None)
    assert "paused at 5 %: smoke check money failed: it paid; resume it to try again" in explain(story.state, story.now)
    with pytest.raises(Rejected, match="smoke check money failed") as refused:
        story.command(commands.promote)
    assert "--waive CHECK" in refused.value.hint
    story.now += 5.0
    assert story.command(commands.resume) == (e.Resumed(story.now),)
    assert asked(story).since == story.now
    answer(story, passed("money"))
    assert story.state.weight_bp == 5_000


def test_a_pause_by_a_person_keeps_what_has_passed() -> None:
    story = started(replace(ALWAYS, steps=(SetWeight(500), Pause(600.0))))
    answer(story, passed("money"))
    story.command(commands.pause)
    story.command(commands.resume)
    assert smoking.wanted(story.state, story.now) is None


def test_a_failure_while_paused_waits_where_it_is_or_goes_back() -> None:
    story = started(replace(ALWAYS, smoke=Smoke(("money",), Resort.PAUSE), steps=(SetWeight(500), Pause())))
    assert story.state.phase is Phase.PAUSED
    assert [event.type for event in answer(story, failed("money"))] == ["smoke_finished"]
    assert smoking.blocked(story.state) == "smoke check money failed: it paid"


def test_a_check_that_was_waived_asks_and_stops_nothing() -> None:
    story = started(smoke=None)
    state = evolve(story.state, e.GateWaived("limits", story.now))
    found = smoking.wanted(state, story.now)
    assert found is not None
    assert found.checks == (MONEY,)
    both = evolve(state, e.GateWaived("money", story.now))
    assert (smoking.wanted(both, story.now), smoking.blocked(both)) == (None, None)


def test_a_failed_check_can_be_waived_by_a_person() -> None:
    story = started(ALWAYS, smoke=Smoke(("money",), Resort.PAUSE))
    answer(story, failed("money"))
    story.command(commands.promote, waive=("money",))
    assert story.state.weight_bp == 5_000
    assert "waived" in explain(replace(story.state, hold=Hold.SMOKE, phase=Phase.PAUSED), story.now)


def test_what_was_not_tried_for_a_failure_that_was_waived_is_tried() -> None:
    story = started(steps=(Smoke(("money", "limits"), Resort.PAUSE), SetWeight(500), Pause(60.0)))
    answer(story, failed("money"))  # the run ends at the first failure
    state = evolve(story.state, e.GateWaived("money", story.now))
    found = smoking.wanted(state, story.now)
    assert found is not None
    assert found.checks == (LIMITS,)
    story.state = evolve(state, e.Resumed(story.now))
    assert answer(story, passed("limits"))[0].type == "smoke_finished"
    assert story.state.weight_bp == 500


def test_a_smoke_step_is_not_skipped_by_promoting() -> None:
    story = started()
    with pytest.raises(Rejected, match="smoke checks money, limits have not finished"):
        story.command(commands.promote)
    with pytest.raises(Rejected, match="not finished"):
        story.command(commands.promote, full=True)


def test_no_result_holds_for_ever_unless_the_rollout_says_otherwise() -> None:
    story = started()
    assert story.tick(after=100_000.0) == ()
    assert smoking.at_a_loss(story.state, None, story.now) is None


def test_no_result_asks_a_person_or_goes_back_where_that_is_asked() -> None:
    story = started(on_no_data=Undecided(Resort.PAUSE, 60.0))
    assert "; waits for a person without a result in 60 s" in explain(story.state, story.now)
    assert story.tick(after=59.0) == ()
    (paused,) = story.tick(after=1.0)
    assert isinstance(paused, e.Paused)
    assert (paused.hold, paused.reason) == (Hold.NO_DATA, "smoke checks had no result for 60 s")
    story.command(commands.resume)
    assert story.tick(after=59.0) == ()
    own = Smoke(("money",), on_no_data=Undecided(Resort.ABORT, 30.0))
    story = started(ALWAYS, smoke=own)
    assert "; goes back without a result in 30 s" in explain(story.state, story.now)
    (given_up,) = story.tick(after=30.0)
    assert isinstance(given_up, e.AbortStarted)
    assert given_up.cause is Cause.NO_DATA


def test_what_cannot_be_run_asks_a_person_who_has_it_tried_again() -> None:
    story = started()
    why = "smoke check money could not be run, 6 times: the edge cannot be reached"
    story.smoked = Smoked(asked(story), (), why)
    (paused,) = story.tick(after=155.0)
    assert isinstance(paused, e.Paused)
    assert (paused.hold, paused.reason) == (Hold.NO_DATA, why)
    assert story.tick(after=1_000.0) == ()
    story.command(commands.resume)
    assert story.tick(after=1_000.0) == (), "what was said of the run before is about that alone"
    answer(story, passed("money"), passed("limits"))
    assert story.state.step == 1
    assert replay(story.events) == story.state


def test_what_cannot_be_run_goes_back_in_its_own_time_where_that_is_asked() -> None:
    story = started(on_no_data=Undecided(Resort.ABORT, 300.0))
    story.smoked = Smoked(asked(story), (), "smoke check money could not be run, 6 times: no edge")
    assert story.tick(after=155.0) == ()
    (given_up,) = story.tick(after=145.0)
    assert isinstance(given_up, e.AbortStarted)
    assert given_up.reason == "smoke checks had no result for 300 s"


def test_at_the_promotion_nobody_can_be_asked_and_it_waits() -> None:
    story = started(ALWAYS, steps=(SetWeight(500),))
    answer(story, passed("money"))
    story.settle()
    story.smoked = Smoked(asked(story), (), "smoke check money could not be run, 6 times: no edge")
    assert story.tick(after=1_000.0) == ()
    assert story.state.phase is Phase.PROMOTING


def test_a_promotion_has_nothing_to_pause_in() -> None:
    story = started(ALWAYS, steps=(SetWeight(500),), on_no_data=Undecided(Resort.PAUSE, 30.0))
    answer(story, passed("money"))
    story.settle()
    assert story.state.phase is Phase.PROMOTING
    assert story.tick(after=1_000.0) == ()


def test_results_of_another_run_are_not_heard() -> None:
    story = started()
    stale = Smoked(replace(asked(story), attempt=7), (failed("money"),))
    story.smoked = stale
    assert story.tick(after=1.0) == ()


def test_checks_are_asked_anew_at_every_step_that_names_them() -> None:
    again = (Smoke(("money",)), Smoke(("money",)))
    story = started(replace(FIRST, steps=again))
    answer(story, passed("money"))
    assert (story.state.step, asked(story).since) == (1, story.now)
    answer(story, passed("money"))
    assert story.state.phase is Phase.PROMOTING


def test_a_first_deployment_has_nothing_to_go_back_to() -> None:
    story = Rehearsal(ALWAYS, stable=None)
    story.settle()
    assert story.state.phase is Phase.SUCCEEDED


def test_nothing_is_wanted_before_the_data_plane_has_confirmed() -> None:
    story = Rehearsal(ALWAYS)
    story.tick()
    story.served = None
    assert smoking.wanted(story.state, story.now) is None
    assert smoking.blocked(story.state) == "smoke check money has not finished"


def test_a_clock_that_was_set_back_waits_for_the_confirmation() -> None:
    story = started(ALWAYS)
    assert smoking.wanted(story.state, story.now - 100.0) is None


def test_only_the_last_runs_are_in_the_state() -> None:
    story = started(ALWAYS)
    state = story.state
    for _ in range(KEPT + 3):
        state = evolve(state, e.SmokeFinished(Occasion.SWITCH, "5 %", (passed("money"),), story.now))
    assert len(state.smokes) == KEPT


def test_a_hard_stop_outranks_and_a_gate_is_proven_without_the_checks() -> None:
    gate = Gate(
        "errors",
        RatioSli("requests_total", good=(("code", ("200",)),)),
        objective=Objective(0.99),
        rule=ClassicRule(interval_s=10.0, consecutive=1),
    )
    plan = Plan(
        (Smoke(("money",)), SetWeight(500), Pause(60.0)),
        ("errors",),
        (gate,),
        smoke=Smoke(("money",)),
        checks=(MONEY,),
    )
    assert prove(plan, "errors").red_after_s is not None
    story = started(plan)
    answer(story, passed("money"))
    story.settle()
    bad = Reading(0.0, 0.0, {(): Counts(0, 1_000)}, {(): Counts(1_000, 1_000)})
    story.smoked = Smoked(asked(story), (passed("money"),))
    events = story.tick({"errors": bad}, after=10.0)
    assert [event.type for event in events][-1] == "abort_started"
    assert story.state.abort is not None
    assert story.state.abort.gate == "errors"
