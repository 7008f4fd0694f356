"""What the marathon's oracle lets pass, and what it does not."""

import pytest
from benchmarks.control._oracle import DRAIN_S, NOTICED_S, Course, Sighting, Split, Wanted

from croupier.core.rollout.routes import canary_routes, stable_routes
from croupier.testing import version_for

OLD, NEW = "1.0.0", "1.1.0"
HALF = canary_routes("games", OLD, NEW, 5_000, salt="games-2.1")
ALL_OLD = stable_routes("games", OLD)


def player(version: str) -> str:
    return next(name for name in map(str, range(100)) if version_for(HALF, name) == version)


@pytest.fixture
def course() -> Course:
    """Half of the players had the canary from 100 (read back at 101) until it was given up at 200 (at 203)."""
    wanted = [Wanted(0.0, ALL_OLD, 101.0), Wanted(100.0, HALF, 203.0), Wanted(200.0, ALL_OLD)]
    return Course(wanted, stops=[(NEW, 200.0, 203.0)])


@pytest.mark.parametrize(
    "version, asked_at, at, explained",
    [
        (NEW, 99.0, 99.9, False),
        (NEW, 99.0, 100.0, True),  # recorded while the answer was on its way
        (NEW, 150.0, 150.0, True),
        (NEW, 202.9, 202.9, True),  # wanted no more, and not yet read back: the control plane may have been dead
        (NEW, 203.0 + NOTICED_S, 210.0, True),
        (NEW, 203.1 + NOTICED_S, 210.0, False),
        (OLD, 100.5, 100.6, True),
        (OLD, 150.0, 150.1, False),
        (OLD, 200.0, 200.1, True),
    ],
)
def test_a_player_may_have_what_was_wanted_until_something_else_was_read_back(
    course: Course, version: str, asked_at: float, at: float, *, explained: bool
) -> None:
    assert course.explains(Sighting("games", player(NEW), version, asked_at, at)) is explained


def test_who_is_not_in_the_share_never_has_the_canary(course: Course) -> None:
    assert not course.explains(Sighting("games", player(OLD), NEW, 150.0, 150.1))
    assert course.explains(Sighting("games", player(OLD), OLD, 150.0, 150.1))


def test_sockets_are_closed_once_their_version_was_left(course: Course) -> None:
    assert course.had_left(NEW, 210.0)
    assert not course.had_left(NEW, 104.0 + DRAIN_S)
    assert not course.had_left(OLD, 210.0)


@pytest.mark.parametrize(
    "version, began_at, at, excused",
    [
        (NEW, 199.0, 200.5, True),
        (NEW, 199.0, 199.5, False),  # before anybody stopped it
        (NEW, 210.0, 211.0, False),  # begun when nobody could begin there any more
        (OLD, 199.0, 200.5, False),
    ],
)
def test_a_hard_stop_excuses_what_it_met(
    course: Course, version: str, began_at: float, at: float, *, excused: bool
) -> None:
    assert course.excuses(Split("r-1@x", version, began_at, at, OLD)) is excused
