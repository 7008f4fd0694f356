"""The database goes away and comes back: ``Transient`` meanwhile, and then everything works again by itself."""

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.postgres import start_server

from croupier.adapters.store.sql import SqlStore, open_store
from croupier.errors import Corrupt, Rejected, Transient


class Server:
    """A PostgreSQL of this test alone, that may be stopped and started."""

    def __init__(self, home: Path) -> None:
        self._server = start_server(home)
        self.url: str = self._server.get_uri()

    async def stop(self) -> None:
        await asyncio.to_thread(self._server.stop)

    async def start(self) -> None:
        await asyncio.to_thread(self._server.ensure_postgres_running)

    def cleanup(self) -> None:
        self._server.cleanup()


@pytest.fixture
def server() -> Iterator[Server]:
    home = Path(tempfile.mkdtemp(prefix="croupier-pg-"))  # not tmp_path: a unix socket's path is short
    try:
        server = Server(home)
        try:
            yield server
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.mark.postgres
async def test_postgresql_stopped_and_started(server: Server, story: Any) -> None:
    store = await open_store(server.url)
    try:
        subscription = store.subscribe()
        await store.commit(story.beginning("payments-1"))
        assert await asyncio.wait_for(anext(subscription), 120) == 0
        await server.stop()
        with pytest.raises(Transient, match="does not work now"):
            await store.commit(story.note())
        with pytest.raises(Transient, match="does not work now"):
            await store.rollout("payments-1")
        with pytest.raises(Transient, match="does not work now"):
            await open_store(server.url)
        await server.start()
        assert await store.commit(story.note()) == [1]
        assert (await story.read(store, "payments-1")).version == 1
        other = await open_store(server.url)
        try:
            while await asyncio.wait_for(anext(subscription), 120) < 1:
                pass
            await other.commit(story.note())
            while await asyncio.wait_for(anext(subscription), 120) < 2:
                pass
        finally:
            await other.close()
        assert (await store.verify()).ok
    finally:
        await store.close()


@pytest.mark.postgres
async def test_a_postgresql_session_that_is_killed_costs_one_answer_at_most(postgres_database: str, story: Any) -> None:
    import psycopg

    store = await open_store(postgres_database)
    try:
        await store.commit(story.note())
        with psycopg.connect(postgres_database, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        assert await store.commit(story.note()) == [1]
    finally:
        await store.close()


@pytest.mark.postgres
async def test_a_postgresql_head_held_by_another_session_is_transient(postgres_database: str, story: Any) -> None:
    """A session that holds the lock for ever delays commits for as long as ``lock_timeout`` says, not longer."""
    import psycopg

    store = await open_store(postgres_database + "&options=-c%20lock_timeout%3D100ms")
    try:
        with psycopg.connect(postgres_database) as holder:
            holder.execute("SELECT 1 FROM journal_head FOR UPDATE")
            with pytest.raises(Transient, match="lock timeout"):
                await store.commit(story.note())
            assert await store.rollout("payments-1") is None, "readers need no lock"
        assert await store.commit(story.note()) == [0]
    finally:
        await store.close()


@pytest.fixture
async def quick(tmp_path: Path) -> AsyncIterator[tuple[SqlStore, Path]]:
    """A SQLite store that gives up waiting for locks soon, and its file."""
    store = await open_store(f"sqlite:///{tmp_path}/croupier.db?timeout=0.05")
    try:
        yield store, tmp_path / "croupier.db"
    finally:
        await store.close()


async def test_sqlite_locked_by_another_process(quick: tuple[SqlStore, Path], story: Any) -> None:
    store, file = quick
    await store.commit(story.beginning("payments-1"))
    other = sqlite3.connect(file, isolation_level=None)
    try:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Transient, match=r"database is locked.* Another process holds the file locked"):
            await store.commit(story.note())
        assert (await story.read(store, "payments-1")).version == 1, "readers go on beside a writer"
        other.execute("ROLLBACK")
        assert await store.commit(story.note()) == [1]
    finally:
        other.close()
    assert (await store.verify()).ok


async def test_sqlite_without_room(quick: tuple[SqlStore, Path], story: Any) -> None:
    store, _ = quick
    await store.commit(story.note())
    database = store._database
    pages = await database.outside_transaction(lambda c: c.exec_driver_sql("PRAGMA page_count").scalar_one())

    def limit(count: int) -> Any:
        return lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count={count}").scalar_one()

    # The pool has one connection so far, and gives it to everyone in turn.
    await database.outside_transaction(limit(pages))
    with pytest.raises(Transient, match="The disk is full: make room"):
        await store.commit(story.note("x" * 100_000))
    await database.outside_transaction(limit(1 << 30))
    await store.commit(story.note())
    assert (await store.verify()).ok


async def test_a_file_that_is_no_database_is_corrupt(tmp_path: Path) -> None:
    (tmp_path / "croupier.db").write_bytes(b"something else entirely, and long enough to be read" * 100)
    with pytest.raises(Corrupt, match=r"is damaged: .*not a database.* Restore it from a backup"):
        await open_store(f"sqlite:///{tmp_path}/croupier.db")


async def test_a_table_that_is_gone_is_corrupt(store: SqlStore) -> None:
    async with store._database.engine.begin() as connection:
        await connection.exec_driver_sql("DROP TABLE answers")
    with pytest.raises(Corrupt, match=r"is not as it should be: .*answers"):
        await store.answer("key")


async def test_a_folder_that_cannot_be_made_is_transient(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Transient, match="does not answer"):
        await open_store(f"sqlite:///{tmp_path}/file/croupier.db")


@pytest.mark.postgres
@pytest.mark.parametrize(
    "url",
    [
        "postgresql://anna:s3cret-word@127.0.0.1:1/croupier?connect_timeout=1",
        "postgresql://anna@127.0.0.1:1/croupier?password=s3cret-word&connect_timeout=1",
    ],
)
async def test_no_error_contains_the_password(url: str) -> None:
    with pytest.raises(Transient, match=r"anna.*127\.0\.0\.1:1/croupier") as caught:
        await open_store(url)
    chain: BaseException | None = caught.value
    while chain is not None:
        assert "s3cret" not in str(chain)
        chain = chain.__cause__


@pytest.mark.parametrize(
    "url",
    [
        "s3cret",
        "",
        "mysql://u:s3cret@h/d",
        "sqlite:///file:s3cret?uri=true",
        "oracle+x://u:s3cret@h",
        "postgresql://h:s3cret/d",
    ],
)
async def test_a_url_that_cannot_be_used_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(Rejected, match=r"Write sqlite:///PATH|Use sqlite or postgresql") as caught:
        await open_store(url)
    assert "s3cret" not in str(caught.value)
