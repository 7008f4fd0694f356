"""One database: its engine, its settings, and the two kinds of transaction.

Transactions are plain synchronous functions over a connection. SQLAlchemy lets the event loop go on while the database
works, and at no other time: what takes long to make of its answers is asked for in slices (``paging``).
"""

import asyncio
import os
from collections.abc import Callable, Coroutine
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy import exc as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from croupier.adapters.store.sql.faults import shown, translated
from croupier.errors import Rejected, Transient

T = TypeVar("T")
Work: TypeAlias = Callable[[Connection], T]
_Turn: TypeAlias = asyncio.Lock | nullcontext[None]

MEMORY: Final = (None, "", ":memory:")
_DRIVERS: Final = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
_SERVER_LIMITS: Final = " ".join(
    f"-c {name}={value}"
    for name, value in {
        "lock_timeout": "5s",
        "statement_timeout": "30s",
        # A client that died silently must not hold the journal's head for ever.
        "idle_in_transaction_session_timeout": "30s",
        "timezone": "UTC",
    }.items()
)
_CLIENT_LIMITS: Final = {"connect_timeout": "5", "tcp_user_timeout": "10000", "application_name": "croupier"}


def parse_url(text: str) -> URL:
    """The URL with its asynchronous driver; ``Rejected`` if unusable, without repeating it: it may hold a password."""
    try:
        url = make_url(text)
        backend = url.get_backend_name()
    except (sa.ArgumentError, ValueError):
        raise Rejected(
            "the database URL cannot be read.",
            hint="Write sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE.",
        ) from None
    if backend not in _DRIVERS:
        raise Rejected(f"databases of kind '{backend}' are not supported.", hint="Use sqlite or postgresql.")
    url = url.set(drivername=_DRIVERS[backend])
    if backend == "sqlite":
        return url
    options = {name: value for name, value in _CLIENT_LIMITS.items() if name not in url.query}
    return url.update_query_dict(options if "options" in url.query else {**options, "options": _SERVER_LIMITS})


class Database:
    """Runs transactions on one database."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self.sqlite = url.get_backend_name() == "sqlite"
        memory = self.sqlite and url.database in MEMORY
        self._file = Path(str(url.database)) if self.sqlite and not memory else None
        if self._file is not None:
            _create_privately(url)
            self._inode = self._file.stat().st_ino
        self.engine = _engine(url, memory=memory)
        # SQLite has one writer at a time: waiting here is fair and costs no thread. In memory all share one connection.
        self._writer: _Turn = asyncio.Lock() if self.sqlite else nullcontext()
        self._reader: _Turn = self._writer if memory else nullcontext()
        self._running: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def read(self, work: Work[T], *, snapshot: bool = False) -> T:
        """Run the work in a transaction that changes nothing; with ``snapshot`` all its statements see one moment."""
        # SQLite's transactions always see one moment.
        options: dict[str, Any] = {"isolation_level": "REPEATABLE READ"} if snapshot and not self.sqlite else {}
        return await self._whole(self._run(self._reader, work, options))

    async def write(self, work: Work[T], *, durable: bool = True) -> T:
        """Run the work in a transaction and commit it. On disk when this returns, unless not ``durable``.

        Cancelled, it still ends as it would have: recorded or not, never in between.
        """
        options = {"croupier_write": True, "croupier_durable": durable}
        return await self._whole(self._run(self._writer, work, options, commit=True))

    async def outside_transaction(self, work: Work[T]) -> T:
        """Run statements that cannot be part of a transaction, each by itself (SQLite only)."""
        return await self._whole(self._run(self._writer, work, {"croupier_begin": False}))

    async def close(self) -> None:
        """Let running transactions end and close every connection; what comes later is refused."""
        self._closed = True  # the engine would open new connections for latecomers, and nobody would close those
        await asyncio.gather(*self._running, return_exceptions=True)
        await self.engine.dispose()

    async def _run(self, turn: _Turn, work: Work[T], options: dict[str, Any], *, commit: bool = False) -> T:
        self._require_open()
        with translated(self.url):
            async with turn, self.engine.connect() as connection:
                result = await (await connection.execution_options(**options)).run_sync(work)
                if commit:
                    await connection.commit()
                return result

    def _require_open(self) -> None:
        """A file that was deleted or replaced can still be written to by who has it open, and all of it is lost."""
        if self._closed:
            raise Transient(f"the database {shown(self.url)} was closed: the control plane stops.")
        if self._file is None:
            return
        try:
            there = self._file.stat().st_ino == self._inode
        except OSError:
            there = False
        if not there:
            raise Transient(
                f"The database file {self._file} is gone, or another one is in its place.",
                hint="Put the right one back, then restart the control plane.",
            )

    async def _whole(self, running: Coroutine[Any, Any, T]) -> T:
        """Keep a caller's cancellation out of the transaction: a driver left half-way may hold the database locked."""
        task = asyncio.create_task(running)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # whoever asked may be gone: then nobody else looks at it, which asyncio complains of


def _engine(url: URL, *, memory: bool) -> AsyncEngine:
    if url.get_backend_name() != "sqlite":
        engine = create_async_engine(
            url, pool_pre_ping=True, pool_size=5, max_overflow=5, pool_timeout=10, hide_parameters=True
        )
        event.listen(engine.sync_engine, "begin", _begin_postgresql)
        return engine
    pool: dict[str, Any] = {} if memory else {"pool_size": 5, "max_overflow": 0, "pool_timeout": 10}
    engine = create_async_engine(url, hide_parameters=True, **pool)
    event.listen(engine.sync_engine, "connect", _connect_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _connect_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions by itself: _begin_sqlite does
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    """Writers take their place at once: a read that becomes a write could fail half-way."""
    options = connection.get_execution_options()
    if not options.get("croupier_begin", True):
        return
    if not options.get("croupier_write"):
        connection.exec_driver_sql("BEGIN")
        return
    level = "FULL" if options["croupier_durable"] else "NORMAL"
    if connection.info.get("synchronous") != level:
        connection.exec_driver_sql(f"PRAGMA synchronous={level}")
        connection.info["synchronous"] = level
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_postgresql(connection: Connection) -> None:
    if not connection.get_execution_options().get("croupier_durable", True):
        connection.exec_driver_sql("SET LOCAL synchronous_commit=off")


def _create_privately(url: URL) -> None:
    """Make the file (0600) and its folder (0700) where they are missing; what is there keeps its owner's mode."""
    path = Path(str(url.database))
    if url.query.get("uri") or str(path).startswith("file:"):
        raise Rejected("a SQLite database is named by its path here.", hint="Write sqlite:///PATH.")
    with translated(url):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
