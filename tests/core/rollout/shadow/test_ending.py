"""When a shadow step is over, and what its comparisons had to do with it."""

from dataclasses import replace

import pytest

from croupier.core.rollout import events as e
from croupier.core.rollout.commands import promote, resume
from croupier.core.rollout.decide import Evidence, decide
from croupier.core.rollout.explain import describe_event, describe_step
from croupier.core.rollout.headline import explain
from croupier.core.rollout.machine import evolve, replay
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Hold
from croupier.core.rollout.shadow.mirror import Allowed, Compare, How, TextMatch
from croupier.core.rollout.shadow.report import Difference, ShadowReport
from croupier.core.rollout.shadow.standing import outcome
from croupier.core.rollout.spec import Pause, Plan, SetMirrorRoute, Shadow
from croupier.core.rollout.state import RolloutState, routes
from croupier.errors import Rejected

BOUND = Compare(500, most=0.01, at_least=100)
SOME = (Difference("/shop/{id}", "$.price", 3, (("10", "12"),)),)


def begun(compare: Compare | None = None) -> RolloutState:
    plan = Plan((Shadow(2_500, 60.0, compare=compare), Pause()), (), ())
    created = e.Created("shop-1", "shop", "1.0.0", "1.1.0", "", plan, 0.0)
    return replay((created, e.StepStarted(0, 0.0), e.WeightConfirmed(0, 0.0)))


def after(state: RolloutState, now: float, found: ShadowReport | None = None) -> tuple[e.Event, ...]:
    return decide(state, Evidence(True, served=routes(state), compared=found), now)


def folded(state: RolloutState, events: tuple[e.Event, ...]) -> RolloutState:
    for event in events:
        state = evolve(state, event)
    return state


def test_it_lasts_as_long_as_it_says() -> None:
    assert after(begun(), 59.9) == ()
    assert after(begun(), 60.0)[0] == e.StepStarted(1, 60.0)
    assert explain(begun(), 10.0) == "copying 25 % of the reads to 1.1.0 for 50 s more, at 0 %"
    assert explain(begun(), 61.0) == "going on as soon as 1.1.0 is ready"


def test_it_ends_only_when_its_copies_were_seen_to_be_made() -> None:
    state = begun()
    assert decide(state, Evidence(True, served=replace(routes(state), mirrored=None)), 60.0) == ()


def test_what_was_compared_is_recorded_at_the_end() -> None:
    found = ShadowReport(0, 10, 4)
    assert after(begun(Compare(500)), 60.0, found)[:2] == (e.ShadowCompared(found, 60.0), e.StepStarted(1, 60.0))
    assert after(begun(Compare(500)), 60.0)[0] == e.ShadowCompared(ShadowReport(0), 60.0)


def test_a_bound_waits_for_enough_comparisons() -> None:
    state = begun(BOUND)
    assert after(state, 60.0) == ()
    assert after(state, 60.0, ShadowReport(0, 99)) == ()
    assert after(state, 60.0, ShadowReport(0, 100, 1))[1] == e.StepStarted(1, 60.0)
    assert explain(state, 60.0) == "copying 25 % of the reads to 1.1.0: waiting until 100 answers are compared"


def test_too_many_differences_ask_a_person_and_end_the_copies() -> None:
    found = ShadowReport(0, 100, 2, 0, (), SOME)
    recorded, paused = after(begun(BOUND), 60.0, found)
    why = "2 of 100 answers differ (2 %), in 1 field, and 1 % may; most often $.price at /shop/{id}"
    assert paused == e.Paused(Hold.DIFFERENCES, 60.0, reason=why)
    state = folded(begun(BOUND), (recorded, paused))
    assert state.phase is Phase.PAUSED
    assert state.mirrored is None
    assert after(state, 1e6) == ()
    assert explain(state, 61.0) == f"paused: {why}; look at them, then promote it to go on all the same, or abort it"
    assert outcome(state) == "2 of 100 answers differ (2 %), in 1 field"
    with pytest.raises(Rejected, match="differ too often") as refused:
        resume(state, 61.0)
    assert "croupier rollout shadow shop-1" in (refused.value.hint or "")
    assert promote(state, 61.0) == (e.StepStarted(1, 61.0),)


def test_a_pause_of_an_older_record_is_explained_too() -> None:
    state = folded(begun(), (e.Paused(Hold.DIFFERENCES, 1.0),))
    assert explain(state, 2.0).startswith("paused: the canary's answers differ too often; look")
    assert outcome(state) is None


@pytest.mark.parametrize(
    "report, said",
    [
        (ShadowReport(0), "no answer was compared"),
        (ShadowReport(0, skipped=(("streamed", 1_000), ("large", 1))), "no answer was compared (1,001 skipped)"),
        (ShadowReport(0, 1_200), "none of 1,200 answers differs"),
        (ShadowReport(0, 1_200, 3), "3 of 1,200 answers differ (0.25 %)"),
        (ShadowReport(0, 1_200, 3, 0, (), SOME * 2), "3 of 1,200 answers differ (0.25 %), in 2 fields"),
    ],
)
def test_the_record_says_what_came_of_it(report: ShadowReport, said: str) -> None:
    assert describe_event(e.ShadowCompared(report, 1.0)) == f"answers compared: {said}"


POST = Allowed(("GET", "POST"), TextMatch(How.EXACT, "/shop/a"), (("x-market", TextMatch(How.REGEX, "S.")),))


@pytest.mark.parametrize(
    "step, said",
    [
        (SetMirrorRoute("x", 0), "nothing more copied as x"),
        (SetMirrorRoute("x", 25), "0.25 % of the reads copied to the canary"),
        (
            SetMirrorRoute("x", 10_000, (POST,)),
            "100 % of GET|POST /shop/a with x-market S. (RE2) copied to the canary",
        ),
        (
            SetMirrorRoute("x", 10_000, (Allowed(("GET",), TextMatch(How.PREFIX, "/a")),) * 5),
            "100 % of GET /a…, GET /a…, GET /a…, 2 more copied to the canary",
        ),
        (
            Shadow(500, 600.0, compare=BOUND),
            (
                "5 % of the reads copied to the canary for 10 min; "
                "5 % of the reads compared, 1 % of 100 or more may differ"
            ),
        ),
        (
            Shadow(500, 600.0, compare=Compare(100)),
            "5 % of the reads copied to the canary for 10 min; 1 % of the reads compared",
        ),
    ],
)
def test_steps_in_words(step: Shadow | SetMirrorRoute, said: str) -> None:
    assert describe_step(step) == said
