"""What every request passes before a route sees it: a name for the log, the Host check, size and time limits, headers.

Plain ASGI, outermost first as ``install`` adds them. Nothing here knows what a request means.
"""

import asyncio
import ipaddress
import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from secrets import token_hex
from typing import Final

import structlog
from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from croupier.server.auth import Keyring, Role, bearer_of
from croupier.server.metrics import Metrics
from croupier.server.problems import respond_status
from croupier.server.settings import Settings

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
"""Added where the route did not set them."""

FLAGS_DOOR: Final = "/api/v1/flags/apply"
"""Where very many flags may come at once."""

LONG: Final = (FLAGS_DOOR, "/api/v1/journal/verify")
"""What grows with the record, or is sent by the ten thousand: it may take ``LONGER`` times as long as the rest."""
LONGER: Final = 20
PUSHES: Final = "/otlp/v1/metrics"
"""Where services push their metrics, each every few seconds."""

SHARED: Final = "/ofrep/v1/"
"""What pages of other origins may be let in to."""

STREAMS: Final = ("/api/v1/events", "/events", "/flags/stream")
"""Paths that answer for ever."""

log = logging.getLogger("croupier.http")


def install(app: FastAPI, settings: Settings, metrics: Metrics) -> None:
    """Put the guards around the application."""
    # The last one added is the first to see a request.
    app.add_middleware(TimeLimit, seconds=settings.request_timeout_s)
    app.add_middleware(
        BodyLimit, limit=settings.max_body_bytes, bulk=settings.max_flags_bytes, seconds=settings.request_timeout_s
    )
    if settings.ofrep_origins:
        app.add_middleware(Origins, origins=settings.ofrep_origins)
    app.add_middleware(HostCheck, names=(settings.host, *settings.allowed_hosts))
    app.add_middleware(Journey, metrics=metrics)


class Journey:
    """Gives each request an id, counts it, logs it, adds the security headers, and turns surprises into a 500."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        started, code = time.perf_counter(), 0

        async def dressed(message: Message) -> None:
            nonlocal code
            if message["type"] == "http.response.start":
                code = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        with _named(request_id):
            try:
                await self._app(scope, receive, dressed)
            except Exception:  # whatever it was: the asker gets an answer, and nobody a traceback
                log.exception("a request failed")
                if code:
                    raise  # too late for another answer: the connection is cut, so that nobody takes half for whole
                hint = f"Look for {request_id} in the server's log."
                await respond_status(scope, 500, "Something went wrong in here.", hint=hint)(scope, receive, dressed)
            finally:
                self._account(scope, code, time.perf_counter() - started)

    def _account(self, scope: Scope, code: int, took_s: float) -> None:
        route = _route(scope)
        self._metrics.requests.labels(scope["method"] if route != "(none)" else "", route, str(code)).inc()
        self._metrics.request_seconds.labels(route).observe(took_s)
        usual = scope["method"] in ("GET", "HEAD") or scope["path"] == PUSHES
        level = logging.DEBUG if usual and code < 400 else logging.INFO
        actor = scope.get("state", {}).get("actor", "")
        fields = {"method": scope["method"], "path": scope["path"][:200], "code": code, "actor": actor}
        log.log(level, "request", extra={**fields, "took_ms": round(took_s * 1000, 1)})


def _route(scope: Scope) -> str:
    """The path with its parameters' names, so that there are as many as routes; what matched no route is one."""
    if "route" not in scope:
        return "(none)"
    names = {str(value): f"{{{name}}}" for name, value in scope.get("path_params", {}).items()}
    return "/".join(names.get(part, part) for part in scope["path"].split("/"))


@contextmanager
def _named(request_id: str) -> Iterator[None]:
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        yield


