"""One commit: the fence, the versions, the values, the entries, the answer, all in the transaction it is called in."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, Final

from sqlalchemy import Connection, Table, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from croupier.adapters.store import codec, flag_codec
from croupier.adapters.store.sql.append import append, lock_head
from croupier.adapters.store.sql.fingerprint import fingerprint, taken_out
from croupier.adapters.store.sql.flags import put_flags
from croupier.adapters.store.sql.tables import answers, documents, leases, presets, releases, rollouts, services, tokens
from croupier.control.ports import Answer, Commit, Document, Lease, ServiceState, Stored, Token
from croupier.core.flags.preset import PresetState
from croupier.core.journal.verify import ROLLOUT, Row
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
    rows = [
        *(_put_service(connection, service) for service in change.services),
        *(_put_document(connection, document) for document in change.documents),
        *(_remove_document(connection, document) for document in change.removed),
        *(_add_release(connection, release, before.size) for release in change.releases),
        *(_put_token(connection, token) for token in change.tokens),
        *(_put_preset(connection, preset) for preset in change.presets),
        *(fingerprint(table, row) for table, row in put_flags(connection, change)),
    ]
    first, *others = change.entries
    written = replace(first, rows={row.name: row.digest for row in rows if row is not None})
    seqs = append(connection, before, (written, *others))
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


def _put_service(connection: Connection, stored: Stored[ServiceState]) -> Row:
    name = stored.value.service
    values = {"state": codec.SERVICE_STATE.encode(stored.value)}
    return fingerprint(services, _put(connection, services, {"name": name}, values, stored.version, f"service {name}"))


def _put_document(connection: Connection, stored: Stored[Document]) -> Row:
    document = stored.value
    key = {"kind": document.kind, "name": document.name}
    values = {"document": codec.encode_document(document)}
    place = f"{document.kind} {document.name}"
    return fingerprint(documents, _put(connection, documents, key, values, stored.version, place))


def _remove_document(connection: Connection, stored: Stored[Document]) -> Row:
    key = {"kind": stored.value.kind, "name": stored.value.name}
    same = [documents.c[name] == value for name, value in key.items()]
    gone = connection.execute(delete(documents).where(*same, documents.c.version == stored.version))
    if gone.rowcount != 1:
        raise _outdated(connection, documents, key, stored.version, f"{stored.value.kind} {stored.value.name}")
    return taken_out(documents, key)


def _put_preset(connection: Connection, stored: Stored[PresetState]) -> Row:
    name = stored.value.preset.name
    values = {"state": flag_codec.PRESET.encode(stored.value)}
    return fingerprint(presets, _put(connection, presets, {"name": name}, values, stored.version, f"preset {name}"))


def _put(
    connection: Connection, table: Table, key: dict[str, Any], values: dict[str, Any], version: int, place: str
) -> dict[str, Any]:
    """Insert (version 0) or update the row, if it is still as the writer saw it; the row as it is now."""
    row = {**key, **values, "version": version + 1}
    if version == 0:
        if not _insert_new(connection, table, row):
            raise Conflict(f"{place} exists already.", hint="Read it again, then decide.")
        return row
    same = [table.c[name] == value for name, value in key.items()]
    changed = connection.execute(
        update(table).where(*same, table.c.version == version).values(**values, version=version + 1)
    )
    if changed.rowcount != 1:
        raise _outdated(connection, table, key, version, place)
    return row


def _outdated(connection: Connection, table: Table, key: dict[str, Any], version: int, place: str) -> Conflict:
    same = [table.c[name] == value for name, value in key.items()]
    now = connection.execute(select(table.c.version).where(*same)).scalar_one_or_none()
    found = "does not exist" if now is None else f"is at version {now}, not at {version}"
    return Conflict(f"{place} {found}.", hint="Read it again, then decide.")


def _insert_new(connection: Connection, table: Table, values: dict[str, Any]) -> bool:
    """Insert unless the key is taken; whether it was free."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    fresh = dialect.insert(table).values(**values).on_conflict_do_nothing()
    return connection.execute(fresh.returning(*table.primary_key.columns)).first() is not None


def _add_release(connection: Connection, release: Release, seq: int) -> Row | None:
    """Add the release; the same one again is no change."""
    values = {
        "service": release.service,
        "version": release.version,
        "digest": release.digest,
        "seq": seq,
        "release": codec.RELEASE.encode(release),
    }
    if _insert_new(connection, releases, values):
        return fingerprint(releases, values)
    same = [releases.c.service == release.service, releases.c.version == release.version]
    digest = connection.execute(select(releases.c.digest).where(*same)).scalar_one()
    if digest != release.digest:
        raise Conflict(
            f"release {release.service} {release.version} exists with digest {digest}, not {release.digest}.",
            hint="A version is never bound to another content: choose a new version.",
        )
    return None


def _put_token(connection: Connection, token: Token) -> Row:
    """Add the token, or mark it revoked: nothing else of it ever changes."""
    values = asdict(token)
    if token.revoked_at is None:
        if not _insert_new(connection, tokens, values):
            raise Conflict(f"token {token.id} or its secret exists already.", hint="Make another one.")
        return fingerprint(tokens, values)
    valid = [tokens.c[name] == value for name, value in values.items() if name != "revoked_at"]
    revoked = update(tokens).where(*valid, tokens.c.revoked_at.is_(None)).values(revoked_at=token.revoked_at)
    if connection.execute(revoked).rowcount != 1:
        raise Conflict(f"token {token.id} was revoked already, or is none of ours.", hint="See: GET /api/v1/tokens")
    return fingerprint(tokens, values)


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
