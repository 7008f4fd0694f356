"""Smoke checks of services that move as one: run once where all have the new version, and whose failure is all's."""

from dataclasses import replace
from typing import Any

import pytest
from tests.core.rollout.together.story import NAMES, Game, planned

from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause, Hold
from croupier.core.rollout.spec import Pause, Resort, RolloutSpec, SetWeight, Smoke, Undecided
from croupier.core.rollout.together import commands
from croupier.core.smoke import Outcome, SmokeCheck
from croupier.errors import Rejected

AFTER = Smoke(("money",))
MONEY, LIMITS = SmokeCheck("money"), SmokeCheck("limits")
READY = dict.fromkeys((f"{name}-1" for name in NAMES), None)
SPEC = RolloutSpec("all", "wallet", (SetWeight(500), SetWeight(2_500)), ("errors",), services=NAMES)


def smoked(smoke: Smoke | None = AFTER, *steps: Any) -> Game:
    return planned(replace(SPEC, smoke=smoke, steps=steps or SPEC.steps), MONEY, LIMITS)


def play(game: Game, ticks: int = 8) -> Game:
    for _ in range(ticks):
        game.tick()
    assert game.order.broken == []
    return game


def one_run(game: Game) -> None:
    """One more run of the checks that are wanted passes."""
    game.smoke, tried = Outcome.PASSED, len(game.tried)
    while len(game.tried) == tried:
        game.now += 5.0
        game.record(game.decide())
        game.follow()
    game.smoke = None


def phases(game: Game) -> set[Phase]:
    return {state.phase for state in game.states}


def test_a_step_before_any_player_is_left_by_all_when_its_checks_passed() -> None:
    game = play(smoked(None, Smoke(("money", "limits")), SetWeight(500), Pause()))
    assert game.weights() == [0, 0, 0]
    assert {state.step for state in game.states} == {0}
    with pytest.raises(Rejected, match="lobby-1 cannot be promoted: smoke checks money, limits have not finished"):
        commands.promote(game.states, game.now, unready=READY)
    game.smoke = Outcome.PASSED
    play(game)
    assert game.weights() == [500, 500, 500]
    assert game.tried == [("lobby", "0 %")]


def test_nobody_had_it_where_a_check_before_the_first_player_fails() -> None:
    game = smoked(None, Smoke(("money",)), SetWeight(500), Pause())
    game.smoke = Outcome.FAILED
    play(game)
    assert phases(game) == {Phase.ABORTED}
    assert game.told("abort_started") == ["lobby", "payments", "wallet"]
    assert not [event for _, event in game.events if getattr(event, "weight_bp", 0)]


def test_after_each_switch_of_all_once_and_before_the_promotion() -> None:
    game = smoked()
    game.smoke = Outcome.PASSED
    play(game)
    assert phases(game) == {Phase.SUCCEEDED}
    assert game.tried == [("lobby", "5 %"), ("lobby", "25 %"), ("lobby", "100 %")]


def test_nobody_goes_on_while_a_check_runs_and_nobody_is_promoted() -> None:
    game = play(smoked())
    assert game.weights() == [500, 500, 500]
    one_run(game)
    play(game)
    assert game.weights() == [2_500, 2_500, 2_500]
    with pytest.raises(Rejected, match="lobby-1 cannot be promoted: smoke check money has not finished"):
        commands.promote(game.states, game.now, full=True, unready=READY)
    one_run(game)
    play(game)
    assert game.weights() == [10_000, 10_000, 10_000]
    assert phases(game) == {Phase.PROMOTING}
    one_run(game)
    assert phases(game) == {Phase.SUCCEEDED}


@pytest.mark.parametrize("passing", range(3))
def test_a_failure_takes_all_back_in_reverse_order(passing: int) -> None:
    game = smoked()
    for _ in range(passing):
        one_run(game)
    game.smoke = Outcome.FAILED
    play(game)
    assert phases(game) == {Phase.ABORTED}
    assert game.told("abort_started") == ["lobby", "payments", "wallet"]
    aborts = [state.abort for state in game.states]
    assert [abort.cause for abort in aborts if abort] == [Cause.TOGETHER, Cause.TOGETHER, Cause.SMOKE]
    assert {abort.reason for abort in aborts[:2] if abort} == {"lobby-1: smoke check money failed: it paid"}


@pytest.mark.parametrize("promoting", [False, True])
def test_results_that_do_not_come_condemn_nobody_unless_it_is_asked(*, promoting: bool) -> None:
    held = smoked()
    asked = smoked(Smoke(("money",), on_no_data=Undecided(Resort.ABORT, 30.0)))
    for game in (held, asked):
        for _ in range(2 if promoting else 0):
            one_run(game)
        play(game, 20)
    assert phases(held) == {Phase.PROMOTING if promoting else Phase.PROGRESSING}
    assert phases(asked) == {Phase.ABORTED}
    assert asked.states[-1].abort is not None
    assert asked.states[-1].abort.cause is Cause.NO_DATA


def test_a_failure_may_ask_a_person_who_tries_again_or_takes_the_check_out() -> None:
    game = smoked(Smoke(("money",), on_fail=Resort.PAUSE))
    game.smoke = Outcome.FAILED
    play(game)
    assert [state.hold for state in game.states] == [None, None, Hold.SMOKE]
    assert game.weights() == [500, 500, 500]
    game.record(commands.resume(game.states, game.now, unready=READY))
    assert [state.phase for state in game.states] == [Phase.PROGRESSING] * 3
    play(game)
    assert len(game.tried) == 2
    assert game.states[-1].hold is Hold.SMOKE
    with pytest.raises(Rejected) as unknown:
        commands.promote(game.states, game.now, waive=("mony",), unready=READY)
    assert unknown.value.hint == "Gates and smoke checks: errors, money."
    game.record(commands.promote(game.states, game.now, waive=("money",), unready=READY), asked=True)
    game.follow()
    play(game)
    assert phases(game) == {Phase.SUCCEEDED}
