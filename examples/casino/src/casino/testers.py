"""Make the marked test accounts that smoke checks play with: `python -m casino.testers casino.db SECRETS_DIR`.

Logins, passwords and secrets of one-time codes are made anew and written to files that only their owner can read:
`smoke/player.login`, `smoke/player.password`, `smoke/player.totp`, likewise of `poor` (never funded) and `excluded`.
"""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

import pyotp

from casino import identity
from casino.database import connect, writing
from casino.identity import Newcomer

WHO = ("player", "poor", "excluded")


def make(database: Path, folder: Path, market: str = "DE", brand: str = "aurora") -> None:
    """Make the accounts; those of an earlier call stay, with files of their own replaced."""
    target = folder / "smoke"
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    connection = connect(database)
    try:
        for who in WHO:
            login, password = f"smoke-{who}-{secrets.token_hex(4)}", secrets.token_urlsafe(12)
            totp = pyotp.random_base32()
            hashed = identity.hash_password(password, 256, "scrypt")
            with writing(connection) as tx:
                identity.add_player(
                    tx, Newcomer(login, hashed, totp, market, brand, excluded=who == "excluded", tester=True)
                )
            for name, value in (("login", login), ("password", password), ("totp", totp)):
                file = target / f"{who}.{name}"
                file.unlink(missing_ok=True)
                file.touch(mode=0o600)
                file.write_text(f"{value}\n")
    finally:
        connection.close()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit("write: python -m casino.testers DATABASE SECRETS_DIR")
    make(Path(sys.argv[1]), Path(sys.argv[2]))
    print(f"marked test accounts: {', '.join(WHO)}; their secrets are in {sys.argv[2]}/smoke")
