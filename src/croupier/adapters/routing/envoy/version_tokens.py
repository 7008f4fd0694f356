"""Tokens that ask the edge for a version: signed with the control plane's own key, short-lived, and made at request.

The key is made at the first start, in the state directory, for its owner alone; the edge knows the public half. Built
by ``server.app``.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from secrets import token_hex
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from jwt.algorithms import ECAlgorithm

from croupier.adapters.private_file import replace_private
from croupier.adapters.routing.envoy.keys import read_jwks
from croupier.control.ports import Clock, VersionKey
from croupier.core.smoke.override import AUDIENCE, ISSUER, LONGEST_S, versions_claim
from croupier.errors import Rejected


class OverrideKey:
    """The key in ``path``, made where there is none."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._clock = clock
        if not path.exists():
            made = ECAlgorithm.to_jwk(generate_private_key(SECP256R1()), as_dict=True)
            key = {**made, "kid": token_hex(4), "alg": "ES256", "use": "sig"}
            replace_private(path, json.dumps({"keys": [key]}).encode())
        self.jwks = read_jwks(path, ours=True)
        self._key = _first(path)

    def sign(self, versions: Iterable[VersionKey], for_s: float, subject: str) -> str:
        """A token for these versions, at most an hour. ``subject`` says who asked. Raises ``Rejected`` for longer."""
        if not 0 < for_s <= LONGEST_S:
            raise Rejected(f"A version token cannot live for {for_s:g} s.", hint="Ask for 1s to 1h.")
        now = int(self._clock.now())
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            "iat": now,
            "exp": now + int(for_s),
            "versions": versions_claim((key.service, key.version) for key in versions),
            "smoke": "1",
        }
        key = jwt.PyJWK(self._key)
        return jwt.encode(claims, key.key, "ES256", {"kid": self._key["kid"]})


def _first(path: Path) -> dict[str, Any]:
    key: dict[str, Any] = json.loads(path.read_bytes())["keys"][0]
    if "d" not in key or key.get("crv") != "P-256":
        raise Rejected(
            f"The file of keys {path} has no private P-256 key first.", hint="Remove the file: a new one is made."
        )
    return key
