"""Rollouts that move as one: up in order, back in reverse, all or none."""

from dataclasses import replace

import pytest
from tests.core.rollout.together.story import BAD, NAMES, SILENT, Game, begun

from croupier.core.rollout import events as e
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause
from croupier.core.rollout.spec import Pause, SetWeight
from croupier.core.rollout.together import commands
from croupier.core.rollout.together.decide import decide_each, everybody_leaves
from croupier.core.rollout.together.whole import TURN_S, given_up, turn_back

READY = dict.fromkeys((f"{name}-1" for name in NAMES), None)


def weights(game: Game) -> list[int]:
    return [game.weight(name) for name in NAMES]


# --- up ---------------------------------------------------------------------------------------------------------------


def test_nobody_moves_before_all_canaries_are_ready() -> None:
    game = begun()
    game.unready = {"lobby"}
    game.tick()
    assert game.events == []
    game.unready = set()
    game.tick()
    assert weights(game) == [500, 500, 500]


def test_each_follows_when_the_one_before_is_seen() -> None:
    game = begun()
    game.stuck = {"payments"}
    game.tick()
    assert game.told("step_started") == ["wallet", "payments"]
    assert weights(game) == [500, 0, 0]
    game.stuck = set()
    game.tick(1.0)
    assert weights(game) == [500, 500, 500]


def test_a_step_is_left_when_all_may_leave_it() -> None:
    game = begun()
    game.words = {"payments": SILENT}
    for _ in range(20):
        game.tick()
    assert weights(game) == [500, 500, 500]
    game.words = {}
    game.tick()
    assert weights(game) == [2_500, 2_500, 2_500]


def test_who_may_not_follow_keeps_the_others_waiting() -> None:
    game = begun(SetWeight(500), Pause(5.0), SetWeight(2_500), Pause(5.0))
    game.tick()
    game.stuck = {"wallet"}
    for _ in range(2):
        game.tick()  # all of them may go; the first is not seen to have gone
    game.unready = {"payments"}
    game.stuck = set()
    game.tick()
    assert weights(game) == [2_500, 500, 500]
    game.unready = set()
    game.tick()
    assert weights(game) == [2_500, 2_500, 2_500]


def test_a_step_that_takes_players_away_goes_the_other_way_round() -> None:
    game = begun(SetWeight(2_500), SetWeight(500), Pause())
    game.tick()
    game.tick()
    began = [(name, event.index) for name, event in game.events if isinstance(event, e.StepStarted)]
    assert [name for name, index in began if index == 1] == ["lobby", "payments", "wallet"]


def test_all_are_promoted_at_once_or_none() -> None:
    game = begun(SetWeight(500), services=("wallet", "payments"))
    game.tick()
    game.stuck = {"payments"}
    game.tick()
    assert [state.phase for state in game.states] == [Phase.PROMOTING, Phase.PROMOTING]
    game.stuck = set()
    game.tick()
    assert [state.phase for state in game.states] == [Phase.SUCCEEDED, Phase.SUCCEEDED]
    assert {event.at for _, event in game.events if event.type == "promoted"} == {game.now}


def test_all_have_the_same_players_first_and_others_after_a_retry() -> None:
    game = begun()
    assert {state.salt for state in game.states} == {"all.wallet-1.1"}
    game.record(commands.abort(game.states, game.now, reason="no"))
    game.tick()
    game.record(commands.retry(game.states, game.now, stable=dict.fromkeys(NAMES, "1")))
    assert {state.salt for state in game.states} == {"all.wallet-1.2"}


# --- back -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("failing", NAMES)
def test_one_failure_takes_all_back_in_reverse_order(failing: str) -> None:
    game = begun()
    game.tick()
    game.words = {failing: BAD}
    game.tick()
    assert game.told("abort_started") == ["lobby", "payments", "wallet"]
    assert [state.phase for state in game.states] == [Phase.ABORTED] * 3
    by = {name: event for name, event in game.events if isinstance(event, e.AbortStarted)}
    assert by[failing].cause is Cause.GATE
    others = [by[name] for name in NAMES if name != failing]
    assert {(abort.cause, abort.reason) for abort in others} == {(Cause.TOGETHER, f"{failing}-1: {by[failing].reason}")}


def test_who_wants_open_rounds_moved_wants_those_of_all_moved() -> None:
    game = begun()
    game.tick()
    game.record(commands.abort(game.states, game.now, reason="no", at_once=True))
    game.tick()
    aborts = [event for _, event in game.events if isinstance(event, e.AbortStarted)]
    assert [abort.at_once for abort in aborts] == [True, True, True]
    own = e.AbortStarted(Cause.PERSON, "no", game.now, at_once=True)
    fresh = begun().states
    assert [abort.at_once for abort in everybody_leaves(fresh, ((), (own,), ()), game.now) if abort] == [True] * 3


def test_the_one_before_goes_when_the_later_is_seen_to_be_gone_and_not_later_than_that() -> None:
    game = begun()
    game.tick()
    game.stuck = {"lobby"}
    game.words = {"wallet": BAD}
    game.tick()
    assert weights(game) == [500, 500, 500]
    game.tick(TURN_S / 2)
    assert game.told("abort_started") == ["lobby"]
    game.tick(TURN_S / 2)
    assert weights(game) == [0, 0, 500]
    game.stuck = set()
    game.tick()
    assert [state.phase for state in game.states] == [Phase.ABORTED] * 3


def test_a_clock_that_is_set_back_keeps_nobody() -> None:
    game = begun()
    game.tick()
    game.stuck = {"lobby"}
    game.failure = {"lobby": "it crashed"}
    game.tick()
    game.tick(-60.0)
    assert weights(game) == [0, 0, 500]


