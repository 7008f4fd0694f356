"""What is recorded of a flag: every event's effect, and that the record alone rebuilds the state."""

import json
from dataclasses import replace
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from tests.core.flags.strategies import flags

from croupier.core.flags import events as e
from croupier.core.flags.line import flag_line
from croupier.core.flags.model import Flag, Override, Prerequisite, Rule, Share
from croupier.core.flags.state import FlagState, Kill, declare, evolve
from croupier.core.flags.write import digest_of, write_flag


def declared(flag: Flag) -> e.FlagDeclared:
    source = write_flag(flag)
    return e.FlagDeclared(source, digest_of(source))


def born(flag: Flag, at: float = 100) -> FlagState:
    return declare(declared(flag), version=1, actor="ann", at=at)


def after(state: FlagState, event: e.FlagEvent, at: float = 200, actor: str = "bob") -> FlagState:
    return evolve(state, event, version=state.version + 1, actor=actor, at=at)


PLAIN = Flag("f", expires_at=1000.0)
FULL = replace(PLAIN, rules=(Rule(),))


def test_a_flag_is_born() -> None:
    state = born(PLAIN)
    assert (state.key, state.flag, state.version, state.expires_at) == ("f", PLAIN, 1, 1000)
    assert (state.created_at, state.changed_at, state.changed_by) == (100, 100, "ann")
    assert (state.killed, state.full_since, state.archived) == (None, None, False)


def test_every_event_says_who_when_and_which_version() -> None:
    state = after(born(PLAIN), e.FlagRestored())
    assert (state.created_at, state.changed_at, state.changed_by, state.version) == (100, 200, "bob", 2)


def test_a_kill_outlives_declarations_and_is_undone_by_restoring() -> None:
    killed = after(born(PLAIN), e.FlagKilled("payments fail"))
    assert killed.killed == Kill("bob", 200, "payments fail")
    again = after(killed, declared(replace(PLAIN, kill_switch=True)))
    assert after(again, declared(FULL)).kills == killed.kills
    assert after(killed, e.FlagRestored()).kills == ()
    assert again.killed_by_hand == killed.killed
    assert [kill.declared for kill in after(again, e.FlagRestored()).kills] == [True]


def test_every_kill_is_undone_by_itself() -> None:
    state = after(born(replace(PLAIN, kill_switch=True)), e.FlagKilled("psp", preset="p"))
    state = after(after(state, e.FlagKilled("fire")), e.FlagKilled("night", preset="q"))
    assert [kill.text for kill in state.kills] == [
        "bob: fire",
        "bob: psp",
        "bob: night",
        "ann: declared with kill_switch: true",
    ]
    assert state.killed == state.killed_by_hand == state.kills[0]
    assert after(state, e.FlagRestored("p")).kills == (*state.kills[:1], *state.kills[2:])
    assert after(state, e.FlagRestored("none")).kills == state.kills
    assert after(state, e.FlagKilled("anew")).kills == (Kill("bob", 200, "anew"), *state.kills[1:])
    assert after(state, e.FlagKilled("anew", "p")).kills[2] == Kill("bob", 200, "anew", preset="p")
    assert after(state, declared(PLAIN)).kills == state.kills[:3]
    restored = after(state, e.FlagRestored())
    assert restored.kills == state.after_restore == state.kills[1:]
    assert (restored.killed_by_hand, restored.after_restore) == (None, ())
    assert after(restored, e.FlagRestored()).kills == ()


def test_a_preset_s_declaration_neither_kills_nor_restores() -> None:
    def by_preset(flag: Flag) -> e.FlagDeclared:
        return replace(declared(flag), preset="p")

    switched = replace(PLAIN, kill_switch=True)
    restored = after(born(switched), e.FlagRestored())
    assert after(restored, by_preset(replace(switched, owner="x"))).kills == ()
    assert after(born(switched), by_preset(PLAIN)).kills == born(switched).kills


def test_a_declared_kill_is_undone_by_the_declaration_too() -> None:
    killed = born(replace(PLAIN, kill_switch=True))
    assert killed.killed == Kill("ann", 100, "declared with kill_switch: true", declared=True)
    assert after(killed, declared(PLAIN)).killed is None
    later = after(born(PLAIN), declared(replace(PLAIN, kill_switch=True)))
    assert later.killed == Kill("bob", 200, "declared with kill_switch: true", declared=True)
    assert after(later, declared(replace(FULL, kill_switch=True))).killed == later.killed


def test_expiry_warns_then_reverts_and_renewal_undoes_both() -> None:
    state = after(after(born(PLAIN), e.FlagWarned(1000)), e.FlagReverted(), at=1001)
    assert (state.warned_at, state.reverted_at) == (200, 1001)
    renewed = after(state, e.FlagRenewed(5000), at=1002)
    assert (renewed.expires_at, renewed.warned_at, renewed.reverted_at) == (5000, None, None)


