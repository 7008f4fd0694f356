"""The record over HTTP: pages, proofs that verify offline, and a stream that resumes."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import httpx
import pytest
from httpx_sse import ServerSentEvent, aconnect_sse
from tests.server.listening import listening

from croupier.core.journal.merkle import leaf_hash
from croupier.core.journal.proof import verify_inclusion

pytestmark = pytest.mark.parametrize(
    "settings", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)


async def test_pages_and_subjects(world: Any) -> None:
    await world.declare()
    everything: list[dict[str, Any]] = []
    after = -1
    while True:
        page = (await world.get("/journal", params={"limit": 2, "after": after})).json()
        everything += page["items"]
        if page["next"] is None:
            break
        after = int(page["next"])
    assert [entry["seq"] for entry in everything] == list(range(len(everything)))
    newest = (await world.get("/journal", params={"newest": True, "limit": 2})).json()["items"]
    assert [entry["seq"] for entry in newest] == [len(everything) - 1, len(everything) - 2]
    one = (await world.get("/journal", params={"subject": "rollout/shop-1"})).json()["items"]
    assert {entry["subject"] for entry in one} == {"rollout/shop-1"}


async def test_a_proof_convinces_somebody_who_kept_the_root(world: Any) -> None:
    await world.declare()
    head = (await world.get("/journal/head")).json()
    for seq in range(head["size"]):
        proof = (await world.get(f"/journal/{seq}/proof", params={"size": head["size"]})).json()
        leaf = leaf_hash(proof["body"].encode())
        assert leaf.hex() == proof["leafHash"]
        steps = tuple(bytes.fromhex(step) for step in proof["proof"])
        assert verify_inclusion(seq, head["size"], leaf, steps, bytes.fromhex(head["root"]))
        assert json.loads(proof["body"])["seq"] == seq
    assert (await world.get(f"/journal/{head['size']}/proof")).status_code == 404
    assert (await world.get("/journal/0/proof", params={"size": head["size"] + 1_000})).status_code == 422
    assert (await world.get("/journal/3/proof", params={"size": 2})).status_code == 422
    assert (await world.get("/journal/x/proof")).status_code == 422


async def test_verification_finds_what_was_changed(world: Any, settings: Any) -> None:
    await world.declare()
    assert (await world.post("/flags", {"feature": "lobby"})).status_code == 201
    assert (await world.get("/journal/verify")).json() | {"head": None} == {
        "ok": True,
        "head": None,
        "rollouts": 1,
        "flags": 1,
        "discrepancies": [],
    }


@pytest.fixture
async def address(world: Any) -> AsyncIterator[str]:
    """The world behind a real server: a stream over ASGI alone would never begin."""
    async with listening(world.app) as url:
        yield url
        world.context.streams.close()


async def follow(address: str, world: Any, **kwargs: Any) -> AsyncGenerator[ServerSentEvent, None]:
    headers = {**world.auth(), **kwargs.pop("headers", {})}
    url = f"{address}/api/v1/events"
    async with (
        httpx.AsyncClient(trust_env=False, timeout=60) as client,
        aconnect_sse(client, "GET", url, headers=headers, **kwargs) as source,
    ):
        source.response.raise_for_status()
        async for event in source.aiter_sse():
            yield event


async def take(count: int, address: str, world: Any, **kwargs: Any) -> list[ServerSentEvent]:
    async with asyncio.timeout(120), aclosing(follow(address, world, **kwargs)) as events:
        return [await anext(events) for _ in range(count)]


async def test_a_stream_begins_where_it_is_told(world: Any, address: str) -> None:
    await world.declare()
    first = await take(3, address, world, params={"after": -1})
    assert [event.id for event in first] == ["0", "1", "2"]
    assert {event.event for event in first} == {"entry"}
    assert json.loads(first[1].data) == (await world.get("/journal", params={"after": 0})).json()["items"][0]
    resumed = await take(2, address, world, params={"after": -1}, headers={"Last-Event-ID": "1"})
    assert [event.id for event in resumed] == ["2", "3"]
    for said in ("garbled", "--5", b"\xb2", "9" * 30):
        garbled = await take(1, address, world, params={"after": 4}, headers={"Last-Event-ID": said})
        assert garbled[0].id == "5"


async def test_a_stream_says_what_happens_now(world: Any, address: str) -> None:
    await world.declare()
    head = (await world.get("/journal/head")).json()["size"]
    async with asyncio.timeout(120), aclosing(follow(address, world, params={"rollout": "shop-2"})) as events:
        first = asyncio.ensure_future(anext(events))
        while world.context.streams.open == 0:
            await asyncio.sleep(0.01)
        await world.post("/releases", {"service": "shop", "version": "3.0.0"})
        await world.roll_out()
        entry = json.loads((await first).data)
    assert entry["subject"] == "rollout/shop-2"
    assert entry["events"][0]["type"] == "created"
    assert entry["seq"] == head + 1


async def test_streams_are_counted(world: Any, address: str) -> None:
    held = [follow(address, world, params={"after": -1}) for _ in range(3)]
    async with asyncio.timeout(120):
        for events in held:
            await anext(events)
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            refused = await client.get(f"{address}/api/v1/events", headers=world.auth())
        assert refused.status_code == 429
        for events in held:
            await events.aclose()
        while world.context.streams.open:
            await asyncio.sleep(0.01)
        assert (await take(1, address, world, params={"after": -1}))[0].id == "0"


async def test_many_who_come_at_once_are_counted_too(world: Any, address: str) -> None:
    async def ask() -> tuple[int, str]:
        async with (
            httpx.AsyncClient(trust_env=False, timeout=60) as client,
            client.stream("GET", f"{address}/api/v1/events", headers=world.auth()) as answer,
        ):
            if answer.status_code == 200:
                await everybody.wait()
                return 200, ""
            return answer.status_code, (await answer.aread()).decode()

    everybody = asyncio.Event()
    async with asyncio.timeout(120):
        asked = [asyncio.create_task(ask()) for _ in range(12)]
        while sum(task.done() for task in asked) < 9:
            await asyncio.sleep(0.01)
        assert world.context.streams.open == 3
        everybody.set()
        answers = [await task for task in asked]
    assert sorted(status for status, _ in answers) == [200] * 3 + [429] * 9
    assert all("3 event streams already" in text for status, text in answers if status == 429)


async def test_one_who_fell_behind_reads_on_from_the_journal(world: Any) -> None:
    await world.declare()
    streams = world.context.streams
    size = (await world.get("/journal/head")).json()["size"]
    streams._tail.clear()
    async with asyncio.timeout(120), aclosing(streams.follow(-1)) as entries:
        seen = [(await anext(entries)).seq for _ in range(size)]
    assert seen == list(range(size))


async def test_a_stream_ends_with_its_token(world: Any, address: str) -> None:
    made = (await world.post("/tokens", {"name": "guest", "role": "viewer"})).json()
    headers = {"Authorization": f"Bearer {made['token']}"}
    async with asyncio.timeout(120), aclosing(follow(address, world, params={"after": -1}, headers=headers)) as events:
        await anext(events)
        token_id = made["id"]
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            await client.delete(f"{address}/api/v1/tokens/{token_id}", headers=world.auth())
        await world.declare()
        seen = [event.data async for event in events]
    assert not any("release_added" in data for data in seen)
