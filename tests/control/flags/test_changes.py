"""Declaring, renewing and archiving flags: all of a request or none, in one version."""

from typing import Any

import pytest

from croupier.control.flags import changes as module
from croupier.control.flags.recording import Effect
from croupier.control.flags.surroundings import surroundings
from croupier.control.ports import Answer
from croupier.core.flags.read import read_flag
from croupier.errors import Conflict, NotFound, Rejected, Transient

DAY = 86_400.0
ON = {"feature": "lobby", "rules": [{"if": "market in ['DE']", "rollout": 0.25}], "kill_switch": False}


def flags(*documents: dict[str, Any]) -> list[Any]:
    return [read_flag(item) for item in documents]


async def test_a_bare_flag_gets_an_owner_and_an_end_and_says_so(plane: Any, clock: Any) -> None:
    declared = await plane.flags.changes.declare(flags(ON), actor="anna", reason="new")
    (state,) = declared.states
    assert (state.flag.owner, state.expires_at) == ("anna", float(int(clock.now())) + 60 * DAY)
    assert [warning.field for warning in declared.warnings] == ["[0].owner", "[0].expires_at"]
    assert (declared.effects, declared.version, declared.seq) == ((("lobby", Effect.CREATED),), 1, 0)
    await clock.advance(DAY)
    again = await plane.flags.changes.declare(flags(ON), actor="ben")
    assert (again.effects, again.seq, again.warnings) == ((("lobby", Effect.UNCHANGED),), None, ())
    changed = await plane.flags.changes.declare(flags({**ON, "tags": ["x"]}), actor="ben")
    assert changed.effects == (("lobby", Effect.UPDATED),)
    assert changed.states[0].flag.owner == "anna"


async def test_doubts_are_told_and_refuse_nothing(plane: Any) -> None:
    doubtful = {**ON, "owner": "anna", "expires_at": 4e9, "rules": [{"if": "market > 3"}]}
    declared = await plane.flags.changes.declare(flags(doubtful), actor="anna")
    (warning,) = declared.warnings
    assert warning.field == "[0].rules[0].if"
    assert "column" in warning.message


async def test_every_mistake_of_every_flag_is_told_and_nothing_is_recorded(plane: Any) -> None:
    wrong = flags(ON, {**ON, "feature": "a", "prerequisites": [{"flag": "x"}]}, {**ON, "tags": ["x"]})
    with pytest.raises(Rejected, match="The flags are wrong") as refused:
        await plane.flags.changes.declare(wrong, actor="anna")
    assert [problem.field for problem in refused.value.problems] == ["[2].feature", "[1].prerequisites[0].flag"]
    assert (await plane.store.head()).size == 0


async def test_flags_may_require_each_other_within_a_request(plane: Any, another: Any) -> None:
    needs = {**ON, "prerequisites": [{"flag": "base"}]}
    await plane.declare({"feature": "base", "rules": [{"rollout": 1}]}, needs)
    with pytest.raises(Conflict, match="lobby requires base"):
        await plane.flags.changes.archive("base", actor="anna")
    circle = flags({"feature": "base", "prerequisites": [{"flag": "lobby"}]})
    with pytest.raises(Rejected, match="requires itself"):
        await plane.flags.changes.declare(circle, actor="anna")
    other = flags({"feature": "base", "variants": {"off": 0, "b": 1}})
    with pytest.raises(Rejected, match="requires the variant 'on'"):
        await plane.flags.changes.declare(other, actor="anna")
    await plane.declare(ON)
    heir = await another()
    assert heir.flags.book.requiring("base") == {}
    await heir.flags.changes.archive("base", actor="anna")


