"""The shared SQLite database: opening it, and running whole transactions on it without blocking the event loop.

Every service process owns one connection on one thread. Writers take the lock at once (BEGIN IMMEDIATE), so that a
transaction never fails half-way because another process wrote first.
"""

from __future__ import annotations

import asyncio
import contextvars
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

from casino.shadow import refuse_copies

T = TypeVar("T")
A = TypeVar("A")
BUSY_TIMEOUT_S = 5.0
ADDED = (("payments", "version", "TEXT NOT NULL DEFAULT ''"),)


def connect(path: Path, busy_timeout_s: float = BUSY_TIMEOUT_S) -> sqlite3.Connection:
    """Open the database, create what is missing, and return a connection in autocommit mode.

    `synchronous=NORMAL`: a commit survives the death of any process; only a power cut could lose the last ones.
    """
    connection = sqlite3.connect(path, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    _write_ahead(connection, busy_timeout_s)
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    with writing(connection) as tx:
        for statement in files("casino").joinpath("schema.sql").read_text().split(";"):
            if statement.strip():
                tx.execute(statement)
        _add_what_is_missing(tx)
    return connection


def _add_what_is_missing(tx: sqlite3.Connection) -> None:
    """Columns that a database of an earlier day lacks."""
    for table, column, kind in ADDED:
        if column not in {row["name"] for row in tx.execute(f"PRAGMA table_info({table})")}:
            tx.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")


def _write_ahead(connection: sqlite3.Connection, patience_s: float) -> None:
    """Switch to the write-ahead log. SQLite does not wait here as elsewhere: of several processes that do it at once,
    one is told that the database is locked.
    """
    deadline = time.monotonic() + patience_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.01)  # SQLite tells nobody when the lock is free
        else:
            return


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """One write transaction: committed when the block ends, undone when it raises.

    Raises `sqlite3.OperationalError` if other writers hold the lock longer than the busy timeout.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


class Database:
    """One process's way to the shared database; transactions are plain functions of the connection."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = connect(path)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="casino-db")

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in one write transaction and return what it returns. `Refusal` (409) in a copied request."""
        refuse_copies("write")
        return await self._in_thread(self._write, work)

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work`, which must only read, and return what it returns."""
        return await self._in_thread(work, self._connection)

    def write_now(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Like `write`, for use before there is an event loop."""
        return self._write(work)

    def close(self) -> None:
        """Finish the work that is queued and close the connection."""
        self._thread.shutdown(wait=True)
        self._connection.close()

    async def _in_thread(self, work: Callable[[A], T], argument: A) -> T:
        """With the request's context, so that what is bound to it (a trace, a test's flags) holds there too."""
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(self._thread, context.run, work, argument)

    def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with writing(self._connection) as tx:
            return work(tx)
