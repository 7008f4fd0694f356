"""Starts one casino service as a process, and ends it gracefully: arguments, server, health, metrics, drain.

Called by each service module's `python -m casino.<service>`. Exit codes: 0 drained, 2 misconfigured, 70 crash fault.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import semver
import uvicorn
from prometheus_client import disable_created_metrics
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from casino.database import Database
from casino.errors import Misconfigured, Refusal
from casino.faults import Faults, parse
from casino.flags import FlagSource, open_flags
from casino.front import VERSION_HEADER, Front
from casino.house import House, Settings
from casino.metrics import Metrics
from casino.requests import fail, house_of, read_bytes, refuse, respond
from casino.tokens import SessionTokens, Tokens, given_secret, shared_secret
from croupier.sdk import Rejected, Rounds

if TYPE_CHECKING:
    from croupier.sdk.visitors import Visitors

KEEP_ALIVE_S = 7200
"""Longer than any proxy keeps idle connections, so that we never close one just as it is used again."""
CRASH_STATUS = 70
Background = Callable[[House], Awaitable[None]]


def serve(service: str, routes: Sequence[BaseRoute], background: Background | None = None) -> int:
    """Run the service until it is told to end; returns the exit code."""
    disable_created_metrics()  # type: ignore[no-untyped-call]  # half of the exposition, and nobody reads it
    logging.basicConfig(level=logging.WARNING, format=f"%(asctime)s %(levelname)s casino.{service} %(message)s")
    try:
        settings, faults = _read_arguments(service)
        all_routes = [*routes, *_common_routes(service)]
        paths = {route.path for route in all_routes if isinstance(route, (Route, WebSocketRoute))}
        _require_own_routes(service, faults, paths)
        house = open_house(settings, faults)
    except (Misconfigured, sqlite3.Error) as error:
        print(f"casino.{service}: {error}", file=sys.stderr)
        return 2
    try:
        _Server(_config(house, Front(_application(house, all_routes, background), house, paths)), house).run()
    finally:
        house.rounds.close()
        house.flags.client.close()
        house.database.close()
    return 0


def open_house(settings: Settings, faults: Faults) -> House:
    """Put a service's parts together; creates the database if it is not there yet."""
    secret = given_secret(settings.secret_file)
    database = Database(settings.database)
    secret = secret or database.write_now(shared_secret)
    version = str(settings.version)
    flags = open_flags(settings.flags, settings.service, f"{version}-{os.getpid()}", f"decisions:{secret}")
    tokens = _sessions(settings) or Tokens(secret)
    metrics = Metrics(settings.service, version)
    return House(
        settings, database, metrics, faults, tokens, flags, visitors=_visitors(settings), rounds=_rounds(settings)
    )


def _rounds(settings: Settings) -> Rounds:
    token = ""
    if settings.rounds_token_file is not None:
        try:
            token = settings.rounds_token_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise Misconfigured(f"CASINO_ROUNDS_TOKEN_FILE {settings.rounds_token_file}: {error.strerror}") from error
    try:
        return Rounds(settings.rounds_url, token, settings.service, str(settings.version))
    except Rejected as error:
        raise Misconfigured(f"CASINO_ROUNDS_URL: {error}") from error


def _sessions(settings: Settings) -> SessionTokens | None:
    if settings.session_key_file is None:
        return None
    try:
        from casino.sessions import Sessions
    except ImportError as error:
        raise Misconfigured("--session-key-file needs croupier-casino[edge]") from error
    return Sessions(settings.session_key_file)


def _visitors(settings: Settings) -> Visitors | None:
    if settings.visitor_key_file is None:
        return None
    try:
        from croupier.sdk.visitors import Visitors
    except ImportError as error:
        raise Misconfigured("--visitor-key-file needs croupier-casino[edge]") from error
    try:
        return Visitors(settings.visitor_key_file, secure=settings.secure_cookies)
    except Rejected as error:
        raise Misconfigured(f"--visitor-key-file: {error}") from error


class _Server(uvicorn.Server):
    """Serves on after the first signal until the drain is finished; a second signal ends it at once."""

    def __init__(self, config: uvicorn.Config, house: House) -> None:
        super().__init__(config)
        self._house = house
        self._loop: asyncio.AbstractEventLoop | None = None
        self._draining: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 the server's own interface
        if self._loop is None or self._house.drain.started:
            self.should_exit = True
        else:
            self._loop.call_soon_threadsafe(self._begin_drain)

    def _begin_drain(self) -> None:
        self._house.drain.draining.set()
        self._draining = asyncio.create_task(self._end_when_drained())

    async def _end_when_drained(self) -> None:
        settings = self._house.settings
        await self._house.drain.finished(settings.drain_s, settings.linger_s)
        self.should_exit = True


def _config(house: House, app: Front) -> uvicorn.Config:
    settings = house.settings
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        headers=[(VERSION_HEADER.decode(), house.version)],
        server_header=False,
        date_header=False,
        access_log=False,
        log_config=None,
        log_level="warning",
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=1,
        ws="websockets-sansio",
        ws_max_size=16 * 1024,
        ws_per_message_deflate=False,
    )


def _application(house: House, routes: Sequence[BaseRoute], background: Background | None) -> Starlette:
    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(_crash(fault.seconds)) for fault in house.faults.faults if fault.kind == "crash"]
        if background is not None:
            tasks.append(asyncio.ensure_future(background(house)))
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    app = Starlette(routes=routes, exception_handlers={Refusal: refuse, Exception: fail}, lifespan=lifespan)
    app.state.house = house
    return app


