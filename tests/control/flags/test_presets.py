"""Presets: somebody else approves, all at once, and exactly back."""

from typing import Any

import pytest

from croupier.core.flags.preset import read_preset
from croupier.core.flags.read import read_flag
from croupier.errors import Conflict, NotFound, Rejected

PAYMENTS = {"feature": "payments_v2", "rules": [{"rollout": 1}]}
LOBBY = {"feature": "new_lobby", "default": "on", "environments": {"production": {"rules": []}}}
PRESET = read_preset(
    {
        "name": "safe-mode",
        "description": "everything old",
        "changes": [
            {"flag": "payments_v2", "kill": True},
            {"flag": "new_lobby", "environment": "production", "enabled": False},
            {"flag": "new_lobby", "default": "off"},
        ],
    }
)


async def ready(plane: Any, preset: Any = PRESET) -> None:
    """The flags, and the preset of anna, approved by ben."""
    await plane.declare(PAYMENTS, LOBBY)
    put = await plane.flags.presets.put(preset, actor="anna")
    await plane.flags.presets.approve(preset.name, put.value.digest, actor="ben")


def sources(plane: Any) -> dict[str, Any]:
    return {state.key: (state.source, state.killed is not None) for state in plane.flags.book.states()}


async def subjects(plane: Any) -> list[tuple[str, str]]:
    return [(item.entry.subject, item.entry.events[0]["type"]) for item in await plane.store.entries()]


async def test_it_is_applied_at_once_and_undone_exactly(plane: Any) -> None:
    await ready(plane)
    before, lines = sources(plane), plane.flags.book.snapshot("production").lines
    preview = await plane.flags.presets.preview("safe-mode")
    assert [(item.flag, item.text) for item in preview.differences] == [("payments_v2", "killed"), ("new_lobby", "")]
    lobby = preview.differences[1].after
    assert lobby["environments"] == {"production": {"rules": [], "enabled": False}}
    assert preview.problems == ()
    assert sources(plane) == before

    changed = await plane.flags.presets.apply("safe-mode", actor="cleo", reason="outage at the PSP")
    assert (changed.version, {state.version for state in changed.states}) == (2, {2})
    assert (plane.answer("payments_v2"), plane.answer("new_lobby")) == ("off", "off")
    assert plane.flags.book.state("payments_v2").killed.reason == "preset safe-mode: outage at the PSP"
    back = await plane.flags.presets.preview("safe-mode")
    assert [item.after for item in back.differences] == [before["payments_v2"][0], before["new_lobby"][0]]
    assert [item.text for item in back.differences] == ["restored", ""]
    with pytest.raises(Conflict, match="in force since cleo applied it"):
        await plane.flags.presets.apply("safe-mode", actor="cleo", reason="again")

    undone = await plane.flags.presets.undo("safe-mode", actor="cleo")
    assert undone.version == 3
    assert sources(plane) == before
    after = plane.flags.book.snapshot("production").lines
    assert {key: rest.partition("\t")[2] for key, rest in after.items()} == {
        key: rest.partition("\t")[2] for key, rest in lines.items()
    }
    with pytest.raises(Conflict, match="not in force"):
        await plane.flags.presets.undo("safe-mode", actor="cleo")
    assert (await plane.flags.presets.get("safe-mode")).value.applied is None
    assert (await subjects(plane))[-6:] == [
        ("flag/payments_v2", "flag_killed"),
        ("flag/new_lobby", "flag_declared"),
        ("preset/safe-mode", "preset_applied"),
        ("flag/payments_v2", "flag_restored"),
        ("flag/new_lobby", "flag_declared"),
        ("preset/safe-mode", "preset_undone"),
    ]
    assert (await plane.store.verify()).ok


