"""Gates that cannot decide, or see nothing, for too long: what the rollout does, and what it never does."""

from dataclasses import replace
from typing import Any

import pytest

from croupier.core.gates import ClassicRule, Counts, Gate, Objective, RatioSli, Reading, Silence
from croupier.core.rollout import commands
from croupier.core.rollout import events as e
from croupier.core.rollout.explain import describe_event
from croupier.core.rollout.headline import explain
from croupier.core.rollout.machine import replay
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause, Hold
from croupier.core.rollout.routes import stable_routes
from croupier.core.rollout.spec import Analysis, Pause, Plan, Resort, SetWeight, Undecided
from croupier.errors import Rejected
from croupier.testing import Rehearsal

GATE = Gate(
    "errors",
    RatioSli("requests_total", good=(("code", ("200",)),)),
    objective=Objective(0.99),
    rule=ClassicRule(interval_s=10.0),
)
PLAN = Plan((SetWeight(500), Analysis(("errors",)), SetWeight(5_000), Pause(600.0)), (), (GATE,))
GOOD = Reading(0.0, 0.0, {(): Counts(1_000, 1_000)}, {(): Counts(1_000, 1_000)})
FEW = Reading(0.0, 0.0, {(): Counts(1, 3)}, {(): Counts(1_000, 1_000)})
NOTHING = Reading(0.0, 0.0, {(): Counts(0, 0)}, {(): Counts(1_000, 1_000)})
SILENCE = Silence("the metric source is unreachable")
MINUTE = Undecided(Resort.HOLD, 60.0)


def started(**changes: Any) -> Rehearsal:
    story = Rehearsal(replace(PLAN, **changes))
    story.settle()
    return story


def look(story: Rehearsal, said: Reading | Silence, times: int = 1) -> list[e.Event]:
    """So many looks 10 s apart; what was decided beside the looks."""
    out: list[e.Event] = []
    for _ in range(times):
        out += [event for event in story.tick({"errors": said}, after=10.0) if not isinstance(event, e.GateJudged)]
    return out


def test_by_itself_it_waits_on_for_ever() -> None:
    story = started()
    assert look(story, FEW, 400) == []
    assert look(story, SILENCE, 400) == []
    assert story.state.phase is Phase.PROGRESSING
    assert "holding" not in explain(story.state, story.now)


def test_doubt_for_long_enough_asks_a_person_and_says_why() -> None:
    story = started(on_inconclusive=replace(MINUTE, then=Resort.PAUSE))
    assert look(story, FEW, 6) == []
    assert "; waits for a person after " in explain(story.state, story.now)
    (paused,) = look(story, FEW)
    assert paused == e.Paused(Hold.INCONCLUSIVE, story.now, "errors", paused.reason)  # type: ignore[union-attr]
    assert "paused, waiting for a person: gate errors could not decide for 60 s" in describe_event(paused)
    assert "since a gate kept it waiting: gate errors says inconclusive" in explain(story.state, story.now)
    look(story, GOOD)
    assert story.state.phase is Phase.PAUSED  # a person was asked
    assert "its gates say pass now" in explain(story.state, story.now)
    assert replay(story.events) == story.state


@pytest.mark.parametrize("then", [Resort.PAUSE, Resort.ABORT])
def test_doubt_for_less_than_the_record_s_minute_ends_in_time(then: Resort) -> None:
    story = started(on_inconclusive=Undecided(then, 20.0))
    assert look(story, FEW, 2) == []
    assert look(story, FEW) != []
    assert story.state.phase is not Phase.PROGRESSING
    assert replay(story.events) == story.state


def test_doubt_that_nothing_follows_from_is_recorded_once_a_minute() -> None:
    story = started(on_inconclusive=Undecided(Resort.HOLD, 20.0))
    look(story, FEW, 12)
    assert sum(isinstance(event, e.GateJudged) for event in story.events) == 2


def test_who_resumes_waits_anew_and_who_promotes_must_waive_the_gate() -> None:
    story = started(on_inconclusive=replace(MINUTE, then=Resort.PAUSE))
    look(story, FEW, 7)
    with pytest.raises(Rejected, match="cannot be promoted") as refused:
        story.command(commands.promote)
    assert "To wait on: croupier rollout resume" in refused.value.hint
    assert story.command(commands.resume) == (e.Resumed(story.now),)
    assert look(story, FEW, 5) == []
    assert [type(event) for event in look(story, FEW, 2)] == [e.Paused]
    story.command(commands.promote, waive=("errors",))
    story.settle()
    assert (story.state.phase, story.state.weight_bp) == (Phase.PROGRESSING, 5_000)


def test_doubt_for_long_enough_goes_back_where_that_was_asked_for() -> None:
    story = started(on_inconclusive=replace(MINUTE, then=Resort.ABORT))
    (given_up,) = look(story, FEW, 7)
    assert isinstance(given_up, e.AbortStarted)
    assert (given_up.cause, given_up.gate, story.state.weight_bp) == (Cause.INCONCLUSIVE, "errors", 0)
    assert "gate errors could not decide for 60 s: 3 of the 20 canary events" in given_up.reason


