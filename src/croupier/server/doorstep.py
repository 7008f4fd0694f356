"""The HTTP protocol of our server: whoever connects must ask something soon, or leave.

uvicorn waits for ever for a request's head, and counts such connections too: without this a thousand silent ones would
keep everybody out, an abort as well. Streams are told here that their client left, and can cut one off. Used by
``app``.
"""

import asyncio
from collections.abc import Callable
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from croupier.server.flags.stream import CONNECTION


class Doorstep(HttpToolsProtocol):
    """Closes connections on which no request is under way for ``patience_s`` or a little longer.

    Requests carry it as the extension ``CONNECTION``.
    """

    patience_s: ClassVar[float] = 5.0

    gone: Callable[[], None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]  # narrower there than asyncio's own
        self._look = self.loop.call_later(self.patience_s, self._look_again, None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._look.cancel()
        super().connection_lost(exc)
        if self.gone is not None:
            self.gone()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {CONNECTION: self}  # type: ignore[dict-item]  # ours, beside ASGI's own

    def write(self, part: bytes) -> bool:
        """Write part of the present answer's body, as ``send`` would, if that has no need to wait."""
        if self.flow.write_paused or self.cycle.response_complete or not self.cycle.chunked_encoding:
            return False
        self.transport.write(b"%x\r\n%b\r\n" % (len(part), part))
        return True

    def abort(self) -> None:
        """Cut the connection, whatever is still to be written."""
        self.transport.abort()

    def _look_again(self, before: RequestResponseCycle | None) -> None:
        """``before`` is the last request that there was at the look before."""
        idle = before is None or before.response_complete
        if idle and self.cycle is before:
            self.transport.close()
        else:
            self._look = self.loop.call_later(self.patience_s, self._look_again, self.cycle)