async def test_nobody_approves_their_own_and_an_approval_dies_with_its_digest(plane: Any) -> None:
    await plane.declare(PAYMENTS, LOBBY)
    put = await plane.flags.presets.put(PRESET, actor="anna")
    digest = put.value.digest
    with pytest.raises(Rejected, match="not approved"):
        await plane.flags.presets.apply("safe-mode", actor="cleo", reason="x")
    with pytest.raises(Rejected, match="somebody else must approve"):
        await plane.flags.presets.approve("safe-mode", digest, actor="anna")
    with pytest.raises(Conflict, match="has changed since"):
        await plane.flags.presets.approve("safe-mode", "sha256:other", actor="ben")
    approved = await plane.flags.presets.approve("safe-mode", digest, actor="ben")
    assert approved == await plane.flags.presets.get("safe-mode")
    assert await plane.flags.presets.approve("safe-mode", digest, actor="cleo") == approved
    assert approved.value.approved

    again = await plane.flags.presets.put(PRESET, actor="dora")
    assert again == approved  # the same: nothing to approve anew
    other = read_preset({"name": "safe-mode", "changes": [{"flag": "payments_v2", "kill": True}]})
    dry = await plane.flags.presets.put(other, actor="ben", dry_run=True)
    assert (await plane.flags.presets.get("safe-mode"), dry.value.approved) == (approved, False)
    with pytest.raises(Conflict, match="at version 2, not at 1"):
        await plane.flags.presets.put(other, actor="ben", expected=1)
    changed = await plane.flags.presets.put(other, actor="ben", expected=2)
    assert not changed.value.approved
    with pytest.raises(Rejected, match="not approved"):
        await plane.flags.presets.apply("safe-mode", actor="cleo", reason="x")
    with pytest.raises(Rejected, match="ben wrote the preset"):
        await plane.flags.presets.approve("safe-mode", changed.value.digest, actor="ben")


async def test_undo_is_refused_with_the_names_of_flags_that_changed_since(plane: Any) -> None:
    await ready(plane)
    await plane.flags.presets.apply("safe-mode", actor="cleo", reason="x")
    left = plane.flags.book.state("new_lobby").source
    await plane.declare({**left, "rules": [{"rollout": 0.5}]})
    with pytest.raises(Conflict, match="cannot be undone exactly: new_lobby changed since") as refused:
        await plane.flags.presets.undo("safe-mode", actor="cleo")
    assert refused.value.hint == (
        "Make them answer as before the preset, then undo it. "
        "new_lobby: rule 1 (everybody) removed; production: enabled; default: off -> on."
    )
    assert [item.message for item in (await plane.flags.presets.preview("safe-mode")).problems] == [
        "new_lobby changed since."
    ]
    await plane.declare(left)  # back as the preset left it
    await plane.flags.presets.undo("safe-mode", actor="cleo")
    assert (plane.answer("payments_v2"), plane.answer("new_lobby")) == ("on", "on")


async def test_a_flag_that_somebody_restored_is_no_obstacle(plane: Any) -> None:
    """Or the preset would be in force for ever: it cannot be applied anew either."""
    preset = read_preset({"name": "p", "changes": [{"flag": "payments_v2", "kill": True}]})
    await ready(plane, preset)
    await plane.flags.presets.apply("p", actor="cleo", reason="x")
    await plane.flags.changes.restore("payments_v2", actor="dora")
    assert plane.answer("payments_v2") == "on"
    assert [item.text for item in (await plane.flags.presets.preview("p")).differences] == [""]
    undone = await plane.flags.presets.undo("p", actor="cleo")
    assert (undone.states, undone.version, plane.flags.book.version) == ((), 4, 4)
    assert (await plane.flags.presets.get("p")).value.applied is None
    await plane.flags.presets.apply("p", actor="cleo", reason="again")
    assert plane.answer("payments_v2") == "off"
    assert (await plane.store.verify()).ok


async def test_a_flag_that_a_person_brought_back_is_no_obstacle(plane: Any) -> None:
    """Its description is of another day, and stays."""
    await ready(plane)
    await plane.flags.presets.apply("safe-mode", actor="cleo", reason="x")
    await plane.declare({**LOBBY, "description": "the lobby"})
    await plane.flags.presets.undo("safe-mode", actor="cleo")
    assert (plane.answer("payments_v2"), plane.answer("new_lobby")) == ("on", "on")
    assert plane.flags.book.state("new_lobby").flag.description == "the lobby"
    await plane.flags.presets.apply("safe-mode", actor="cleo", reason="again")
    assert plane.answer("new_lobby") == "off"
    assert (await plane.store.verify()).ok


async def test_an_archived_flag_cannot_come_back_by_undo(plane: Any) -> None:
    await ready(plane)
    await plane.flags.presets.apply("safe-mode", actor="cleo", reason="x")
    await plane.flags.changes.archive("new_lobby", actor="dora")
    with pytest.raises(Conflict, match="new_lobby changed since"):
        await plane.flags.presets.undo("safe-mode", actor="cleo")


async def test_what_was_killed_before_stays_killed(plane: Any) -> None:
    await ready(plane)
    await plane.flags.changes.kill("payments_v2", actor="dora", reason="fire")
    await plane.flags.presets.apply("safe-mode", actor="cleo", reason="x")
    await plane.flags.presets.undo("safe-mode", actor="cleo")
    assert [kill.actor for kill in plane.flags.book.state("payments_v2").kills] == ["dora"]


