from dataclasses import replace

import pytest

from croupier.core.rollout import commands
from croupier.core.rollout import events as e
from croupier.core.rollout.decide import Evidence, decide
from croupier.core.rollout.explain import describe_event
from croupier.core.rollout.machine import create, evolve
from croupier.core.rollout.routes import stable_routes
from croupier.core.rollout.spec import Plan, SetWeight
from croupier.core.rollout.state import Phase, RolloutState, ends_rounds

T = 1_000.0
PLAN = Plan(steps=(SetWeight(500),), guards=(), gates=())
FRESH = create(e.Created("shop-1", "shop", "1.0.0", "1.1.0", "sha256:0", PLAN, T))
MOVED = e.RoundsMoved("1.1.0", 2, ("r-1", "r-2"), "a person said so", T)


def aborting(cause: e.Cause, *, at_once: bool = False) -> RolloutState:
    return evolve(FRESH, e.AbortStarted(cause, "enough", T, at_once=at_once))


@pytest.mark.parametrize(
    "cause, at_once, ends",
    [
        (e.Cause.GATE, False, False),
        (e.Cause.PERSON, False, False),
        (e.Cause.DEADLINE, False, False),
        (e.Cause.PERSON, True, True),
        (e.Cause.HARD_STOP, False, True),
        (e.Cause.WORKLOAD, False, True),
    ],
)
def test_rounds_may_end_where_they_began_unless_that_would_do_harm(cause: e.Cause, at_once: bool, ends: bool) -> None:
    assert ends_rounds(aborting(cause, at_once=at_once)) is ends
    assert not ends_rounds(FRESH)


def test_a_person_may_move_open_rounds_too() -> None:
    (event,) = commands.abort(FRESH, T, reason="enough", at_once=True)
    assert isinstance(event, e.AbortStarted)
    assert event.at_once


def test_moved_rounds_are_recorded_with_the_end_of_the_abort() -> None:
    state = aborting(e.Cause.HARD_STOP)
    seen = Evidence(served=stable_routes("shop", "1.0.0"), moved=MOVED)
    assert decide(state, replace(seen, served=None), T) == ()
    assert decide(state, seen, T) == (MOVED, e.Aborted(T))
    after = evolve(state, MOVED)
    assert after.phase is Phase.ABORTING
    assert after.moved == (MOVED,)


def test_moved_rounds_in_words() -> None:
    assert describe_event(MOVED) == "2 open rounds of 1.1.0 went on elsewhere: a person said so"
    assert describe_event(replace(MOVED, count=1)).startswith("1 open round of")