def _common_routes(service: str) -> list[BaseRoute]:
    return [
        Route("/healthz", _healthz),
        Route("/metrics", _metrics),
        Route(f"/{service}/ping", _ping, methods=["GET", "POST"]),
    ]


async def _healthz(request: Request) -> Response:
    house = house_of(request)
    if house.drain.started:
        return respond({"status": "draining"}, 503)
    try:
        await asyncio.wait_for(house.database.read(lambda connection: connection.execute("SELECT 1").fetchone()), 2)
    except (sqlite3.Error, TimeoutError):
        return respond({"status": "database unavailable"}, 503)
    return respond({"status": "ok", "flags": house.flags.status()})


async def _metrics(request: Request) -> Response:
    return Response(house_of(request).metrics.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")


async def _ping(request: Request) -> Response:
    """The cheapest answer: for benchmarks of what lies in front of the casino."""
    body = await read_bytes(request)
    return respond({"service": house_of(request).settings.service, "bytes": len(body)})


async def _crash(after_s: float) -> None:
    await asyncio.sleep(after_s)
    logging.getLogger("casino").error("crash fault: the process ends now")
    os._exit(CRASH_STATUS)


def _require_own_routes(service: str, faults: Faults, paths: set[str]) -> None:
    for fault in faults.faults:
        route = fault.match.get("route", "")
        if route.startswith(f"/{service}/") and route not in paths:
            raise Misconfigured(f"fault slow: {service} has no route {route}; it has {', '.join(sorted(paths))}")


def _read_arguments(service: str) -> tuple[Settings, Faults]:
    parser = argparse.ArgumentParser(prog=f"python -m casino.{service}")
    parser.add_argument("--port", type=int, required=True, help="port to listen on")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--version", required=True, help="semantic version that this process plays, such as 1.2.0")
    parser.add_argument("--database", type=Path, required=True, help="SQLite file shared by all services")
    parser.add_argument("--fault", default=os.environ.get("CASINO_FAULT", ""), help="see README (env: CASINO_FAULT)")
    parser.add_argument("--secret-file", type=Path, help="file with the session secret (else env CASINO_SECRET)")
    parser.add_argument(
        "--session-key-file",
        type=Path,
        default=os.environ.get("CASINO_SESSION_KEY_FILE") or None,
        help="keys of session tokens that the edge can verify (env: CASINO_SESSION_KEY_FILE)",
    )
    parser.add_argument(
        "--visitor-key-file",
        type=Path,
        default=os.environ.get("CASINO_VISITOR_KEY_FILE") or None,
        help="key of visitors' cookies, for auth alone (env: CASINO_VISITOR_KEY_FILE)",
    )
    parser.add_argument("--plain-cookies", action="store_true", help="cookies also without HTTPS, on one's own machine")
    parser.add_argument("--drain-seconds", type=float, default=10.0, help="longest time from SIGTERM to exit")
    parser.add_argument("--linger-seconds", type=float, default=0.5, help="quiet time before a draining process exits")
    parser.add_argument("--stuck-seconds", type=float, default=10.0, help="age at which unfinished work is taken over")
    parser.add_argument("--newcomer-seconds", type=float, default=600.0, help="time a newcomer has to deposit")
    parser.add_argument("--password-cost", type=int, default=256, help="scrypt N, or pbkdf2 iterations before 1.1")
    parser.add_argument(
        "--flags-url", default=os.environ.get("CASINO_FLAGS_URL", ""), help="control plane (env: CASINO_FLAGS_URL)"
    )
    parser.add_argument(
        "--flags-token-file",
        type=Path,
        default=os.environ.get("CASINO_FLAGS_TOKEN_FILE") or None,
        help="file with a client token for it (env: CASINO_FLAGS_TOKEN_FILE)",
    )
    parser.add_argument(
        "--rounds-url",
        default=os.environ.get("CASINO_ROUNDS_URL", ""),
        help="control plane that is told of rounds of several requests (env: CASINO_ROUNDS_URL)",
    )
    parser.add_argument(
        "--rounds-token-file",
        type=Path,
        default=os.environ.get("CASINO_ROUNDS_TOKEN_FILE") or None,
        help="file with a reporter's token for it (env: CASINO_ROUNDS_TOKEN_FILE)",
    )
    arguments = parser.parse_args()
    try:
        version = semver.Version.parse(arguments.version)
    except ValueError as error:
        raise Misconfigured(f"--version {arguments.version!r} is not a semantic version such as 1.2.0") from error
    if arguments.password_cost < 2 or arguments.password_cost & (arguments.password_cost - 1):
        raise Misconfigured(f"--password-cost {arguments.password_cost} is not a power of two")
    if not arguments.database.parent.is_dir():
        raise Misconfigured(f"--database {arguments.database}: the folder {arguments.database.parent} does not exist")
    settings = Settings(
        service=service,
        host=arguments.host,
        port=arguments.port,
        version=version,
        database=arguments.database,
        drain_s=arguments.drain_seconds,
        linger_s=arguments.linger_seconds,
        password_cost=arguments.password_cost,
        stuck_after_s=arguments.stuck_seconds,
        flags=FlagSource(arguments.database.parent, arguments.flags_url, arguments.flags_token_file),
        secret_file=arguments.secret_file,
        session_key_file=arguments.session_key_file,
        visitor_key_file=arguments.visitor_key_file,
        secure_cookies=not arguments.plain_cookies,
        newcomer_s=arguments.newcomer_seconds,
        rounds_url=arguments.rounds_url,
        rounds_token_file=arguments.rounds_token_file,
    )
    return settings, Faults(parse(arguments.fault))
