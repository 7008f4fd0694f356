"""The crowd's way to the casino: one request or one stay at the table at a time, over shared connections.

Decides whether an answer is the casino's own (it bears `x-casino-version`) or somebody else's, which makes it lost.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp
import msgspec

VERSION_HEADER = "x-casino-version"


class Lost(Exception):
    """No answer of the casino; the message is a short reason fit for counting."""


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer of the casino."""

    status: int
    version: str
    body: dict[str, Any]
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Stay:
    """What happened at the table: rounds with a result, round-trip times in seconds, and whether the casino closed."""

    version: str
    status: int
    rounds: int
    refused: int
    round_trips: tuple[float, ...]
    closed_by_casino: bool


class Wire:
    """An HTTP client to one edge, or to one address per service."""

    def __init__(self, base_url: str, routes: Mapping[str, str], timeout_s: float = 10.0) -> None:
        self._base_url = base_url.rstrip("/")
        self._routes = {service: url.rstrip("/") for service, url in routes.items()}
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=self._timeout_s),
            auto_decompress=False,
        )
        # aiohttp silently repeats GETs whose connection was closed under them; here that is a request lost.
        self._session._retry_connection = False  # noqa: SLF001 there is no public way
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    def reroute(self, service: str, url: str) -> None:
        """From now on this service is at another address."""
        self._routes[service] = url.rstrip("/")

    async def ask(
        self, service: str, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Heard:
        """Make one request. Raises `Lost`."""
        content = None if body is None else msgspec.json.encode(body)
        try:
            async with self._open().request(method, self._url(service, path), data=content, headers=headers) as answer:
                raw = await answer.read()
                version = answer.headers.get(VERSION_HEADER)
                if version is None:
                    raise Lost(f"answer {answer.status} without {VERSION_HEADER}")
                return Heard(answer.status, version, _document(raw), "idempotency-replayed" in answer.headers)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Lost(_reason(error)) from error

    async def text(self, service: str, path: str) -> str:
        """A page as it is, such as metrics. Raises `Lost`."""
        try:
            async with self._open().get(self._url(service, path)) as answer:
                return await answer.text()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Lost(_reason(error)) from error

    async def play(self, path: str, name: str, stake: int, rounds: int, headers: Mapping[str, str]) -> Stay:
        """Sit down at the table for some rounds. Raises `Lost` when the socket breaks without a word."""
        try:
            async with self._open().ws_connect(
                self._url("games", path), headers=headers, max_msg_size=64 * 1024, autoping=True
            ) as socket:
                return await _Table(socket, self._timeout_s).stay(name, stake, rounds)
        except aiohttp.WSServerHandshakeError as error:
            version = error.headers.get(VERSION_HEADER) if error.headers else None
            if version is None:
                raise Lost(f"handshake {error.status} without {VERSION_HEADER}") from error
            return Stay(version, error.status, 0, 0, (), False)
        except (aiohttp.ClientError, TimeoutError, OSError, msgspec.DecodeError) as error:
            raise Lost(_reason(error)) from error

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("the wire is not open; use it in `async with`")
        return self._session

    def _url(self, service: str, path: str) -> str:
        return self._routes.get(service, self._base_url) + path


class _Table:
    def __init__(self, socket: aiohttp.ClientWebSocketResponse, timeout_s: float) -> None:
        self._socket = socket
        self._timeout_s = timeout_s

    async def stay(self, name: str, stake: int, rounds: int) -> Stay:
        version = str((await self._hear())["version"])
        results, refused = 0, 0
        round_trips: list[float] = []
        for number in range(rounds):
            sent = time.monotonic()
            await self._say(type="ping", id=number)
            if not await self._until("pong"):
                return Stay(version, 200, results, refused, tuple(round_trips), True)
            round_trips.append(time.monotonic() - sent)
            await self._say(type="bet", round_id=f"{name}-{number}", stake_minor=stake)
            ended = await self._until("result", "refused", "error")
            if not ended:
                return Stay(version, 200, results, refused, tuple(round_trips), True)
            results += ended == "result"
            refused += ended == "refused"
            if ended == "error":
                return Stay(version, 500, results, refused, tuple(round_trips), False)
        await self._say(type="ping", id=rounds)
        await self._until("pong")  # by the way, the last probe is echoed
        return Stay(version, 200, results, refused, tuple(round_trips), False)

    async def _until(self, *kinds: str) -> str:
        """The first message of these kinds; "" when the casino says that it closes. Probes are echoed by the way."""
        while True:
            message = await self._hear()
            kind = str(message["type"])
            if kind == "probe":
                await self._say(type="echo", id=message["id"])
            elif kind == "closing":
                return ""
            elif kind in kinds:
                return kind

    async def _hear(self) -> dict[str, Any]:
        message = await asyncio.wait_for(self._socket.receive(), self._timeout_s)
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise Lost(f"socket closed without a word ({self._socket.close_code})")
        decoded: dict[str, Any] = msgspec.json.decode(message.data)
        return decoded

    async def _say(self, **content: object) -> None:
        await self._socket.send_str(msgspec.json.encode(content).decode())


def _document(raw: bytes) -> dict[str, Any]:
    try:
        document = msgspec.json.decode(raw) if raw else {}
    except msgspec.DecodeError:
        document = None
    return document if isinstance(document, dict) else {"code": "not_json"}


def _reason(error: Exception) -> str:
    return "timeout" if isinstance(error, TimeoutError) else type(error).__name__
