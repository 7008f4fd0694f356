"""Bearer tokens at rest: digests, never secrets. The server's authentication asks here."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from croupier.adapters.store.sql.tables import tokens
from croupier.control.ports import Token


def add(connection: Connection, token: Token) -> None:
    """Keep a new one; the database refuses an id or a digest that exists."""
    connection.execute(insert(tokens).values(**asdict(token)))


def revoke(connection: Connection, token_id: str, at: float) -> Token | None:
    """Mark it revoked; the first time stays."""
    revoked = update(tokens).where(tokens.c.id == token_id).values(revoked_at=func.coalesce(tokens.c.revoked_at, at))
    connection.execute(revoked)
    row = connection.execute(select(tokens).where(tokens.c.id == token_id)).one_or_none()
    return _token(row) if row else None


def read(connection: Connection) -> Sequence[Token]:
    """All of them, oldest first."""
    return [_token(row) for row in connection.execute(select(tokens).order_by(tokens.c.created_at, tokens.c.id))]


def _token(row: Row[Any]) -> Token:
    return Token(row.id, row.name, row.role, row.sha256, row.created_at, row.revoked_at)
