"""Brings a database's tables to this version's, at every start; refuses tables of a newer Croupier.

Several control planes may start at once: PostgreSQL's advisory lock or SQLite's writer lock lets one do the work, the
others find it done. There is no way back down: a backup is.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, column, inspect, select, table, text

from croupier.adapters.store.sql.database import MEMORY, Database, parse_url
from croupier.adapters.store.sql.faults import shown
from croupier.errors import Rejected, Transient

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

VERSION_TABLE: Final = "croupier_schema_version"
NEWEST: Final = "0005"
"""The schema that this version uses: that of the last migration. A database that has it needs no Alembic loaded."""
_LOCK: Final = 0x63726F7570696572
"""PostgreSQL's advisory lock of migrations: "croupier" in ASCII."""
_PATIENCE_S: Final = 5.0


async def migrate(url: str) -> None:
    """Bring the database at ``url`` to this version's schema. Safe to run at once in several processes.

    Raises ``Rejected`` where the schema is of a newer Croupier, ``Transient`` where the database does not answer.
    """
    database = Database(parse_url(url))
    try:
        await migrate_database(database)
    finally:
        await database.close()


async def migrate_database(database: Database) -> None:
    """``migrate`` on an open database."""
    if database.sqlite and database.url.database not in MEMORY:
        await _when_free(lambda: database.outside_transaction(_use_wal))
    await database.write(lambda connection: _upgrade(connection, shown(database.url)))


async def _when_free(change: Callable[[], Awaitable[None]]) -> None:
    """SQLite does not wait for its turn to switch to the log: whoever starts at the same time may be at it."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _PATIENCE_S
    while True:
        try:
            return await change()
        except Transient:
            if loop.time() > until:
                raise
            await asyncio.sleep(0.1)


def _use_wal(connection: Connection) -> None:
    """Readers beside a writer; the setting stays in the file. It cannot be changed inside a transaction."""
    mode = connection.exec_driver_sql("PRAGMA journal_mode=WAL").scalar_one()
    if mode != "wal":
        raise Rejected(
            f"SQLite cannot use a write-ahead log here (it says '{mode}').",
            hint="Put the database on a local disk, not on a network share, or use PostgreSQL.",
        )


def _upgrade(connection: Connection, where: str) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    present = _present(connection)
    if present == [NEWEST]:
        return
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    _refuse_newer(present, ScriptDirectory.from_config(config), where)
    command.upgrade(config, "head")


def _present(connection: Connection) -> Sequence[str]:
    """What the database says that it has, where Alembic notes it; nothing in an empty one."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return []
    return list(connection.execute(select(column("version_num")).select_from(table(VERSION_TABLE))).scalars())


def _refuse_newer(present: Sequence[str], script: "ScriptDirectory", where: str) -> None:
    from alembic.util import CommandError

    for revision in present:
        try:
            script.get_revision(revision)
        except CommandError:
            raise Rejected(
                f"the database {where} has schema '{revision}', which this version of Croupier does not know: "
                f"a newer one made it (this one knows up to '{script.get_current_head()}').",
                hint="Start the newer version, or restore a backup from before the upgrade.",
            ) from None
