"""Everything under ``/api/v1``, put together. Included by ``app``."""

import asyncio
import json
import re
from typing import Final
from urllib.parse import unquote_to_bytes

from fastapi import APIRouter, Depends, Request

from croupier.adapters.manifests import read_json
from croupier.server.api import (
    calendar,
    catalog,
    discovery,
    environments,
    experiments,
    explanations,
    flag_questions,
    flags,
    journal,
    notifiers,
    people,
    pins,
    presets,
    rollouts,
    services,
    shadow,
    traffic,
    version_tokens,
)
from croupier.server.auth import viewer
from croupier.server.problems import Malformed

PREFIX: Final = "/api/v1"

_LARGE: Final = 64 * 1024
"""From so many bytes on a body is looked at beside the event loop."""
_JSON: Final = re.compile(rb"\s*[\[{]")
_SUSPECT: Final = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


async def storable(request: Request) -> None:
    """Refuse text that no database and no JSON can carry: NUL, and halves of characters (``Malformed``); and what says
    something twice (``Rejected``).
    """
    if b"\0" in unquote_to_bytes(request.url.path + request.url.query):
        raise Malformed("The address holds a NUL character.")
    body = b"" if request.method == "GET" else await request.body()
    if len(body) > _LARGE:
        await asyncio.to_thread(_look_at, body)
    else:
        _look_at(body)


def _look_at(body: bytes) -> None:
    suspect = _SUSPECT.search(body) is not None
    try:
        data = read_json(body) if _JSON.match(body) else json.loads(body) if suspect else None
        text = json.dumps(data, ensure_ascii=False) if suspect else ""
        text.encode()
    except (ValueError, RecursionError):  # a UnicodeEncodeError is one too
        if not suspect:
            return  # no JSON: the route says so
        raise Malformed(
            "The body holds text that is no Unicode.", hint="Send half of a surrogate pair nowhere."
        ) from None
    if "\\u0000" in text:
        raise Malformed("The body holds a NUL character.", hint="Take it out.")


router = APIRouter(prefix=PREFIX, dependencies=[Depends(viewer), Depends(storable)])
"""Nothing is open to everybody: what asks for no more is for viewers."""

for part in (
    catalog,
    calendar,
    services,
    version_tokens,
    pins,
    discovery,
    traffic,
    rollouts,
    explanations,
    shadow,
    flags,
    flag_questions,
    presets,
    environments,
    experiments,
    journal,
    notifiers,
    people,
):
    router.include_router(part.router)
router.include_router(flags.debts)

reports = APIRouter(dependencies=[Depends(storable)])
"""What is for reporters, who may do nothing else."""
reports.include_router(pins.reporting)
