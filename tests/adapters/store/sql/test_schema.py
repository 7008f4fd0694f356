import asyncio
import os
import stat
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from croupier.adapters.store.sql import SqlStore, migrate, migrations, open_store, schema
from croupier.adapters.store.sql.database import Database, parse_url
from croupier.adapters.store.sql.schema import VERSION_TABLE
from croupier.adapters.store.sql.tables import metadata
from croupier.errors import Corrupt, Rejected


async def test_migrations_make_the_tables_that_the_code_uses(store: SqlStore) -> None:
    """Columns, types, keys and indexes: a table that was changed in one place only fails here."""

    def difference(connection: Connection) -> list[object]:
        options = {"version_table": VERSION_TABLE, "compare_type": True}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    assert await store._database.read(difference) == []


def test_the_newest_schema_is_that_of_the_last_migration() -> None:
    """A database that has it is opened without Alembic."""
    assert ScriptDirectory(str(Path(migrations.__file__).parent)).get_current_head() == schema.NEWEST


async def test_many_starters_at_once(store_url: str) -> None:
    await asyncio.gather(*(migrate(store_url) for _ in range(5)))
    await migrate(store_url)


async def test_a_schema_of_a_newer_version_is_refused(store_url: str) -> None:
    store = await open_store(store_url)
    async with store._database.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE croupier_schema_version SET version_num = '9999'")
    await store.close()
    with pytest.raises(
        Rejected, match=r"schema '9999', which this version of Croupier does not know.* or restore a backup"
    ):
        await open_store(store_url)


async def test_a_migration_that_fails_leaves_nothing(store_url: str) -> None:
    """Half a schema would be neither old nor new. Here somebody else's table is in the way of the last one of ours."""
    database = Database(parse_url(store_url))

    def tables(connection: Connection) -> list[str]:
        return inspect(connection).get_table_names()

    try:
        await database.write(lambda connection: connection.execute(text("CREATE TABLE tokens (x integer)")).close())
        with pytest.raises(Corrupt, match=r"tokens.*already exists"):
            await migrate(store_url)
        assert await database.read(tables) == ["tokens"]
        await database.write(lambda connection: connection.execute(text("DROP TABLE tokens")).close())
        await migrate(store_url)
        assert set(await database.read(tables)) == {*metadata.tables, VERSION_TABLE}
    finally:
        await database.close()


def test_migrations_are_one_line_and_travel_with_the_package() -> None:
    script = ScriptDirectory(str(Path(schema.__file__).parent / "migrations"))
    assert len(script.get_heads()) == 1
    assert len(script.get_bases()) == 1


async def test_sqlite_files_are_private(tmp_path: Path) -> None:
    """The file holds who did what, and tokens' digests."""
    before = os.umask(0)
    try:
        store = await open_store(f"sqlite:///{tmp_path}/new/croupier.db")
        await store.add_samples([])
        await store.close()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    for file in (tmp_path / "new").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


async def test_sqlite_files_keep_the_mode_that_their_owner_gave(tmp_path: Path) -> None:
    await migrate(f"sqlite:///{tmp_path}/croupier.db")
    (tmp_path / "croupier.db").chmod(0o640)
    await migrate(f"sqlite:///{tmp_path}/croupier.db")
    assert stat.S_IMODE((tmp_path / "croupier.db").stat().st_mode) == 0o640