async def test_who_saw_an_older_version_is_refused(plane: Any) -> None:
    declare = plane.flags.changes.declare
    with pytest.raises(Conflict, match="lobby does not exist, not at 3"):
        await declare(flags(ON), actor="anna", expected={"lobby": 3})
    await declare(flags(ON), actor="anna", expected={"lobby": 0})
    with pytest.raises(Conflict, match="lobby exists already, at version 1"):
        await declare(flags(ON), actor="anna", expected={"lobby": 0})
    with pytest.raises(Conflict, match="lobby is at version 1, not at 7"):
        await plane.flags.changes.renew("lobby", 4e9, actor="anna", expected=7)
    with pytest.raises(Conflict, match="lobby is at version 1, not at 7"):
        await plane.flags.changes.archive("lobby", actor="anna", expected=7)
    await plane.flags.changes.archive("lobby", actor="anna", expected=1)
    back = await declare(flags(ON), actor="anna", expected={"lobby": 0})
    assert back.effects == (("lobby", Effect.CREATED),)


async def test_a_request_of_another_plane_in_between_is_no_conflict(plane: Any, another: Any) -> None:
    other = await another()
    plane.happenings.once["before commit"] = lambda: other.declare({"feature": "other"})
    declared = await plane.flags.changes.declare(flags(ON), actor="anna")
    assert declared.version == 2
    assert {state.key for state in plane.flags.book.states()} == {"lobby", "other"}


async def test_what_another_plane_declared_a_moment_ago_counts(plane: Any, another: Any) -> None:
    """The book may be behind when somebody asks: it reads on before it refuses, or says that nothing changed."""
    other = await another()
    await other.declare({"feature": "base"})
    await plane.declare({**ON, "prerequisites": [{"flag": "base", "variants": ["off"]}]})
    await other.flags.changes.kill("lobby", actor="anna", reason="x")
    assert (await plane.flags.changes.restore("lobby", actor="anna")).seq is not None


async def test_it_gives_up_where_others_are_always_faster(plane: Any, another: Any) -> None:
    other = await another()
    count = iter(range(100))

    async def faster() -> None:
        plane.happenings.once["before commit"] = faster
        await other.declare({"feature": f"other-{next(count)}"})

    plane.happenings.once["before commit"] = faster
    with pytest.raises(Conflict, match="flags are at version"):
        await plane.declare(ON)


async def test_it_gives_up_where_the_flags_never_stand_still(plane: Any, another: Any) -> None:
    other = await another()
    await plane.declare(ON)
    count = iter(range(100))

    async def faster() -> None:
        plane.happenings.once["before flags"] = faster
        await other.declare({"feature": f"other-{next(count)}"})

    plane.happenings.once["before flags"] = faster
    with pytest.raises(Conflict, match="change faster"):
        await plane.declare(ON)


async def test_a_dry_run_changes_nothing(plane: Any) -> None:
    declared = await plane.flags.changes.declare(flags(ON), actor="anna", dry_run=True)
    assert (declared.effects, declared.states) == ((("lobby", Effect.CREATED),), ())
    assert (await plane.store.head()).size == 0


async def test_the_answer_is_recorded_with_the_change(plane: Any) -> None:
    def keep(changed: Any) -> Answer:
        return Answer("key", "f", 200, f"v{changed.version}", plane.clock.now())

    await plane.flags.changes.declare(flags(ON), actor="anna", answer=keep)
    kept = await plane.store.answer("key")
    assert kept.body == "v1"
    with pytest.raises(Conflict, match="answered meanwhile"):
        await plane.flags.changes.renew("lobby", 9e9, actor="anna", answer=keep)


async def test_renewing_moves_the_end_and_only_of_what_ends(plane: Any, clock: Any) -> None:
    await plane.declare(ON, {"feature": "right", "type": "permission"})
    until = clock.now() + 200 * DAY
    renewed = await plane.flags.changes.renew("lobby", until, actor="anna", reason="still needed")
    assert (renewed.states[0].expires_at, renewed.seq) == (until, 2)
    same = await plane.flags.changes.renew("lobby", until, actor="anna")
    assert (same.states[0].expires_at, same.seq) == (until, None)
    await plane.declare({**ON, "tags": ["x"]})
    assert plane.flags.book.state("lobby").expires_at == until
    with pytest.raises(Rejected, match="right does not expire"):
        await plane.flags.changes.renew("right", until, actor="anna")
    with pytest.raises(Rejected, match="a day to come"):
        await plane.flags.changes.renew("lobby", clock.now(), actor="anna")


