"""What a database's error means to Croupier: try again, too late, wrong, or broken. Every transaction goes through it.

Messages name the database without its password, and never the values of a statement.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import URL
from sqlalchemy import exc as sa

from croupier.errors import Conflict, Corrupt, CroupierError, Rejected, Transient

_SECRET_PARAMETERS: Final = ("password", "passfile", "sslpassword", "sslkey")
_BROKEN_FILE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_OTHER_SIDE: Final = ("57", "53", "58", "08", "25", "40", "55")
"""Classes of PostgreSQL's SQLSTATE that pass: connection, resources, shutdown, system, transaction, rollback, lock."""


def shown(url: URL) -> str:
    """The URL for people: what names the database, without the password and without our settings."""
    query = {name: url.query[name] for name in ("host", "port", "dbname") if name in url.query}
    return url.set(drivername=url.get_backend_name(), query=query).render_as_string(hide_password=True)


@contextmanager
def translated(url: URL) -> Iterator[None]:
    """Turn the database's errors into Croupier's."""
    try:
        yield
    except CroupierError:
        raise
    except sa.DBAPIError as error:
        raise _of_database(error, url) from error
    except (sa.TimeoutError, OSError) as error:
        raise Transient(f"the database {shown(url)} does not answer: {_first_line(error, url)}.") from error
    except sa.NoResultFound as error:
        raise Corrupt(
            f"the database {shown(url)} lacks a row that must be there: {_first_line(error, url)}."
        ) from error


def _of_database(error: sa.DBAPIError, url: URL) -> CroupierError:
    text, where = _first_line(error.orig or error, url), shown(url)
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
    state = getattr(error.orig, "sqlstate", None) or ""
    if code in _BROKEN_FILE:
        return Corrupt(f"the database {where} is damaged: {text}.", hint="Restore it from a backup.")
    if isinstance(error, sa.IntegrityError):
        return Conflict(f"somebody else changed the same thing first: {text}.", hint="Read it again.")
    if isinstance(error, sa.DataError):
        return Rejected(f"a value cannot be stored: {text}.")
    if state[:2] in _OTHER_SIDE or isinstance(error, (sa.OperationalError, sa.InterfaceError)):
        if code == sqlite3.SQLITE_ERROR:  # a statement that this schema cannot run: no such table, for one
            return _of_schema(text, where)
        return Transient(f"the database {where} does not work now: {text}.", hint=_advice(code, state))
    return _of_schema(text, where)


def _of_schema(text: str, where: str) -> Corrupt:
    return Corrupt(f"the database {where} is not as it should be: {text}.", hint="Was it changed by hand?")


def _advice(code: int, state: str) -> str:
    if code == sqlite3.SQLITE_FULL or state == "53100":
        return "The disk is full: make room."
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return "Another process holds the file locked."
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return "Check that the file and its folder can be written."
    return ""


def _first_line(error: BaseException, url: URL) -> str:
    """The database's own words, one line, without the password should it repeat it."""
    text = next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(".")
    secrets = [url.password, *(url.query.get(name) for name in _SECRET_PARAMETERS)]
    for secret in secrets:
        if isinstance(secret, str) and secret:
            text = re.sub(re.escape(secret), "***", text)
    return text
