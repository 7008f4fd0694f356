"""The ledger check: reads the whole database at one moment and reports whatever money must never do.

Independent of the services' own bookkeeping: it recomputes. Used by demos and tests, and as `python -m casino.ledger
check FILE` (exit 0 clean, 1 findings, 2 not readable).
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from casino.answers import digest
from casino.ledger_rules import RULES

MOST_PER_RULE = 100


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be: which rule, about what (a transaction, account, payment or round), and how."""

    rule: str
    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class Extent:
    """How much a check has looked at; `open` counts payments and rounds still in progress, which is no finding."""

    transactions: int
    entries: int
    players: int
    open: int


class Unreadable(Exception):
    """The file is not a casino's database."""


def check(database: Path) -> list[Finding]:
    """All findings, at most 100 per rule; an empty list means that every invariant holds.

    Safe while the casino runs: it reads one consistent snapshot and blocks nobody. Raises `Unreadable`.
    """
    with _snapshot(database) as connection:
        return inspect(connection)


def extent(database: Path) -> Extent:
    """How much there is to look at. Raises `Unreadable`."""
    with _snapshot(database) as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM transactions) AS transactions, (SELECT count(*) FROM entries) AS entries, "
            "(SELECT count(*) FROM accounts WHERE kind = 'player') AS players, "
            "(SELECT count(*) FROM payments WHERE status = 'pending') "
            "+ (SELECT count(*) FROM rounds WHERE status = 'open') AS open"
        ).fetchone()
        return Extent(row["transactions"], row["entries"], row["players"], row["open"])


def inspect(connection: sqlite3.Connection) -> list[Finding]:
    """Like `check`, on a connection that is open already (rows must be `sqlite3.Row`)."""
    found = [
        Finding(rule.name, str(row["subject"]), str(row["detail"]))
        for rule in RULES
        for row in connection.execute(f"SELECT * FROM ({rule.query}) LIMIT {MOST_PER_RULE}")  # noqa: S608 our own text
    ]
    return [*found, *_answers_that_lie(connection)]


def _answers_that_lie(connection: sqlite3.Connection) -> Iterator[Finding]:
    """Stored answers that were altered, or say something else than the payment or round that they are about."""
    query = (
        "SELECT answers.*, coalesce(payments.status, rounds.status) AS status, "
        "coalesce(payments.amount, rounds.stake) AS amount, rounds.win AS win FROM answers "
        "LEFT JOIN payments ON scope = 'payment' AND payments.subject = answers.subject "
        "LEFT JOIN rounds ON scope = 'round' AND rounds.subject = answers.subject"
    )
    for row in connection.execute(query):
        body = row["body"] if isinstance(row["body"], bytes) else str(row["body"]).encode()
        if digest(body) != row["digest"]:
            yield Finding("answer_altered", row["subject"], "a replay would differ from the first answer")
            continue
        document = msgspec.json.decode(body)
        told = (document.get("status"), document.get("amount_minor", document.get("stake_minor")))
        if row["status"] is None and document.get("status") == "refused":
            continue
        if told != (row["status"], row["amount"]) or document.get("win_minor", row["win"]) != row["win"]:
            yield Finding("answer_lies", row["subject"], f"told {document}, recorded {row['status']} {row['amount']}")


@contextmanager
def _snapshot(database: Path) -> Iterator[sqlite3.Connection]:
    """One read transaction on a database that is not written to."""
    if not database.is_file():
        raise Unreadable(f"{database} does not exist")
    connection = sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True, timeout=5, isolation_level=None)
    connection.row_factory = sqlite3.Row
    try:
        _begin(connection, database)
        yield connection
    finally:
        connection.close()


def _begin(connection: sqlite3.Connection, database: Path) -> None:
    try:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM transactions").fetchone()
    except sqlite3.Error as error:
        raise Unreadable(f"{database} is not a casino's database: {error}") from error


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m casino.ledger", description="Checks a casino's ledger.")
    commands = parser.add_subparsers(dest="command", required=True)
    checking = commands.add_parser("check", help="report every broken invariant")
    checking.add_argument("database", type=Path)
    given = parser.parse_args(arguments)
    try:
        findings, seen = check(given.database), extent(given.database)
    except Unreadable as error:
        print(f"ledger: {error}", file=sys.stderr)
        return 2
    for finding in findings:
        print(f"{finding.rule}: {finding.subject}: {finding.detail}")
    print(
        f"{len(findings)} findings in {seen.transactions} transactions, {seen.entries} entries, "
        f"{seen.players} players ({seen.open} payments and rounds in progress)"
    )
    return 1 if findings else 0


if __name__ == "__main__":
    raise SystemExit(main())