async def test_an_archived_flag_is_gone_for_clients_until_it_is_declared_again(plane: Any) -> None:
    await plane.declare(ON)
    await plane.flags.changes.archive("lobby", actor="anna", reason="done")
    assert plane.answer("lobby") is None
    with pytest.raises(NotFound, match="'lobby' is archived"):
        await plane.flags.changes.archive("lobby", actor="anna")
    await plane.declare(ON)
    assert plane.answer("lobby", market="FR") == "off"
    assert (await plane.store.verify()).ok


async def test_nothing_is_recorded_while_the_store_is_away(plane: Any) -> None:
    await plane.declare(ON)
    plane.down = True
    with pytest.raises(Transient):
        await plane.declare({"feature": "other"})
    with pytest.raises(Transient):
        await plane.flags.changes.archive("lobby", actor="anna")
    assert [state.key for state in plane.flags.book.states()] == ["lobby"]


async def test_a_change_of_what_was_seen_waits_for_the_record_of_its_kill(plane: Any, clock: Any) -> None:
    """The version of a flag whose kill is not recorded yet is to come: that is no conflict."""
    await plane.declare(ON)
    changes, later = plane.flags.changes, clock.now() + 1e7
    plane.down = True
    await changes.kill("lobby", actor="ben", reason="fire")
    seen = plane.flags.book.state("lobby").version
    edited = {**ON, "description": "edited"}
    for dry_run in (True, False):
        with pytest.raises(Transient):
            await plane.declare(edited, expected={"lobby": seen}, dry_run=dry_run)
    with pytest.raises(Transient):
        await changes.renew("lobby", later, actor="anna", expected=seen)
    with pytest.raises(Transient):
        await changes.archive("lobby", actor="anna", expected=seen)
    plane.down = False
    await plane.declare(edited, expected={"lobby": seen})
    state = plane.flags.book.state("lobby")
    assert (state.flag.description, state.killed.actor) == ("edited", "ben")
    with pytest.raises(Conflict):
        await plane.declare(ON, expected={"lobby": seen})
    assert not plane.spool.pending()


async def test_what_a_flag_may_refer_to_is_what_the_book_has(plane: Any) -> None:
    await plane.declare(ON, {"feature": "base"}, {"feature": "gone"})
    await plane.flags.changes.archive("gone", actor="anna")
    await plane.declare({**ON, "prerequisites": [{"flag": "base"}]})
    new = flags({"feature": "new", "prerequisites": [{"flag": "base"}]})[0]
    around = surroundings(plane.flags.book, {"new": new}, ["vip"])
    assert set(around.flags) == {"lobby", "base", "new"}
    assert (len(around.flags), around.segments) == (3, {"vip"})
    assert sorted(around.requiring["base"]) == ["lobby", "new"]
    assert around.flags.get("gone") is None
    assert len(around.flags.maps[1]) == 2  # type: ignore[attr-defined]  # the book's alone
    assert (list(around.requiring), len(around.requiring)) == (["base"], 1)


async def test_many_at_once(plane: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    many = flags(*({**ON, "feature": f"flag-{number}"} for number in range(501)))
    declared = await plane.flags.changes.declare(many, actor="anna")
    assert (len(declared.states), plane.flags.book.version) == (501, 1)
    monkeypatch.setattr(module, "MOST_FLAGS", 500)
    with pytest.raises(Rejected, match="501 flags are too many"):
        await plane.flags.changes.declare(many, actor="anna")