def test_what_is_served_is_not_known() -> None:
    game = begun()
    game.tick()
    game.unseen = True
    game.record(commands.abort(game.states, game.now, reason="no"))
    game.tick(0.1)
    assert game.told("abort_started") == ["lobby"]
    game.tick(TURN_S)
    assert game.told("abort_started") == ["lobby", "payments", "wallet"]


def test_a_member_that_is_no_longer_in_progress_was_given_up() -> None:
    game = begun()
    game.tick()
    del game.states[1]
    game.tick()
    assert given_up(game.states) == "payments-1 is no longer in progress" or game.states[0].abort
    assert [state.phase for state in game.states] == [Phase.ABORTED, Phase.ABORTED]


def test_a_member_that_was_superseded_takes_the_others_along() -> None:
    game = begun()
    game.tick()
    game.record(((), (e.Superseded("payments-2", game.now),), ()))
    game.tick()
    reasons = {event.reason for _, event in game.events if isinstance(event, e.AbortStarted)}
    assert reasons == {"payments-1 was superseded by payments-2"}


def test_a_step_that_waited_too_long_takes_all_back() -> None:
    game = begun(SetWeight(500), Pause())
    game.tick()
    game.stuck = {"wallet"}
    game.tick()
    commanded = commands.promote(game.states, game.now, unready=READY)
    game.record(commanded)
    for _ in range(130):
        game.tick()
    assert {state.phase for state in game.states if state.service != "wallet"} == {Phase.ABORTED}


def test_without_a_record_all_leave_at_once() -> None:
    game = begun()
    game.tick()
    game.words = {"payments": BAD}
    game.now += 5.0
    evidence = [game.evidence(state) for state in game.states]
    decided = decide_each(game.states, evidence, game.now)
    aborts = everybody_leaves(game.states, decided, game.now)
    assert [abort.cause for abort in aborts if abort] == [Cause.TOGETHER, Cause.TOGETHER, Cause.TOGETHER]
    assert everybody_leaves(game.states, ((), (), ()), game.now) == (None, None, None)


def test_an_undo_takes_those_back_that_were_promoted() -> None:
    game = begun()
    done, going = replace(game.states[0], phase=Phase.SUCCEEDED), replace(game.states[1], phase=Phase.SUPERSEDED)
    own = e.AbortStarted(Cause.UNDO, "no", game.now)
    aborts = everybody_leaves((done, done, going), ((own,), (), ()), game.now)
    assert [abort.cause if abort else None for abort in aborts] == [Cause.UNDO, Cause.UNDO, None]
    person = e.AbortStarted(Cause.PERSON, "no", game.now)
    assert everybody_leaves((done, done, going), ((person,), (), ()), game.now)[1:] == (None, None)


def test_what_was_promoted_is_undone_in_reverse_order() -> None:
    game = begun(SetWeight(500), Pause(5.0))
    for _ in range(6):
        game.tick()
    assert {state.phase for state in game.states} == {Phase.SUCCEEDED}
    assert [turn_back(game.states, state) for state in game.states] == [None] * 3
    game.stuck = {"payments"}
    game.record(((), (), (e.AbortStarted(Cause.UNDO, "orders are lost", game.now),)))
    waits = "given up: orders are lost; going back as soon as nobody is sent to 2 of payments any more"
    assert [turn_back(game.states, state) for state in game.states[::2]] == [waits, None]
    game.tick(0.1)
    assert [state.phase for state in game.states] == [Phase.SUCCEEDED, Phase.ABORTING, Phase.ABORTED]
    assert [game.served[name].default for name in NAMES] == ["2", "2", "1"]
    game.stuck = set()
    game.forget_ended()
    game.tick(0.1)
    assert game.told("abort_started") == ["lobby", "payments", "wallet"]
    told = {(event.cause, event.reason) for _, event in game.events if isinstance(event, e.AbortStarted)}
    assert told == {(Cause.UNDO, "orders are lost")}
    assert {game.served[name].default for name in NAMES} == {"1"}
    assert game.order.broken == []


def test_who_left_already_is_not_asked_again() -> None:
    game = begun()
    game.tick()
    game.stuck = {"lobby"}
    game.record(commands.abort(game.states, game.now, reason="no"))
    own = e.AbortStarted(Cause.PERSON, "no", game.now)
    assert [bool(abort) for abort in everybody_leaves(game.states, ((own,), (), ()), game.now)] == [True, True, False]


def test_what_does_not_move_with_others_is_decided_alone() -> None:
    game = begun(services=("wallet",))
    alone = replace(game.states[0], plan=replace(game.states[0].plan, together=None))
    (events,) = decide_each([alone], [game.evidence(alone)], game.now)
    assert [event.type for event in events] == ["step_started"]


def test_a_calendar_keeps_all_of_them() -> None:
    game = begun(SetWeight(500), Pause(5.0), SetWeight(2_500), Pause(5.0))
    game.shut = {"payments"}
    game.tick()
    assert game.weights() == [0, 0, 0]
    game.shut = set()
    game.tick()
    game.shut, game.stuck = {"lobby"}, {"wallet"}
    game.tick()
    assert game.weights() == [500, 500, 500]


def test_a_calendar_that_closes_between_two_of_them_keeps_the_second() -> None:
    game = begun(SetWeight(500), Pause(5.0), SetWeight(2_500), Pause(5.0))
    game.tick()
    game.stuck = {"wallet"}
    game.tick()
    game.tick()
    game.stuck, game.shut = set(), {"payments"}
    game.tick()
    assert game.weights() == [2_500, 500, 500]
