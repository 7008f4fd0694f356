"""Tokens for one version over the API: who may have one, and what is recorded of it."""

from dataclasses import replace
from typing import Any

import pytest

from croupier.adapters.clock import SystemClock
from croupier.adapters.routing.envoy.version_tokens import OverrideKey
from croupier.server.auth import Role

PATH = "/services/shop/version-tokens"


@pytest.fixture
async def signing(world: Any, tmp_path: Any) -> Any:
    """A shop whose edge lets signed requests through."""
    await world.declare()
    key = OverrideKey(tmp_path / "override.key", SystemClock())
    context = world.context
    world.app.state.context = replace(context, ports=replace(context.ports, overrides=key))
    return world


async def test_an_operator_gets_one_and_it_is_recorded(signing: Any) -> None:
    made = await signing.post(PATH, {"version": "1.1.0", "seconds": 60, "reason": "a look"}, role=Role.OPERATOR)
    assert made.status_code == 201, made.text
    found = made.json()
    assert (found["header"], found["service"], found["version"]) == ("croupier-version", "shop", "1.1.0")
    assert found["token"].count(".") == 2
    assert made.headers["cache-control"] == "no-store"
    entries = (await signing.get("/journal?limit=100")).json()["items"]
    (entry,) = [item for item in entries if item["action"] == "create version token"]
    assert (entry["subject"], entry["reason"]) == ("version-token/shop", "a look")
    assert found["token"] not in str(entries)


async def test_a_token_for_several_is_refused_where_nothing_moves_with_it(signing: Any) -> None:
    refused = await signing.post(PATH, {"version": "1.1.0", "together": True}, role=Role.OPERATOR)
    assert refused.status_code == 422
    assert "shop 1.1.0 moves with no other service now." in refused.text


@pytest.mark.parametrize(
    "body,status",
    [
        ({"version": "9.9.9"}, 404),
        ({"version": "1.1.0", "seconds": 3601}, 422),
        ({"version": "1.1.0", "seconds": 0}, 422),
        ({}, 422),
    ],
)
async def test_what_there_is_not_gets_none(signing: Any, body: Any, status: int) -> None:
    answer = await signing.post(PATH, body, role=Role.OPERATOR)
    assert answer.status_code == status, answer.text


async def test_viewers_get_none_and_an_edge_without_a_key_signs_none(world: Any) -> None:
    assert (await world.post(PATH, {"version": "1.1.0"}, role=Role.VIEWER)).status_code == 403
    refused = await world.post(PATH, {"version": "1.1.0"}, role=Role.OPERATOR)
    assert refused.status_code == 422
    assert "lets nobody ask for a version" in refused.text