def test_going_back_where_the_data_plane_went_back_by_itself() -> None:
    story = started(on_inconclusive=replace(MINUTE, then=Resort.ABORT))
    look(story, FEW, 6)
    story.served = stable_routes("shop", "1.0.0")
    assert [type(event) for event in look(story, FEW)] == [e.AbortStarted]
    assert [type(event) for event in story.tick()] == [e.Aborted]


def test_time_without_data_is_no_doubt() -> None:
    story = started(on_inconclusive=replace(MINUTE, then=Resort.ABORT))
    for _ in range(10):
        assert look(story, SILENCE, 30) == []
        assert look(story, FEW) == []
    assert look(story, FEW, 5) == []  # ten looks in doubt, but none followed another before
    assert [type(event) for event in look(story, FEW)] == [e.AbortStarted]


def test_a_sample_without_events_now_and_then_does_not_hide_doubt() -> None:
    """At low traffic every other sample of a good canary may be empty."""
    story = started(on_inconclusive=replace(MINUTE, then=Resort.ABORT))
    for _ in range(6):
        assert look(story, FEW) == []
        assert look(story, NOTHING) == []
    assert [type(event) for event in look(story, FEW)] == [e.AbortStarted]


def test_a_control_plane_that_was_away_saw_no_doubt() -> None:
    story = started(on_inconclusive=Undecided(Resort.ABORT, 200.0))
    look(story, FEW)
    story.now += 86_400.0
    assert look(story, FEW) == []
    assert story.state.gate_state("errors").undecided_s == 70.0


def test_a_pass_ends_doubt() -> None:
    plan = (SetWeight(500), Pause(1_000.0), SetWeight(5_000), Pause(600.0))
    story = started(steps=plan, guards=("errors",), on_inconclusive=replace(MINUTE, then=Resort.ABORT))
    assert look(story, FEW, 98) == []  # nothing was kept waiting: the pause is not over
    assert look(story, GOOD) == []
    assert look(story, FEW, 6) == []
    assert [type(event) for event in look(story, FEW)] == [e.AbortStarted]


@pytest.mark.parametrize("said", [SILENCE, NOTHING])
def test_blindness_goes_back_only_where_that_was_asked_for(said: Reading | Silence) -> None:
    doubtful = started(on_inconclusive=replace(MINUTE, then=Resort.ABORT))
    assert look(doubtful, said, 1_000) == []
    blind = started(on_no_data=replace(MINUTE, then=Resort.ABORT))
    assert look(blind, said, 6) == []
    assert "; goes back after 10 s more of that" in explain(blind.state, blind.now)
    (given_up,) = look(blind, said)
    assert isinstance(given_up, e.AbortStarted)
    assert (given_up.cause, given_up.gate) == (Cause.NO_DATA, "errors")


def test_blindness_counts_without_a_break() -> None:
    story = started(on_no_data=replace(MINUTE, then=Resort.PAUSE))
    for _ in range(5):
        assert look(story, SILENCE, 6) == []
        assert look(story, FEW) == []
    assert [type(event) for event in look(story, SILENCE, 7)] == [e.Paused]
    assert story.state.hold is Hold.NO_DATA


def test_a_clock_that_was_set_back_makes_nobody_blind() -> None:
    story = started(on_no_data=replace(MINUTE, then=Resort.ABORT))
    look(story, SILENCE)
    story.now -= 3_600.0
    story.settle()
    assert look(story, SILENCE, 3) == []
    assert [type(event) for event in look(story, SILENCE, 4)] == [e.AbortStarted]


def test_a_step_may_say_otherwise() -> None:
    own = Analysis(("errors",), on_inconclusive=replace(MINUTE, then=Resort.PAUSE), on_no_data=MINUTE)
    story = started(steps=(SetWeight(500), own), on_no_data=replace(MINUTE, then=Resort.ABORT))
    assert look(story, SILENCE, 50) == []
    assert [type(event) for event in look(story, FEW, 7)] == [e.Paused]


def test_going_back_outranks_asking_a_person() -> None:
    other = replace(GATE, name="logins")
    story = started(
        steps=(SetWeight(500), Analysis(("errors", "logins"))),
        gates=(GATE, other),
        on_inconclusive=replace(MINUTE, then=Resort.PAUSE),
        on_no_data=replace(MINUTE, then=Resort.ABORT),
    )
    out: list[e.Event] = []
    for _ in range(7):
        out += story.tick({"errors": FEW, "logins": SILENCE}, after=10.0)
    assert [event.cause for event in out if isinstance(event, e.AbortStarted)] == [Cause.NO_DATA]
    assert not any(isinstance(event, e.Paused) for event in out)


def test_a_gate_that_never_looked_is_waited_for() -> None:
    story = started(on_inconclusive=MINUTE, on_no_data=replace(MINUTE, then=Resort.ABORT))
    assert story.tick(after=3_600.0) == ()
