"""What the record holds of a row that is no rollout: its name and the digest of all its columns.

A commit puts them into its first entry; ``journal verify`` compares them with the rows that there are.
"""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Connection, Table, select

from croupier.adapters.store import codec
from croupier.adapters.store.sql.paging import paged
from croupier.adapters.store.sql.tables import (
    documents,
    flag_segments,
    presets,
    releases,
    ruleset,
    services,
    tokens,
)
from croupier.core.journal.verify import REMOVED, Row
from croupier.errors import Rejected

_WORDS: Final[dict[Table, str]] = {
    documents: "document",
    releases: "release",
    services: "service",
    tokens: "token",
    presets: "preset",
    flag_segments: "flag_segment",
    ruleset: "ruleset",
}


def fingerprint(table: Table, row: Mapping[str, Any]) -> Row:
    """The row's name (``document/Gate/deposits``) and digest. Raises ``Rejected`` where it is no JSON."""
    digest = sha256(codec.canonical(dict(row), _WORDS[table])).hexdigest()
    return Row(_name(table, row), f"sha256:{digest}")


def taken_out(table: Table, row: Mapping[str, Any]) -> Row:
    """The row's name, and that there is none any more."""
    return Row(_name(table, row), REMOVED)


def stored_rows(connection: Connection) -> Iterator[Row]:
    """Every such row as it is now. What is no JSON, whoever put it there, has no digest."""
    for table in _WORDS:
        query = select(table)
        if table is ruleset:  # no commit wrote the version that it begins with
            query = query.where(ruleset.c.version > 0)
        for row in paged(connection, query, *table.primary_key):
            values = dict(zip(table.columns.keys(), row, strict=True))
            try:
                yield fingerprint(table, values)
            except Rejected:
                yield Row(_name(table, values), "")


def _name(table: Table, row: Mapping[str, Any]) -> str:
    return "/".join((_WORDS[table], *(str(row[key.name]) for key in table.primary_key)))
