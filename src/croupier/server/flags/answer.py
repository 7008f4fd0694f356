"""Short answers of plain ASGI, and what a request carries. Used by ``door`` and ``acknowledge``."""

import asyncio
from collections.abc import Sequence
from typing import Final, TypeAlias

from starlette.types import Receive, Scope, Send

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]

PATIENCE_S: Final = 10.0
"""So long a body may take to arrive."""


async def answer(send: Send, status: int, headers: Headers = (), body: bytes = b"") -> None:
    """A whole answer at once."""
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})


def header(scope: Scope, name: bytes) -> str:
    """The request's header; empty where it has none."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value.decode("latin-1"))
    return ""


async def body_of(receive: Receive, most: int) -> bytes | None:
    """The request's body; ``None`` for one with more than ``most`` bytes, or that does not come."""
    body = b""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                body += bytes(message.get("body", b""))
                if len(body) > most:
                    return None
                if not message.get("more_body", False):
                    return body
    except TimeoutError:
        return None
