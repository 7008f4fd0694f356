"""A kill, sent before anything else is loaded: the safe value is in force while the command line still starts.

Best effort, and only for a command line that is plain beyond doubt. ``flag kill`` runs afterwards in any case: it says
what is wrong, kills what was not killed yet, and tells who confirmed. To kill what is killed changes nothing.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from http.client import HTTPException
from threading import Thread
from typing import Final
from urllib.parse import quote
from uuid import uuid4

from croupier.cli.quick import ask
from croupier.cli.whereabouts import addresses

_PATIENCE_S: Final = 2.0
_MOST: Final = 1_000_000
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
    headers = {"content-type": "application/json", "idempotency-key": str(uuid4())}
    # The command itself will say what is wrong.
    with suppress(OSError, HTTPException, ValueError, KeyError):
        ask(
            "POST",
            url,
            path,
            token=None,
            environ=environ,
            patience_s=_PATIENCE_S,
            most=_MOST,
            body=body,
            headers=headers,
        )


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
