"""What a shell offers where a flag, a preset or an experiment is to be named: asked of the server, and quickly.

Called by the shell at each press of the tab key, by the arguments ``Key`` and ``Name``: nothing here may take long,
load much, or say anything, whatever is wrong.
"""

import json
import os
from http.client import HTTPException
from threading import Thread
from typing import Final
from urllib.parse import quote

import typer

from croupier.cli.quick import ask
from croupier.cli.whereabouts import addresses

KINDS: Final = ("Service", "Gate", "Segment", "Rollout", "SmokeCheck", "Calendar", "Experiment")
"""The kinds of documents."""
_PATIENCE_S: Final = 0.4
_MOST: Final = 200
_MOST_BYTES: Final = 4_000_000


def flag_keys(context: typer.Context, incomplete: str) -> list[str]:
    """The flags that begin so."""
    return _offered(context, f"/flags?limit={_MOST}&q={quote(incomplete)}", "key", incomplete)


def preset_names(context: typer.Context, incomplete: str) -> list[str]:
    """The presets that begin so."""
    return _offered(context, f"/presets?limit={_MOST}", "name", incomplete)


def experiment_names(context: typer.Context, incomplete: str) -> list[str]:
    """The experiments that begin so."""
    return _offered(context, f"/experiments?limit={_MOST}", "name", incomplete)


def service_names(context: typer.Context, incomplete: str) -> list[str]:
    """The services that begin so."""
    return _documents(context, "Service", incomplete)


def gate_names(context: typer.Context, incomplete: str) -> list[str]:
    """The gates that begin so."""
    return _documents(context, "Gate", incomplete)


def segment_names(context: typer.Context, incomplete: str) -> list[str]:
    """The segments that begin so."""
    return _documents(context, "Segment", incomplete)


def document_kinds(incomplete: str) -> list[str]:
    """The kinds of documents that begin so."""
    return [kind.lower() for kind in KINDS if kind.lower().startswith(incomplete.lower())]


def document_names(context: typer.Context, incomplete: str) -> list[str]:
    """The documents of the kind, which is written already, that begin so."""
    words = {kind.lower(): kind for kind in KINDS}
    kind = words.get(str(context.params.get("kind", "")).lower())
    return _documents(context, kind, incomplete) if kind is not None else []


def _documents(context: typer.Context, kind: str, incomplete: str) -> list[str]:
    return _offered(context, f"/documents?limit={_MOST}&kind={kind}", "name", incomplete)


def _offered(context: typer.Context, path: str, field: str, incomplete: str) -> list[str]:
    options = context.find_root().params  # nothing but the options is read by then
    found: list[str] = []

    def ask() -> None:
        try:
            found.extend(_asked(",".join(options.get("url") or ()), options.get("token"), path, field))
        except (OSError, HTTPException, ValueError, KeyError, TypeError):
            return

    # A thread that is left behind: no time limit of the connection's covers looking its name up.
    thread = Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_PATIENCE_S)
    return [name for name in tuple(found) if name.startswith(incomplete)]


def _asked(url: str, token: str | None, path: str, field: str) -> list[str]:
    first = addresses(url, os.environ)[0]
    answer = ask("GET", first, path, token=token, environ=os.environ, patience_s=_PATIENCE_S, most=_MOST_BYTES)
    return [str(item[field]) for item in json.loads(answer)["items"]] if answer is not None else []
