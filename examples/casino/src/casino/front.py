"""What every request to a service passes: counting, timing, faults of slowness, and the marks of a draining process.

Pure ASGI, since it runs for each of hundreds of requests a second. The server sets the version header.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from casino.house import House
from casino.shadow import MARK, marked
from casino.trial import MARK as SMOKED
from casino.trial import TRIAL
from casino.world import MARKETS

log = logging.getLogger("casino")
PREVIEWED = (b"x-croupier-preview", b"1")
"""Only the edge can say so: it takes such headers away from everybody else."""
UNCOUNTED = frozenset({"/healthz", "/metrics"})
METHODS = frozenset({"GET", "POST"})
VERSION_HEADER = b"x-casino-version"
CLOSE = (b"connection", b"close")


class Front:
    """Wraps a service's routes; `routes` are the paths that may appear as label values."""

    def __init__(self, app: ASGIApp, house: House, routes: Iterable[str]) -> None:
        self._app = app
        self._house = house
        self._routes = frozenset(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            if scope["path"] in UNCOUNTED:
                await self._app(scope, receive, send)
            else:
                await self._serve(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._app(scope, receive, self._marking_refusals(send))
        else:
            await self._app(scope, receive, send)

    def _marking_refusals(self, send: Send) -> Send:
        """The server sets the version header on everything but refused handshakes; they get it here."""
        version = (VERSION_HEADER, self._house.version.encode())
        accepted = False

        async def mark(message: Message) -> None:
            nonlocal accepted
            accepted = accepted or message["type"] == "websocket.accept"
            if message["type"] == "websocket.http.response.start":
                message["headers"] = [*message["headers"], version]
            elif message["type"] == "websocket.close" and not accepted:
                headers = [version, (b"content-length", b"0")]
                await send({"type": "websocket.http.response.start", "status": 403, "headers": headers})
                message = {"type": "websocket.http.response.body", "body": b"", "more_body": False}
            await send(message)

        return mark

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        drain, metrics = self._house.drain, self._house.metrics
        route = scope["path"] if scope["path"] in self._routes else "other"
        method = scope["method"] if scope["method"] in METHODS else "other"
        status = 500

        async def mark(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if drain.started:
                    message["headers"] = [*message["headers"], CLOSE]
            await send(message)

        marked.set(any(name == MARK for name, _ in scope["headers"]))
        trial = SMOKED in scope["headers"]
        TRIAL.set(trial)
        begun = drain.last_request = time.monotonic()
        drain.in_flight += 1
        try:
            await self._slow_down(scope, route)
            await self._app(scope, receive, mark)
        except (
            Exception
        ):  # the last one before the server: whatever an endpoint does is logged, and other requests go on
            # The answer (500 or 503) has been sent; raised further, it would make the server cut the connection.
            log.exception("%s %s failed", method, route)
        finally:
            drain.in_flight -= 1
            drain.last_request = ended = time.monotonic()
            if not trial and PREVIEWED not in scope["headers"]:  # neither smoke checks nor previews are players
                metrics.durations.labels(metrics.version, route, method).observe(ended - begun)
                metrics.requests.labels(metrics.version, route, str(status)).inc()
            if marked.get():
                metrics.copies.labels(metrics.version, route, str(status)).inc()

    async def _slow_down(self, scope: Scope, route: str) -> None:
        if not self._house.faults.faults:
            return
        market = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"x-market"), "")
        fault = self._house.faults.hit("slow", route=route, market=market if market in MARKETS else "")
        if fault is not None:
            await asyncio.sleep(fault.seconds)
