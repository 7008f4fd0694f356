"""Everything under ``/api/v1``, put together. Included by ``app``."""

import json
import re
from typing import Final
from urllib.parse import unquote_to_bytes

from fastapi import APIRouter, Depends, Request

from croupier.server.api import (
    catalog,
    environments,
    experiments,
    explanations,
    flag_questions,
    flags,
    journal,
    notifiers,
    people,
    presets,
    rollouts,
    services,
    traffic,
)
from croupier.server.auth import viewer
from croupier.server.problems import Malformed

PREFIX: Final = "/api/v1"

_SUSPECT: Final = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


async def storable(request: Request) -> None:
    """Refuse text that no database and no JSON can carry: NUL, and halves of characters. Raises ``Malformed``."""
    if b"\0" in unquote_to_bytes(request.url.path + request.url.query):
        raise Malformed("The address holds a NUL character.")
    body = b"" if request.method == "GET" else await request.body()
    if _SUSPECT.search(body) is None:
        return
    try:
        text = json.dumps(json.loads(body), ensure_ascii=False)
        text.encode()
    except (ValueError, RecursionError):  # a UnicodeEncodeError is one too
        raise Malformed(
            "The body holds text that is no Unicode.", hint="Send half of a surrogate pair nowhere."
        ) from None
    if "\\u0000" in text:
        raise Malformed("The body holds a NUL character.", hint="Take it out.")


router = APIRouter(prefix=PREFIX, dependencies=[Depends(viewer), Depends(storable)])
"""Nothing is open to everybody: what asks for no more is for viewers."""

for part in (
    catalog,
    services,
    traffic,
    rollouts,
    explanations,
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
