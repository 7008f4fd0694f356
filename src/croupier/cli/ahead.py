"""A kill, sent before anything else is loaded: the safe value is in force while the command line still starts.

Best effort, and only for a command line that is plain beyond doubt. ``flag kill`` runs afterwards in any case: it says
what is wrong, kills what was not killed yet, and tells who confirmed. To kill what is killed changes nothing.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Thread
from typing import Final
from urllib.parse import quote, urlsplit
from uuid import uuid4

from croupier.cli.whereabouts import addresses, is_loopback, token_for

_PATIENCE_S: Final = 2.0
_TEXTS: Final = ("--reason", "-r")
_IRRELEVANT: Final = ("--wait", "--environment", "-e")
"""Options with a value that matter only afterwards."""


def kill_ahead(arguments: Sequence[str], environ: Mapping[str, str]) -> str:
    """Send the kill that these arguments of ``flag kill`` ask for, to every control plane at once. Never raises; in
    doubt it does nothing. When it was decided (RFC 3339): whoever sends it again says the same.
    """
    at, asked = datetime.now(UTC).isoformat(), read(arguments)
    if asked is not None:
        body = json.dumps({"reason": asked[1], "decidedAt": at})
        path = f"/flags/{quote(asked[0], safe='')}/kill"
        threads = [Thread(target=_tell, args=(url, path, body, environ)) for url in addresses(None, environ)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return at


def _tell(url: str, path: str, body: str, environ: Mapping[str, str]) -> None:
    try:
        parts = urlsplit(url)
        host, here = parts.hostname or "", is_loopback(parts.hostname or "")
        proxied = any(name.lower().endswith("_proxy") for name in environ)
        token = token_for(host, None, environ)
        if token is None or parts.username is not None or (proxied and not here):
            return
        kinds = {"http": HTTPConnection, "https": HTTPSConnection}
        connection = kinds[parts.scheme](host, parts.port, timeout=_PATIENCE_S)
        try:
            _send(connection, f"{parts.path.rstrip('/')}/api/v1{path}", body, token)
        finally:
            connection.close()
    except (OSError, HTTPException, ValueError, KeyError):  # the command itself will say what is wrong
        return


def read(arguments: Sequence[str]) -> tuple[str, str] | None:
    """The flag and the reason; ``None`` where the arguments are anything but plain."""
    words = list(arguments)
    keys: list[str] = []
    reasons: list[str] = []
    while words:
        word = words.pop(0)
        name, equals, value = word.partition("=")
        if word == "--json":
            continue
        if name in (*_TEXTS, *_IRRELEVANT) and (equals or words):
            value = value if equals and name.startswith("--") else words.pop(0)
            if name in _TEXTS:
                reasons.append(value)
        elif word.startswith("-"):
            return None
        else:
            keys.append(word)
    if len(keys) != 1 or len(reasons) != 1 or not keys[0] or not reasons[0].strip() or reasons[0].startswith("-"):
        return None
    return keys[0], reasons[0]


def _send(connection: HTTPConnection, path: str, body: str, token: str) -> None:
    headers = {
        "authorization": f"Bearer {token}",
        "content-type": "application/json",
        "accept": "application/json",
        "user-agent": "croupier-cli",
        "idempotency-key": str(uuid4()),
    }
    connection.request("POST", path, body, headers)
    connection.getresponse().read(1_000_000)