@pytest.mark.parametrize("first", ["person", "preset"])
async def test_a_person_s_kill_outlives_the_preset_s(plane: Any, first: str) -> None:
    await ready(plane)
    if first == "person":
        await plane.flags.changes.kill("payments_v2", actor="ben", reason="fire")
    await plane.flags.presets.apply("safe-mode", actor="cleo", reason="drill")
    if first == "preset":
        killed = await plane.flags.changes.kill("payments_v2", actor="ben", reason="fire")
        assert (killed.recorded, killed.seq is not None) == (True, True)
    state = plane.flags.book.recorded("payments_v2")
    assert [kill.text for kill in state.kills] == ["ben: fire", "cleo: preset safe-mode: drill"]
    again = await plane.flags.changes.kill("payments_v2", actor="ben", reason="fire")
    assert (again.seq, again.states) == (None, (state,))
    preview = await plane.flags.presets.preview("safe-mode")
    assert [item.text for item in preview.differences] == ["stays killed by ben: fire", ""]
    await plane.flags.presets.undo("safe-mode", actor="cleo")
    assert (plane.answer("payments_v2"), plane.answer("new_lobby")) == ("off", "on")
    restored = await plane.flags.changes.restore("payments_v2", actor="ben")
    assert (restored.states[0].kills, plane.answer("payments_v2")) == ((), "on")
    assert (await plane.store.verify()).ok


async def test_restoring_undoes_the_person_s_kill_first_and_says_what_still_stands(plane: Any) -> None:
    await ready(plane)
    await plane.flags.presets.apply("safe-mode", actor="cleo", reason="outage")
    await plane.flags.changes.kill("payments_v2", actor="ben", reason="fire")
    restored = await plane.flags.changes.restore("payments_v2", actor="ben")
    assert [kill.preset for kill in restored.states[0].kills] == ["safe-mode"]
    assert plane.answer("payments_v2") == "off"
    again = await plane.flags.changes.restore("payments_v2", actor="ben")
    assert (again.states[0].kills, plane.answer("payments_v2")) == ((), "on")


async def test_a_person_s_kill_of_what_a_preset_killed_needs_no_database(plane: Any) -> None:
    await ready(plane)
    await plane.flags.presets.apply("safe-mode", actor="cleo", reason="drill")
    other = type(plane)(plane.store, plane.clock)
    await other.flags.start()
    plane.down = True
    killed = await plane.flags.changes.kill("payments_v2", actor="ben", reason="fire")
    assert (killed.recorded, list(plane.flags.book.unrecorded)) == (False, ["payments_v2"])
    plane.down = False
    preview = await plane.flags.presets.preview("safe-mode")
    assert preview.differences[0].text == "stays killed by ben: fire"
    await other.flags.presets.undo("safe-mode", actor="cleo")
    assert other.answer("payments_v2") == "on"
    await plane.flags.book.refresh()
    assert plane.answer("payments_v2") == "off"
    await plane.flags.changes.kills.settle()
    await other.flags.book.refresh()
    assert (plane.answer("payments_v2"), other.answer("payments_v2")) == ("off", "off")
    assert (await plane.store.verify()).ok


async def test_a_kill_switch_that_was_restored_is_not_thrown_again(plane: Any) -> None:
    """Declaring anew a flag whose declaration says kill_switch: true would kill it: the preset undoes that at once."""
    preset = read_preset({"name": "p", "changes": [{"flag": "a", "default": "on"}]})
    await plane.declare({"feature": "a", "kill_switch": True})
    await plane.flags.changes.restore("a", actor="anna")
    put = await plane.flags.presets.put(preset, actor="anna")
    await plane.flags.presets.approve("p", put.value.digest, actor="ben")
    await plane.flags.presets.apply("p", actor="ben", reason="x")
    assert (plane.flags.book.state("a").killed, plane.answer("a")) == (None, "on")
    await plane.flags.presets.undo("p", actor="ben")
    assert (plane.flags.book.state("a").killed, plane.answer("a")) == (None, "off")


