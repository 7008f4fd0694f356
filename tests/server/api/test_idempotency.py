"""The same key gets the same answer, and the thing happens once."""

import asyncio
from typing import Any

import pytest

from croupier.server.auth import Role

pytestmark = pytest.mark.parametrize(
    "settings", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)

KEY = "Idempotency-Key"


async def test_a_repeated_start_starts_once(world: Any) -> None:
    await world.declare()
    asked = {"service": "shop", "version": "1.1.0", "reason": "x"}
    first = await world.post("/rollouts", asked, headers={KEY: "k"})
    second = await world.post("/rollouts", asked, headers={KEY: "k"})
    assert first.status_code == second.status_code == 201
    assert first.content == second.content
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert first.headers["etag"] == second.headers["etag"]
    assert first.headers["location"] == second.headers["location"]


async def test_duplicates_in_flight_wait_for_the_first(world: Any) -> None:
    await world.declare()
    asked = {"service": "shop", "version": "1.1.0"}
    answers = await asyncio.gather(*(world.post("/rollouts", asked, headers={KEY: "k"}) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len((await world.get("/rollouts")).json()["items"]) == 2


async def test_another_request_may_not_use_the_key(world: Any) -> None:
    await world.declare()
    await world.roll_out()
    assert (await world.post("/rollouts/shop-2/pause", {"reason": "a"}, headers={KEY: "k"})).status_code == 200
    other = await world.post("/rollouts/shop-2/pause", {"reason": "b"}, headers={KEY: "k"})
    assert other.status_code == 422
    assert other.json()["type"] == "urn:croupier:problem:idempotency-key-reused"
    elsewhere = await world.post("/rollouts/shop-2/resume", {"reason": "a"}, headers={KEY: "k"})
    assert elsewhere.status_code == 422


async def test_keys_are_the_tokens_own(world: Any) -> None:
    await world.declare()
    asked = {"service": "shop", "version": "1.1.0"}
    assert (await world.post("/rollouts", asked, headers={KEY: "k"})).status_code == 201
    theirs = await world.post("/rollouts", asked, Role.OPERATOR, headers={KEY: "k"})
    assert theirs.status_code == 409


async def test_what_changed_nothing_is_remembered_too(world: Any) -> None:
    await world.declare()
    await world.roll_out()
    nothing = await world.post("/rollouts/shop-2/pause", headers={KEY: "k"})  # a step holds it already
    assert nothing.json()["hold"] == "step"
    again = await world.post("/rollouts/shop-2/pause", headers={KEY: "k"})
    assert again.headers["idempotent-replayed"] == "true"


async def test_answers_outlive_the_process(settings: Any, opened: Any) -> None:
    body: dict[str, Any] = {"reason": "x"}
    async with opened(settings) as world:
        await world.declare()
        body["documents"] = [
            {"apiVersion": "croupier/v1", "kind": "Release", "spec": {"service": "shop", "version": "2.0.0"}}
        ]
        first = await world.post("/apply", body, headers={KEY: "k"})
        added = await world.post("/releases", {"service": "shop", "version": "2.1.0"}, headers={KEY: "r"})
    async with opened(settings) as world:
        second = await world.post("/apply", body, headers={KEY: "k"})
        assert second.content == first.content
        assert second.json()["applied"][0]["effect"] == "created"
        assert second.headers["idempotent-replayed"] == "true"
        again = await world.post("/releases", {"service": "shop", "version": "2.1.0"}, headers={KEY: "r"})
        assert (again.content, again.status_code) == (added.content, 201)


async def test_a_replayed_token_has_no_secret(world: Any) -> None:
    asked = {"name": "ci", "role": "viewer"}
    first = await world.post("/tokens", asked, headers={KEY: "k"})
    second = await world.post("/tokens", asked, headers={KEY: "k"})
    assert first.json()["token"].startswith("crp_")
    assert second.json() == {**first.json(), "token": None}


async def test_a_refused_request_may_be_sent_again(world: Any) -> None:
    asked = {"service": "shop", "version": "1.0.0"}
    assert (await world.post("/rollouts", asked, headers={KEY: "k"})).status_code == 404
    await world.declare()
    asked["version"] = "1.1.0"
    assert (await world.post("/rollouts", asked, headers={KEY: "k"})).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 201, "a\tb"])
async def test_an_impossible_key(world: Any, key: str) -> None:
    answer = await world.post("/rollouts/shop-2/pause", headers={KEY: key})
    assert answer.status_code == 400
    assert answer.json()["type"] == "urn:croupier:problem:malformed"
