"""All flags of a process: what clients get whole, what they get as news, and how the book follows the record."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import text

from croupier.control.flags import steps
from croupier.control.ports import Commit, Document, FlagRecord, Stored
from croupier.core.flags.snapshot import Snapshot, apply, decode, encode
from croupier.core.journal.entry import Entry
from croupier.core.segments import AttributeMatch, Segment
from croupier.errors import NotFound

ON = {"feature": "lobby", "rules": [{"rollout": 1}]}


async def test_each_environment_has_its_own_lines(plane: Any, another: Any) -> None:
    both = await another(environments=("production", "test"))
    await both.declare({**ON, "environments": {"test": {"enabled": False}}})
    assert (both.answer("lobby"), both.answer("lobby", "test")) == ("on", "off")
    assert both.flags.book.environments == ("production", "test")
    assert both.flags.book.snapshot("test") is both.flags.book.snapshot("test")
    with pytest.raises(NotFound, match=r"no environment 'moon'.*There are: production, test"):
        both.flags.book.snapshot("moon")


async def test_a_client_that_follows_has_what_one_that_fetches_has(plane: Any) -> None:
    book = plane.flags.book
    client, start = book.snapshot("production"), book.snapshot("production")
    heard = book.revision
    await plane.declare(ON, {"feature": "other"})
    await plane.flags.changes.kill("lobby", actor="anna", reason="x")
    client = apply(client, book.news("production", heard))
    heard = book.revision
    await plane.flags.changes.archive("other", actor="anna")
    delta = book.news("production", heard)
    assert (delta.since, delta.version, delta.at) == (2, 3, plane.clock.now())
    client = apply(client, delta)
    assert client == book.snapshot("production") == decode(encode(book.snapshot("production")))
    assert apply(start, book.since("production", 0)) == client
    assert book.since("production", 0) is book.since("production", 0)
    assert apply(client, book.since("production", 3)) == client
    assert book.news("production", book.revision).lines == ()
    await plane.declare({"feature": "other"})
    assert apply(client, book.since("production", 3)) == book.snapshot("production")


async def test_who_is_ahead_or_too_far_behind_fetches_the_whole(
    plane: Any, another: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "MOST_KEYS", 8)
    book = plane.flags.book
    assert book.since("production", 1) is None
    assert book.news("production", book.revision + 1) is None
    begun = book.revision
    for number in range(6):
        await plane.declare({"feature": f"flag-{number}"})
    assert (book.since("production", 0), book.news("production", begun)) == (None, None)
    assert book.since("production", 5).lines == (f"flag-5\t{book.snapshot('production').lines['flag-5']}",)
    assert (book.committed_at(1), book.newer_since(6), book.newer_since(5)) == (None, None, plane.clock.now())
    late = (await another()).flags.book
    assert (late.since("production", 5), late.since("production", 6).lines) == (None, ())


async def test_what_is_large_is_fetched_whole(plane: Any) -> None:
    words = [{"if": f"market in ['{'x' * 4_000}']"} for _ in range(20)]
    await plane.declare(*({"feature": f"flag-{number}", "rules": words} for number in range(5)))
    assert plane.flags.book.since("production", 0) is None


async def test_segments_are_lines_too(plane: Any, another: Any) -> None:
    document = Document("Segment", "vip", "sha256:1", Segment("vip", (AttributeMatch("tier", ("gold",)),)), {})
    entry = Entry(1.0, "anna", "apply", "document/Segment/vip", ({"type": "document_applied"},))
    await plane.store.commit(Commit((entry,), 1.0, documents=(Stored(document, 0),)))
    before = plane.flags.book.snapshot("production")
    await plane.flags.book.refresh()
    assert plane.flags.book.segments == {"vip"}
    assert apply(before, plane.flags.book.since("production", 0)) == plane.flags.book.snapshot("production")
    assert (await another()).flags.book.snapshot("production") == plane.flags.book.snapshot("production")


async def test_the_book_follows_what_others_record(plane: Any, another: Any, caplog: pytest.LogCaptureFixture) -> None:
    other = await another()
    following = asyncio.ensure_future(plane.flags.run(plane.store))
    try:
        async with asyncio.timeout(120):
            await asyncio.sleep(0)
            heard = plane.flags.book.changed
            await other.declare(ON)
            await heard.wait()
            assert plane.answer("lobby") == "on"

            plane.down = True
            await other.flags.changes.kill("lobby", actor="anna", reason="x")
            while "could not be read: the database does not answer" not in caplog.text:
                await asyncio.sleep(0.002)
            plane.down = False

            async def odd() -> None:
                raise RuntimeError("odd")

            plane.happenings.once["before flags"] = odd
            await plane.clock.advance(1)
            while caplog.text.count("flags could not be read") < 2:
                await asyncio.sleep(0.002)
            await plane.clock.advance(1)
            while plane.answer("lobby") != "off":
                await asyncio.sleep(0.002)
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following


async def test_own_commits_are_taken_in_only_where_nothing_lies_between(plane: Any, another: Any) -> None:
    other = await another()
    await other.declare({"feature": "other"})
    plane.happenings.once["after commit"] = lambda: other.declare({"feature": "third"})
    await plane.declare(ON)
    await other.flags.book.refresh()
    await plane.flags.book.refresh()
    assert plane.flags.book.snapshot("production") == other.flags.book.snapshot("production")
    assert [*plane.flags.book.snapshot("production").lines] == ["other", "lobby", "third"]
    revision = plane.flags.book.revision
    await plane.flags.book.take(FlagRecord(plane.flags.book.lineage, 1))
    assert plane.flags.book.revision == revision


async def test_a_record_that_is_another_one_is_read_anew(plane: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A database was brought back from a backup: versions and what clients know of them mean nothing any more."""
    await plane.declare(ON, {"feature": "other"})
    await plane.flags.changes.kill("lobby", actor="anna", reason="x")
    book = plane.flags.book
    client, revision = book.snapshot("production"), book.revision
    async with plane.store._database.engine.begin() as connection:
        await connection.execute(text("UPDATE ruleset SET lineage = 'another', version = 1"))
        await connection.execute(text("DELETE FROM flags WHERE key = 'lobby'"))
    await book.refresh()
    assert "went back" in caplog.text
    assert (book.lineage, book.version, [*book.snapshot("production").lines]) == ("another", 1, ["other"])
    assert (book.news("production", revision), book.since("production", 0)) == (None, None)
    assert isinstance(client, Snapshot)
    assert client.lineage != book.lineage


