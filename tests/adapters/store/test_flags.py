"""What every store must do with flags and presets. Run on SQLite and on a real PostgreSQL."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from croupier.adapters.store.sql import SqlStore, open_store
from croupier.control.ports import Commit, Document, Stored
from croupier.core.flags import events as e
from croupier.core.flags.preset import Application, Approval, Before, PresetState, read_preset, write_preset
from croupier.core.flags.read import read_flag
from croupier.core.flags.state import FlagState
from croupier.core.flags.write import digest_of, write_flag
from croupier.core.journal.entry import Entry
from croupier.core.journal.flags import fold, written
from croupier.core.segments import AttributeMatch, Segment
from croupier.errors import Conflict, Corrupt, Rejected

RULES = [{"if": "market in ['DE','SE']", "rollout": 0.25}]


def declared(key: str = "lobby", **more: Any) -> e.FlagDeclared:
    source = write_flag(read_flag({"feature": key, "rules": RULES, "expires_at": 1_800_000_000, **more}))
    return e.FlagDeclared(source, digest_of(source))


def change(
    version: int, *happened: tuple[FlagState | None, e.FlagEvent], at: float = 5.25, actor: str = "anna"
) -> Commit:
    """The commit of these events, each of another flag, under the next version."""
    states: list[FlagState] = []
    entries: list[Entry] = []
    for before, event in happened:
        state = fold(before, event, version=version + 1, actor=actor, at=at)
        states.append(state)
        data = written(event, version=version + 1, at=at)
        entries.append(Entry(at, actor, "change", f"flag/{state.key}", (data,), "because"))
    return Commit(tuple(entries), at, flags=tuple(states), ruleset=version)


def segment_document(name: str, *values: str) -> Document:
    return Document("Segment", name, f"sha256:{values}", Segment(name, (AttributeMatch("tier", values),)), {})


def applying(document: Document, version: int) -> Commit:
    entry = Entry(1.0, "anna", "apply", f"document/Segment/{document.name}", ({"type": "document_applied"},))
    return Commit((entry,), 1.0, documents=(Stored(document, version),))


async def states(store: SqlStore, after: int = -1) -> Sequence[FlagState]:
    return (await store.flags(after)).states


async def test_an_empty_store_has_a_lineage_of_its_own_and_no_flags(store: SqlStore) -> None:
    record = await store.flags()
    assert record.lineage
    assert (record.version, [*record.states], [*record.segments]) == (0, [], [])
    assert [*await store.presets()] == []
    other = await open_store("sqlite:///:memory:")
    try:
        assert (await other.flags()).lineage != record.lineage
    finally:
        await other.close()


async def test_a_flag_comes_back_as_it_was_written_whatever_happened_to_it(store: SqlStore) -> None:
    variants, rules = {"off": 0, "a": 1.5}, [{"variants": {"a": 3, "off": 1}, "name": "ü"}]
    first = declared(variants=variants, environments={"test": {"enabled": False, "rules": []}}, rules=rules)
    await store.commit(change(0, (None, first)))
    (state,) = await states(store)
    assert state == fold(None, first, version=1, actor="anna", at=5.25)
    story: tuple[e.FlagEvent, ...] = (
        e.FlagKilled("fire"),
        e.FlagRestored(),
        e.FlagWarned(9.0),
        e.FlagReverted(),
        e.FlagRenewed(2_000_000_000.5),
        declared(rules=[{"rollout": 1}]),
        e.FlagArchived(),
    )
    for number, event in enumerate(story, 1):
        await store.commit(change(number, (state, event), actor="ben"))
        after = fold(state, event, version=number + 1, actor="ben", at=5.25)
        (state,) = await states(store)
        assert state == after, event
    verification = await store.verify()
    assert (verification.discrepancies, verification.flags) == ((), 1)


async def test_each_commit_makes_one_version_and_readers_get_what_is_newer(store: SqlStore) -> None:
    await store.commit(change(0, (None, declared("b")), (None, declared("a"))))
    one, two = await states(store)
    assert [one.key, two.key] == ["a", "b"]
    await store.commit(change(1, (two, e.FlagKilled("x"))))
    record = await store.flags(after=1)
    assert (record.version, [(state.key, state.version) for state in record.states]) == (2, [("b", 2)])
    assert [state.key for state in await states(store)] == ["a", "b"]
    assert [*await states(store, after=2)] == []


async def test_who_decided_on_an_older_version_is_refused_and_nothing_is_recorded(store: SqlStore) -> None:
    await store.commit(change(0, (None, declared())))
    head = await store.head()
    with pytest.raises(Conflict, match="flags are at version 1, not at 0"):
        await store.commit(change(0, (None, declared("other"))))
    whole = change(1, (None, declared("other")))
    with pytest.raises(Rejected, match="to be written under version 2, not 2"):
        await store.commit(replace(whole, ruleset=None))
    with pytest.raises(Rejected, match="to be written under version 2, not 5"):
        await store.commit(replace(whole, flags=(replace(whole.flags[0], version=5),)))
    with pytest.raises(Rejected, match="other changes without an entry of its own"):
        await store.commit(replace(whole, entries=change(1, (None, declared())).entries))
    assert (await store.head(), len(await states(store)), (await store.flags()).version) == (head, 1, 1)


async def test_a_segment_makes_a_version_too(store: SqlStore) -> None:
    await store.commit(applying(segment_document("vip", "gold"), 0))
    await store.commit(change(1, (None, declared())))
    record = await store.flags()
    assert record.version == 2
    assert [(segment.name, version) for segment, version in record.segments] == [("vip", 1)]
    await store.commit(applying(segment_document("vip", "gold", "black"), 1))
    record = await store.flags(after=2)
    assert (record.version, [*record.states]) == (3, [])
    assert record.segments == [(Segment("vip", (AttributeMatch("tier", ("gold", "black")),)), 3)]
    assert (await store.verify()).ok


async def test_presets_have_versions_and_are_checked_with_the_record(store: SqlStore) -> None:
    preset = read_preset({"name": "old-button", "changes": [{"flag": "lobby", "kill": True}]})
    source = write_preset(preset)
    state = PresetState(preset, source, digest_of(source), "anna", 1.0)
    entry = Entry(1.0, "anna", "prepare", "preset/old-button", ({"type": "preset_put"},))
    await store.commit(Commit((entry,), 1.0, presets=(Stored(state, 0),)))
    assert [*await store.presets()] == [Stored(state, 1)]
    before = (Before("lobby", declared().source, "sha256:1", "sha256:2"),)
    later = replace(
        state,
        approval=Approval("ben", 2.0, state.digest),
        applied=Application("cleo", 3.0, "fire", 3, state.digest, before),
    )
    await store.commit(Commit((entry,), 3.0, presets=(Stored(later, 1),)))
    assert [*await store.presets()] == [Stored(later, 2)]
    with pytest.raises(Conflict, match="preset old-button is at version 2, not at 1"):
        await store.commit(Commit((entry,), 3.0, presets=(Stored(later, 1),)))
    assert (await store.verify()).ok


@pytest.mark.parametrize(
    "statement, place",
    [
        ("UPDATE flags SET state = replace(state, '0.25', '0.75') WHERE key = 'a'", "flag a"),
        ("UPDATE flags SET state = '{}' WHERE key = 'a'", "flag a"),
        ("UPDATE flags SET state = replace(state, 'rollout', 'rolled') WHERE key = 'a'", "flag a"),
        ("UPDATE flags SET version = 7 WHERE key = 'a'", "flag a"),
        ("DELETE FROM flags WHERE key = 'a'", "flag a"),
        ("UPDATE flags SET key = 'c' WHERE key = 'a'", "flag c"),
        ("UPDATE ruleset SET version = 9", "ruleset 1"),
        ("UPDATE ruleset SET lineage = 'x'", "ruleset 1"),
    ],
)
async def test_flags_changed_by_hand_are_found(store: SqlStore, statement: str, place: str) -> None:
    await store.commit(change(0, (None, declared("a")), (None, declared("b"))))
    assert (await store.verify()).ok
    async with store._database.engine.begin() as connection:
        await connection.execute(text(statement))
    assert place in {found.place for found in (await store.verify()).discrepancies}


async def test_a_damaged_flag_is_named(store: SqlStore) -> None:
    await store.commit(change(0, (None, declared("a"))))
    async with store._database.engine.begin() as connection:
        await connection.execute(text("UPDATE flags SET state = replace(state, 'rollout', 'rolled')"))
    with pytest.raises(Corrupt, match="stored declaration of flag a cannot be read"):
        await store.flags()


async def test_many_flags_in_one_commit(store: SqlStore) -> None:
    """More than fit one statement or one page."""
    happened = [(None, declared(f"flag-{number:04}")) for number in range(1_201)]
    seqs = await store.commit(change(0, *happened))
    assert [*seqs] == [*range(1_201)]
    assert [state.key for state in await states(store)] == [f"flag-{number:04}" for number in range(1_201)]
    assert {state.version for state in await states(store)} == {1}
    verification = await store.verify()
    assert (verification.discrepancies, verification.flags) == ((), 1_201)
