"""Bookmarks of receivers of notices: no part of the record, but as durable."""

from collections.abc import Sequence

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from croupier.adapters.store import codec
from croupier.adapters.store.sql.tables import bookmarks
from croupier.control.ports import Bookmark


def read(connection: Connection) -> Sequence[Bookmark]:
    """All of them, by name."""
    rows = connection.execute(select(bookmarks).order_by(bookmarks.c.notifier)).all()
    return [codec.BOOKMARK.decode(row.bookmark, f"bookmark of {row.notifier}") for row in rows]


def keep(connection: Connection, bookmark: Bookmark) -> None:
    """Write it, whatever was there."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    text = codec.BOOKMARK.encode(bookmark)
    fresh = dialect.insert(bookmarks).values(notifier=bookmark.notifier, bookmark=text)
    connection.execute(
        fresh.on_conflict_do_update(index_elements=[bookmarks.c.notifier], set_={"bookmark": fresh.excluded.bookmark})
    )
