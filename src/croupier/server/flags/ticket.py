"""Addresses of event streams for clients that cannot send a header with them, as a browser's EventSource cannot.

Made for whoever asked with a token, good for a day and for that token's flags only; nothing is kept of them. They end
with the process: clients then ask for their flags again, and get a new one.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Final

from croupier.server.auth import Keyring

_GOOD_FOR_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Tickets:
    """Signs tickets and knows its own."""

    keyring: Keyring
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def issue(self, token: str, environment: str, now: float) -> str:
        """A ticket for the owner of this token (its id)."""
        said = f"{token}~{environment}~{int(now) + _GOOD_FOR_S}"
        return f"{said}~{self._sign(said)}"

    def redeem(self, ticket: str, now: float) -> tuple[str, str] | None:
        """The token's id and the environment; ``None`` for what is not ours, over, or of a token that was revoked."""
        said, _, signature = ticket.rpartition("~")
        if not hmac.compare_digest(self._sign(said).encode(), signature.encode()):
            return None
        token, environment, until = said.split("~")
        return (token, environment) if float(until) > now and self.keyring.holder(token) is not None else None

    def _sign(self, said: str) -> str:
        return hmac.new(self._key, said.encode(), hashlib.sha256).hexdigest()
