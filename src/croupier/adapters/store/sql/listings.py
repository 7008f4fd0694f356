"""Reads of what is stored now: rollouts, services, documents, releases, tokens, answers. One query each."""

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, select, tuple_

from croupier.adapters.store import codec
from croupier.adapters.store.sql.tables import answers, documents, releases, rollouts, services, tokens
from croupier.control.ports import Answer, Document, Page, ServiceState, Stored, Token
from croupier.core.releases import Release
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.state import RolloutState
from croupier.errors import Rejected

MOST_ITEMS: Final = 1_000
"""A page may have so many items."""


def rollout(connection: Connection, rollout_id: str) -> Stored[RolloutState] | None:
    """The rollout with that id."""
    row = connection.execute(_ROLLOUT.where(rollouts.c.id == rollout_id)).one_or_none()
    return _rollout(row) if row else None


def list_rollouts(
    connection: Connection,
    *,
    service: str | None,
    phases: Sequence[Phase] | None,
    cursor: str | None,
    limit: int,
) -> Page[Stored[RolloutState]]:
    """Newest first."""
    query = chosen_rollouts(service, phases)
    if cursor is not None:
        query = query.where(tuple_(rollouts.c.created_at, rollouts.c.id) < tuple_(*read_cursor(cursor, (float, str))))
    rows = connection.execute(query.limit(checked(limit) + 1)).all()
    items = tuple(_rollout(row) for row in rows[:limit])
    return Page(items, write_cursor(rows[limit - 1].created_at, rows[limit - 1].id) if len(rows) > limit else None)


def chosen_rollouts(service: str | None, phases: Sequence[Phase] | None) -> Select[Any]:
    """The query for a listing, newest first; a test looks at its plan."""
    query = _ROLLOUT.order_by(rollouts.c.created_at.desc(), rollouts.c.id.desc())
    if service is not None:
        query = query.where(rollouts.c.service == service)
    if phases is not None:
        query = query.where(rollouts.c.phase.in_([phase.value for phase in phases]))
        if all(phase.active for phase in phases):  # few of many, and there is an index that knows them
            query = query.where(_ACTIVE)
    return query


def active_rollouts() -> Select[Any]:
    """The query for rollouts in an active phase, oldest first; a test looks at its plan."""
    return _ROLLOUT.where(_ACTIVE).order_by(rollouts.c.created_at, rollouts.c.id)


def active(connection: Connection) -> Sequence[Stored[RolloutState]]:
    """Rollouts in an active phase."""
    return [_rollout(row) for row in connection.execute(active_rollouts())]


def list_services(connection: Connection) -> Sequence[Stored[ServiceState]]:
    """Every declared service, by name."""
    rows = connection.execute(select(services).order_by(services.c.name))
    return [Stored(codec.SERVICE_STATE.decode(row.state, f"service {row.name}"), row.version) for row in rows]


def list_documents(connection: Connection, kind: str | None) -> Sequence[Stored[Document]]:
    """Documents by kind and name."""
    query = select(documents).order_by(documents.c.kind, documents.c.name)
    if kind is not None:
        query = query.where(documents.c.kind == kind)
    rows = connection.execute(query)
    return [Stored(codec.decode_document(row.document, f"{row.kind} {row.name}"), row.version) for row in rows]


def release(connection: Connection, service: str, version: str) -> Release | None:
    """One release."""
    row = connection.execute(
        select(releases).where(releases.c.service == service, releases.c.version == version)
    ).one_or_none()
    return _release(row) if row else None


def list_releases(connection: Connection, *, service: str | None, cursor: str | None, limit: int) -> Page[Release]:
    """Newest first by the time of adding."""
    order = (releases.c.seq, releases.c.service, releases.c.version)
    query = select(releases).order_by(*(column.desc() for column in order))
    if service is not None:
        query = query.where(releases.c.service == service)
    if cursor is not None:
        query = query.where(tuple_(*order) < tuple_(*read_cursor(cursor, (int, str, str))))
    rows = connection.execute(query.limit(checked(limit) + 1)).all()
    last = rows[limit - 1] if len(rows) > limit else None
    following = write_cursor(last.seq, last.service, last.version) if last else None
    return Page(tuple(_release(row) for row in rows[:limit]), following)


def list_tokens(connection: Connection) -> Sequence[Token]:
    """All of them, oldest first."""
    rows = connection.execute(select(tokens).order_by(tokens.c.created_at, tokens.c.id))
    return [Token(row.id, row.name, row.role, row.sha256, row.created_at, row.revoked_at) for row in rows]


def answer(connection: Connection, key: str) -> Answer | None:
    """The answer kept under that idempotency key."""
    row = connection.execute(select(answers).where(answers.c.key == key)).one_or_none()
    return Answer(row.key, row.fingerprint, row.status, row.body, row.at) if row else None


def checked(limit: int) -> int:
    """The limit of a page, refused outside 1 to ``MOST_ITEMS``."""
    if not 1 <= limit <= MOST_ITEMS:
        raise Rejected(f"a page has 1 to {MOST_ITEMS} items, not {limit}.")
    return limit


def write_cursor(*values: float | str) -> str:
    """The place after which the next page starts; opaque to clients."""
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def read_cursor(cursor: str, types: tuple[type, ...]) -> list[Any]:
    """The values of a cursor; ``Rejected`` for anything that ``write_cursor`` did not write."""
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        matching = len(values) == len(types) and all(map(isinstance, values, types))
        matching = matching and all(abs(value) < 1 << 63 for value in values if not isinstance(value, str))
    except (ValueError, TypeError, RecursionError, binascii.Error):
        matching = False
        values = []
    if not matching:
        raise Rejected("this cursor is none of ours.", hint="Use the one that came with the page before.")
    return list(values)


_ROLLOUT: Final = select(rollouts.c.id, rollouts.c.created_at, rollouts.c.version, rollouts.c.state)
_ACTIVE: Final = rollouts.c.active == True  # noqa: E712 -- SQL


def _rollout(row: Any) -> Stored[RolloutState]:
    return Stored(codec.STATE.decode(row.state, f"rollout {row.id}"), row.version)


def _release(row: Row[Any]) -> Release:
    return codec.RELEASE.decode(row.release, f"release {row.service} {row.version}")
