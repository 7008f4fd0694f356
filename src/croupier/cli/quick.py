"""One request in a few milliseconds, for what cannot wait until everything else is loaded: a kill, and the tab key.

The rules are those of ``client``: no token of this machine goes to another host, none through a proxy that we would not
see, none beside a user in the address. Called by ``ahead`` and ``complete``.
"""

from collections.abc import Mapping
from http.client import HTTPConnection, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit

from croupier.cli.whereabouts import is_loopback, token_for

_KINDS: Final = {"http": HTTPConnection, "https": HTTPSConnection}


def ask(
    method: str,
    url: str,
    path: str,
    *,
    token: str | None,
    environ: Mapping[str, str],
    patience_s: float,
    most: int,
    body: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> bytes | None:
    """Ask the control plane at ``url`` for a path of its API; the answer, ``most`` bytes of it. ``None``: it was not
    asked, since no token may go there. Raises ``OSError``, ``HTTPException``, ``ValueError`` and ``KeyError``.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    known = token_for(host, token, environ)
    proxied = any(name.lower().endswith("_proxy") for name in environ) and not is_loopback(host)
    if known is None or proxied or parts.username is not None:
        return None
    connection = _KINDS[parts.scheme](host, parts.port, timeout=patience_s)
    try:
        usual = {"authorization": f"Bearer {known}", "accept": "application/json", "user-agent": "croupier-cli"}
        connection.request(method, f"{parts.path.rstrip('/')}/api/v1{path}", body, {**usual, **(headers or {})})
        answer: bytes = connection.getresponse().read(most)
        return answer
    finally:
        connection.close()
