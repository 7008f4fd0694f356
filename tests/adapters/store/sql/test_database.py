import asyncio
import gc
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from croupier.adapters.store.sql import open_store
from croupier.adapters.store.sql.database import Database, parse_url
from croupier.control.ports import Sample
from croupier.errors import Corrupt, Transient


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite+aiosqlite:///:memory:"])
async def test_a_store_in_memory_serves_many_tasks(url: str, story: Any) -> None:
    """The simulator's: one connection, and still transactions of their own."""
    store = await open_store(url)
    try:

        async def work(number: int) -> None:
            await store.commit(story.beginning(f"payments-{number}"))
            assert (await story.read(store, f"payments-{number}")).version == 1

        await asyncio.gather(*(work(number) for number in range(30)))
        verification = await store.verify()
        assert verification.ok
        assert verification.rollouts == 30
    finally:
        await store.close()


async def test_stores_in_memory_know_nothing_of_each_other(story: Any) -> None:
    one, other = await open_store("sqlite://"), await open_store("sqlite://")
    try:
        await one.commit(story.note())
        assert (await other.head()).size == 0
    finally:
        await one.close()
        await other.close()


def pragma(name: str) -> Any:
    return lambda connection: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()


async def test_sqlite_is_set_for_money(tmp_path: Any) -> None:
    store = await open_store(f"sqlite:///{tmp_path}/croupier.db")
    database = store._database
    try:
        assert await database.read(pragma("journal_mode")) == "wal"
        assert await database.read(pragma("foreign_keys")) == 1
        assert await database.read(pragma("busy_timeout")) == 5_000
        assert await database.write(pragma("synchronous")) == 2, "FULL: what was answered is on disk"
        assert await database.write(pragma("synchronous"), durable=False) == 1, "NORMAL: telemetry may be lost"
        assert await database.write(pragma("synchronous")) == 2
    finally:
        await store.close()


@pytest.mark.postgres
async def test_postgresql_sessions_have_limits(postgres_database: str) -> None:
    database = Database(parse_url(postgres_database))

    def shown(name: str) -> Any:
        return lambda connection: connection.exec_driver_sql(f"SHOW {name}").scalar_one()

    try:
        assert await database.read(shown("lock_timeout")) == "5s"
        assert await database.read(shown("statement_timeout")) == "30s"
        assert await database.read(shown("idle_in_transaction_session_timeout")) == "30s"
        assert await database.read(shown("application_name")) == "croupier"
        assert await database.read(shown("transaction_isolation"), snapshot=True) == "repeatable read"
        assert await database.write(shown("synchronous_commit")) == "on"
        assert await database.write(shown("synchronous_commit"), durable=False) == "off"
        assert await database.write(shown("synchronous_commit")) == "on"
    finally:
        await database.close()


async def test_work_that_fails_is_rolled_back(store_url: str) -> None:
    database = Database(parse_url(store_url))

    def fail(connection: Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE half (x integer)")
        connection.exec_driver_sql("INSERT INTO half VALUES (1)")
        raise LookupError("in the middle")

    try:
        with pytest.raises(LookupError):
            await database.write(fail)
        await database.write(lambda connection: connection.exec_driver_sql("CREATE TABLE half (x integer)").close())
    finally:
        await database.close()


async def test_work_that_fails_when_nobody_waits_any_more_is_no_complaint(
    store_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    database = Database(parse_url(store_url))

    def fail(_: Connection) -> None:
        raise LookupError("in the middle")

    asking = asyncio.create_task(database.write(fail))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    async with asyncio.timeout(120):
        while database._running:
            await asyncio.sleep(0.01)
    gc.collect()
    await asyncio.sleep(0)
    await database.close()
    assert "never retrieved" not in caplog.text


async def test_a_closed_database_opens_no_connection_for_latecomers(store_url: str) -> None:
    database = Database(parse_url(store_url))
    await database.close()
    with pytest.raises(Transient, match="was closed"):
        await database.read(lambda connection: connection.exec_driver_sql("SELECT 1").scalar_one())


@pytest.mark.parametrize("replaced", [False, True])
async def test_a_deleted_or_replaced_file_is_not_written_to(tmp_path: Path, replaced: bool) -> None:
    path = tmp_path / "croupier.db"
    store = await open_store(f"sqlite:///{path}")
    await store.services()
    path.rename(tmp_path / "elsewhere.db")
    if replaced:
        path.touch()
    with pytest.raises(Transient, match="is gone, or another one is in its place"):
        await store.services()
    with pytest.raises(Transient, match="is gone"):
        await store.add_samples([Sample("x-1", "ok", "1.0.0", True, 1.0, 1, 1)])
    path.unlink(missing_ok=True)
    (tmp_path / "elsewhere.db").rename(path)
    assert await store.services() == []
    await store.close()


async def test_a_damaged_file_is_said_to_be_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "croupier.db"
    store = await open_store(f"sqlite:///{path}")
    await store.close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 60_000)
    with pytest.raises((Corrupt, Transient), match=r"damaged|malformed"):
        await open_store(f"sqlite:///{path}")
