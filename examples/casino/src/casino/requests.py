"""Reading requests and writing answers, alike in all services: limits, strict JSON, sessions, problem documents."""

from __future__ import annotations

import sqlite3
from typing import Annotated, TypeVar

import msgspec
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from casino.answers import Answer
from casino.errors import Refusal
from casino.house import House
from casino.identity import Player
from casino.world import BRANDS, MARKETS, UNKNOWN

S = TypeVar("S", bound=msgspec.Struct)
SESSION_COOKIE = "casino_session"
LARGEST_BODY = 16 * 1024
LARGEST_IMPORT = 1024 * 1024

Amount = Annotated[int, msgspec.Meta(ge=1, le=10_000_000)]
Key = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._:-]+$")]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


def house_of(connection: HTTPConnection) -> House:
    """The service that this request came to."""
    house: House = connection.app.state.house
    return house


async def read_bytes(request: Request, limit: int = LARGEST_BODY) -> bytes:
    """The body. Raises `Refusal` (413) as soon as it is longer than the limit."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise Refusal(413, "too_large", f"the body must not exceed {limit} bytes")
    return bytes(body)


async def read(request: Request, shape: type[S], limit: int = LARGEST_BODY) -> S:
    """The JSON body in the given shape. Raises `Refusal` (400) that names the field and what is wrong with it."""
    return decode(await read_bytes(request, limit), shape)


def decode(content: bytes | str, shape: type[S]) -> S:
    """JSON in the given shape. Raises `Refusal` (400)."""
    try:
        return msgspec.json.decode(content, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal(400, "bad_request", str(error)) from error


def session(connection: HTTPConnection) -> Player:
    """The player of the bearer token, else of the session cookie, which pages and their WebSockets bring.

    Raises `Refusal` (401), or (403) when `x-player-id` names somebody else.
    """
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        token = connection.cookies.get(SESSION_COOKIE, "")
    if not token:
        raise Refusal(401, "no_token", "send the session token as 'Authorization: Bearer ...'")
    player = house_of(connection).tokens.read(token)
    named = connection.headers.get("x-player-id")
    if named is not None and named != player.id:
        raise Refusal(403, "wrong_player", "x-player-id is not the player of this session")
    return player


def place(connection: HTTPConnection) -> tuple[str, str]:
    """Market and brand as the edge names them, for requests without a session; bounded for use as labels."""
    market = connection.headers.get("x-market", "")
    brand = connection.headers.get("x-brand", "")
    return market if market in MARKETS else UNKNOWN, brand if brand in BRANDS else UNKNOWN


def respond(document: object, status_code: int = 200) -> Response:
    """A JSON answer."""
    return Response(msgspec.json.encode(document), status_code, media_type="application/json")


def replay(answer: Answer) -> Response:
    """A stored answer, byte for byte; repeated ones say so in `idempotency-replayed`."""
    headers = None if answer.fresh else {"idempotency-replayed": "true"}
    return Response(answer.body, answer.status_code, headers, "application/json")


def problem(status_code: int, code: str, detail: str) -> Response:
    """An error as a problem document (RFC 9457)."""
    document = {"type": "about:blank", "status": status_code, "code": code, "detail": detail}
    return Response(msgspec.json.encode(document), status_code, media_type="application/problem+json")


async def fail(_request: Request, error: Exception) -> Response:
    """Turns what nobody expected into an answer that gives nothing away; a locked database may be tried again."""
    if isinstance(error, sqlite3.OperationalError):
        return problem(503, "database_busy", "the database is busy; send the same request again")
    return problem(500, "internal_error", "the request failed; send it again with the same key")


async def refuse(_request: Request, error: Exception) -> Response:
    """Turns a `Refusal` into its answer."""
    if not isinstance(error, Refusal):
        raise error
    return problem(error.status, error.code, error.detail)
