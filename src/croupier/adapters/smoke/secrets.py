"""Secrets that a check names: read when it runs, kept nowhere, and taken out of everything that is told."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote, quote_plus

from croupier.core.smoke import SecretRef
from croupier.errors import Transient

_LARGEST: Final = 16_384
_SHORTEST: Final = 4
"""Shorter texts are words, and would be taken out of everything."""
_LOOKS_SECRET: Final = re.compile(
    r"auth|bearer|cookie|credential|csrf|jwt|key|nonce|otp|pass|secret|session|token", re.IGNORECASE
)


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
    """The text without the secrets, however they are written in it, longest first."""
    forms = {form for secret in secrets if len(secret) >= _SHORTEST for form in _written(secret)}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, "*****")
    return text


def looks_secret(name: str, value: object) -> bool:
    """Whether a part of an answer lets its bearer in, by its name: sessions of trial accounts are logins, too."""
    return isinstance(value, str) and (_LOOKS_SECRET.search(name) is not None or value.startswith("eyJ"))


def _written(secret: str) -> Iterator[str]:
    """As itself, in JSON, and in a form or an address."""
    yield from (secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    yield from (quote(secret, safe=""), quote_plus(secret))
