from dataclasses import replace

import pytest

from croupier.core.rollout import commands
from croupier.core.rollout import events as e
from croupier.core.rollout.decide import Evidence, decide
from croupier.core.rollout.explain import describe_event
from croupier.core.rollout.machine import create, evolve
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause
from croupier.core.rollout.routes import stable_routes
from croupier.core.rollout.spec import Plan, SetWeight
from croupier.core.rollout.state import RolloutState, ends_rounds
from croupier.errors import Corrupt, Rejected

T = 1_000.0
PLAN = Plan(steps=(SetWeight(500),), guards=(), gates=())
FRESH = create(e.Created("shop-1", "shop", "1.0.0", "1.1.0", "sha256:0", PLAN, T))
MOVED = e.RoundsMoved("1.1.0", 2, ("r-1", "r-2"), "a person said so", T)


def aborting(cause: Cause, *, at_once: bool = False) -> RolloutState:
    return evolve(FRESH, e.AbortStarted(cause, "enough", T, at_once=at_once))


@pytest.mark.parametrize(
    "cause, at_once, ends",
    [
        (Cause.GATE, False, False),
        (Cause.PERSON, False, False),
        (Cause.DEADLINE, False, False),
        (Cause.PERSON, True, True),
        (Cause.HARD_STOP, False, True),
        (Cause.WORKLOAD, False, True),
    ],
)
def test_rounds_may_end_where_they_began_unless_that_would_do_harm(cause: Cause, at_once: bool, ends: bool) -> None:
    assert ends_rounds(aborting(cause, at_once=at_once)) is ends
    assert not ends_rounds(FRESH)


def test_a_person_may_move_open_rounds_too() -> None:
    (event,) = commands.abort(FRESH, T, reason="enough", at_once=True)
    assert isinstance(event, e.AbortStarted)
    assert event.at_once


def test_a_drain_may_be_cut_short_as_long_as_it_lasts() -> None:
    drains = aborting(Cause.PERSON)
    for state in (drains, evolve(drains, e.Aborted(T))):
        assert commands.abort(state, T, reason="again") == ()
        (cut,) = commands.abort(state, T, reason="they are paid twice", at_once=True, newest="shop-1")
        assert cut == e.DrainCut("they are paid twice", T)
        after = evolve(state, cut)
        assert after.phase is state.phase
        assert ends_rounds(after)
        assert commands.abort(after, T, reason="again", at_once=True) == ()
    assert commands.abort(aborting(Cause.HARD_STOP), T, reason="again", at_once=True) == ()
    gone = evolve(drains, e.Superseded("shop-2", T))
    assert commands.abort(gone, T, reason="again", at_once=True) == ()


def test_a_drain_is_not_cut_short_once_another_rollout_has_begun() -> None:
    over = evolve(aborting(Cause.PERSON), e.Aborted(T))
    with pytest.raises(Rejected, match="shop-2 has begun since shop-1 was given up"):
        commands.abort(over, T, reason="again", at_once=True, newest="shop-2")
    assert commands.abort(over, T, reason="again", newest="shop-2") == ()


def test_a_drain_that_nobody_began_cannot_be_cut_short() -> None:
    state = replace(evolve(aborting(Cause.PERSON), e.Aborted(T)), abort=None)
    with pytest.raises(Corrupt, match="cut short"):
        evolve(state, e.DrainCut("x", T))


def test_a_cut_drain_in_words() -> None:
    cut = e.DrainCut("they are paid twice", T)
    assert describe_event(cut, FRESH) == "open rounds of 1.1.0 wait no more: they are paid twice"
    assert describe_event(cut) == "open rounds of the canary wait no more: they are paid twice"


def test_moved_rounds_are_recorded_with_the_end_of_the_abort() -> None:
    state = aborting(Cause.HARD_STOP)
    seen = Evidence(served=stable_routes("shop", "1.0.0"), moved=MOVED)
    assert decide(state, replace(seen, served=None), T) == ()
    assert decide(state, seen, T) == (MOVED, e.Aborted(T))
    after = evolve(state, MOVED)
    assert after.phase is Phase.ABORTING
    assert after.moved == (MOVED,)


def test_moved_rounds_in_words() -> None:
    assert describe_event(MOVED) == "2 open rounds of 1.1.0 went on elsewhere: a person said so"
    assert describe_event(replace(MOVED, count=1)).startswith("1 open round of")
