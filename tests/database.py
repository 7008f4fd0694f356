"""A database as a new control plane makes it, copied: to make it anew for each of three thousand tests takes minutes.

Used by the control planes that tests of the server and of the command line run in their process, and by the tests of
the use cases, whose stores are in memory.
"""

import os
import sqlite3
import tempfile
from contextlib import closing
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, make_url

from croupier.adapters.store.sql import SqlStore, migrate
from croupier.adapters.store.sql.database import Database, parse_url

_made: list[bytes] = []


async def place_database(store_url: str) -> None:
    """An empty database with today's schema, where the URL names a SQLite file that is not there yet."""
    url = make_url(store_url)
    if url.get_backend_name() != "sqlite":
        return
    await _make()
    _place(Path(url.database or ""))


async def store_in_memory() -> SqlStore:
    """An open, empty store with today's schema that is gone when it is closed."""
    await _make()
    database = Database(parse_url("sqlite:///:memory:"))
    await database.write(_repeat)
    return SqlStore(database)


async def _make() -> None:
    if not _made:
        with tempfile.TemporaryDirectory() as folder:
            await migrate(f"sqlite:///{folder}/croupier.db")
            _made.append(_read(folder))


def _repeat(connection: Connection) -> None:
    for statement in _statements():
        connection.exec_driver_sql(statement)


@cache
def _statements() -> tuple[str, ...]:
    """What makes the same tables and rows, without what begins and ends a transaction."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "croupier.db"
        _place(path)
        with closing(sqlite3.connect(path)) as made:
            return tuple(made.iterdump())[1:-1]


def _read(folder: str) -> bytes:
    return (Path(folder) / "croupier.db").read_bytes()


def _place(path: Path) -> None:
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(_made[0])
