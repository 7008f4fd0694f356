"""Which control plane is meant, and with which token it may be asked. Light: a kill needs it before all else.

The address comes from ``--url`` or ``CROUPIER_URL``, where several are separated by commas; the token from ``--token``,
``CROUPIER_TOKEN``, or the file that a control plane on this machine wrote for its owner at its first start. That one is
for this machine: it is sent to no other, whatever address somebody was talked into.
"""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Final

DEFAULT_URL: Final = "http://127.0.0.1:8700"


def addresses(url: str | None, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Where the control plane is, or all of those that share a database; each once."""
    given = (url or environ.get("CROUPIER_URL") or "").split(",")
    return tuple(dict.fromkeys(word.strip() for word in given if word.strip())) or (DEFAULT_URL,)


def token_for(host: str, token: str | None, environ: Mapping[str, str]) -> str | None:
    """The token for the host that is going to be asked; ``None`` where there is none for it."""
    return token or environ.get("CROUPIER_TOKEN") or (_token_file(environ) if is_loopback(host) else None)


def is_loopback(host: str) -> bool:
    """Whether the host is this machine and can be nothing else."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _token_file(environ: Mapping[str, str]) -> str | None:
    state = environ.get("CROUPIER_STATE_DIR")
    if not state:
        from platformdirs import user_state_path

        state = str(user_state_path("croupier"))
    try:
        return (Path(state) / "admin.token").read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None