def test_a_renewal_survives_a_declaration_with_the_same_expiry() -> None:
    renewed = after(born(PLAIN), e.FlagRenewed(5000))
    assert after(renewed, declared(FULL)).expires_at == 5000
    assert after(renewed, declared(replace(PLAIN, expires_at=2000.0))).expires_at == 2000


def test_a_new_expiry_starts_anew() -> None:
    reverted = after(born(PLAIN), e.FlagReverted())
    assert after(reverted, declared(FULL)).reverted_at == 200
    assert after(reverted, declared(replace(PLAIN, expires_at=9000.0))).reverted_at is None


def test_an_archived_flag_comes_back_when_it_is_declared() -> None:
    gone = after(born(PLAIN), e.FlagArchived())
    assert gone.archived
    assert not after(gone, declared(PLAIN)).archived


OFF_ELSEWHERE = {"test": Override(enabled=False)}


@pytest.mark.parametrize(
    "changes, full",
    [
        ({"rules": (Rule(),)}, True),
        ({"default": "on"}, True),
        ({"rules": (Rule(), Rule("market == 'DE'", 10))}, True),
        ({"default": "off"}, False),
        ({"rules": (Rule("market == 'DE'"),)}, False),
        ({"rules": (Rule(rollout=9999),)}, False),
        ({"rules": (Rule(serve=(Share("off", 1),)),)}, False),
        ({"rules": (Rule(serve=(Share("on", 1), Share("off", 1))),)}, False),
        ({"rules": (Rule(),), "enabled": False}, False),
        ({"rules": (Rule(),), "environments": OFF_ELSEWHERE}, False),
        ({"rules": (Rule(),), "environments": {"test": Override(default="on")}}, True),
        ({"rules": (Rule(),), "prerequisites": (Prerequisite("g", ("on",)),)}, False),
    ],
)
def test_served_to_everybody(changes: dict[str, Any], full: bool) -> None:
    assert born(replace(PLAIN, **changes)).full_since == (100 if full else None)


def test_two_variants_in_two_environments_are_not_served_to_everybody() -> None:
    flag = Flag("f", variants={"off": False, "on": True, "yes": True}, default="on")
    assert born(flag).full_since == 100
    assert born(replace(flag, environments={"test": Override(default="yes")})).full_since is None


def test_full_since_the_first_declaration_that_was() -> None:
    state = after(born(PLAIN), declared(FULL), at=300)
    assert state.full_since == 300
    assert after(state, declared(replace(FULL, owner="x")), at=400).full_since == 300
    assert after(state, declared(PLAIN), at=400).full_since is None
    assert after(born(FULL, at=0.0), declared(replace(FULL, owner="x"))).full_since == 0


EVENTS = st.one_of(
    flags(st.just("f")).map(declared),
    st.builds(e.FlagKilled, st.text(), st.sampled_from(["", "p", "q"])),
    st.builds(e.FlagRestored, st.sampled_from(["", "p", "q"])),
    st.builds(e.FlagRenewed, st.floats(0, 1e9)),
    st.builds(e.FlagWarned, st.floats(0, 1e9)),
    st.builds(e.FlagReverted),
    st.builds(e.FlagArchived),
)


@given(flags(st.just("f")), st.lists(EVENTS, max_size=6))
def test_a_person_s_kill_stands_until_it_is_undone_whatever_happens(flag: Flag, more: list[e.FlagEvent]) -> None:
    state = after(after(born(flag), e.FlagRestored()), e.FlagKilled("x"))
    for event in more:
        state = after(state, event)
        assert state.key == "f"
        if event == e.FlagRestored():
            return
        assert state.killed_by_hand is not None


@given(flags(st.just("f")), st.lists(EVENTS, max_size=5))
def test_the_record_alone_rebuilds_the_state(flag: Flag, more: list[e.FlagEvent]) -> None:
    """As the journal keeps it: canonical JSON, where names are sorted and 1.0 is 1."""
    first = declared(flag)
    state, rebuilt = (declare(each, version=1, actor="ann", at=100) for each in (first, recorded(first)))
    for event in more:
        state, rebuilt = after(state, event), after(rebuilt, recorded(event))
    assert rebuilt == state
    assert flag_line(rebuilt, "production") == flag_line(state, "production")


def recorded(event: e.FlagEvent) -> Any:
    if isinstance(event, e.FlagDeclared):
        return e.FlagDeclared(json.loads(rfc8785.dumps(dict(event.source))), event.digest)
    return event


def test_the_version_counts_events_of_the_whole_record() -> None:
    assert evolve(born(PLAIN), e.FlagArchived(), version=7, actor="a", at=1).version == 7
