"""A killed flag is off, at once, whatever the store does (invariant 13)."""

import asyncio
from typing import Any

import pytest

from croupier.control.flags.book import FlagBook
from croupier.control.ports import KillIntent
from croupier.core.flags.read import read_flag
from croupier.core.flags.snapshot import apply
from croupier.errors import Conflict, Corrupt, NotFound, Rejected, Transient

ON = {"feature": "lobby", "rules": [{"rollout": 1}]}


async def told(plane: Any, key: str = "lobby") -> list[tuple[str, str]]:
    """The flag's events in the journal, with their actors."""
    entries = await plane.store.entries(subject=f"flag/{key}")
    return [(event["type"], item.entry.actor) for item in entries for event in item.entry.events]


async def test_a_killed_flag_answers_its_safe_variant_and_restoring_undoes_it(plane: Any) -> None:
    await plane.declare(ON)
    assert plane.answer("lobby") == "on"
    killed = await plane.flags.changes.kill("lobby", actor="ben", reason="fire")
    assert (killed.recorded, killed.states[0].killed.reason, plane.answer("lobby")) == (True, "fire", "off")
    again = await plane.flags.changes.kill("lobby", actor="cleo", reason="too")
    assert (again.recorded, again.seq, again.states[0].killed.actor) == (True, None, "ben")
    restored = await plane.flags.changes.restore("lobby", actor="ben")
    assert (restored.states[0].killed, plane.answer("lobby")) == (None, "on")
    assert (await plane.flags.changes.restore("lobby", actor="ben")).seq is None
    assert await told(plane) == [("flag_declared", "anna"), ("flag_killed", "ben"), ("flag_restored", "ben")]
    assert (await plane.store.verify()).ok


async def test_a_kill_needs_a_flag_and_a_reason(plane: Any) -> None:
    await plane.declare(ON)
    with pytest.raises(Rejected, match="needs a reason"):
        await plane.flags.changes.kill("lobby", actor="ben", reason=" ")
    with pytest.raises(Rejected, match="cannot be recorded"):
        await plane.flags.changes.kill("lobby", actor="ben", reason="half of a character: \ud800")
    assert plane.answer("lobby") == "on"
    with pytest.raises(NotFound, match="no flag 'x'"):
        await plane.flags.changes.kill("x", actor="ben", reason="fire")
    await plane.flags.changes.archive("lobby", actor="ben")
    with pytest.raises(NotFound, match="'lobby' is archived"):
        await plane.flags.changes.kill("lobby", actor="ben", reason="fire")


async def test_a_kill_works_while_the_store_is_away_and_is_recorded_later(plane: Any, clock: Any) -> None:
    await plane.declare(ON, {"feature": "other"})
    book, before = plane.flags.book, plane.flags.book.snapshot("production")
    revision, heard = book.revision, book.changed
    plane.down = True
    killed = await plane.flags.changes.kill("lobby", actor="ben", reason="fire")
    assert (killed.recorded, killed.seq, killed.version) == (False, None, before.version)
    assert (plane.answer("lobby"), heard.is_set(), list(book.unrecorded)) == ("off", True, ["lobby"])
    assert book.state("lobby").killed.actor == "ben"
    assert book.recorded("lobby").killed is None
    assert (await plane.flags.changes.kill("lobby", actor="ben", reason="fire")).recorded is False
    # The line goes out without a new version, so that a client takes it and asks for what it misses later.
    delta = book.news("production", revision)
    assert (delta.since, delta.version, len(delta.lines)) == (before.version, before.version, 1)
    client = apply(before, delta)
    assert client.digest == delta.digest == book.snapshot("production").digest
    assert book.since("production", before.version).lines == delta.lines
    with pytest.raises(Transient):
        await plane.flags.changes.restore("lobby", actor="ben")
    with pytest.raises(Transient):
        await plane.flags.changes.kills.settle()

    plane.down = False
    at = clock.now()
    await clock.advance(60)
    revision = book.revision
    await plane.flags.changes.kills.settle()
    assert (list(plane.spool.pending()), list(book.unrecorded)) == ([], [])
    assert await told(plane) == [("flag_declared", "anna"), ("flag_killed", "ben")]
    assert book.recorded("lobby").killed.at == at
    client = apply(client, book.news("production", revision))
    assert client == book.snapshot("production")
    assert (await plane.store.verify()).ok
    await plane.flags.changes.restore("lobby", actor="ben")
    assert plane.answer("lobby") == "on"


