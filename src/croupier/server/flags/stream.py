"""One client that listens: what it has not heard yet is written to it at its own pace.

Run by ``door``, woken by ``Feed``.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from starlette.types import Send

CONNECTION: Final = "croupier.connection"
"""The ASGI extension by which our HTTP protocol hands out a request's connection."""


class Connection(Protocol):
    """The client's connection below HTTP. Our own protocol (``Doorstep``) is one."""

    gone: Callable[[], None] | None
    """Called when the client left."""

    def abort(self) -> None:
        """Cut it off, whatever is still to be written."""
        ...


class Stream:
    """``heard`` is the book's revision that the client has heard of. Everything here happens on the event loop.

    A client that takes nothing keeps only its own task waiting. What it missed meanwhile is put together when it reads
    again; where that is too much it is told to fetch the whole.
    """

    __slots__ = ("_connection", "_waiting", "beat", "closing", "environment", "heard", "sending_since", "token")

    def __init__(self, environment: str, token: str, heard: int, connection: Connection | None) -> None:
        self.environment = environment
        self.token = token
        self.heard = heard
        self.closing = False
        self.beat = False
        """Whether a heartbeat is due."""
        self.sending_since: float | None = None
        """The loop's time at which the present write began."""
        self._connection = connection
        self._waiting: asyncio.Future[None] | None = None
        if connection is not None:
            connection.gone = self.close

    async def write(self, send: Send, first: bytes, following: Callable[["Stream"], bytes | None]) -> None:
        """Write ``first``, then whatever ``following`` has for this client, until it is closed."""
        loop = asyncio.get_running_loop()
        event: bytes | None = first
        while not self.closing:
            if event is None:
                self._waiting = loop.create_future()
                await self._waiting
            else:
                self.sending_since = loop.time()
                await send({"type": "http.response.body", "body": event, "more_body": True})
                self.sending_since = None
            event = following(self)
        if self._connection is not None:
            self._connection.gone = None
        await send({"type": "http.response.body", "body": b""})

    def wake(self) -> None:
        """Look again: there may be something to write."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    def close(self) -> None:
        """End it, after what is being written."""
        self.closing = True
        self.wake()

    def cut(self) -> None:
        """End it at once: the client takes nothing."""
        self.close()
        if self._connection is not None:
            self._connection.abort()
