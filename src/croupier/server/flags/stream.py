"""One client that listens: what it has not heard yet is written to it at its own pace.

Run by ``door``, served by ``Feed``.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from starlette.types import Send

CONNECTION: Final = "croupier.connection"
"""The ASGI extension by which our HTTP protocol hands out a request's connection."""


class Connection(Protocol):
    """The client's connection below HTTP. Our own protocol (``Doorstep``) is one."""

    gone: Callable[[], None] | None
    """Called when the client left."""

    def write(self, part: bytes) -> bool:
        """Write part of the present answer's body, if that has no need to wait; whether it did."""
        ...

    def abort(self) -> None:
        """Cut it off, whatever is still to be written."""
        ...


@dataclass(frozen=True, slots=True)
class Listener:
    """Who listens to what: ``client`` is what it calls itself, if it does; ``token`` the id of what it came in with.

    With ``refetch`` it wants to hear only that something changed, as OFREP's clients do.
    """

    environment: str
    token: str
    client: str = ""
    refetch: bool = False


class Stream:
    """``heard`` is the book's revision that the client has heard of. Everything here happens on the event loop.

    A client that takes nothing keeps only its own task waiting. What it missed meanwhile is put together when it reads
    again; where that is too much it is told to fetch the whole.
    """

    __slots__ = ("_connection", "_waiting", "beat", "closing", "heard", "left", "listener", "sending_since")

    def __init__(self, listener: Listener, heard: int, connection: Connection | None) -> None:
        self.listener = listener
        self.heard = heard
        self.closing = False
        self.left = False
        """Whether it was the client that ended it."""
        self.beat = False
        """Whether a heartbeat is due."""
        self.sending_since: float | None = None
        """The loop's time at which the present write began."""
        self._connection = connection
        self._waiting: asyncio.Future[bytes | None] | None = None
        if connection is not None:
            connection.gone = self._leave

    async def write(self, send: Send, first: bytes, following: Callable[["Stream"], bytes | None]) -> None:
        """Write ``first``, then whatever ``following`` has for this client, until it is closed."""
        loop = asyncio.get_running_loop()
        event: bytes | None = first
        while not self.closing:
            if event is None:
                self._waiting = loop.create_future()
                event = await self._waiting
            else:
                self.sending_since = loop.time()
                await send({"type": "http.response.body", "body": event, "more_body": True})
                self.sending_since = None
                event = following(self)
        if self._connection is not None:
            self._connection.gone = None
        await send({"type": "http.response.body", "body": b""})

    @property
    def waits(self) -> bool:
        """Whether everything is written, so that it can be given more."""
        return self._waiting is not None

    def give(self, event: bytes) -> None:
        """Write the event; the stream ``waits``."""
        # Past the task where that is possible: waking ten thousand of them takes longer than writing to them.
        if self._connection is None or not self._connection.write(event):
            self._wake(event)

    def close(self) -> None:
        """End it, after what is being written."""
        self.closing = True
        self._wake(None)

    def _leave(self) -> None:
        """The connection is gone."""
        self.left = not self.closing
        self.close()

    def cut(self) -> None:
        """End it at once: the client takes nothing."""
        self.close()
        if self._connection is not None:
            self._connection.abort()

    def _wake(self, event: bytes | None) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(event)
