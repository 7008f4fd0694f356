"""Long reads, a page at a time: the database is asked anew for each, by the keys of the last row."""

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Column, Connection, Row, Select, tuple_

_PAGE: Final = 256
"""Rows per query of a long read: between two the event loop goes on."""


def paged(connection: Connection, query: Select[Any], *keys: Column[Any], size: int = _PAGE) -> Iterator[Row[Any]]:
    """All rows by the keys; ``size`` rows per query, fewer where a row takes long to read."""
    query = query.order_by(*keys).limit(size)
    rows = connection.execute(query).all()
    while rows:
        yield from rows
        last = [getattr(rows[-1], key.name) for key in keys]
        rows = connection.execute(query.where(tuple_(*keys) > tuple_(*last))).all()
