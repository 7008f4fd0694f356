"""The HTTP protocol of our server: whoever connects must ask something soon, or leave.

uvicorn waits for ever for a request's head, and counts such connections too: without this a thousand silent ones would
keep everybody out, an abort as well. Used by ``app``.
"""

import asyncio
from typing import Any, ClassVar

from uvicorn.protocols.http.auto import AutoHTTPProtocol


class Doorstep(AutoHTTPProtocol):  # type: ignore[valid-type,misc]  # uvicorn picks the class when it is imported
    """Closes connections on which no request is under way for ``patience_s`` or a little longer."""

    patience_s: ClassVar[float] = 5.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._look = self.loop.call_later(self.patience_s, self._look_again, None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._look.cancel()
        super().connection_lost(exc)

    def _look_again(self, before: Any) -> None:
        """``before`` is the last request that there was at the look before."""
        if self.cycle is before and (before is None or before.response_complete):
            self.transport.close()
        else:
            self._look = self.loop.call_later(self.patience_s, self._look_again, self.cycle)
