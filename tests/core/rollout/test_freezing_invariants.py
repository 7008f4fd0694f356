"""Random histories with freezes that come and go, clocks that jump and people who ask: while something is closed and
not overridden the canary's share does not rise and no step begins, and taking players away works at every moment.
"""

from contextlib import suppress
from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from croupier.core.governance.calendar.closure import Shut, apart
from croupier.core.governance.calendar.interval import Interval
from croupier.core.governance.calendar.model import Kind
from croupier.core.rollout import commands, freezing
from croupier.core.rollout import events as e
from croupier.core.rollout.machine import evolve
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.spec import Pause, Plan, SetSegment, SetWeight, Step
from croupier.core.rollout.state import RolloutState, routes
from croupier.core.segments import AttributeMatch, Segment
from croupier.errors import Conflict, Rejected
from croupier.testing import START, Rehearsal

SWEDES = Segment("swedes", (AttributeMatch("market", ("SE",)),))
GERMANS = Segment("germans", (AttributeMatch("market", ("DE",)),))
MARKETS = ("SE", "DE", "FI")
STEPS: st.SearchStrategy[Step] = st.one_of(
    st.sampled_from([SetWeight(0), SetWeight(500), SetWeight(2_000), Pause(30.0), Pause(None)]),
    st.builds(SetSegment, st.sampled_from([SWEDES, GERMANS]), st.sampled_from([0, 1_000, 10_000])),
)


@dataclass(frozen=True)
class Times:
    """A freeze at these times of the story, for these players."""

    id: str
    intervals: tuple[Interval, ...]
    matches: tuple[AttributeMatch, ...]

    def at(self, now: float) -> tuple[Shut, ...]:
        found = [each for each in self.intervals if each.holds(now)]
        return tuple(Shut(self.id, Kind.FREEZE, "", each.begins, each.ends, self.matches) for each in found[:1])


SPANS = st.tuples(st.integers(0, 300), st.integers(1, 200)).map(
    lambda pair: Interval(START + pair[0], START + pair[0] + pair[1])
)
FREEZES = st.builds(
    Times,
    st.sampled_from(["sports/a", "sports/b"]),
    st.lists(SPANS, max_size=3).map(tuple),
    st.sampled_from([(), SWEDES.matches, GERMANS.matches]),
)
MOVES = st.one_of(
    st.integers(0, 60).map(float),
    st.integers(0, 20).map(float),
    st.just(-100.0),
    st.sampled_from(["promote", "full", "pause", "resume", "abort", "retry", "override a", "override b"]),
)


def shares(state: RolloutState) -> dict[str, int]:
    """What share of each market's players may have the canary: of two shares the first that matches applies."""
    wanted = routes(state)
    out: dict[str, int] = {}
    for market in MARKETS:
        for share in wanted.shares:
            if share.segment is None or share.segment.contains({"market": market}):
                out[market] = dict(share.weights).get(state.canary, 0)
                break
    return out


def asked(story: Rehearsal, move: str, shut: tuple[Shut, ...]) -> tuple[e.Event, ...]:
    match move.split():
        case ["override", name]:
            return freezing.override(story.state, name, shut, story.now)
        case ["promote"]:
            return commands.promote(story.state, story.now)
        case ["full"]:
            return commands.promote(story.state, story.now, full=True)
        case ["pause"]:
            return commands.pause(story.state, story.now)
        case ["resume"]:
            return commands.resume(story.state, story.now)
        case ["retry"]:
            return commands.retry(story.state, story.now, stable="1.0.0")
        case _:
            return commands.abort(story.state, story.now, reason="enough")


def look(before: RolloutState, events: tuple[e.Event, ...], shut: tuple[Shut, ...], now: float) -> None:
    """Each event by itself against what was closed then."""
    for event in events:
        after = evolve(before, event)
        for each in freezing.in_force(before, shut, now):
            if not each.matches:
                assert not isinstance(event, e.StepStarted | e.PromotionStarted), (event, each)
            for market in MARKETS:
                touched = not apart((AttributeMatch("market", (market,)),), each.matches)
                assert not touched or shares(after)[market] <= shares(before)[market], (event, each)
        before = after


@settings(max_examples=settings().max_examples * 5)
@given(
    st.lists(STEPS, min_size=1, max_size=6),
    st.lists(FREEZES, max_size=3, unique_by=lambda each: each.id),
    st.lists(MOVES, max_size=40),
)
def test_nothing_rises_while_it_is_closed_and_taking_away_always_works(
    steps: list[Step], freezes: list[Times], moves: list[float | str]
) -> None:
    story = Rehearsal(Plan(tuple(steps), (), ()))
    for move in moves:
        before, now = story.state, story.now + (move if isinstance(move, float) else 0.0)
        shut = tuple(each for freeze in freezes for each in freeze.at(now))
        if isinstance(move, float):
            story.shut = shut
            story.serve()
            look(before, story.tick(after=move), shut, now)
        else:
            with suppress(Rejected, Conflict):
                events = asked(story, move, shut)
                freezing.check_open(before, events, shut, now)
                look(before, events, shut, now)
                story.command(lambda state, now, events=events: events)
        if story.state.phase.active and story.state.phase is not Phase.ABORTING:
            gone = story.state
            for event in commands.abort(gone, now, reason="enough"):
                freezing.check_open(gone, (event,), shut, now)
                gone = evolve(gone, event)
            assert set(shares(gone).values()) == {0}
            failed = Rehearsal(Plan(tuple(steps), (), ()))
            failed.state, failed.now, failed.shut, failed.failure = story.state, now, shut, "it crashed"
            assert failed.tick()[-1].type == "abort_started"


@given(st.lists(FREEZES, max_size=3, unique_by=lambda each: each.id), st.lists(st.integers(1, 40), max_size=30))
def test_a_rollout_gets_there_once_nothing_is_closed(freezes: list[Times], ticks: list[int]) -> None:
    story = Rehearsal(Plan((SetWeight(500), Pause(30.0), SetWeight(5_000)), (), ()))
    for seconds in (*map(float, ticks), 1_000.0):
        now = story.now + seconds
        story.shut = tuple(each for freeze in freezes for each in freeze.at(now))
        story.serve()
        story.tick(after=seconds)
    story.settle()
    story.now += 31.0
    story.settle()
    assert story.state.phase is Phase.SUCCEEDED
    assert replace(story.state, frozen=()) == story.state
