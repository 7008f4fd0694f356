"""Two stacks of each of several services: one switch for all in order, and back in reverse."""

from dataclasses import replace
from typing import Any

import pytest
from tests.core.rollout.together.story import BAD, NAMES, Game, planned

from croupier.core.rollout.blue_green import steps_of
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause, Hold
from croupier.core.rollout.spec import BlueGreen, RolloutSpec, Smoke
from croupier.core.rollout.stacks import stacks
from croupier.core.rollout.together import commands
from croupier.core.smoke import Outcome, SmokeCheck

READY = dict.fromkeys((f"{name}-1" for name in NAMES), None)


def switching(**asked: Any) -> Game:
    strategy = replace(BlueGreen(watch_s=20.0), **asked)
    spec = RolloutSpec("all", "wallet", steps_of(strategy), ("errors",), services=NAMES, blue_green=strategy)
    return planned(spec, SmokeCheck("money"))


def play(game: Game, ticks: int = 8) -> Game:
    for _ in range(ticks):
        game.tick()
    assert game.order.broken == []
    return game


def colours(game: Game) -> list[str]:
    """Which stack serves in each service."""
    return [next(each.colour for each in stacks(state, game.now) if each.serves) for state in game.states]


def test_a_person_switches_all_of_them_in_order() -> None:
    game = play(switching(by_hand=True))
    assert game.weights() == [0, 0, 0]
    assert {state.hold for state in game.states} == {Hold.STEP}
    assert colours(game) == ["blue"] * 3
    game.stuck = {"payments"}
    game.record(commands.promote(game.states, game.now, unready=READY), asked=True)
    game.follow()
    play(game, 2)
    assert game.weights() == [10_000, 0, 0], "the last waits until the one before it is seen to be switched"
    game.stuck = set()
    play(game, 1)
    assert (game.weights(), colours(game)) == ([10_000] * 3, ["green"] * 3)
    assert {state.phase for state in play(game, 10).states} == {Phase.SUCCEEDED}
    assert game.told("promoted") == ["lobby", "payments", "wallet"], "in one commit"


@pytest.mark.parametrize("failing", NAMES)
def test_one_that_fails_after_the_switch_takes_all_back_in_reverse(failing: str) -> None:
    game = switching()
    game.words = {failing: BAD}
    play(game)
    assert game.told("abort_started") == ["lobby", "payments", "wallet"]
    assert (game.weights(), {state.phase for state in game.states}) == ([0, 0, 0], {Phase.ABORTED})
    assert {state.abort.cause for state in game.states if state.abort} == {Cause.GATE, Cause.TOGETHER}


def test_checks_before_the_switch_keep_all_of_them_from_it() -> None:
    game = play(switching(checks=Smoke(("money",))))
    assert game.weights() == [0, 0, 0]
    game.smoke = Outcome.FAILED
    play(game)
    assert {state.phase for state in game.states} == {Phase.ABORTED}
    assert not [event for _, event in game.events if getattr(event, "weight_bp", 0)]