async def test_a_kill_that_waits_is_in_force_over_another_record(plane: Any) -> None:
    await plane.declare(ON, {"feature": "gone"})
    plane.down = True
    for key in ("lobby", "gone"):
        await plane.flags.changes.kill(key, actor="anna", reason="x")
    plane.down = False
    assert {state.key for state in plane.flags.book.states() if state.killed} == {"lobby", "gone"}
    async with plane.store._database.engine.begin() as connection:
        await connection.execute(text("UPDATE ruleset SET lineage = 'another'"))
        await connection.execute(text("DELETE FROM flags WHERE key = 'gone'"))
    await plane.flags.book.refresh()
    assert list(plane.flags.book.unrecorded) == ["lobby"]
    assert plane.answer("lobby") == "off"


async def test_many_flags_leave_others_their_turn(plane: Any, another: Any) -> None:
    await plane.declare(*({"feature": f"flag-{number}"} for number in range(1_200)))
    other = await another()
    assert len(other.flags.book.snapshot("production").lines) == 1_200
    assert other.flags.book.snapshot("production") == plane.flags.book.snapshot("production")


async def test_flags_come_by_key_however_they_came(plane: Any) -> None:
    book = plane.flags.book
    await plane.declare(*({"feature": key} for key in ("d", "b")))
    await plane.declare({"feature": "c"}, {"feature": "a"})
    await plane.declare({"feature": "b", "default": "on"})
    await plane.flags.changes.archive("c", actor="anna")
    assert [(state.key, state.archived) for state in book.by_key()] == [
        ("a", False),
        ("b", False),
        ("c", True),
        ("d", False),
    ]
    assert [state.key for state in book.by_key("bb")] == [state.key for state in book.by_key("b")] == ["c", "d"]
    assert not [*book.by_key("d")]
    plane.down = True
    await plane.flags.changes.kill("b", actor="ben", reason="fire")
    assert [state.key for state in book.by_key() if state.killed] == ["b"]
