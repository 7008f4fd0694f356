"""A flag's end: told in time, once; then acted on; and listed as debt."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.flags import events as e
from croupier.core.flags.lifecycle import WARN_BEFORE_S, Why, debt, due, next_due
from croupier.core.flags.model import Flag, FlagType, OnExpiry, Rule
from croupier.core.flags.state import FlagState, Kill, declare, evolve
from croupier.core.flags.types import DAY_S
from croupier.core.flags.write import write_flag

END = 100.0 * DAY_S


def state_of(flag: Flag, **changes: Any) -> FlagState:
    return replace(declare(e.FlagDeclared(write_flag(flag), ""), version=1, actor="a", at=0.0), **changes)


WARNS = state_of(Flag("f", owner="ann", expires_at=END))
REVERTS = state_of(Flag("f", owner="ann", expires_at=END, on_expiry=OnExpiry.REVERT))
TOLD = END - DAY_S


@pytest.mark.parametrize(
    "state, now, events",
    [
        (state_of(Flag("f")), 1e12, ()),
        (WARNS, END - WARN_BEFORE_S - 1, ()),
        (WARNS, END - WARN_BEFORE_S, (e.FlagWarned(END),)),
        (replace(WARNS, warned_at=TOLD), END - 1, ()),
        (replace(WARNS, warned_at=TOLD), END, (e.FlagWarned(END),)),
        (replace(WARNS, warned_at=END), END + DAY_S, ()),
        (WARNS, END + DAY_S, (e.FlagWarned(END),)),
        (REVERTS, END - 1, (e.FlagWarned(END),)),
        (replace(REVERTS, warned_at=TOLD), END, (e.FlagReverted(),)),
        (REVERTS, END, (e.FlagReverted(),)),
        (replace(REVERTS, reverted_at=END), END + 1, ()),
        (replace(REVERTS, archived=True), END + 1, ()),
        (replace(REVERTS, expires_at=2 * END), END, ()),
        (replace(REVERTS, kills=(Kill("a", 0, "x"),)), END, (e.FlagReverted(),)),
    ],
)
def test_what_is_due(state: FlagState, now: float, events: tuple[e.FlagEvent, ...]) -> None:
    assert due(state, now) == events


@pytest.mark.parametrize(
    "state, now, when",
    [
        (state_of(Flag("f")), 0, None),
        (WARNS, 0, END - WARN_BEFORE_S),
        (WARNS, TOLD, TOLD),
        (replace(WARNS, warned_at=TOLD), TOLD, END),
        (replace(WARNS, warned_at=END), END, None),
        (replace(REVERTS, reverted_at=END), END, None),
        (replace(REVERTS, archived=True), 0, None),
    ],
)
def test_when_to_ask_again(state: FlagState, now: float, when: float | None) -> None:
    assert next_due(state, now) == when


@given(st.sampled_from(OnExpiry), st.floats(1, 1e9), st.lists(st.floats(0, 2e9), max_size=8).map(sorted))
def test_whenever_it_is_asked_it_tells_at_most_twice_and_reverts_at_most_once(
    on_expiry: OnExpiry, expires_at: float, times: list[float]
) -> None:
    state = state_of(Flag("f", expires_at=expires_at, on_expiry=on_expiry))
    happened: list[e.FlagEvent] = []
    for now in times:
        before = next_due(state, now)
        events = due(state, now)
        assert bool(events) is (before == now)
        for event in events:
            state = evolve(state, event, version=1, actor="clock", at=now)
            happened.append(event)
        assert due(state, now) == ()
    warnings = sum(isinstance(event, e.FlagWarned) for event in happened)
    assert warnings <= 2
    assert len(happened) - warnings <= (1 if on_expiry is OnExpiry.REVERT else 0)


FULL = state_of(Flag("f", owner="ann", rules=(Rule(),)), full_since=0.0)
KILLED = state_of(Flag("f"), kills=(Kill("a", 0.0, "x"),))


@pytest.mark.parametrize(
    "state, days, found",
    [
        (WARNS, 99, []),
        (WARNS, 100, [(Why.EXPIRED, "It expired: remove it, or renew it.")]),
        (replace(WARNS, archived=True), 200, []),
        (
            replace(REVERTS, reverted_at=END),
            101,
            [(Why.REVERTED, "It expired and returned to its safe variant: remove it, or renew it.")],
        ),
        (FULL, 29, []),
        (FULL, 30, [(Why.FULL, "Everybody has had it for 30 days: remove it from the code.")]),
        (replace(FULL, flag=replace(FULL.flag, type=FlagType.PERMISSION)), 30, []),
        (replace(FULL, flag=replace(FULL.flag, type=FlagType.OPS)), 30, []),
        (KILLED, 13, []),
        (KILLED, 14, [(Why.KILLED, "It has been killed for 14 days: restore it, or remove it.")]),
        (replace(FULL, kills=(Kill("a", 29.0 * DAY_S, "x"),)), 30, []),
        (replace(FULL, reverted_at=0.0, expires_at=None), 30, [
            (Why.REVERTED, "It expired and returned to its safe variant: remove it, or renew it.")
        ]),
    ],
)  # fmt: skip
def test_debt(state: FlagState, days: float, found: list[tuple[Why, str]]) -> None:
    assert [(each.why, each.text) for each in debt([state], days * DAY_S)] == found


@pytest.mark.parametrize(
    "asked_at, text",
    [
        (None, None),
        ({}, "Nobody has ever asked for it: is it still in the code?"),
        ({"f": 39.0 * DAY_S}, None),
        ({"f": 5.0 * DAY_S}, "Nobody has asked for it for 35 days: is it still in the code?"),
    ],
)
def test_what_nobody_asks_for(asked_at: dict[str, float] | None, text: str | None) -> None:
    found = debt([state_of(Flag("f"))], 40.0 * DAY_S, asked_at=asked_at)
    assert [each.text for each in found] == ([] if text is None else [text])


def test_the_most_urgent_first_then_the_oldest() -> None:
    states = [
        replace(FULL, flag=Flag("full")),
        state_of(Flag("late", expires_at=1000.0)),
        state_of(Flag("later", expires_at=2000.0)),
        state_of(Flag("back", owner="bob"), reverted_at=3000.0, kills=(Kill("a", 0.0, "x"),)),
    ]
    found = debt(states, 100.0 * DAY_S)
    assert [(each.key, each.why.value) for each in found] == [
        ("back", "reverted"),
        ("late", "expired"),
        ("later", "expired"),
        ("back", "killed"),
        ("full", "full"),
    ]
    assert (found[0].owner, found[0].since) == ("bob", 3000)


def test_one_day() -> None:
    found = debt([replace(KILLED, kills=(Kill("a", 13.0 * DAY_S, "x"),))], 27.9 * DAY_S)
    assert "14 days" in found[0].text
