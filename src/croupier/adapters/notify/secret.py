"""Secrets from files and variables, read for every use: they may be renewed. Used by webhooks and their file."""

import base64
import binascii
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from croupier.errors import Rejected

_PREFIX: Final = "whsec_"
_LEAST: Final = 24
_MOST: Final = 64
"""Bytes of a key, as standard-webhooks.com has them."""
_LONGEST: Final = 16_384


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret is: in a file or in an environment variable."""

    file: Path | None = None
    variable: str | None = None

    def read(self) -> str:
        """The text. Raises ``Rejected``, which names the place and never the content."""
        if self.file is not None:
            try:
                with self.file.open(encoding="utf-8") as opened:
                    text = opened.read(_LONGEST)
            except (OSError, ValueError) as error:  # no UTF-8, or a name that no file can have
                why = getattr(error, "strerror", None) or "it is no text"
                raise Rejected(f"The secret cannot be read from {self.file}: {why}.") from None
        else:
            text = os.environ.get(self.variable or "", "")
        if not text.strip():
            raise Rejected(f"The secret in {self.place} is empty.", hint="Put it there.")
        return text.strip()

    def keys(self) -> list[bytes]:
        """The signing keys, one a line: while a key is exchanged there are two. Raises ``Rejected``."""
        return [self._key(line.strip()) for line in self.read().splitlines() if line.strip()]

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return str(self.file) if self.file is not None else f"the variable {self.variable}"

    def _key(self, line: str) -> bytes:
        try:
            key = base64.b64decode(line.removeprefix(_PREFIX), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not line.startswith(_PREFIX) or not _LEAST <= len(key) <= _MOST:
            raise Rejected(
                f"The secret in {self.place} is no signing key.",
                hint=f"Write {_PREFIX} and {_LEAST} to {_MOST} random bytes in base64: "
                f'echo "{_PREFIX}$(head -c 32 /dev/urandom | base64)"',
            )
        return key
