"""A preset applied, and undone to the letter."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.flags import events as e
from croupier.core.flags.line import flag_line
from croupier.core.flags.model import Flag, Override, Rule
from croupier.core.flags.preset import Application, Change, Preset
from croupier.core.flags.preset_plan import Planned, Undo, before, plan, undo, wanted
from croupier.core.flags.state import FlagState, declare, evolve
from croupier.core.flags.write import digest_of, write_flag
from croupier.errors import Rejected

FLAG = Flag("f", rules=(Rule("market == 'DE'"),))


def state_of(flag: Flag, *events: e.FlagEvent) -> FlagState:
    source = write_flag(flag)
    state = declare(e.FlagDeclared(source, digest_of(source)), version=1, actor="a", at=0)
    return happened(state, events, 1)


def happened(state: FlagState, events: tuple[e.FlagEvent, ...], version: int) -> FlagState:
    for event in events:
        state = evolve(state, event, version=version, actor="preset", at=5)
    return state


def applied(preset: Preset, states: dict[str, FlagState]) -> tuple[dict[str, FlagState], Application]:
    planned = plan(preset, states, reason="it burns")
    after = {each.key: happened(states[each.key], each.events, 2) for each in planned}
    kept = tuple(before(each, states[each.key]) for each in planned)
    return {**states, **after}, Application("ann", 5, "it burns", 2, "sha256:p", kept)


def test_what_it_does() -> None:
    preset = Preset(
        "p",
        (
            Change("f", kill=True),
            Change("g", settings={"default": "on", "rules": []}),
            Change("g", environment="test", settings={"enabled": False}),
        ),
    )
    states = {"f": state_of(FLAG), "g": state_of(replace(FLAG, key="g"))}
    wanted = write_flag(Flag("g", default="on", environments={"test": Override(enabled=False)}))
    assert plan(preset, states, reason="it burns") == (
        Planned("f", (e.FlagKilled("it burns", "p"),)),
        Planned("g", (e.FlagDeclared(wanted, digest_of(wanted), "p"),)),
    )


@pytest.mark.parametrize(
    "state, change",
    [
        (state_of(FLAG, e.FlagKilled("x", "p")), Change("f", kill=True)),
        (state_of(FLAG), Change("f", settings={"enabled": True})),
        (state_of(FLAG), Change("f", settings={"rules": [{"if": "market == 'DE'"}]})),
    ],
)
def test_what_is_so_already_is_left_alone(state: FlagState, change: Change) -> None:
    assert plan(Preset("p", (change,)), {"f": state}, reason="x") == ()


@pytest.mark.parametrize(
    "changes, told",
    [
        ((Change("g", kill=True),), ["changes[0].flag: there is no flag 'g'."]),
        ((Change("gone", kill=True),), ["changes[0].flag: there is no flag 'gone'."]),
        (
            (Change("f", kill=True), Change("f", settings={"default": "x", "rules": 3}), Change("h", kill=True)),
            [
                "changes[1].default: there is no variant 'x'. Variants are on, off.",
                "changes[1].rules: expected a list, found the number 3.",
                "changes[2].flag: there is no flag 'h'.",
            ],
        ),
    ],
)
def test_refused_as_a_whole(changes: tuple[Change, ...], told: list[str]) -> None:
    states = {"f": state_of(FLAG), "gone": state_of(replace(FLAG, key="gone"), e.FlagArchived())}
    with pytest.raises(Rejected, match="The preset cannot be applied") as caught:
        plan(Preset("p", changes), states, reason="x")
    assert [str(problem) for problem in caught.value.problems] == told


SETTINGS = st.fixed_dictionaries(
    {}, optional={"enabled": st.booleans(), "default": st.sampled_from(["on", "off"]), "rules": st.just([])}
).filter(bool)
CHANGES = st.builds(Change, st.sampled_from("fg"), settings=SETTINGS, environment=st.sampled_from(["", "test"]))
KILLS = st.builds(Change, st.sampled_from("fg"), kill=st.just(True))


@given(st.lists(CHANGES | KILLS, min_size=1, max_size=5), st.booleans())
def test_undoing_makes_every_flag_what_it_was(changes: list[Change], killed: bool) -> None:
    states = {"f": state_of(FLAG, *([e.FlagKilled("x")] if killed else [])), "g": state_of(replace(FLAG, key="g"))}
    after, application = applied(Preset("p", tuple(changes)), states)
    way_back = undo("p", application, after)
    assert way_back.kept == ()
    for each in way_back.planned:
        after[each.key] = happened(after[each.key], each.events, 3)
    for key, state in states.items():
        assert after[key].source == state.source
        assert after[key].kills == state.kills
        for environment in ("production", "test"):
            lines = [flag_line(each, environment).split("\t")[2] for each in (state, after[key])]
            assert lines[0] == lines[1]


def test_what_somebody_changed_since_stays() -> None:
    states: dict[str, Any] = {key: state_of(replace(FLAG, key=key)) for key in "fgh"}
    after, application = applied(Preset("p", tuple(Change(key, kill=True) for key in "fgh")), states)
    source = write_flag(replace(FLAG, default="on"))
    after["f"] = happened(after["f"], (e.FlagDeclared(source, digest_of(source)),), 3)
    after["h"] = happened(after["h"], (e.FlagArchived(),), 3)
    del after["g"]
    assert undo("p", application, after).kept == ("f", "g", "h")
    assert undo("p", application, after).planned == ()
    needs = [wanted(was, after.get(was.flag)) for was in application.before]
    assert needs == ["f: default: on -> off", "g: declare it again", "h: declare it again"]


@pytest.mark.parametrize("brought_back", [True, False])
def test_what_is_noted_since_is_no_obstacle_and_stays(brought_back: bool) -> None:
    """A person brought the answers back, or not; somebody described the flag, and renewed it."""
    after, application = applied(Preset("p", (Change("f", settings={"enabled": False}),)), {"f": state_of(FLAG)})
    noted = replace(FLAG, description="d", owner="x", tags=("t",), expires_at=9.0)
    source = write_flag(replace(noted, enabled=brought_back))
    after["f"] = happened(after["f"], (e.FlagDeclared(source, digest_of(source)),), 3)
    way_back = undo("p", application, after)
    assert way_back.kept == ()
    (back,) = way_back.planned
    assert len(back.events) == (0 if brought_back else 1)
    assert happened(after["f"], back.events, 4).flag == noted


@pytest.mark.parametrize("killed_again", [True, False])
def test_what_somebody_brought_back_already_is_left_as_it_is(killed_again: bool) -> None:
    after, application = applied(Preset("p", (Change("f", kill=True),)), {"f": state_of(FLAG)})
    after["f"] = happened(after["f"], (e.FlagRestored(), *([e.FlagKilled("x")] if killed_again else [])), 3)
    assert undo("p", application, after) == Undo((Planned("f", ()),), ())


def test_a_kill_of_somebody_else_outlives_the_preset_s() -> None:
    first, second = (Preset(name, (Change("f", kill=True),)) for name in "pq")
    after, application = applied(first, {"f": state_of(FLAG)})
    after, _ = applied(second, after)
    after["f"] = happened(after["f"], (e.FlagKilled("fire"),), 3)
    (back,) = undo("p", application, after).planned
    assert [kill.preset for kill in happened(after["f"], back.events, 4).kills] == ["", "q"]


def test_a_declared_kill_that_somebody_undid_is_not_done_again() -> None:
    state = state_of(replace(FLAG, kill_switch=True), e.FlagRestored())
    (planned,) = plan(Preset("p", (Change("f", settings={"default": "on"}),)), {"f": state}, reason="x")
    assert happened(state, planned.events, 2).killed is None
    after, application = applied(Preset("p", (Change("f", settings={"default": "on"}),)), {"f": state})
    (back,) = undo("p", application, after).planned
    assert happened(after["f"], back.events, 3).killed is None