@pytest.mark.parametrize(
    "change, message",
    [
        ({"flag": "x", "kill": True}, r"changes\[0\].flag: there is no flag 'x'"),
        ({"flag": "payments_v2", "default": "x"}, r"changes\[0\].default: there is no variant 'x'"),
        ({"flag": "payments_v2", "rules": [{"if": "market in"}]}, r"changes\[0\].rules\[0\].if: column"),
        ({"flag": "payments_v2", "environment": "x", "enabled": False}, "there is no environment 'x'"),
    ],
)
async def test_what_does_not_fit_the_flags_is_refused(plane: Any, change: dict[str, Any], message: str) -> None:
    await plane.declare(PAYMENTS)
    preset = read_preset({"name": "p", "changes": [change]})
    with pytest.raises(Rejected, match="The preset is wrong") as refused:
        await plane.flags.presets.put(preset, actor="anna")
    (problem,) = refused.value.problems
    assert problem.path[0] == 0
    with pytest.raises(Rejected, match=message):
        raise Rejected(str(type(problem)(problem.message, problem.path[1:])))


async def test_what_no_longer_fits_is_refused_when_applied(plane: Any) -> None:
    await ready(plane)
    await plane.flags.changes.archive("new_lobby", actor="dora")
    assert (await plane.flags.presets.preview("safe-mode")).problems
    with pytest.raises(Rejected, match="does not fit the flags"):
        await plane.flags.presets.apply("safe-mode", actor="cleo", reason="x")
    assert plane.answer("payments_v2") == "on"


async def test_what_would_change_nothing_is_refused(plane: Any) -> None:
    preset = read_preset({"name": "p", "changes": [{"flag": "payments_v2", "default": "off", "enabled": True}]})
    await plane.declare({**PAYMENTS, "default": "off"})
    put = await plane.flags.presets.put(preset, actor="anna")
    await plane.flags.presets.approve("p", put.value.digest, actor="ben")
    with pytest.raises(Rejected, match="would change nothing"):
        await plane.flags.presets.apply("p", actor="cleo", reason="x")


async def test_the_digest_that_was_looked_at_is_the_one_that_is_applied(plane: Any) -> None:
    await ready(plane)
    with pytest.raises(Conflict, match="has changed since"):
        await plane.flags.presets.apply("safe-mode", actor="cleo", reason="x", digest="sha256:other")
    with pytest.raises(NotFound, match="no preset 'x'"):
        await plane.flags.presets.get("x")


async def test_flags_declared_in_the_same_breath_count(plane: Any) -> None:
    declared = await plane.flags.changes.plan([read_flag(PAYMENTS), read_flag(LOBBY)], actor="anna")
    planned = await plane.flags.presets.plan((PRESET,), actor="anna", flags=declared.flags)
    assert (len(planned.presets), len(planned.entries)) == (1, 1)


async def test_a_kill_for_another_reason_is_not_undone(plane: Any) -> None:
    """The preset's kill was taken back, and then the flag misbehaved."""
    await ready(plane)
    await plane.flags.presets.apply("safe-mode", actor="cleo", reason="drill")
    await plane.flags.changes.restore("payments_v2", actor="dan")
    await plane.flags.changes.kill("payments_v2", actor="dan", reason="charges twice")
    preview = await plane.flags.presets.preview("safe-mode")
    assert preview.differences[0].text == "stays killed by dan: charges twice"
    await plane.flags.presets.undo("safe-mode", actor="cleo")
    assert (plane.answer("payments_v2"), plane.answer("new_lobby")) == ("off", "on")


async def test_a_flag_can_be_changed_and_killed_at_once(plane: Any) -> None:
    changes = [{"flag": "payments_v2", "default": "on", "rules": []}, {"flag": "payments_v2", "kill": True}]
    await ready(plane, read_preset({"name": "p", "changes": changes}))
    source = plane.flags.book.state("payments_v2").source
    await plane.flags.presets.apply("p", actor="cleo", reason="x")
    assert plane.answer("payments_v2") == "off"
    await plane.flags.changes.restore("payments_v2", actor="dora")
    assert plane.flags.book.state("payments_v2").flag.default == "on"
    await plane.flags.presets.undo("p", actor="cleo")
    assert plane.flags.book.state("payments_v2").source == source
    assert (await plane.store.verify()).ok


async def test_two_who_restore_do_not_take_the_flag_out_of_its_preset(plane: Any, another: Any) -> None:
    await ready(plane)
    await plane.flags.presets.apply("safe-mode", actor="cleo", reason="outage")
    await plane.flags.changes.kill("payments_v2", actor="ben", reason="fire")
    other = await another()
    await plane.flags.changes.restore("payments_v2", actor="ben")
    late = await other.flags.changes.restore("payments_v2", actor="dora")
    assert (late.seq, [kill.preset for kill in late.states[0].kills]) == (None, ["safe-mode"])
    assert other.answer("payments_v2") == "off"
