"""A client that takes nothing is dropped, and nobody waits for it."""

import asyncio
import contextlib
from typing import Any

import pytest

from croupier.server import streams
from croupier.server.api import journal


async def test_a_client_that_takes_nothing_is_dropped(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "SEND_TIMEOUT_S", 0.1)
    await world.declare()
    full = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body":
            full.set()
            await asyncio.Event().wait()  # its window is closed

    authorization = (b"authorization", world.auth()["Authorization"].encode())
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/api/v1/events",
        "raw_path": b"/api/v1/events",
        "query_string": b"after=-1",
        "root_path": "",
        "headers": [(b"host", b"localhost"), authorization],
        "server": ("localhost", 80),
        "client": ("127.0.0.1", 1),
    }
    stream = asyncio.ensure_future(world.app(scope, receive, send))
    async with asyncio.timeout(120):
        await full.wait()
        assert world.context.streams.open == 1
        # Others get theirs meanwhile.
        async with contextlib.aclosing(world.context.streams.follow(-1)) as entries:
            assert (await anext(entries)).seq == 0
        with contextlib.suppress(Exception):
            await stream
        while world.context.streams.open:
            await asyncio.sleep(0.01)


async def test_the_reader_goes_on_after_a_mistake(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were its task to end, every stream would stand still without a word."""
    monkeypatch.setattr(streams, "_RETRY_S", 0.01)
    reader, failed = world.context.streams, asyncio.Event()
    read = reader.journal.entries

    async def fails_once(*asked: Any) -> Any:
        if not failed.is_set():
            failed.set()
            raise ValueError("a mistake of ours")
        return await read(*asked)

    size = (await reader.journal.head()).size
    monkeypatch.setattr(reader.journal, "entries", fails_once)
    async with asyncio.timeout(120), contextlib.aclosing(reader.follow(size - 1)) as entries:
        await world.declare()
        await failed.wait()
        assert (await anext(entries)).seq == size


async def test_who_follows_from_the_first_moment_on_gets_what_is_there(world: Any) -> None:
    """A browser that comes back before the new process has looked at the journal waits for no further entry."""
    await world.declare()
    here = world.context.streams
    fresh: Any = streams.Streams(here.journal, here.changes, limit=1)
    async with asyncio.timeout(120), contextlib.aclosing(fresh.follow(-1)) as entries:
        first = asyncio.ensure_future(anext(entries))
        await asyncio.sleep(0)
        reader = asyncio.create_task(fresh.run())
        assert (await first).seq == 0
        reader.cancel()


async def test_streams_end_with_the_server(world: Any) -> None:
    await world.declare()
    streams = world.context.streams

    async def read() -> int:
        return len([entry async for entry in streams.follow(-1)])

    reading = asyncio.ensure_future(read())
    await asyncio.sleep(0)
    streams.close()
    async with asyncio.timeout(120):
        assert await reading >= 0
