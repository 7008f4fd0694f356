"""Who connects and asks nothing is shown out; who asks, however slowly it is answered, is not."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.server.listening import listening

from croupier.server.doorstep import Doorstep

DEADLINE_S = 120.0


class Hasty(Doorstep):
    patience_s = 0.05


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(4 * Hasty.patience_s)  # longer than anybody may be silent
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async with listening(app, Hasty) as url:
        yield int(url.rpartition(":")[2])


@pytest.mark.parametrize("said", [b"", b"POST /api/v1/apply HTTP/1.1\r\nHost: local"])
async def test_a_silent_connection_is_closed(port: int, said: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(said)
    async with asyncio.timeout(DEADLINE_S):
        assert await reader.read() == b""
    writer.close()


async def test_an_answer_may_take_its_time(port: int) -> None:
    client = socket.create_connection(("127.0.0.1", port))
    # Sent before anybody here accepts it: a busy machine's pause is not the client's silence.
    client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    client.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=client)
    async with asyncio.timeout(DEADLINE_S):
        assert (await reader.read()).startswith(b"HTTP/1.1 204")
    writer.close()
