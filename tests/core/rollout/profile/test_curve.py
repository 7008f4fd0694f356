"""The order of plans by how soon a share of the players can have the canary: an order indeed, and what moves in it."""

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.gates import Gate, Objective, RatioSli, SequentialRule
from croupier.core.rollout.consent import Consent
from croupier.core.rollout.profile import curve
from croupier.core.rollout.profile.curve import Reached, exceeds, of_lane, of_plan
from croupier.core.rollout.profile.fill import steps_of
from croupier.core.rollout.profile.model import Disruption, Lane, Rung
from croupier.core.rollout.spec import Analysis, Approval, Pause, Plan, SetSegment, SetWeight, Step
from croupier.core.segments import BUCKETS, AttributeMatch, Segment

SWEDES = Segment("se", (AttributeMatch("market", ("SE",)),))
SLO = Gate("slo", RatioSli("m", (("code", ("200",)),)), objective=Objective(0.99), rule=SequentialRule(dwell=6))
ADVISORY = replace(SLO, name="hint", advisory=True)


def plan(*steps: Step, guards: tuple[str, ...] = (), **changed: Any) -> Plan:
    return Plan(steps=steps, guards=guards, gates=(SLO, ADVISORY), **changed)


def seconds(found: tuple[Reached, ...], share_bp: int) -> float:
    return exceeds(found, share_bp).after_s


def no_sooner(one: tuple[Reached, ...], other: tuple[Reached, ...]) -> bool:
    """Whether the first exceeds no share sooner than the other."""
    return all(seconds(one, share) >= seconds(other, share) for share in range(0, BUCKETS, 50))


shares = st.integers(1, 199).map(lambda n: 50 * n)
holds = st.integers(0, 100).map(float)
walks = st.lists(st.tuples(shares, holds), min_size=1, max_size=6)


def walked(walk: list[tuple[int, float]]) -> Plan:
    return plan(*(step for share, hold in walk for step in (SetWeight(share), Pause(hold))))


@given(walks)
def test_it_is_no_sooner_than_itself(walk: list[tuple[int, float]]) -> None:
    assert no_sooner(of_plan(walked(walk), None), of_plan(walked(walk), None))


@given(walks, walks, walks)
def test_the_order_is_transitive(
    first: list[tuple[int, float]], second: list[tuple[int, float]], third: list[tuple[int, float]]
) -> None:
    one, two, three = (of_plan(walked(walk), None) for walk in (first, second, third))
    if no_sooner(one, two) and no_sooner(two, three):
        assert no_sooner(one, three)


@given(walks, walks)
def test_two_that_are_no_sooner_than_each_other_are_equal(
    first: list[tuple[int, float]], second: list[tuple[int, float]]
) -> None:
    one, two = (of_plan(walked(walk), None) for walk in (first, second))
    if no_sooner(one, two) and no_sooner(two, one):
        assert [seconds(one, share) for share in range(0, BUCKETS, 50)] == [
            seconds(two, share) for share in range(0, BUCKETS, 50)
        ]


@given(walks, st.data())
def test_to_wait_longer_is_never_sooner(walk: list[tuple[int, float]], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(walk) - 1))
    longer = [(share, hold + (10.0 if index == at else 0.0)) for index, (share, hold) in enumerate(walk)]
    assert no_sooner(of_plan(walked(longer), None), of_plan(walked(walk), None))


@given(walks, st.data())
def test_a_smaller_share_is_never_sooner(walk: list[tuple[int, float]], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(walk) - 1))
    smaller = [(share // 2 if index == at else share, hold) for index, (share, hold) in enumerate(walk)]
    assert no_sooner(of_plan(walked(smaller), None), of_plan(walked(walk), None))


@given(walks, shares, holds, st.data())
def test_a_step_in_between_is_never_sooner(
    walk: list[tuple[int, float]], share: int, hold: float, data: st.DataObject
) -> None:
    """As long as it gives nobody anything who would not have had it by then."""
    at = data.draw(st.integers(0, len(walk)))
    reached = max((each for each, _ in walk[:at]), default=0)
    more = [*walk[:at], (min(share, reached) or 1, hold if reached else 0.0), *walk[at:]]
    assert no_sooner(of_plan(walked(more), None), of_plan(walked(walk), None)) or not reached


@given(walks)
def test_time_begins_with_the_first_players(walk: list[tuple[int, float]]) -> None:
    assert seconds(of_plan(walked(walk), None), 0) == 0.0


def test_a_lane_is_its_own_plan() -> None:
    consent = Consent(2, ("admin",))
    lane = Lane((Rung(100, 60.0), Rung(500, 120.0, consent), Rung(5_000, 10.0)), Consent(), Disruption(30.0, 6_000))
    steps = plan(*steps_of(lane), disruption=lane.disruption)
    assert of_plan(steps, lane.consent) == of_lane(lane)
    assert [(each.share_bp, each.after_s) for each in of_lane(lane)] == [
        (100, 0.0),
        (500, 60.0),
        (5_000, 180.0),
        (BUCKETS, 210.0),
    ]
    assert [each.consent for each in of_lane(lane)] == [Consent(), consent, consent, consent]


@pytest.mark.parametrize(
    "steps, guards, expected",
    [
        ((SetWeight(100), Pause(), SetWeight(500)), (), math.inf),
        ((SetWeight(100), Analysis(("slo",)), SetWeight(500)), (), 60.0),
        ((SetWeight(100), Analysis(("slo",), dwell=2), SetWeight(500)), (), 20.0),
        ((SetWeight(100), Pause(50.0), Analysis(("slo",)), SetWeight(500)), (), 110.0),
        ((SetWeight(100), Pause(50.0), Analysis(("slo",)), SetWeight(500)), ("slo",), 60.0),
        ((SetWeight(100), Pause(90.0), Analysis(("slo",)), SetWeight(500)), ("slo",), 90.0),
        ((SetWeight(100), Analysis(("hint",)), SetWeight(500)), (), 0.0),
        ((SetWeight(100), SetWeight(500)), (), 0.0),
        ((Pause(100.0), SetWeight(0), Pause(100.0), SetWeight(100), Pause(5.0), SetWeight(500)), (), 5.0),
        ((SetWeight(500), SetWeight(100), Pause(60.0)), (), 0.0),
        ((SetSegment(SWEDES, 500), Pause(60.0), SetWeight(500)), (), 0.0),
        ((SetSegment(SWEDES, 50), Pause(60.0), SetWeight(500)), (), 60.0),
        ((SetWeight(100),), (), 0.0),
        ((Pause(5.0),), (), 0.0),
    ],
)
def test_how_soon_more_than_one_percent_may_have_it(
    steps: tuple[Step, ...], guards: tuple[str, ...], expected: float
) -> None:
    assert seconds(of_plan(plan(*steps, guards=guards), None), 100) == expected


def test_players_are_moved_no_faster_than_the_budget_says() -> None:
    slow = plan(SetWeight(100), Pause(5.0), SetWeight(500), disruption=Disruption(between_s=60.0))
    assert seconds(of_plan(slow, None), 100) == 60.0


def test_approvals_count_from_the_share_on_that_they_guard() -> None:
    asked = plan(Approval(Consent()), SetWeight(100), Approval(Consent(2, ("admin",))), SetWeight(500))
    found = of_plan(asked, None)
    assert [(each.share_bp, each.consent) for each in found] == [
        (100, Consent()),
        (500, Consent(2, ("admin",))),
        (BUCKETS, Consent(2, ("admin",))),
    ]
    assert curve.of_plan(plan(), Consent())[-1].consent == Consent()
