"""What is copied follows from the steps alone, and ends with them."""

import pytest

from croupier.core.rollout import events as e
from croupier.core.rollout.decide import Evidence, decide
from croupier.core.rollout.machine import create, replay
from croupier.core.rollout.reasons import Cause, Hold
from croupier.core.rollout.shadow.effect import mirrors
from croupier.core.rollout.shadow.mirror import Allowed, Compare, How, Mirror, Mirrored, TextMatch
from croupier.core.rollout.spec import Pause, Plan, SetMirrorRoute, SetWeight, Shadow, Step
from croupier.core.rollout.state import RolloutState, routes, versions_needed

PRICES = (Allowed(("GET",), TextMatch(How.EXACT, "/shop/prices")),)
STEPS: tuple[Step, ...] = (
    SetMirrorRoute("a", 1_000),
    SetMirrorRoute("b", 2_000, PRICES),
    Shadow(500, 60.0, withheld=("cookie",), compare=Compare(100)),
    SetMirrorRoute("a", 0),
    SetWeight(500),
    Pause(),
)
A, B = Mirror("a", 1_000), Mirror("b", 2_000, PRICES)
OWN = Mirror("shadow", 500, withheld=("cookie",), sample_bp=100)


@pytest.mark.parametrize(
    "step, copied",
    [(-1, ()), (0, (A,)), (1, (A, B)), (2, (OWN, A, B)), (3, (B,)), (4, (B,)), (5, (B,)), (6, ())],
)
def test_a_step_copies_what_the_steps_up_to_it_say(step: int, copied: tuple[Mirror, ...]) -> None:
    assert mirrors(STEPS, step) == copied


def test_the_same_name_again_is_another_share() -> None:
    assert mirrors((SetMirrorRoute("a", 1), SetMirrorRoute("a", 2)), 1) == (Mirror("a", 2),)


def created(stable: str | None = "1.0.0") -> e.Created:
    return e.Created("shop-1", "shop", stable, "1.1.0", "", Plan(STEPS, (), ()), 0.0)


def at(step: int, *more: e.Event) -> RolloutState:
    return replay((created(), e.StepStarted(step, 1.0), *more))


def test_nothing_is_copied_before_the_first_step_or_to_the_only_version() -> None:
    assert create(created()).mirrored is None
    assert replay((created(None), e.StepStarted(2, 1.0))).mirrored is None


def test_a_canary_without_players_gets_copies_and_players_stay() -> None:
    wanted = routes(at(2))
    assert wanted.mirrored == Mirrored("1.1.0", (OWN, A, B))
    assert wanted.versions == ("1.0.0",)
    assert versions_needed(at(2)) == ("1.0.0", "1.1.0")


def test_a_canary_with_players_gets_copies_too() -> None:
    assert routes(at(4)).mirrored == Mirrored("1.1.0", (B,))


@pytest.mark.parametrize(
    "end",
    [
        (e.AbortStarted(Cause.PERSON, "enough", 2.0),),
        (e.AbortStarted(Cause.PERSON, "enough", 2.0), e.Aborted(3.0)),
        (e.PromotionStarted(2.0),),
        (e.PromotionStarted(2.0), e.Promoted(3.0)),
        (e.Superseded("shop-2", 2.0),),
        (e.Paused(Hold.DIFFERENCES, 2.0),),
    ],
)
@pytest.mark.parametrize("step", [2, 4])
def test_nothing_copied_outlives_an_end(step: int, end: tuple[e.Event, ...]) -> None:
    state = at(step, *end)
    assert state.mirrored is None
    assert routes(state).mirrored is None


def test_a_person_who_pauses_ends_no_copies() -> None:
    assert at(2, e.Paused(Hold.PERSON, 2.0)).mirrored is not None


def test_an_abort_is_done_when_nothing_is_copied_any_more() -> None:
    state = at(2, e.AbortStarted(Cause.PERSON, "enough", 2.0))
    assert decide(state, Evidence(served=routes(at(2))), 3.0) == ()
    assert decide(state, Evidence(served=routes(state)), 3.0) == (e.Aborted(3.0),)
