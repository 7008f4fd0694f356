"""Stored answers, by which a repeated request gets the same answer again instead of a second effect.

Written in the transaction of the effect itself, so that effect and answer exist together or not at all.
"""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import dataclass
from typing import Any

import msgspec

from casino.errors import Refusal


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back: HTTP status and JSON body; `fresh` is False for a replay of an earlier answer."""

    status_code: int
    body: bytes
    fresh: bool = True

    @property
    def document(self) -> dict[str, Any]:
        """The body, decoded."""
        decoded: dict[str, Any] = msgspec.json.decode(self.body)
        return decoded


def digest(content: bytes) -> str:
    """A short fingerprint of a request or answer body."""
    return hashlib.sha256(content).hexdigest()[:32]


def recall(tx: sqlite3.Connection, scope: str, subject: str, body_digest: str) -> Answer | None:
    """The stored answer for this key, or None for a new one.

    Raises `Refusal` (409) when the key was used before with another body.
    """
    row = tx.execute("SELECT * FROM answers WHERE scope = ? AND subject = ?", (scope, subject)).fetchone()
    if row is None:
        return None
    require_same_body(row["body_digest"], body_digest)
    return Answer(row["status_code"], row["body"], fresh=False)


def require_same_body(stored: str, offered: str) -> None:
    """Raise `Refusal` (409) when one key comes with two different bodies."""
    if stored != offered:
        raise Refusal(409, "key_reused", "this idempotency key was used with a different body; send a new key")


def record(
    tx: sqlite3.Connection, scope: str, subject: str, body_digest: str, status_code: int, document: dict[str, Any]
) -> Answer:
    """Store and return the answer for this key."""
    body = msgspec.json.encode(document)
    tx.execute(
        "INSERT INTO answers (scope, subject, body_digest, status_code, body, digest) VALUES (?, ?, ?, ?, ?, ?)",
        (scope, subject, body_digest, status_code, body, digest(body)),
    )
    return Answer(status_code, body)
