"""Session tokens: signed, readable by every service, bound to one player.

The secret comes from a file, from CASINO_SECRET, or is made once and kept in the shared database.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from pathlib import Path
from typing import Protocol

from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer

from casino.errors import Misconfigured, Refusal
from casino.identity import Player

LIFETIME_S = 3600
SHORTEST_SECRET = 16


class SessionTokens(Protocol):
    """Issues and reads session tokens: `Tokens`, or `casino.sessions.Sessions` where the edge verifies them, too."""

    def issue(self, player: Player) -> str:
        """A token for one player."""

    def read(self, token: str) -> Player:
        """The token's player. Raises `Refusal` (401)."""


class Tokens:
    """Issues and reads session tokens that only the casino can read."""

    def __init__(self, secret: str) -> None:
        self._serializer = URLSafeTimedSerializer(secret, salt="casino.session")

    def issue(self, player: Player) -> str:
        """A token for one player, good for an hour."""
        return str(self._serializer.dumps([player.id, player.market, player.brand, player.employee]))

    def read(self, token: str) -> Player:
        """The token's player. Raises `Refusal` (401) when it is not ours, altered or too old."""
        try:
            player, market, brand, employee = self._serializer.loads(token, max_age=LIFETIME_S)
        except SignatureExpired as error:
            raise Refusal(401, "session_expired", "the session has expired; log in again") from error
        except BadSignature as error:
            raise Refusal(401, "bad_token", "the session token is not valid; log in again") from error
        return Player(player, market, brand, employee)


def given_secret(secret_file: Path | None) -> str | None:
    """The secret that the operator gave, if any. Raises `Misconfigured` when it is unreadable or too short."""
    if secret_file is not None:
        try:
            secret = secret_file.read_text().strip()
        except OSError as error:
            raise Misconfigured(f"--secret-file {secret_file} cannot be read: {error.strerror}") from error
    else:
        secret = os.environ.get("CASINO_SECRET", "")
        if not secret:
            return None
    if len(secret) < SHORTEST_SECRET:
        raise Misconfigured(f"the session secret has {len(secret)} characters; give at least {SHORTEST_SECRET}")
    return secret


def shared_secret(tx: sqlite3.Connection) -> str:
    """The secret kept in the database; the first process makes it."""
    tx.execute("INSERT OR IGNORE INTO secrets (name, value) VALUES ('session', ?)", (secrets.token_urlsafe(32),))
    return str(tx.execute("SELECT value FROM secrets WHERE name = 'session'").fetchone()["value"])
