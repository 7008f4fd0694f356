"""Issuers of players' tokens, for tests: a key, its public half, and tokens good and bad."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

ISSUER = "https://login.example"
AUDIENCE = "play"


def _new_key(algorithm: str) -> Any:
    if algorithm == "RS256":
        return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    return ec.generate_private_key(ec.SECP256R1()) if algorithm == "ES256" else ed25519.Ed25519PrivateKey.generate()


@dataclass
class Issuer:
    """A key of one algorithm; ``token`` makes sound ones unless told otherwise (``None`` leaves a claim out)."""

    kid: str = "k1"
    algorithm: str = "EdDSA"
    key: Any = field(default=None)

    def __post_init__(self) -> None:
        self.key = self.key or _new_key(self.algorithm)

    @property
    def jwk(self) -> dict[str, Any]:
        text = jwt.get_algorithm_by_name(self.algorithm).to_jwk(self.key.public_key(), as_dict=True)
        return {**text, "kid": self.kid, "alg": self.algorithm, "use": "sig"}

    @property
    def private_jwk(self) -> dict[str, Any]:
        text = jwt.get_algorithm_by_name(self.algorithm).to_jwk(self.key, as_dict=True)
        return {**text, "kid": self.kid, "alg": self.algorithm, "use": "sig"}

    def token(self, player: str | None, *, lasts_s: float | None = 600, **claims: Any) -> str:
        content = {"iss": ISSUER, "aud": AUDIENCE, "sub": player, **claims}
        if lasts_s is not None:
            content["exp"] = int(time.time() + lasts_s)
        content = {name: value for name, value in content.items() if value is not None}
        return jwt.encode(content, self.key, self.algorithm, headers={"kid": self.kid})


def write_jwks(path: Path, *keys: dict[str, Any]) -> Path:
    """Replace the file, as whoever rotates keys does."""
    new = path.with_suffix(".new")
    new.write_text(json.dumps({"keys": list(keys)}))
    return new.replace(path)