async def test_a_restore_records_the_kill_that_waited_first(plane: Any) -> None:
    await plane.declare(ON)
    plane.down = True
    await plane.flags.changes.kill("lobby", actor="ben", reason="fire")
    plane.down = False
    await plane.flags.changes.restore("lobby", actor="cleo")
    assert [kind for kind, _ in await told(plane)] == ["flag_declared", "flag_killed", "flag_restored"]
    assert plane.answer("lobby") == "on"


@pytest.mark.usefixtures("impatient")
async def test_a_store_that_hesitates_is_not_waited_for(plane: Any) -> None:
    await plane.declare(ON)
    stuck = asyncio.Event()
    plane.happenings.once["before commit"] = stuck.wait
    killed = await plane.flags.changes.kill("lobby", actor="ben", reason="fire")
    assert (killed.recorded, plane.answer("lobby"), len(plane.spool.pending())) == (False, "off", 1)
    stuck.set()
    async with asyncio.timeout(120):
        while plane.spool.pending():
            await asyncio.sleep(0.002)
    assert [kind for kind, _ in await told(plane)] == ["flag_declared", "flag_killed"]
    assert plane.flags.book.recorded("lobby").killed is not None


@pytest.mark.usefixtures("impatient")
async def test_who_asked_may_go_away(plane: Any) -> None:
    await plane.declare(ON)
    stuck = asyncio.Event()
    plane.happenings.once["before commit"] = stuck.wait
    asking = asyncio.ensure_future(plane.flags.changes.kill("lobby", actor="ben", reason="fire"))
    async with asyncio.timeout(120):
        while "before commit" not in plane.happenings.names[-1:]:
            await asyncio.sleep(0.001)
        asking.cancel()
        while plane.answer("lobby") != "off":
            await asyncio.sleep(0.002)
        stuck.set()
        while plane.spool.pending():
            await asyncio.sleep(0.002)


async def test_the_next_process_goes_on_with_the_kill(plane: Any, another: Any) -> None:
    await plane.declare(ON)
    plane.down = True
    await plane.flags.changes.kill("lobby", actor="ben", reason="fire")
    heir = await another(spool=plane.spool)
    assert (heir.answer("lobby"), list(heir.flags.book.unrecorded)) == ("off", ["lobby"])
    settling = asyncio.ensure_future(heir.flags.changes.kills.keep_settling())
    async with asyncio.timeout(120):
        while heir.spool.pending():
            await asyncio.sleep(0.002)
    settling.cancel()
    assert (heir.answer("lobby"), await told(heir)) == ("off", [("flag_declared", "anna"), ("flag_killed", "ben")])


@pytest.mark.parametrize("sees_the_journal", [True, False])
async def test_a_kill_that_was_recorded_before_the_crash_is_not_repeated(
    plane: Any, another: Any, sees_the_journal: bool
) -> None:
    """Killed, recorded, crashed before it was forgotten, restored elsewhere: the old kill must not come back."""
    await plane.declare(ON)
    other = await another()
    plane.down = True
    await plane.flags.changes.kill("lobby", actor="ben", reason="fire")
    (intent,) = plane.spool.pending()
    plane.down = False
    await plane.flags.changes.kills.settle()
    plane.spool.add(intent)
    await other.flags.changes.restore("lobby", actor="cleo")
    before = other.flags.book.snapshot("production")
    expected = ["flag_declared", "flag_killed", "flag_restored"]
    if sees_the_journal:
        heir = await another(spool=plane.spool)
    else:
        heir = type(plane)(plane.store, plane.clock, plane.spool)
        await heir.flags.book.refresh()
        heir.down = True
        await heir.flags.changes.kills.resume()
        heir.down = False
        assert heir.answer("lobby") == "off"  # the safe side, until the journal was asked
        expected += ["flag_killed", "flag_restored"]  # what went out is recorded, and then ended
    await heir.flags.changes.kills.settle()
    assert (heir.answer("lobby"), list(heir.spool.pending()), list(heir.flags.book.unrecorded)) == ("on", [], [])
    await other.flags.book.refresh()
    assert heir.flags.book.snapshot("production") == other.flags.book.snapshot("production")
    assert [kind for kind, _ in await told(heir)] == expected
    assert before.lines.keys() == heir.flags.book.snapshot("production").lines.keys()


