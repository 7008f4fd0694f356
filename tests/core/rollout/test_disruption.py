"""Players are moved no faster than the disruption budget says, by nobody; going back is never slowed down."""

from dataclasses import replace
from typing import Any

import pytest

from croupier.core.rollout import commands
from croupier.core.rollout import events as e
from croupier.core.rollout.check import check
from croupier.core.rollout.decide import Evidence, decide
from croupier.core.rollout.disruption import wait_s
from croupier.core.rollout.headline import explain
from croupier.core.rollout.machine import create, evolve
from croupier.core.rollout.profile.model import Disruption
from croupier.core.rollout.spec import Auto, Pause, Plan, RolloutSpec, SetSegment, SetWeight
from croupier.core.rollout.state import RolloutState, routes
from croupier.core.segments import AttributeMatch, Segment
from croupier.errors import Conflict, Rejected

T = 1_000.0
PLAN = Plan((SetWeight(500), Pause(10.0), SetWeight(5_000)), (), (), disruption=Disruption(60.0, 5_000))
SWEDES = Segment("se", (AttributeMatch("market", ("SE",)),))


def at_five(**changed: Any) -> RolloutState:
    state = create(e.Created("shop-2", "shop", "1.0.0", "1.1.0", "d", replace(PLAN, **changed), T))
    for now in (T, T + 1):
        for event in decide(state, Evidence(canary_ready=True, served=routes(state)), now):
            state = evolve(state, event)
    assert (state.weight_bp, state.step) == (500, 1)
    return state


def look(state: RolloutState, now: float) -> tuple[e.Event, ...]:
    return decide(state, Evidence(canary_ready=True, served=routes(state)), now)


def test_the_next_rise_waits_although_the_pause_is_over() -> None:
    state = at_five()
    confirmed = state.confirmed_at
    assert confirmed is not None
    assert look(state, T + 30) == ()
    assert explain(state, T + 30).startswith("holding at 5 %: more players are moved in ")
    assert wait_s(state, confirmed + 20) == 40.0
    assert [event.type for event in look(state, confirmed + 60)][:1] == ["step_started"]
    assert [event.type for event in look(at_five(disruption=None), T + 30)][:1] == ["step_started"]


def test_a_person_is_no_faster() -> None:
    state = at_five()
    with pytest.raises(Conflict, match="were moved less than 60 s ago") as early:
        commands.promote(state, T + 30)
    assert early.value.hint.startswith("Ask again in ")
    assert commands.promote(state, T + 100)[-1].type == "step_started"
    with pytest.raises(Rejected, match="from 5 % to everybody is more than the 50 %"):
        commands.promote(state, T + 100, full=True)
    everybody = at_five(disruption=Disruption(60.0))
    assert commands.promote(everybody, T + 100, full=True)[-1].type == "promotion_started"


def test_going_back_is_never_slowed_down() -> None:
    state = at_five()
    assert commands.abort(state, T + 2, reason="harm")[-1].type == "abort_started"
    falling = at_five(steps=(SetWeight(500), Pause(1.0), SetWeight(100)))
    assert look(falling, T + 10)[0].type == "step_started"


def test_nothing_waits_before_the_first_players() -> None:
    state = create(e.Created("shop-2", "shop", "1.0.0", "1.1.0", "d", PLAN, T))
    assert wait_s(state, T) == 0.0


@pytest.mark.parametrize(
    "steps, said",
    [
        ((SetWeight(5_500), Pause(1.0)), "spec.strategy.canary.steps[0].setWeight: from 0 % to 55 % moves more"),
        ((SetWeight(4_000), Pause(1.0)), "spec.strategy.canary.steps: from 40 % to 100 % moves more"),
    ],
)
def test_steps_that_are_too_high_are_refused(steps: tuple[Any, ...], said: str) -> None:
    spec = RolloutSpec("shop", "shop", steps, disruption=Disruption(0.0, 5_000))
    (problem,) = check(spec)
    assert str(problem).startswith(said)
    assert "disruption: {jump: …}" in problem.hint
    assert check(replace(spec, disruption=None)) == ()


def test_shares_of_segments_are_not_measured() -> None:
    """How many players are in one nobody knows."""
    steps = (SetSegment(SWEDES, 10_000), Pause(1.0), SetWeight(5_000), Pause(1.0))
    assert check(RolloutSpec("shop", "shop", steps, disruption=Disruption(0.0, 5_000))) == ()


def test_weights_that_are_not_chosen_yet_are_not_measured() -> None:
    spec = RolloutSpec("shop", "shop", (Auto(),), ("ok",), disruption=Disruption(0.0, 100))
    assert check(spec) == ()
