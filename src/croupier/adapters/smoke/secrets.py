"""Secrets that a check names: read when it runs, kept nowhere, and taken out of everything that is told."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from croupier.core.smoke import SecretRef
from croupier.errors import Transient

_LARGEST: Final = 16_384
_SHORTEST: Final = 4
"""Shorter texts are words, and would be taken out of everything."""


def read_secret(ref: SecretRef, env: Mapping[str, str], folder: Path | None) -> str:
    """The secret. Raises ``Transient`` where there is none: that says nothing about the version."""
    if ref.env is not None:
        if ref.env not in env:
            raise Transient(f"the variable {ref.env} is not set.", hint="Set it for whoever runs the check.")
        return env[ref.env]
    if folder is None:
        raise Transient(f"the secret {ref.file} cannot be read: CROUPIER_SECRETS_DIR is not set.")
    root = folder.resolve()
    path = (root / str(ref.file)).resolve()
    if not path.is_relative_to(root):
        raise Transient(f"the secret {ref.file} leads out of CROUPIER_SECRETS_DIR.")
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST + 1).decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise Transient(f"the secret {ref.file} cannot be read: {why}.") from None
    if not text or len(text) > _LARGEST:
        raise Transient(f"the secret {ref.file} is empty or too long.")
    return text


def redacted(text: str, secrets: Iterable[str]) -> str:
    """The text without the secrets, longest first."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, "*****")
    return text