async def test_a_kill_that_waits_outlives_what_others_record_of_the_flag(plane: Any, another: Any) -> None:
    await plane.declare(ON)
    other = await another()
    plane.down = True
    await plane.flags.changes.kill("lobby", actor="ben", reason="fire")
    before = plane.flags.book.snapshot("production")
    await other.declare({**ON, "description": "changed"})
    assert other.answer("lobby") == "on"
    plane.down = False
    revision = plane.flags.book.revision
    await plane.flags.book.refresh()
    assert (plane.answer("lobby"), list(plane.flags.book.unrecorded)) == ("off", ["lobby"])
    client = apply(before, plane.flags.book.news("production", revision))
    assert client == plane.flags.book.snapshot("production")
    await plane.flags.changes.kills.settle()
    await other.flags.book.refresh()
    assert (plane.answer("lobby"), other.answer("lobby")) == ("off", "off")
    assert plane.flags.book.snapshot("production") == other.flags.book.snapshot("production")


async def test_who_changes_a_flag_is_told_of_the_kill_that_waits(plane: Any) -> None:
    """The store answers again, the kill is not recorded yet: the change must not read as if nobody had killed it."""
    await plane.declare(ON)
    plane.down = True
    await plane.flags.changes.kill("lobby", actor="ben", reason="fire")
    plane.down = False
    kept: list[Any] = []
    changed = await plane.flags.changes.declare(
        [read_flag({**ON, "description": "changed"})], actor="anna", reason="", answer=kept.append
    )
    assert list(plane.flags.book.unrecorded) == ["lobby"]
    for told_of in (changed, *kept):
        (state,) = told_of.states
        assert (state.killed.actor, state.version, state.flag.description) == ("ben", told_of.version, "changed")
    assert plane.flags.book.recorded("lobby").killed is None


@pytest.mark.parametrize("how", ["killed", "archived"])
async def test_a_kill_that_waited_is_recorded_whatever_happened_meanwhile(plane: Any, another: Any, how: str) -> None:
    """Also on an archived flag: kills survive that, and it may be declared again."""
    await plane.declare(ON)
    other = await another()
    plane.down = True
    await plane.flags.changes.kill("lobby", actor="ben", reason="fire")
    if how == "killed":
        await other.flags.changes.kill("lobby", actor="cleo", reason="smoke")
    else:
        await other.flags.changes.archive("lobby", actor="cleo")
    plane.down = False
    await plane.flags.book.refresh()
    assert list(plane.flags.book.unrecorded) == ["lobby"]
    await plane.flags.changes.kills.settle()
    await other.flags.book.refresh()
    assert (list(plane.spool.pending()), list(plane.flags.book.unrecorded)) == ([], [])
    assert plane.flags.book.snapshot("production") == other.flags.book.snapshot("production")
    assert [actor for _, actor in await told(plane)] == ["anna", "cleo", "ben"]
    await other.declare({**ON, "description": "anew"})
    assert (other.answer("lobby"), (await plane.store.verify()).ok) == ("off", True)


async def test_a_kill_that_meets_an_archive_outlives_it(plane: Any, another: Any) -> None:
    await plane.declare(ON)
    other = await another()
    await other.flags.changes.archive("lobby", actor="cleo")
    killed = await plane.flags.changes.kill("lobby", actor="ben", reason="fire")
    assert (killed.recorded, killed.states[0].archived, killed.states[0].killed.actor) == (True, True, "ben")
    await plane.declare(ON)
    assert plane.answer("lobby") == "off"


