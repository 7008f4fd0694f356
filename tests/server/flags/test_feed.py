"""Heartbeats, and clients that take nothing: they are cut off, and hold nobody up."""

import asyncio
import json
import socket
from typing import Any

import pytest

from croupier.server.flags import feed as feed_module
from croupier.server.flags.stream import Listener


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "HEARTBEAT_S", 0.2)
    monkeypatch.setattr(feed_module, "_STUCK_S", 1.0)


def deaf(shore: Any) -> socket.socket:
    """A client with next to no room that asks for the stream and reads nothing."""
    port = int(shore.url.rpartition(":")[2])
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
    client.connect(("127.0.0.1", port))
    head = f"GET {shore.path('/stream')} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {shore.token}\r\n\r\n"
    client.sendall(head.encode())
    return client


async def test_heartbeats_and_who_is_still_there(impatient: None, shore: Any) -> None:
    await shore.declare({"feature": "a"})
    whole = await shore.fetch()
    propagation = shore.world.context.flags.propagation
    propagation.acknowledge("pod-1", "production", whole.position, "0", held_s=0.0, now=0.0)
    async with shore.listen(whole.position) as stream:
        await stream.until("hello")
        waiting = asyncio.ensure_future(stream.next())
        async with asyncio.timeout(120):
            while stream.heartbeats < 3:
                await asyncio.sleep(0.01)
        # It listens under the name that it acknowledged by, so it is not forgotten.
        assert propagation.summary("production", shore.world.context.ports.clock.now()).clients == 1
        await shore.declare({"feature": "b"})
        assert (await waiting).name == "delta"


async def test_a_single_listener_is_left_alone_between_heartbeats(monkeypatch: pytest.MonkeyPatch, shore: Any) -> None:
    monkeypatch.setattr(feed_module, "HEARTBEAT_S", 1_000.0)
    monkeypatch.setattr(feed_module, "_TURN_S", 0.001)
    async with shore.listen() as stream:
        await stream.until("hello")
        for number in range(20):  # twenty commits take many turns
            await shore.declare({"feature": f"f{number}"})
            await stream.until("delta")
        assert stream.heartbeats == 0


async def test_a_heartbeat_says_where_the_flags_are(impatient: None, shore: Any) -> None:
    await shore.declare({"feature": "a"})
    whole = await shore.fetch()
    async with shore.listen(whole.position) as stream:
        await stream.until("hello")
        await shore.declare({"feature": "b"})
        await stream.until("delta")
        waiting = asyncio.ensure_future(stream.next())
        now = await shore.fetch()
        async with asyncio.timeout(120):
            while stream.now != {"position": now.position, "digest": f"{now.digest:064x}"}:
                await asyncio.sleep(0.01)
        waiting.cancel()


async def test_who_takes_nothing_is_cut_off_and_nobody_waits(impatient: None, shore: Any, eventually: Any) -> None:
    client = deaf(shore)
    try:
        async with shore.listen() as stream:
            await stream.until("hello")
            await eventually(lambda: shore.feed.open == 2, "both listen")
            number = 0
            async with asyncio.timeout(120):
                while shore.feed.open == 2:  # until every buffer on the way to the deaf one is full
                    number += 1
                    text = json.dumps(number) * 1_000
                    await shore.declare(*({"feature": f"f{n}", "type": "ops", "description": text} for n in range(1)))
                    flag = {"feature": "big", "type": "ops", "variants": {"on": text * 20, "off": ""}, "safe": "off"}
                    await shore.declare({**flag, "enabled": True, "default": "on"})
                    await stream.next()
            assert shore.feed.open == 1
    finally:
        client.close()


async def test_whom_it_lets_in(shore: Any) -> None:
    """Without our own connection below (another server's), events go through ``send`` and it works all the same."""
    sent: list[bytes] = []
    some = asyncio.Event()

    async def send(message: Any) -> None:
        sent.append(message.get("body", b""))
        some.set()

    token, _ = await shore.mint()
    with shore.feed.seat(Listener("production", token.id), None) as stream:
        writing = asyncio.ensure_future(stream.write(send, b"first", shore.feed.following))
        await some.wait()
        some.clear()
        await shore.declare({"feature": "a"})
        async with asyncio.timeout(120):
            await some.wait()
        stream.close()
        await writing
    assert [part[:12] for part in sent] == [b"first", b"event: delta", b""]


async def test_who_ends_its_connection_is_no_laggard(shore: Any, eventually: Any) -> None:
    await shore.declare({"feature": "a"})
    whole = await shore.fetch()
    propagation = shore.world.context.flags.propagation
    for client in ("pod-1", "elsewhere"):
        propagation.acknowledge(client, "production", whole.position, "0", held_s=0.0, now=0.0)
    async with shore.listen(whole.position) as stream:  # as pod-1
        await stream.until("hello")
        assert propagation.clients("production") == 2
    await eventually(lambda: propagation.clients("production") == 1, "one is gone")
