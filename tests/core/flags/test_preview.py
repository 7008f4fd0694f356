"""What an edit would do, told before it is saved."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.flags.strategies import flags

from croupier.core.flags import events as e
from croupier.core.flags.line import flag_line, segment_line
from croupier.core.flags.model import Bucketing, Flag, Rule, Share, ValueType
from croupier.core.flags.preview import Move, Population, preview
from croupier.core.flags.sample import sample
from croupier.core.flags.snapshot import Snapshot, snapshot
from croupier.core.flags.state import declare
from croupier.core.flags.write import write_flag
from croupier.core.segments import AttributeMatch, Segment

VIP = Segment("vip", (AttributeMatch("user.tier", ("gold", "platinum")),))
PLAYERS = Population([{"targetingKey": f"p{number}"} for number in range(2000)], seen=True)
HALF = Flag("f", rules=(Rule(rollout=5000),))


def world(*declared: Flag) -> Snapshot:
    states = [declare(e.FlagDeclared(write_flag(each), ""), version=1, actor="a", at=0) for each in declared]
    return snapshot(
        "production", "home", 1, [segment_line(VIP, 1), *(flag_line(each, "production") for each in states)]
    )


def moved(before: Flag | None, after: Flag, population: Population = PLAYERS) -> Any:
    return preview(after, world(*([before] if before else [])), world(after), population, lambda: 0.0)


def test_raising_a_share_loses_nobody() -> None:
    told = moved(HALF, replace(HALF, rules=(Rule(rollout=7500),)))
    assert (told.lose, told.change) == (0, 0)
    assert told.gain == pytest.approx(500, abs=70)
    assert told.moves == (Move("off", "on", told.gain),)
    assert told.text == f"of 2000 players {told.gain} gain, 0 lose"


def test_another_salt_deals_anew_although_the_share_is_the_same() -> None:
    told = moved(HALF, replace(HALF, bucketing=Bucketing(salt="other")))
    assert told.gain == pytest.approx(500, abs=70)
    assert told.lose == pytest.approx(500, abs=70)


def test_a_new_flag_only_gives() -> None:
    told = moved(None, HALF)
    assert told.lose == 0
    assert set(told.moves) == {Move(None, "on", told.gain), Move(None, "off", 2000 - told.gain)}
    assert told.change == 0  # nobody had something else
    assert told.gain == pytest.approx(1000, abs=100)
    gets = {f"{told.gain} get on", f"{2000 - told.gain} get off"}
    assert set(told.text.removeprefix("of 2000 players ").split(", ")) == gets


def test_another_value_of_the_same_variant_is_a_change() -> None:
    colour = Flag(
        "f", value_type=ValueType.STRING, variants={"off": "", "blue": "b"}, rules=(Rule(serve=(Share("blue", 1),)),)
    )
    told = moved(colour, replace(colour, variants={"off": "", "blue": "B"}))
    assert (told.gain, told.lose, told.change) == (0, 0, 2000)
    assert told.text == "of 2000 players 0 gain, 0 lose, 2000 get something else"


def test_other_flags_and_segments_count() -> None:
    flag = Flag("f", rules=(Rule("segment('vip')"),))
    vips = Population([{"user": {"tier": "gold"}}, {"user": {"tier": "tin"}}], seen=True)
    assert moved(replace(flag, rules=()), flag, vips).gain == 1


@pytest.mark.parametrize(
    "players, seen, words",
    [
        (0, True, "No player was seen yet"),
        (300, True, "Only 300 players were seen: what concerns up to 1.0 % of all may be missing here."),
        (2000, True, "These are the last 2000 players seen: up to 0.15 % of all may be missing here."),
        (2000, False, "These players are made up from what the rules ask for"),
    ],
)
def test_how_far_it_can_be_trusted(players: int, seen: bool, words: str) -> None:
    told = moved(HALF, HALF, Population(PLAYERS.contexts[:players], seen))
    assert told.confidence.startswith(words)
    assert told.moves == ()


@given(flags(st.just("f")), flags(st.just("f")))
def test_gains_losses_and_changes_are_all_that_moves(before: Flag, after: Flag) -> None:
    people = sample([before, after], {"vip": VIP}, size=50)
    told = moved(before, after, Population(people, seen=False))
    assert told.gain + told.lose + told.change == sum(move.players for move in told.moves) <= told.players == 50
    assert moved(after, after, Population(people, seen=False)).moves == ()
