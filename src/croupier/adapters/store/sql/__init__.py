"""The store on SQL: one object for states, leases, journal and changes; the server opens it."""

from croupier.adapters.store.sql.schema import migrate
from croupier.adapters.store.sql.store import SqlLeases, SqlStore, open_store

__all__ = ["SqlLeases", "SqlStore", "migrate", "open_store"]
