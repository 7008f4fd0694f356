"""The database refuses changes to the record; whoever takes the triggers away is found out, and where."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from croupier.adapters.store.sql import SqlStore
from croupier.control.ports import Document, ServiceState, Stored, Token
from croupier.core.releases import ProcessTemplate, Release, Service
from croupier.core.rollout import events as e
from croupier.errors import Corrupt

Sql = Callable[[str], Any]


@pytest.fixture
def raw(store: SqlStore) -> Sql:
    """Runs a statement as somebody with full rights on the database would."""

    async def run(statement: str) -> None:
        async with store._database.engine.begin() as connection:
            await connection.execute(text(statement))

    return run


@pytest.fixture
async def record(store: SqlStore, story: Any) -> None:
    """Ten entries: two rollouts and some notes."""
    for number in range(2):
        await store.commit(story.beginning(f"payments-{number}"))
        stored = await story.read(store, f"payments-{number}")
        await store.commit(story.change(stored, e.StepStarted(0, 2.0), e.WeightConfirmed(500, 3.0)))
    for number in range(6):
        await store.commit(story.note(f"release/payments/1.{number}.0"))


async def drop_triggers(store: SqlStore, raw: Sql) -> None:
    if store._database.sqlite:
        for name in ("journal_no_update", "journal_no_delete", "journal_nodes_no_update", "journal_nodes_no_delete"):
            await raw(f"DROP TRIGGER {name}")
    else:
        for table in ("journal", "journal_nodes"):
            await raw(f"DROP TRIGGER {table}_append_only ON {table}")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal SET actor = 'mallory' WHERE seq = 3",
        "DELETE FROM journal WHERE seq = 9",
        "DELETE FROM journal",
        "UPDATE journal_nodes SET hash = hash WHERE level = 0",
        "DELETE FROM journal_nodes",
        "INSERT INTO journal SELECT seq + 20, at, actor, action, subject, reason, body FROM journal WHERE seq = 3",
        "INSERT INTO journal SELECT seq, at, 'x', action, subject, reason, body FROM journal WHERE seq = 3",
        "INSERT INTO journal_nodes SELECT last_leaf, level, hash FROM journal_nodes WHERE last_leaf = 3",
    ],
)
async def test_the_database_refuses_changes_to_the_record(
    store: SqlStore, record: None, raw: Sql, statement: str
) -> None:
    with pytest.raises(DBAPIError):
        await raw(statement)
    assert (await store.verify()).ok


async def test_ways_around_are_refused_too(store: SqlStore, record: None, raw: Sql) -> None:
    row = "seq, at, 'mallory', action, subject, reason, body FROM journal WHERE seq = 3"
    if store._database.sqlite:
        statements = [
            f"INSERT OR REPLACE INTO journal SELECT {row}",
            "REPLACE INTO journal_nodes SELECT last_leaf, level, zeroblob(32) FROM journal_nodes",
        ]
    else:
        statements = [
            "TRUNCATE journal",
            "TRUNCATE journal_nodes, journal",
            f"INSERT INTO journal SELECT {row} ON CONFLICT (seq) DO UPDATE SET actor = 'mallory'",
        ]
    for statement in statements:
        with pytest.raises(DBAPIError, match="only grows"):
            await raw(statement)
    assert (await store.verify()).ok


@pytest.mark.parametrize(
    "statement, places",
    [
        ("UPDATE journal SET actor = 'mallory' WHERE seq = 3", {"entry 3"}),
        ("UPDATE journal SET at = at + 1 WHERE seq = 3", {"entry 3"}),
        ("UPDATE journal SET subject = 'rollout/payments-0' WHERE seq = 6", {"entry 6"}),
        ("UPDATE journal SET subject = 'x' WHERE seq = 3", {"entry 3", "rollout payments-1"}),
        ("UPDATE journal SET body = (SELECT body FROM journal WHERE seq = 5) WHERE seq = 6", {"entry 6", "root"}),
        ("DELETE FROM journal WHERE seq = 9", {"node 0/9", "head", "root"}),
        ("DELETE FROM journal WHERE seq = 4", {"entry 5", "head", "root"}),
        ("DELETE FROM journal_nodes WHERE last_leaf = 3 AND level = 2", {"node 2/0"}),
        (
            "UPDATE journal_nodes SET level = 9 WHERE last_leaf = 3 AND level = 2",
            {"node 2/0", "node of level 9 at leaf 3"},
        ),
        ("UPDATE journal_nodes SET last_leaf = 99 WHERE last_leaf = 8", {"entry 8", "node 0/8", "node 0/99"}),
    ],
)
async def test_tampering_without_triggers_is_found_at_its_place(
    store: SqlStore, record: None, raw: Sql, statement: str, places: set[str]
) -> None:
    await drop_triggers(store, raw)
    await raw(statement)
    found = [item.place for item in (await store.verify()).discrepancies]
    assert places <= set(found)
    assert found[0] in places, "the first place named is the right one"


async def test_bytes_that_are_no_entry_are_found(store: SqlStore, record: None, raw: Sql) -> None:
    await drop_triggers(store, raw)
    await raw(f"UPDATE journal SET body = {as_bytes(store, chr(0))} WHERE seq = 3")  # noqa: S608 -- the test's own words
    assert "entry 3" in {item.place for item in (await store.verify()).discrepancies}
    with pytest.raises(Corrupt, match="journal 3 cannot be read"):
        await store.entries()


@pytest.mark.parametrize(
    "statement, place",
    [
        ("UPDATE rollouts SET phase = 'paused' WHERE id = 'payments-0'", "rollout payments-0"),
        ("UPDATE rollouts SET active = NOT active WHERE id = 'payments-0'", "rollout payments-0"),
        ("UPDATE rollouts SET state = replace(state, '500', '9000') WHERE id = 'payments-1'", "rollout payments-1"),
        ("UPDATE rollouts SET state = 'nonsense' WHERE id = 'payments-1'", "rollout payments-1"),
        ("DELETE FROM rollouts WHERE id = 'payments-1'", "rollout payments-1"),
        ("UPDATE journal_head SET size = 9", "head"),
        ("UPDATE journal_head SET root = (SELECT hash FROM journal_nodes WHERE last_leaf = 1 AND level = 0)", "root"),
    ],
)
async def test_states_and_heads_changed_by_hand_are_found(
    store: SqlStore, record: None, raw: Sql, statement: str, place: str
) -> None:
    await raw(statement)
    assert place in {item.place for item in (await store.verify()).discrepancies}


@pytest.fixture
async def declared(store: SqlStore, story: Any) -> None:
    """Everything that is recorded and is no rollout: a service with its document, a release, two tokens."""
    shop = Service("shop", ("/shop",), ProcessTemplate(("shop", "{port}")))
    document = Document("Service", "shop", "sha256:0", shop, {"kind": "Service"})
    release = Release("shop", "1.0.0", shop.process, "sha256:1")
    valid, revoked = (Token(name, name, "viewer", name[0] * 64, 1.0) for name in ("anna", "bert"))
    await store.commit(
        replace(
            story.note("document/Service/shop"),
            services=(Stored(ServiceState("shop"), 0),),
            documents=(Stored(document, 0),),
            releases=(release,),
            tokens=(valid, revoked),
        )
    )
    change = replace(story.note("token/bert"), tokens=(replace(revoked, revoked_at=2.0),))
    again = replace(story.note("x"), documents=(Stored(document, 1),), releases=(release,))
    await store.commit(change)
    await store.commit(again)
    assert (await store.verify()).ok


@pytest.mark.parametrize(
    "statement, where",
    [
        ("UPDATE documents SET document = replace(document, '/shop', '/')", "document Service/shop"),
        ("UPDATE documents SET version = 9007199254740993", "document Service/shop"),
        ("UPDATE documents SET name = 'other'", "document Service/other"),
        ("DELETE FROM documents", "document Service/shop"),
        ("UPDATE releases SET release = replace(release, 'shop', 'mine')", "release shop/1.0.0"),
        ("UPDATE releases SET digest = 'sha256:2'", "release shop/1.0.0"),
        ("INSERT INTO releases SELECT service, '6.6.6', digest, seq, release FROM releases", "release shop/6.6.6"),
        ("UPDATE services SET state = replace(state, 'null', '\"6.6.6\"')", "service shop"),
        ("UPDATE tokens SET role = 'admin' WHERE id = 'anna'", "token anna"),
        ("UPDATE tokens SET revoked_at = NULL WHERE id = 'bert'", "token bert"),
        ("DELETE FROM tokens WHERE id = 'anna'", "token anna"),
        ("INSERT INTO tokens (id, name, role, sha256, created_at) VALUES ('x', 'x', 'admin', 'x', 1)", "token x"),
    ],
)
async def test_rows_changed_by_hand_are_found(
    store: SqlStore, declared: None, raw: Sql, statement: str, where: str
) -> None:
    await raw(statement)
    assert (await store.verify()).discrepancies[0].place == where


async def test_bytes_without_digests_of_rows_are_found(store: SqlStore, declared: None, raw: Sql) -> None:
    await drop_triggers(store, raw)
    body = '{"events":[],"rows":[]}'
    await raw(f"UPDATE journal SET body = {as_bytes(store, body)} WHERE seq = 1")  # noqa: S608 -- the test's own words
    assert "entry 1" in {item.place for item in (await store.verify()).discrepancies}
    with pytest.raises(Corrupt, match="entry 1 of the journal has no digests"):
        await store.entries()


def as_bytes(store: SqlStore, text: str) -> str:
    literal = text.encode().hex()
    return f"X'{literal}'" if store._database.sqlite else f"decode('{literal}', 'hex')"


async def test_nothing_is_built_on_a_tree_that_was_tampered_with(
    store: SqlStore, record: None, raw: Sql, story: Any
) -> None:
    await drop_triggers(store, raw)
    await raw(
        "UPDATE journal_nodes SET hash = (SELECT hash FROM journal_nodes WHERE last_leaf = 0) WHERE last_leaf = 7"
    )
    with pytest.raises(Corrupt, match="does not give its stored root"):
        await store.commit(story.note())
    with pytest.raises(Corrupt, match="does not give its stored root"):
        await store.commit(story.note())


async def test_missing_nodes_are_reported_by_readers(store: SqlStore, record: None, raw: Sql) -> None:
    await drop_triggers(store, raw)
    await raw("DELETE FROM journal_nodes WHERE last_leaf = 3")
    with pytest.raises(Corrupt, match="entry 3 of the journal has no leaf"):
        await store.entries()
    with pytest.raises(Corrupt, match="node 2/0 of the journal's tree is missing"):
        await store.inclusion_proof(4, 10)


@pytest.mark.parametrize(
    "statement, reading",
    [
        ("UPDATE rollouts SET state = '{\"id\": 5}' WHERE id = 'payments-0'", "rollout payments-0"),
        ("UPDATE rollouts SET state = '[]' WHERE id = 'payments-0'", "rollout payments-0"),
        ("UPDATE rollouts SET state = '' WHERE id = 'payments-0'", "rollout payments-0"),
    ],
)
async def test_stored_states_that_cannot_be_read_are_corrupt(
    store: SqlStore, record: None, raw: Sql, statement: str, reading: str
) -> None:
    await raw(statement)
    with pytest.raises(Corrupt, match=reading):
        await store.rollout("payments-0")
    with pytest.raises(Corrupt, match=reading):
        await store.active()


async def test_a_document_that_somebody_puts_back_is_found(store: SqlStore, story: Any, raw: Sql) -> None:
    shop = Document("Service", "shop", "sha256:a", Service("shop", ("/shop",), ProcessTemplate(("serve",))), {})
    await store.commit(replace(story.note(), documents=(Stored(shop, 0),)))
    await raw("CREATE TABLE kept AS SELECT * FROM documents")
    await store.commit(replace(story.note(), removed=(Stored(shop, 1),)))
    assert (await store.verify()).ok
    await raw("INSERT INTO documents SELECT * FROM kept")
    assert [str(item.place) for item in (await store.verify()).discrepancies] == ["document Service/shop"]
