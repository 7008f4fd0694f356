"""Leases: one statement each, so that two takers can never both win, on either database."""

from sqlalchemy import Connection, case, or_, update
from sqlalchemy.dialects import postgresql, sqlite

from croupier.adapters.store.sql.tables import leases
from croupier.control.ports import Lease
from croupier.errors import Rejected


def acquire(connection: Connection, name: str, holder: str, ttl_s: float, now: float) -> Lease | None:
    """Take or renew. Only a lease still held is renewed; an expired one is taken anew, with a higher token."""
    if not holder or ttl_s <= 0:
        raise Rejected("a lease needs a holder's name and a time to live above 0 seconds.")
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    fresh = dialect.insert(leases).values(name=name, holder=holder, token=1, expires_at=now + ttl_s)
    renewed = (leases.c.holder == holder) & (leases.c.expires_at > now)
    statement = fresh.on_conflict_do_update(
        index_elements=[leases.c.name],
        set_={
            "holder": fresh.excluded.holder,
            "token": leases.c.token + case((renewed, 0), else_=1),
            "expires_at": fresh.excluded.expires_at,
        },
        where=or_(leases.c.holder == holder, leases.c.expires_at <= now),
    ).returning(leases.c.token)
    token = connection.execute(statement).scalar_one_or_none()
    return Lease(name, holder, token, now + ttl_s) if token is not None else None


def release(connection: Connection, lease: Lease) -> None:
    """Let it expire now, if it is still this one. The row stays: the next token must be higher."""
    same = [leases.c.name == lease.name, leases.c.holder == lease.holder, leases.c.token == lease.token]
    connection.execute(update(leases).where(*same).values(holder="", expires_at=0.0))
