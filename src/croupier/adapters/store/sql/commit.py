"""One commit: the fence, the versions, the values, the entries, the answer, all in the transaction it is called in."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Table, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from croupier.adapters.store import codec
from croupier.adapters.store.sql.append import append, lock_head
from croupier.adapters.store.sql.tables import answers, documents, leases, releases, rollouts, services
from croupier.control.ports import Answer, Commit, Document, Lease, ServiceState, Stored
from croupier.core.journal.verify import ROLLOUT
from croupier.core.releases import Release
from croupier.core.rollout.state import RolloutState
from croupier.errors import Conflict, Fenced, Rejected

CHANNEL: Final = "croupier_journal"
"""PostgreSQL's notification channel: every commit says the newest sequence number there."""

ANSWERS_KEPT_S: Final = 24 * 3600.0
"""How long the same idempotency key gets the same answer, in seconds."""


def record(connection: Connection, change: Commit) -> Sequence[int]:
    """Write the change; the new entries' sequence numbers."""
    _check_recorded(change)
    before = lock_head(connection)
    if change.lease is not None:
        _check_fence(connection, change.lease, change.now)
    for rollout in change.rollouts:
        _put_rollout(connection, rollout)
    for service in change.services:
        _put_service(connection, service)
    for document in change.documents:
        _put_document(connection, document)
    for release in change.releases:
        _add_release(connection, release, before.size)
    seqs = append(connection, before, change.entries)
    if change.answer is not None:
        _keep_answer(connection, change.answer, change.now)
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_notify(CHANNEL, str(seqs[-1]))))
    return seqs


def _check_recorded(change: Commit) -> None:
    """No change without a record, and a rollout's record stands under its own subject, where ``history`` looks."""
    if not change.entries:
        raise Rejected("a commit needs at least one entry: no change without a record.")
    subjects = {entry.subject for entry in change.entries}
    for rollout in change.rollouts:
        if f"{ROLLOUT}{rollout.value.id}" not in subjects:
            raise Rejected(
                f"rollout {rollout.value.id} changes without an entry of its own.",
                hint=f"Add one with the subject '{ROLLOUT}{rollout.value.id}' and the events.",
            )


def _check_fence(connection: Connection, lease: Lease, now: float) -> None:
    """The row is locked until the commit ends, so that nobody takes the lease over meanwhile."""
    query = select(leases).where(leases.c.name == lease.name).with_for_update(read=True)
    row = connection.execute(query).one_or_none()
    if row is None or row.holder != lease.holder or row.token != lease.token:
        raise Fenced(f"lease '{lease.name}' (token {lease.token}) is {lease.holder}'s no more: another one acts now.")
    if row.expires_at <= now:
        raise Fenced(f"lease '{lease.name}' (token {lease.token}) of {lease.holder} has expired.", hint="Renew it.")


def _put_rollout(connection: Connection, stored: Stored[RolloutState]) -> None:
    state = stored.value
    values = {
        "service": state.service,
        "phase": state.phase.value,
        "active": state.phase.active,
        "created_at": state.created_at,
        "state": codec.STATE.encode(state),
    }
    _put(connection, rollouts, {"id": state.id}, values, stored.version, f"rollout {state.id}")


def _put_service(connection: Connection, stored: Stored[ServiceState]) -> None:
    name = stored.value.service
    values = {"state": codec.SERVICE_STATE.encode(stored.value)}
    _put(connection, services, {"name": name}, values, stored.version, f"service {name}")


def _put_document(connection: Connection, stored: Stored[Document]) -> None:
    document = stored.value
    key = {"kind": document.kind, "name": document.name}
    values = {"document": codec.encode_document(document)}
    _put(connection, documents, key, values, stored.version, f"{document.kind} {document.name}")


def _put(
    connection: Connection, table: Table, key: dict[str, Any], values: dict[str, Any], version: int, place: str
) -> None:
    """Insert (version 0) or update the row, if it is still as the writer saw it."""
    if version == 0:
        if not _insert_new(connection, table, {**key, **values, "version": 1}):
            raise Conflict(f"{place} exists already.", hint="Read it again, then decide.")
        return
    same = [table.c[name] == value for name, value in key.items()]
    changed = connection.execute(
        update(table).where(*same, table.c.version == version).values(**values, version=version + 1)
    )
    if changed.rowcount != 1:
        now = connection.execute(select(table.c.version).where(*same)).scalar_one_or_none()
        found = "does not exist" if now is None else f"is at version {now}, not at {version}"
        raise Conflict(f"{place} {found}.", hint="Read it again, then decide.")


def _insert_new(connection: Connection, table: Table, values: dict[str, Any]) -> bool:
    """Insert unless the key is taken; whether it was free."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    fresh = dialect.insert(table).values(**values).on_conflict_do_nothing()
    return connection.execute(fresh.returning(*table.primary_key.columns)).first() is not None


def _add_release(connection: Connection, release: Release, seq: int) -> None:
    """Add the release; the same one again is no change."""
    values = {
        "service": release.service,
        "version": release.version,
        "digest": release.digest,
        "seq": seq,
        "release": codec.RELEASE.encode(release),
    }
    if _insert_new(connection, releases, values):
        return
    same = [releases.c.service == release.service, releases.c.version == release.version]
    digest = connection.execute(select(releases.c.digest).where(*same)).scalar_one()
    if digest != release.digest:
        raise Conflict(
            f"release {release.service} {release.version} exists with digest {digest}, not {release.digest}.",
            hint="A version is never bound to another content: choose a new version.",
        )


def _keep_answer(connection: Connection, answer: Answer, now: float) -> None:
    """Remember the answer and forget old ones. A key that got an answer meanwhile means: this request ran already."""
    connection.execute(delete(answers).where(answers.c.at < now - ANSWERS_KEPT_S))
    values = {
        "key": answer.key,
        "fingerprint": answer.fingerprint,
        "status": answer.status,
        "body": answer.body,
        "at": answer.at,
    }
    if not _insert_new(connection, answers, values):
        raise Conflict("a request with this idempotency key was answered meanwhile.", hint="Read that answer.")