@pytest.mark.parametrize("lost", [False, True], ids=["asked of both", "an answer lost"])
@pytest.mark.parametrize("restarts", [False, True])
async def test_a_second_kill_stays_where_the_first_was_undone_elsewhere(
    plane: Any, another: Any, clock: Any, lost: bool, restarts: bool
) -> None:
    """The plane is cut off with a kill that is recorded (elsewhere, or unheard) and undone; then comes a second."""
    await plane.declare(ON)
    other = await another()

    async def gone() -> None:
        raise Transient("the answer is lost")

    at = clock.now()
    if lost:
        plane.happenings.once["after commit"] = gone
    else:
        plane.down = True
    assert not (await plane.flags.changes.kill("lobby", actor="anna", reason="one", at=at)).recorded
    plane.down = True
    if not lost:
        assert (await other.flags.changes.kill("lobby", actor="anna", reason="one", at=at)).recorded
    await other.flags.book.refresh()
    await clock.advance(60)
    await other.flags.changes.restore("lobby", actor="boris")
    await clock.advance(60)
    second = await plane.flags.changes.kill("lobby", actor="carla", reason="two")
    assert (second.recorded, plane.answer("lobby"), len(plane.spool.pending())) == (False, "off", 2)
    plane.down = False
    heir = await another(spool=plane.spool) if restarts else plane
    await heir.flags.changes.kills.settle()
    await other.flags.book.refresh()
    assert (heir.answer("lobby"), other.answer("lobby"), list(heir.spool.pending())) == ("off", "off", [])
    assert other.flags.book.recorded("lobby").killed.text == "carla: two"
    assert (await told(heir))[-1] == ("flag_killed", "carla")
    assert heir.flags.book.snapshot("production") == other.flags.book.snapshot("production")
    assert (await heir.store.verify()).ok


async def test_who_restores_a_flag_undoes_the_kills_that_were_decided_before(
    plane: Any, another: Any, clock: Any
) -> None:
    """Also one that the other plane could not hear of: the flag was killed after it, and somebody restored that."""
    await plane.declare(ON)
    other = await another()
    plane.down = True
    await plane.flags.changes.kill("lobby", actor="anna", reason="one")
    await clock.advance(60)
    await other.flags.changes.kill("lobby", actor="carla", reason="two")
    await clock.advance(60)
    await other.flags.changes.restore("lobby", actor="boris")
    plane.down = False
    await plane.flags.changes.kills.settle()
    await other.flags.book.refresh()
    assert (plane.answer("lobby"), other.answer("lobby"), list(plane.spool.pending())) == ("on", "on", [])


async def test_the_next_process_ends_what_a_crash_left_half_ended(plane: Any, another: Any) -> None:
    """The controller recorded what had gone out, and died before it undid it: the flag must not stay killed."""
    await plane.declare(ON)
    await plane.flags.changes.kill("lobby", actor="ben", reason="fire")
    await plane.flags.changes.restore("lobby", actor="cleo")
    plane.spool.add(KillIntent("lobby", "ben", "fire", plane.clock.now()))
    heir = type(plane)(plane.store, plane.clock, plane.spool)
    await heir.flags.book.refresh()
    heir.down = True
    await heir.flags.changes.kills.resume()
    heir.down = False

    async def dies() -> None:
        heir.down = True

    heir.happenings.once["after commit"] = dies
    with pytest.raises(Transient):
        await heir.flags.changes.kills.settle()
    assert (await told(heir))[-1] == ("flag_killed", "croupier")
    last = await another(spool=plane.spool)
    async with asyncio.timeout(120):
        settling = asyncio.create_task(last.flags.changes.kills.keep_settling())
        while last.spool.pending():
            await asyncio.sleep(0)
        settling.cancel()
    assert (await told(heir))[-1] == ("flag_restored", "croupier")
    assert (last.answer("lobby"), list(last.flags.book.unrecorded)) == ("on", [])


