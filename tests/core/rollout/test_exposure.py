"""Shares of single segments: who is in several has the highest, so raising one moves nobody back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.rollout import exposure
from croupier.core.rollout.exposure import NOBODY, Inside, Insides, beyond, named, percent, rose
from croupier.core.rollout.routes import canary_routes
from croupier.core.segments import BUCKETS, AttributeMatch, Segment
from croupier.testing import version_for

STAFF = Segment("staff", (AttributeMatch("employee", ("yes",)),))
SWEDES = Segment("se", (AttributeMatch("market", ("SE",)),))
NORTH = Segment("north", (AttributeMatch("market", ("SE", "NO")),))
SEGMENTS = (STAFF, SWEDES, NORTH)
PLAYERS = [f"player-{number}" for number in range(6)]
PEOPLE = [{"employee": staff, "market": market} for staff in ("yes", "no") for market in ("SE", "NO", "DE")]

weights = st.integers(0, BUCKETS)
insides = st.lists(st.tuples(st.sampled_from(SEGMENTS), weights), max_size=4)


def all_given(settings: list[tuple[Segment, int]]) -> Insides:
    held = NOBODY
    for segment, weight_bp in settings:
        held = exposure.given(held, segment, weight_bp)
    return held


@given(weights, insides)
def test_everybody_has_the_highest_share_that_applies(weight_bp: int, settings: list[tuple[Segment, int]]) -> None:
    held = all_given(settings)
    routes = canary_routes("shop", "1", "2", weight_bp, salt="s", insides=held)
    for who in PEOPLE:
        due = max([weight_bp, *(each.weight_bp for each in held if each.segment.contains(who))])
        whole = canary_routes("shop", "1", "2", due, salt="s")
        for player in PLAYERS:
            assert version_for(routes, player, who) == version_for(whole, player)


@given(weights, insides, st.one_of(weights, st.tuples(st.sampled_from(SEGMENTS), weights)))
def test_it_rose_where_somebody_has_it_who_had_it_not(
    weight_bp: int, settings: list[tuple[Segment, int]], step: int | tuple[Segment, int]
) -> None:
    before = weight_bp, all_given(settings)
    after = (step, before[1]) if isinstance(step, int) else (weight_bp, exposure.given(before[1], *step))

    def shares(given: tuple[int, Insides]) -> list[int]:
        alone = {
            segment: max(given[0], *(i.weight_bp for i in given[1] if i.segment == segment), 0) for segment in SEGMENTS
        }
        return [given[0], *alone.values()]

    higher = any(new > old for old, new in zip(shares(before), shares(after), strict=True))
    assert rose(before, after) == higher


def test_a_segment_is_there_once_and_keeps_its_place() -> None:
    held = all_given([(STAFF, 10_000), (SWEDES, 100), (STAFF, 500)])
    assert held == (Inside(STAFF, 500), Inside(SWEDES, 100))
    assert beyond(100, held) == (Inside(STAFF, 500),)
    assert named(0, held) == (("staff", 500), ("se", 100))


@pytest.mark.parametrize(
    "weight_bp, shares, text",
    [
        (0, (), "0 %"),
        (500, (), "5 %"),
        (0, (("staff", 10_000),), "100 % of staff"),
        (100, (("staff", 10_000), ("se", 2_500)), "100 % of staff, 25 % of se, 1 % of everybody else"),
    ],
)
def test_it_is_told_in_words(weight_bp: int, shares: tuple[tuple[str, int], ...], text: str) -> None:
    assert exposure.exposure(weight_bp, shares) == text


@pytest.mark.parametrize(
    "weight_bp, text", [(0, "0 %"), (1, "0.01 %"), (500, "5 %"), (1_250, "12.5 %"), (10_000, "100 %")]
)
def test_weights_read_as_people_write_them(weight_bp: int, text: str) -> None:
    assert percent(weight_bp) == text
