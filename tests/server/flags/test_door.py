"""Snapshots, streams and acknowledgements over the wire, with our HTTP protocol below."""

import asyncio
import gzip
import json
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest

from croupier.core.flags.snapshot import MEDIA_TYPE, apply, decode
from croupier.core.flags.state import Kill
from croupier.errors import Rejected
from croupier.server.auth import Role
from croupier.server.flags.acknowledge import read_acknowledgement


async def test_the_snapshot_is_the_books(shore: Any, payments: Any) -> None:
    await shore.declare(payments)
    answer = await shore.http.get(shore.path(), headers={"accept-encoding": "identity"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert "content-encoding" not in answer.headers
    whole = decode(answer.content)
    assert whole == shore.book.snapshot("production")
    assert set(whole.lines) == {"payments_v2"}
    assert answer.headers["etag"] == f'"{whole.position}"'
    assert answer.headers["vary"] == "accept-encoding"
    assert answer.headers["x-request-id"]


async def test_the_snapshot_is_compressed_where_that_is_taken(shore: Any, payments: Any) -> None:
    await shore.declare(payments)
    headers = {"accept-encoding": "gzip"}
    async with shore.http.stream("GET", shore.path(), headers=headers) as answer:
        raw = b"".join([part async for part in answer.aiter_raw()])
    assert answer.headers["content-encoding"] == "gzip"
    assert decode(gzip.decompress(raw)) == shore.book.snapshot("production")


async def test_who_has_it_already_gets_nothing(shore: Any, payments: Any) -> None:
    await shore.declare(payments)
    etag = (await shore.http.get(shore.path())).headers["etag"]
    for given in (etag, f"W/{etag}", f'"other", {etag}'):
        answer = await shore.http.get(shore.path(), headers={"if-none-match": given})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
    await shore.kill("payments_v2")
    answer = await shore.http.get(shore.path(), headers={"if-none-match": etag})
    assert answer.status_code == 200
    assert '"fixed":"off"' in decode(answer.content).lines["payments_v2"]


@pytest.mark.parametrize("rest", ["", "/stream"])
async def test_nobody_gets_in_without_a_token(shore: Any, rest: str) -> None:
    for authorization in ("", "Bearer", "Bearer crp_x", "Basic Zm9v"):
        answer = await shore.http.get(shore.path(rest), headers={"authorization": authorization})
        assert answer.status_code == 401
        assert answer.json()["type"] == "urn:croupier:problem:unauthenticated"
        assert answer.headers["www-authenticate"]


async def test_a_token_of_one_environment_is_for_that_one(settings: Any, opened: Any, ashore: Any) -> None:
    chosen = settings.model_copy(update={"environments": ("production", "staging")})
    async with opened(chosen) as world, ashore(world) as shore:
        _, text = await shore.mint(environment="staging")
        headers = {"authorization": f"Bearer {text}"}
        assert (await shore.http.get(shore.path(environment="staging"), headers=headers)).status_code == 200
        refused = await shore.http.get(shore.path(), headers=headers)
        assert refused.status_code == 403
        assert "staging" in refused.json()["detail"]
        assert (await shore.http.get(shore.path(environment="moon"))).status_code == 404


async def test_a_clients_token_opens_nothing_else(shore: Any) -> None:
    for path in ("/api/v1/rollouts", "/api/v1/journal", "/api/v1/tokens", "/api/v1/me"):
        assert (await shore.http.get(path)).status_code == 403, path
    for role in (Role.VIEWER, Role.OPERATOR, Role.ADMIN):  # whoever may read may do what a client does
        _, text = await shore.mint(role)
        answer = await shore.http.get(shore.path(), headers={"authorization": f"Bearer {text}"})
        assert answer.status_code == 200


async def test_other_ways_to_ask_are_refused(shore: Any) -> None:
    answer = await shore.http.put(shore.path())
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    answer = await shore.http.get(shore.path("/acknowledge"))
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    answer = await shore.http.get(shore.path("/stream"), params={"client": "no\nname"})
    assert answer.status_code == 422


async def test_a_stream_says_hello_and_what_changes(shore: Any, payments: Any) -> None:
    async with shore.listen() as stream:
        hello = await stream.next()
        assert hello.name == "hello"
        assert hello.data["position"] == f"{shore.book.lineage}:0"
        assert hello.data["heartbeat_s"] == 15.0
        assert hello.data["ack_within_s"] == 1.0
        held = await shore.fetch()
        await shore.declare(payments)
        event = await stream.next()
        assert event.id == f"{shore.book.lineage}:1"
        held = apply(held, event.delta)
        assert held == shore.book.snapshot("production")
        await shore.kill("payments_v2")
        held = apply(held, (await stream.next()).delta)
        assert '"why":"killed: it burns"' in held.lines["payments_v2"]
        assert held == await shore.fetch()


async def test_a_stream_resumes_where_it_was(shore: Any, payments: Any) -> None:
    await shore.declare(payments)
    held = await shore.fetch()
    for number in range(3):
        await shore.declare({"feature": f"flag_{number}"})
    async with shore.listen(held.position) as stream:
        await stream.until("hello")
        event = await stream.next()
        assert event.id == f"{shore.book.lineage}:4"
        assert len(event.delta.lines) == 3
        assert apply(held, event.delta) == shore.book.snapshot("production")
        await shore.kill("payments_v2")
        assert (await stream.next()).delta.version == 5


async def test_who_is_up_to_date_hears_nothing_more(shore: Any, payments: Any) -> None:
    await shore.declare(payments)
    async with shore.listen((await shore.fetch()).position) as stream:
        await stream.until("hello")
        await shore.declare({"feature": "next"})
        assert (await stream.next()).delta.version == 2


@pytest.mark.parametrize("position", ["other:0", "nonsense", "LINEAGE:x", ":"])
async def test_who_comes_from_elsewhere_is_greeted_only(shore: Any, payments: Any, position: str) -> None:
    """It sees in the greeting that it knows nothing of this record, and fetches the whole."""
    await shore.declare(payments)
    async with shore.listen(position.replace("LINEAGE", shore.book.lineage)) as stream:
        await stream.until("hello")
        await shore.declare({"feature": "next"})
        assert (await stream.next()).delta.since == 1


async def test_who_comes_from_the_future_fetches_the_whole(shore: Any, payments: Any) -> None:
    await shore.declare(payments)
    async with shore.listen(f"{shore.book.lineage}:99") as stream:
        await stream.until("hello")
        assert (await stream.next()).name == "resync"


async def test_too_much_at_once_is_fetched(shore: Any) -> None:
    async with shore.listen() as stream:
        await stream.until("hello")
        await shore.declare(*({"feature": f"flag_{n}", "description": "d" * 50} for n in range(4_000)))
        event = await stream.next()
        assert (event.name, event.id) == ("resync", "")
        assert event.data["within_s"] == 0.0
        assert len((await shore.fetch()).lines) == 4_000
        await shore.kill("flag_1")
        assert (await stream.next()).delta.version == 2


async def test_a_hundred_listen(shore: Any, payments: Any) -> None:
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(shore.listen()) for _ in range(100)]
        await asyncio.gather(*(stream.until("hello") for stream in streams))
        assert shore.feed.open == 100
        await shore.declare(payments)
        events = await asyncio.gather(*(stream.next() for stream in streams))
        assert {event.id for event in events} == {f"{shore.book.lineage}:1"}


async def test_no_more_than_may_be(settings: Any, opened: Any, ashore: Any, eventually: Any) -> None:
    async with opened(settings.model_copy(update={"max_flag_streams": 2})) as world, ashore(world) as shore:
        async with shore.listen() as one:
            await one.until("hello")
            async with shore.listen() as two:
                await two.until("hello")
                refused = await shore.http.get(shore.path("/stream"))
                assert refused.status_code == 503
                assert refused.headers["retry-after"] == "10"
                assert "CROUPIER_MAX_FLAG_STREAMS" in refused.json()["hint"]
                assert (await shore.http.get(shore.path())).status_code == 200
        await eventually(lambda: shore.feed.open == 0, "those who left are no longer counted")
        async with shore.listen() as again:
            assert (await again.until("hello")).name == "hello"


async def test_a_revoked_token_ends_its_streams_and_no_others(shore: Any) -> None:
    token, text = await shore.mint()
    async with shore.listen() as stays, shore.listen(token=text) as goes:
        await stays.until("hello")
        await goes.until("hello")
        shore.world.context.keyring.learn(replace(token, revoked_at=1.0))
        assert await goes.next() is None
        assert shore.feed.open == 1
        await shore.declare({"feature": "still_heard"})
        assert (await stays.next()).name == "delta"


async def test_the_end_of_the_server_is_the_end_of_the_streams(shore: Any) -> None:
    async with shore.listen() as stream:
        await stream.until("hello")
        shore.feed.close()
        assert await stream.next() is None


async def test_a_kill_that_is_not_recorded_is_heard(shore: Any, payments: Any) -> None:
    await shore.declare(payments)
    held = await shore.fetch()
    async with shore.listen(held.position) as stream:
        await stream.until("hello")
        shore.book.early("payments_v2", Kill("test", 1.0, "it burns"))
        event = await stream.next()
        assert event.id == ""  # there is no version to resume from yet
        now = apply(held, event.delta)
        assert now.version == held.version
        assert '"fixed":"off"' in now.lines["payments_v2"]
    # Who comes now hears of it too, whether it resumes or begins.
    async with shore.listen(held.position) as stream:
        await stream.until("hello")
        assert apply(held, (await stream.next()).delta).lines == now.lines
    fetched = await shore.http.get(shore.path(), headers={"if-none-match": f'"{held.position}"'})
    assert fetched.status_code == 200
    assert decode(fetched.content).lines == now.lines


async def test_applications_say_what_they_run(shore: Any, payments: Any) -> None:
    await shore.declare(payments)
    whole = await shore.fetch()
    said = {
        "client": "pod-1",
        "sdk": "croupier-python/0.1.0",
        "position": whole.position,
        "digest": f"{whole.digest:064x}",
        "held_s": 0.25,
    }
    answer = await shore.http.post(shore.path("/acknowledge"), json=said)
    assert (answer.status_code, answer.content) == (204, b"")
    summary = shore.world.context.flags.propagation.summary("production", 0.0)
    assert (summary.clients, summary.current, list(summary.differing)) == (1, 1, [])
    assert (await shore.http.post(shore.path("/acknowledge", "moon"), json=said)).status_code == 404


@pytest.mark.parametrize(
    "field, value",
    [
        ("client", ""),
        ("client", "a b"),
        ("client", "x" * 129),
        ("client", 7),
        ("sdk", "x" * 101),
        ("sdk", "é"),
        ("position", "nowhere"),
        ("position", "a:" + "9" * 16),
        ("digest", "xyz"),
        ("held_s", -1),
        ("held_s", True),
        ("held_s", "1"),
    ],
)
async def test_what_they_say_is_read_strictly(field: str, value: Any) -> None:
    said = {"client": "pod-1", "sdk": "", "position": "a:1", "digest": "0" * 64, "held_s": 0}
    assert read_acknowledgement(json.dumps(said).encode()).client == "pod-1"
    with pytest.raises(Rejected) as refused:
        read_acknowledgement(json.dumps({**said, field: value}).encode())
    assert [problem.path for problem in refused.value.problems] == [(field,)]


async def test_a_number_of_a_thousand_digits_is_a_day(shore: Any) -> None:
    said = {"client": "pod-1", "position": "a:1", "digest": "0" * 64, "held_s": 10**1_000}
    assert read_acknowledgement(json.dumps(said).encode()).held_s == 86_400
    assert (await shore.http.post(shore.path("/acknowledge"), json=said)).status_code == 204


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 1_900])
async def test_what_is_no_acknowledgement_at_all(shore: Any, body: bytes) -> None:
    answer = await shore.http.post(shore.path("/acknowledge"), content=body)
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:croupier:problem:malformed")


async def test_an_acknowledgement_is_short(shore: Any) -> None:
    answer = await shore.http.post(shore.path("/acknowledge"), content=b" " * 3_000)
    assert answer.status_code == 400


@pytest.mark.parametrize("path", ["/ofrep/v1/events", "/api/v1/environments/production/flags/stream"])
async def test_an_address_with_too_many_parameters(shore: Any, path: str) -> None:
    refused = await shore.http.get(f"{path}?{'&'.join('a=1' for _ in range(21))}")
    assert (refused.status_code, "more than 20 parameters" in refused.text) == (400, True)
