"""Session tokens that an edge can verify, too: JWTs, signed by auth and read by every service with the public half.

`python -m casino.sessions KEYFILE` makes the key where there is none and prints its public half (a JWKS), which is for
the edge and for services that only read. Needs the extra `croupier-casino[edge]`; called by `serve`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from casino.errors import Misconfigured, Refusal
from casino.identity import Player, attributes
from casino.tokens import LIFETIME_S

ISSUER = "casino"
AUDIENCE = "play"
ALGORITHM = "EdDSA"
CLAIMS = {"market": "x-market", "brand": "x-brand", "employee": "x-employee"}
"""Claims, and the headers that the edge may fill with them."""


class Sessions:
    """Issues and reads session tokens, by a file of keys (JWKS); with public ones alone it only reads."""

    def __init__(self, key_file: Path) -> None:
        try:
            written = json.loads(key_file.read_text())["keys"]
            self._keys = [jwt.PyJWK(key, ALGORITHM) for key in written]
            self._signs = "d" in written[0]
        except (OSError, ValueError, LookupError, TypeError, jwt.PyJWTError) as error:
            raise Misconfigured(
                f"--session-key-file {key_file}: {error}; `python -m casino.sessions FILE` makes one"
            ) from error

    def issue(self, player: Player) -> str:
        """A token for one player, good for an hour. Raises `Misconfigured` where there is no private key."""
        if not self._signs:
            raise Misconfigured("the session key file has only public keys; auth needs the private one")
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": player.id, "iat": now, "exp": now + LIFETIME_S}
        claims |= attributes(player)
        return jwt.encode(claims, self._keys[0], ALGORITHM, headers={"kid": self._keys[0].key_id})

    def read(self, token: str) -> Player:
        """The token's player. Raises `Refusal` (401) when it is not ours, altered or too old."""
        for key in self._keys:
            try:
                claims = jwt.decode(
                    token,
                    key,
                    [ALGORITHM],
                    issuer=ISSUER,
                    audience=AUDIENCE,
                    options={"require": ["exp", "sub", "market", "brand"]},
                )
            except jwt.ExpiredSignatureError as error:
                raise Refusal(401, "session_expired", "the session has expired; log in again") from error
            except jwt.InvalidTokenError:
                continue
            return Player(claims["sub"], claims["market"], claims["brand"], claims.get("employee") is True)
        raise Refusal(401, "bad_token", "the session token is not valid; log in again")


def public_half(key_file: Path) -> str:
    """The keys without what signs, as a JWKS."""
    keys = json.loads(key_file.read_text())["keys"]
    return json.dumps({"keys": [{name: value for name, value in key.items() if name != "d"} for key in keys]})


def make_key(key_file: Path) -> None:
    """Make the file (mode 0600) where there is none."""
    if key_file.exists():
        return
    key = OKPAlgorithm.to_jwk(Ed25519PrivateKey.generate(), as_dict=True)
    key |= {"kid": os.urandom(4).hex(), "alg": ALGORITHM, "use": "sig"}
    with os.fdopen(os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump({"keys": [key]}, file)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m casino.sessions KEYFILE > JWKS")
    make_key(Path(sys.argv[1]))
    print(public_half(Path(sys.argv[1])))