class HostCheck:
    """Refuses names that are not ours: a page elsewhere could point its own name at this machine (DNS rebinding).

    Addresses are let in: rebinding needs a name.
    """

    def __init__(self, app: ASGIApp, names: tuple[str, ...]) -> None:
        self._app = app
        self._names = {"localhost", *(name.lower() for name in names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._is_ours(Headers(scope=scope).get("host", "")):
            hint = "Use localhost or an address, or name it in CROUPIER_ALLOWED_HOSTS."
            await respond_status(scope, 421, "This server has no such name.", hint=hint)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _is_ours(self, host: str) -> bool:
        name = re.sub(r":\d+$", "", host.lower())
        if name in self._names:
            return True
        try:
            ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
        except ValueError:
            return False
        return True


class Origins:
    """Lets pages of these origins ask for flags by OFREP, as OpenFeature's providers for browsers do, and nothing else.

    No cookie counts there, so that a page gets what its token gets.
    """

    def __init__(self, app: ASGIApp, origins: tuple[str, ...]) -> None:
        self._app = app
        self._shared = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=("GET", "POST"),
            allow_headers=("Authorization", "Content-Type", "If-None-Match", "X-Api-Key", "X-Croupier-Environment"),
            expose_headers=("ETag", "Retry-After"),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        shared = scope["type"] == "http" and scope["path"].startswith(SHARED)
        await (self._shared if shared else self._app)(scope, receive, send)


class BodyLimit:
    """Takes the whole body in before the route runs, up to a size and within a time. Whoever may declare flags may send
    ``bulk`` bytes of them; such bodies are taken in one at a time, so that they cost the memory of one.
    """

    def __init__(self, app: ASGIApp, limit: int, bulk: int, seconds: float) -> None:
        self._app = app
        self._limit = limit
        self._bulk = max(bulk, limit)
        self._seconds = seconds
        self._turn = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        limit = self._bulk if scope["path"] == FLAGS_DOOR and _may_declare(scope, headers) else self._limit
        announced = headers.get("content-length", "0")
        if not announced.isdecimal() or int(announced) > limit:
            await self._refuse(scope, receive, send, limit)
            return
        if limit > self._limit and (int(announced) > self._limit or "transfer-encoding" in headers):
            await self._take_in_turn(scope, receive, send, limit)
        else:
            await self._take(scope, receive, send, limit)

    async def _take_in_turn(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                await self._turn.acquire()
        except TimeoutError:
            detail, hint = "Other large declarations are still being taken in.", "Send it again in a moment."
            headers = {"Connection": "close", "Retry-After": "5"}
            await respond_status(scope, 503, detail, hint=hint, headers=headers)(scope, receive, send)
            return
        try:
            await self._take(scope, receive, send, limit)
        finally:
            self._turn.release()

    async def _take(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                body = await _whole(receive, limit)
        except TimeoutError:
            await respond_status(scope, 408, "The body did not arrive in time.")(scope, receive, send)
            return
        if body is None:
            await self._refuse(scope, receive, send, limit)
            return
        await self._app(scope, _Replay(body, receive), send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        detail = f"A body may have {limit:,} bytes."
        # The rest of the body is not read: the connection ends.
        answer = respond_status(scope, 413, detail, hint="Send less at a time.", headers={"Connection": "close"})
        await answer(scope, receive, send)


def _may_declare(scope: Scope, headers: Headers) -> bool:
    keyring: Keyring = scope["app"].state.context.keyring
    who = keyring.authenticate(bearer_of(headers.get("authorization", "")))
    return who is not None and who.role.may(Role.OPERATOR)


class _Replay:
    """Gives the body that was taken in, then whatever comes (a disconnect)."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


class TimeLimit:
    """Gives up on requests that take too long; streams may, and what is ``LONG`` by nature takes longer."""

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].endswith(STREAMS):
            await self._app(scope, receive, send)
            return
        seconds = self._seconds * (LONGER if scope["path"] in LONG else 1)
        begun = False

        async def noticing(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            async with asyncio.timeout(seconds):
                await self._app(scope, receive, noticing)
        except TimeoutError:
            if begun:
                raise
            hint = "It may have happened all the same: look before you send it again, or use an Idempotency-Key."
            answer = respond_status(
                scope, 503, f"Not done within {seconds:g} s.", hint=hint, headers={"Retry-After": "1"}
            )
            await answer(scope, receive, send)


async def _whole(receive: Receive, limit: int) -> bytes | None:
    """The body; ``None`` where it has more than ``limit`` bytes or its sender left."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if len(body) > limit:
            return None
        if not message.get("more_body", False):
            return bytes(body)
