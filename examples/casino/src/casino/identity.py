"""Players and how they prove who they are: registration, password, one-time code, self-exclusion.

Transactions on the shared database, called by the auth service; `require_playable` guards money in the others.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
import time
from dataclasses import dataclass

import pyotp

from casino.errors import Refusal

CHALLENGE_LIFETIME_S = 120.0
CHALLENGE_ATTEMPTS = 5
_WITH_EMPLOYEES = (
    "SELECT players.*, employees.player_id IS NOT NULL AS employee FROM players "
    "LEFT JOIN employees ON employees.player_id = players.id"
)


@dataclass(frozen=True, slots=True)
class Player:
    """Who is playing; market and brand never change. Employees play too, with what players do not get yet."""

    id: str
    market: str
    brand: str
    employee: bool = False


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A player to be stored, with the password already hashed."""

    login: str
    password_hash: str
    totp_secret: str
    market: str
    brand: str
    excluded: bool = False
    employee: bool = False
    tester: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """What the login needs to know of a player."""

    player: Player
    password_hash: str
    totp_secret: str
    excluded: bool


def attributes(player: Player) -> dict[str, object]:
    """What segments may look at, as claims of tokens."""
    return {"market": player.market, "brand": player.brand, "employee": player.employee}


def player_id(login: str) -> str:
    """A player's id follows from the login, so that a repeated import names the same players."""
    return "p" + hashlib.blake2b(login.encode(), digest_size=8).hexdigest()


def hash_password(password: str, cost: int, scheme: str) -> str:
    """`scheme$cost$salt$hash`. Version 1.0 writes pbkdf2, since 1.1 scrypt; both read both.

    `cost` is the number of pbkdf2 iterations, or scrypt's N (a power of two).
    """
    salt = secrets.token_bytes(12)
    return f"{scheme}${cost}${salt.hex()}${_derive(password, salt, cost, scheme).hex()}"


def password_matches(password: str, stored: str) -> bool:
    """Compare in constant time with a hash of either scheme."""
    scheme, cost, salt, expected = stored.split("$")
    return hmac.compare_digest(_derive(password, bytes.fromhex(salt), int(cost), scheme), bytes.fromhex(expected))


def add_player(tx: sqlite3.Connection, newcomer: Newcomer) -> bool:
    """Store the player; False if the login is taken (nothing is changed then)."""
    cursor = tx.execute(
        "INSERT INTO players (id, login, password, totp_secret, market, brand, excluded_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (
            player_id(newcomer.login),
            newcomer.login,
            newcomer.password_hash,
            newcomer.totp_secret,
            newcomer.market,
            newcomer.brand,
            time.time() if newcomer.excluded else None,
        ),
    )
    if cursor.rowcount == 1 and newcomer.employee:
        tx.execute("INSERT INTO employees (player_id) VALUES (?)", (player_id(newcomer.login),))
    if cursor.rowcount == 1 and newcomer.tester:
        tx.execute("INSERT INTO testers (player_id) VALUES (?)", (player_id(newcomer.login),))
    return cursor.rowcount == 1


def is_tester(tx: sqlite3.Connection, player: str) -> bool:
    """Whether it is a marked test account."""
    return tx.execute("SELECT 1 FROM testers WHERE player_id = ?", (player,)).fetchone() is not None


def find_player(tx: sqlite3.Connection, login: str) -> Stored | None:
    """The player with this login."""
    row = tx.execute(f"{_WITH_EMPLOYEES} WHERE login = ?", (login,)).fetchone()
    return _stored(row) if row else None


def store_password(tx: sqlite3.Connection, player: str, password_hash: str) -> None:
    """Replace the password hash (an upgrade of its scheme at login)."""
    tx.execute("UPDATE players SET password = ? WHERE id = ?", (password_hash, player))


def open_challenge(tx: sqlite3.Connection, player: str) -> str:
    """Start the second step of a login; expired challenges are cleared away by the way."""
    now = time.time()
    challenge = secrets.token_urlsafe(12)
    tx.execute("DELETE FROM challenges WHERE expires_at < ?", (now,))
    tx.execute(
        "INSERT INTO challenges (id, player_id, expires_at) VALUES (?, ?, ?)",
        (challenge, player, now + CHALLENGE_LIFETIME_S),
    )
    return challenge


def answer_challenge(tx: sqlite3.Connection, challenge: str, code: str) -> tuple[Stored | None, bool]:
    """Whose challenge it is, and whether the code is right. A challenge works once and bears few attempts."""
    row = tx.execute(
        "SELECT players.*, attempts, employees.player_id IS NOT NULL AS employee FROM challenges "
        "JOIN players ON players.id = challenges.player_id LEFT JOIN employees ON employees.player_id = players.id "
        "WHERE challenges.id = ? AND expires_at >= ?",
        (challenge, time.time()),
    ).fetchone()
    if row is None:
        return None, False
    right = pyotp.TOTP(row["totp_secret"]).verify(code, valid_window=1)
    if right or row["attempts"] + 1 >= CHALLENGE_ATTEMPTS:
        tx.execute("DELETE FROM challenges WHERE id = ?", (challenge,))
    else:
        tx.execute("UPDATE challenges SET attempts = attempts + 1 WHERE id = ?", (challenge,))
    return _stored(row), right


def exclude(tx: sqlite3.Connection, player: str) -> None:
    """Self-exclusion, at once and for all services. Repeating it changes nothing."""
    tx.execute("UPDATE players SET excluded_at = ? WHERE id = ? AND excluded_at IS NULL", (time.time(), player))


def require_playable(tx: sqlite3.Connection, player: str) -> None:
    """Raise `Refusal` (403) for players who are excluded or unknown."""
    row = tx.execute("SELECT excluded_at FROM players WHERE id = ?", (player,)).fetchone()
    if row is None:
        raise Refusal(403, "unknown_player", "this player is not registered here")
    if row["excluded_at"] is not None:
        raise Refusal(403, "self_excluded", "this player is self-excluded and cannot deposit, play or claim")


def _derive(password: str, salt: bytes, cost: int, scheme: str) -> bytes:
    if scheme == "pbkdf2":
        return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, cost)
    return hashlib.scrypt(password.encode(), salt=salt, n=cost, r=8, p=1, maxmem=64 * 1024 * 1024)


def _stored(row: sqlite3.Row) -> Stored:
    player = Player(row["id"], row["market"], row["brand"], bool(row["employee"]))
    return Stored(player, row["password"], row["totp_secret"], row["excluded_at"] is not None)