async def test_a_kill_that_waits_for_a_flag_that_is_no_more_is_forgotten(plane: Any, clock: Any) -> None:
    """An older database was restored, which does not know the flag."""
    plane.spool.add(KillIntent("gone", "anna", "one", clock.now()))
    await plane.flags.changes.kills.settle()
    assert list(plane.spool.pending()) == []


async def test_a_kill_that_is_recorded_and_undone_and_never_went_out_here_just_ends(plane: Any, clock: Any) -> None:
    await plane.declare(ON)
    at = clock.now()
    await plane.flags.changes.kill("lobby", actor="anna", reason="one", at=at)
    await plane.flags.changes.restore("lobby", actor="boris")
    before = await told(plane)
    plane.spool.add(KillIntent("lobby", "anna", "one", at))
    await plane.flags.changes.kills.settle()
    assert (await told(plane), plane.answer("lobby"), list(plane.spool.pending())) == (before, "on", [])


async def test_a_kill_that_another_plane_records_at_the_same_moment_is_recorded_once(
    plane: Any, another: Any, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await plane.declare(ON)
    other, at = await another(), clock.now()
    plane.spool.add(KillIntent("lobby", "anna", "one", at))
    refresh = FlagBook.refresh

    async def beside(book: FlagBook) -> None:
        if book is plane.flags.book:
            await other.flags.changes.kill("lobby", actor="anna", reason="one", at=at)
        await refresh(book)

    monkeypatch.setattr(FlagBook, "refresh", beside)
    await plane.flags.changes.kills.settle()
    assert [kind for kind, _ in await told(plane)].count("flag_killed") == 1
    assert list(plane.spool.pending()) == []


async def test_a_kill_while_another_is_ended_stays(plane: Any, another: Any, clock: Any) -> None:
    """The controller records again what went out and was undone since, and undoes it; another kill comes between."""
    await plane.declare(ON)
    other, at = await another(), clock.now()
    plane.down = True
    for each in (plane, other):
        await each.flags.changes.kill("lobby", actor="anna", reason="one", at=at)
    await other.flags.changes.restore("lobby", actor="boris")
    plane.down = False

    async def killed_elsewhere() -> None:
        await other.flags.book.refresh()
        assert (await other.flags.changes.kill("lobby", actor="carla", reason="two")).seq is not None

    plane.happenings.once["after commit"] = killed_elsewhere
    await plane.flags.changes.kills.settle()
    await other.flags.book.refresh()
    assert (plane.answer("lobby"), other.answer("lobby")) == ("off", "off")
    assert other.flags.book.recorded("lobby").killed.text == "carla: two"


async def test_of_very_many_kills_the_first_and_the_newest_wait(plane: Any, clock: Any) -> None:
    await plane.declare(ON)
    plane.down = True
    for number in range(40):
        await plane.flags.changes.kill("lobby", actor="ben", reason=str(number))
    assert [intent.reason for intent in plane.spool.pending()] == [*map(str, range(15)), "39"]


async def test_what_went_out_on_top_of_a_kill_is_recorded_after_a_restart(plane: Any, another: Any) -> None:
    """Clients have it under the next version, so that version is made."""
    await plane.declare(ON)
    await plane.flags.changes.kill("lobby", actor="anna", reason="one")
    plane.down = True
    await plane.flags.changes.kill("lobby", actor="carla", reason="two")
    line = plane.flags.book.snapshot("production").lines["lobby"]
    heir = await another(spool=plane.spool)
    await heir.flags.changes.kills.settle()
    assert heir.flags.book.snapshot("production").lines["lobby"] == line


async def test_two_kill_at_once(plane: Any, another: Any) -> None:
    await plane.declare(ON, {"feature": "other"})
    rival = await another()

    async def rivals() -> None:
        await rival.flags.changes.kill("other", actor="cleo", reason="x")

    plane.happenings.once["before commit"] = rivals
    assert (await plane.flags.changes.kill("lobby", actor="ben", reason="fire")).recorded
    assert {state.key for state in plane.flags.book.states() if state.killed} == {"lobby", "other"}
    assert plane.flags.book.version == 3


@pytest.mark.usefixtures("impatient")
async def test_somebody_else_was_faster_while_the_store_hesitated(plane: Any, another: Any) -> None:
    await plane.declare(ON)
    other, stuck = await another(), asyncio.Event()

    async def killed_by_another() -> None:
        await other.flags.changes.kill("lobby", actor="cleo", reason="smoke")
        await plane.flags.book.refresh()
        await stuck.wait()

    plane.happenings.once["before commit"] = killed_by_another
    killed = await plane.flags.changes.kill("lobby", actor="ben", reason="fire")
    assert (killed.recorded, killed.states[0].killed.actor) == (True, "cleo")
    stuck.set()
    await plane.flags.changes.kills.settle()
    assert list(plane.spool.pending()) == []


@pytest.mark.parametrize("trouble", [Corrupt("damaged"), Conflict("contended"), RuntimeError("odd")])
async def test_whatever_is_wrong_with_the_store_the_kill_is_in_force(plane: Any, trouble: Exception) -> None:
    await plane.declare(ON)

    async def refuse() -> None:
        raise trouble

    plane.happenings.once["before commit"] = refuse
    killed = await plane.flags.changes.kill("lobby", actor="ben", reason="fire")
    assert (killed.recorded, plane.answer("lobby")) == (False, "off")
    await plane.flags.changes.kills.settle()
    assert list(plane.flags.book.unrecorded) == []


@pytest.mark.usefixtures("impatient")
async def test_a_late_record_that_fails_is_told(plane: Any, caplog: pytest.LogCaptureFixture) -> None:
    await plane.declare(ON)
    stuck = asyncio.Event()

    async def fail_late() -> None:
        await stuck.wait()
        raise Transient("gone at last")

    plane.happenings.once["before commit"] = fail_late
    assert not (await plane.flags.changes.kill("lobby", actor="ben", reason="fire")).recorded
    stuck.set()
    async with asyncio.timeout(120):
        while "still waits for its record: gone at last" not in caplog.text:
            await asyncio.sleep(0.002)
    assert len(plane.spool.pending()) == 1


async def test_a_flag_that_is_archived_meanwhile_is_gone_anyway(plane: Any, another: Any) -> None:
    await plane.declare(ON)
    other = await another()
    plane.happenings.once["before commit"] = lambda: other.flags.changes.archive("lobby", actor="cleo")
    gone = await plane.flags.changes.kill("lobby", actor="ben", reason="fire")
    assert gone.states[0].archived


async def test_a_kill_stands_over_one_that_another_plane_undid_a_moment_ago(plane: Any, another: Any) -> None:
    await plane.declare(ON)
    other = await another()
    await plane.flags.changes.kill("lobby", actor="ben", reason="fire")
    await other.flags.changes.restore("lobby", actor="cleo")
    again = await plane.flags.changes.kill("lobby", actor="ben", reason="again")
    assert (again.recorded, again.states[0].killed.reason, plane.answer("lobby")) == (True, "again", "off")


async def test_a_kill_stands_where_nobody_knows_whether_another_plane_undid_the_last(plane: Any, another: Any) -> None:
    await plane.declare(ON)
    other = await another()
    await plane.flags.changes.kill("lobby", actor="ben", reason="fire")
    await other.flags.changes.restore("lobby", actor="cleo")
    plane.down = True
    again = await plane.flags.changes.kill("lobby", actor="ben", reason="again")
    assert (again.recorded, plane.answer("lobby")) == (False, "off")
    plane.down = False
    await plane.flags.book.refresh()
    assert plane.answer("lobby") == "off"
    await plane.flags.changes.kills.settle()
    await other.flags.book.refresh()
    assert (plane.answer("lobby"), other.answer("lobby")) == ("off", "off")
    assert plane.flags.book.snapshot("production") == other.flags.book.snapshot("production")


async def test_a_person_s_kill_outlives_what_killed_the_flag_by_declaration(plane: Any) -> None:
    await plane.declare({**ON, "kill_switch": True})
    killed = await plane.flags.changes.kill("lobby", actor="ben", reason="fire")
    assert killed.seq is not None
    await plane.declare(ON)
    assert (plane.answer("lobby"), plane.flags.book.state("lobby").killed.actor) == ("off", "ben")
    plane.down = True
    await plane.flags.changes.kill("lobby", actor="cleo", reason="too")
    assert list(plane.flags.book.unrecorded) == ["lobby"]


async def test_who_restores_is_told_what_keeps_the_flag_killed(plane: Any) -> None:
    await plane.declare({**ON, "kill_switch": True})
    await plane.flags.changes.kill("lobby", actor="ben", reason="fire")
    [still] = (await plane.flags.changes.restore("lobby", actor="cleo")).warnings
    assert still.hint == "Declare it with kill_switch: false, or restore it once more."
    assert plane.answer("lobby") == "off"


async def test_settling_goes_on_through_trouble(plane: Any, clock: Any, caplog: pytest.LogCaptureFixture) -> None:
    await plane.declare(ON)
    plane.down = True
    await plane.flags.changes.kill("lobby", actor="ben", reason="fire")

    async def odd() -> None:
        raise RuntimeError("odd")

    settling = asyncio.ensure_future(plane.flags.changes.kills.keep_settling())
    async with asyncio.timeout(120):
        while "still wait" not in caplog.text:
            await asyncio.sleep(0.002)
        plane.down = False
        plane.happenings.once["before flags"] = odd
        await clock.advance(1)
        while "could not be recorded" not in caplog.text:
            await asyncio.sleep(0.002)
        await clock.advance(1)
        while plane.spool.pending():
            await asyncio.sleep(0.002)
    settling.cancel()
    assert [kind for kind, _ in await told(plane)] == ["flag_declared", "flag_killed"]


async def test_a_rollouts_kill_is_one_kill_however_often_it_is_asked(plane: Any, clock: Any) -> None:
    await plane.declare(ON, {"feature": "old"})
    await plane.flags.changes.archive("old", actor="ben")
    kills, ask = (
        plane.flags.changes.kills,
        {"actor": "rollout/shop-2", "reason": "psp=k fails alone", "at": clock.now()},
    )
    await kills.turn_off("lobby", **ask)
    await kills.turn_off("lobby", **ask)
    assert plane.answer("lobby") == "off"
    await plane.flags.changes.restore("lobby", actor="ben", reason="it was not that")
    await kills.turn_off("lobby", **ask)
    assert plane.answer("lobby") == "on", "what a person undid is not done again"
    assert [what for what, _ in await told(plane)] == ["flag_declared", "flag_killed", "flag_restored"]
    with pytest.raises(NotFound, match="no flag 'x'"):
        await kills.turn_off("x", **ask)
    assert list(kills.names()) == ["lobby"]


async def test_a_rollouts_kill_needs_no_store(plane: Any, clock: Any) -> None:
    await plane.declare(ON)
    plane.down = True
    await plane.flags.changes.kills.turn_off("lobby", actor="rollout/shop-2", reason="fire", at=clock.now())
    assert plane.answer("lobby") == "off"
    plane.down = False
    await plane.flags.changes.kills.settle()
    assert await told(plane) == [("flag_declared", "anna"), ("flag_killed", "rollout/shop-2")]


async def test_a_kill_that_another_plane_recorded_a_moment_ago_is_not_recorded_twice(plane: Any, another: Any) -> None:
    await plane.declare(ON)
    other = await another()
    await other.flags.changes.kill("lobby", actor="carla", reason="two")
    killed = await plane.flags.changes.kill("lobby", actor="anna", reason="one")
    assert (killed.recorded, killed.states[0].killed.actor, plane.answer("lobby")) == (True, "carla", "off")
    assert await told(plane) == [("flag_declared", "anna"), ("flag_killed", "carla")]
