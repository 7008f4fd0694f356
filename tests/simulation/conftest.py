"""Stores for simulated seeds: the real SQL, a fresh file each, without a thread per statement."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import Connection, StaticPool, create_engine
from sqlalchemy.event import listen

from croupier.adapters.store.sql import SqlStore, migrate, open_store
from croupier.adapters.store.sql.database import Database, parse_url
from croupier.adapters.store.sql.faults import translated


def _connect(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin by the statement below
    connection.execute("PRAGMA synchronous=OFF")  # a simulated power cut leaves the disk alone


class InlineDatabase:
    """The SQL store's database without its thread: the same statements, run in place, so that seeds are cheap."""

    sqlite = True

    def __init__(self, path: Path) -> None:
        self.url = parse_url(f"sqlite:///{path}")
        self.engine = create_engine(f"sqlite:///{path}", poolclass=StaticPool)
        listen(self.engine, "connect", _connect)
        listen(self.engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))

    async def read(self, work: Callable[[Connection], Any], *, snapshot: bool = False) -> Any:
        return await self.write(work)

    async def write(self, work: Callable[[Connection], Any], *, durable: bool = True) -> Any:
        with translated(self.url), self.engine.begin() as connection:
            return work(connection)

    async def close(self) -> None:
        self.engine.dispose()


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its tables and nothing in them, to be copied."""
    path = tmp_path_factory.mktemp("simulation") / "empty.db"
    asyncio.run(migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture
def opened(empty: Path, tmp_path: Path) -> Callable[[int], AbstractAsyncContextManager[SqlStore]]:
    """A fresh store for a seed. Every tenth one is opened as the server does, the others run in place."""

    @asynccontextmanager
    async def fresh(seed: int) -> AsyncIterator[SqlStore]:
        path = tmp_path / f"{seed}.db"
        shutil.copy(empty, path)
        inline = cast("Database", InlineDatabase(path))
        store = await open_store(f"sqlite:///{path}") if seed % 10 == 0 else SqlStore(inline)
        try:
            yield store
        finally:
            await store.close()
            path.unlink()

    return fresh
