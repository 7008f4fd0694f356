"""Hears PostgreSQL's notifications on a connection of its own, which waits all the time and so is in no pool."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from croupier.adapters.store.sql.database import Database
from croupier.adapters.store.sql.faults import shown
from croupier.errors import Transient

if TYPE_CHECKING:
    from psycopg import AsyncConnection

LOOK_ANYWAY_S: Final = 30.0
"""Seconds after which a silent connection is doubted."""


class Notifications:
    """What is said on the channel."""

    def __init__(self, connection: "AsyncConnection[tuple[object, ...]]") -> None:
        self._connection = connection

    async def next(self) -> str | None:
        """The next notification's text; ``None`` after a long silence."""
        async for notification in self._connection.notifies(timeout=LOOK_ANYWAY_S, stop_after=1):
            return notification.payload
        return None


@asynccontextmanager
async def listening(database: Database, channel: str) -> AsyncIterator[Notifications]:
    """Listen on the channel; nothing said after entering is missed. ``Transient`` when the connection breaks."""
    import psycopg  # the base install has none, and SQLite needs none

    _, options = database.engine.dialect.create_connect_args(database.url)
    try:
        connection = await psycopg.AsyncConnection.connect(**options, autocommit=True)
        try:
            await connection.execute(f'LISTEN "{channel}"')
            yield Notifications(connection)
        finally:  # its own 'async with' would first roll back, and stay open where a task is cancelled twice
            await connection.close()
    except psycopg.Error as error:
        raise Transient(
            f"the database {shown(database.url)} does not tell of changes: {type(error).__name__}."
        ) from error
