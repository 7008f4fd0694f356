"""The protocol's own words, and OpenFeature's own Python provider against a server that listens."""

import asyncio
import json
from typing import Any

import httpx
import jsonschema
import pytest
from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import Reason

from croupier.core.flags.read import read_flag
from croupier.server.auth import Role

# The answers of OFREP 0.3 as JSON schemas, written after service/openapi.yaml of open-feature/protocol.
VALUE = {"anyOf": [{"type": kind} for kind in ("boolean", "string", "number", "object", "array")]}
METADATA = {"type": "object", "additionalProperties": {"type": ["boolean", "string", "number"]}}
SUCCESS = {
    "type": "object",
    "required": ["key", "value", "reason", "variant"],
    "properties": {
        "key": {"type": "string"},
        "value": VALUE,
        "reason": {"type": "string"},
        "variant": {"type": "string"},
        "metadata": METADATA,
    },
}
FAILURE = {
    "type": "object",
    "required": ["key", "errorCode"],
    "properties": {
        "key": {"type": "string"},
        "errorCode": {"enum": ["PARSE_ERROR", "TARGETING_KEY_MISSING", "INVALID_CONTEXT", "GENERAL"]},
        "errorDetails": {"type": "string"},
    },
}
NOT_FOUND = {**FAILURE, "properties": {"key": {"type": "string"}, "errorCode": {"enum": ["FLAG_NOT_FOUND"]}}}
STREAM = {
    "type": "object",
    "required": ["type"],
    "oneOf": [{"required": ["url"]}, {"required": ["endpoint"]}],
    "properties": {
        "type": {"const": "sse"},
        "endpoint": {"type": "object", "required": ["requestUri"]},
        "inactivityDelaySec": {"type": "integer", "minimum": 0},
    },
}
BULK = {
    "type": "object",
    "required": ["flags"],
    "properties": {
        "flags": {"type": "array", "items": {"oneOf": [SUCCESS, FAILURE]}},
        "metadata": METADATA,
        "eventStreams": {"type": "array", "items": STREAM},
    },
}
BULK_FAILURE = {"type": "object", "required": ["errorCode"], "properties": {"errorDetails": {"type": "string"}}}

FLAGS: list[dict[str, Any]] = [
    {"feature": "payments_v2", "rules": [{"name": "germany", "if": "market == 'DE'", "rollout": 1.0}]},
    {"feature": "text", "type": "ops", "variants": {"a": "x", "b": "y"}, "off": "b", "safe": "b", "default": "a"},
    {"feature": "whole", "type": "ops", "variants": {"a": 7, "b": 0}, "off": "b", "safe": "b", "default": "a"},
    {"feature": "number", "type": "ops", "variants": {"a": 1.0, "b": 0.5}, "off": "b", "safe": "b", "default": "a"},
    {
        "feature": "object",
        "type": "ops",
        "variants": {"a": {"n": [1]}, "b": {}},
        "off": "b",
        "safe": "b",
        "default": "a",
    },
]


@pytest.fixture
async def client(world: Any) -> httpx.AsyncClient:
    changes = world.context.flags.changes
    await changes.declare([read_flag(flag) for flag in FLAGS], actor="test")
    found: httpx.AsyncClient = world.client
    found.headers.update(world.auth(Role.CLIENT))
    return found


async def ask(client: httpx.AsyncClient, key: str, context: Any = None, **kwargs: Any) -> httpx.Response:
    body = {} if context is None else {"context": context}
    return await client.post(f"/ofrep/v1/evaluate/flags/{key}", json=body, **kwargs)


async def test_one_flag(client: httpx.AsyncClient) -> None:
    answer = await ask(client, "payments_v2", {"targetingKey": "p1", "market": "DE"})
    assert answer.status_code == 200, answer.text
    jsonschema.validate(answer.json(), SUCCESS)
    assert answer.json() == {
        "key": "payments_v2",
        "value": True,
        "reason": "TARGETING_MATCH",
        "variant": "on",
        "metadata": {"version": 1, "rule": "germany"},
    }
    without = (await ask(client, "payments_v2")).json()
    assert (without["value"], without["reason"]) == (False, "DEFAULT")
    assert "market" in without["metadata"]["detail"]
    assert '"value":1.0,' in (await ask(client, "number")).text  # a float stays one
    for key in ("text", "whole", "object"):
        jsonschema.validate((await ask(client, key)).json(), SUCCESS)


async def test_what_cannot_be_evaluated(client: httpx.AsyncClient) -> None:
    for key in ("none", "0" * 500):
        missing = await ask(client, key)
        assert missing.status_code == 404
        jsonschema.validate(missing.json(), NOT_FOUND)
        assert missing.json()["key"] == key
    path = "/ofrep/v1/evaluate/flags/payments_v2"
    for body, code in ((b"{", "PARSE_ERROR"), (b'{"context":[]}', "INVALID_CONTEXT"), (b"[]", "INVALID_CONTEXT")):
        refused = await client.post(path, content=body)
        assert (refused.status_code, refused.json()["errorCode"]) == (400, code)
        jsonschema.validate(refused.json(), FAILURE)
        refused = await client.post("/ofrep/v1/evaluate/flags", content=body)
        assert (refused.status_code, refused.json()["errorCode"]) == (400, code)
        jsonschema.validate(refused.json(), BULK_FAILURE)
    assert (await client.post(path)).status_code == 200  # no body at all, as some clients send it


async def test_who_may_ask(client: httpx.AsyncClient, world: Any) -> None:
    for headers in ({"authorization": ""}, {"authorization": "Bearer crp_x"}):
        refused = await client.post("/ofrep/v1/evaluate/flags", headers=headers)
        assert refused.status_code == 401
        assert refused.json()["errorDetails"]
    key = {"authorization": "", "x-api-key": world.tokens[Role.CLIENT]}
    assert (await client.post("/ofrep/v1/evaluate/flags", headers=key)).status_code == 200
    moon = await client.post("/ofrep/v1/evaluate/flags", headers={"x-croupier-environment": "moon"})
    assert (moon.status_code, moon.json()["errorCode"]) == (400, "GENERAL")


async def test_all_flags_with_an_etag(client: httpx.AsyncClient, world: Any) -> None:
    context = {"targetingKey": "p1", "market": "DE"}
    path = "/ofrep/v1/evaluate/flags"
    answer = await client.post(path, json={"context": context})
    assert answer.status_code == 200
    found = answer.json()
    jsonschema.validate(found, BULK)
    assert [flag["key"] for flag in found["flags"]] == [flag["feature"] for flag in FLAGS]
    assert found["metadata"] == {"environment": "production", "version": 1}
    etag = answer.headers["etag"]
    seen = await client.post(path, json={"context": context}, headers={"if-none-match": etag})
    assert (seen.status_code, seen.content, seen.headers["etag"]) == (304, b"", etag)
    other = await client.post(path, json={"context": {**context, "vip": True}}, headers={"if-none-match": etag})
    strange = await client.post(path, json={"context": context}, headers={"if-none-match": "0" * 2_000})
    assert strange.status_code == 200
    assert other.status_code == 200  # another player, though the answers are the same
    await world.context.flags.changes.kill("payments_v2", actor="test", reason="errors")
    after = await client.post(path, json={"context": context}, headers={"if-none-match": etag})
    assert after.status_code == 200
    killed = next(flag for flag in after.json()["flags"] if flag["key"] == "payments_v2")
    assert (killed["value"], killed["reason"]) == (False, "DISABLED")


async def test_a_client_hears_that_it_is_to_ask_again(shore: Any) -> None:
    await shore.declare(*FLAGS)
    answer = (await shore.http.post("/ofrep/v1/evaluate/flags", json={})).json()
    (stream,) = answer["eventStreams"]
    uri = stream["endpoint"]["requestUri"]
    assert shore.token not in uri

    async def listen(**headers: str) -> tuple[list[str], int]:
        lines: list[str] = []
        async with shore.http.stream("GET", uri, headers={"authorization": "", **headers}, timeout=120) as response:
            if response.status_code == 200:
                async for line in response.aiter_lines():
                    lines.append(line)
                    if line.startswith(":") and not headers:
                        await shore.kill("payments_v2")
                    if line.startswith("data: "):
                        break
            return lines, response.status_code

    async with asyncio.timeout(120):
        lines, _ = await listen()
    position = f"{shore.book.lineage}:2"
    assert lines[-3:-1] == ["event: message", f"id: {position}"]
    said = json.loads(lines[-1].removeprefix("data: "))
    assert (said["type"], said["etag"]) == ("refetchEvaluation", f'"{position}"')
    assert isinstance(said["lastModified"], int)
    refetch = {"flagConfigEtag": said["etag"], "flagConfigLastModified": said["lastModified"]}
    assert (await shore.http.post("/ofrep/v1/evaluate/flags", params=refetch, json={})).json()["metadata"][
        "version"
    ] == 2
    # Who comes back and missed something is told at once.
    async with asyncio.timeout(120):
        lines, _ = await listen(**{"last-event-id": f"{shore.book.lineage}:1"})
    assert f"id: {position}" in lines
    uri = uri[:-1] + ("0" if uri[-1] != "0" else "1")
    assert (await listen())[1] == 401


async def test_openfeatures_own_provider(shore: Any) -> None:
    await shore.declare(*FLAGS)
    token = {"headers": f"Bearer {shore.token}"}
    provider = OFREPProvider(shore.url, headers_factory=lambda: {"Authorization": token["headers"]})

    def use() -> None:
        api.set_provider(provider, "croupier-test")
        asked = api.get_client("croupier-test")
        germany = EvaluationContext("p1", {"market": "DE"})
        details = asked.get_boolean_details("payments_v2", False, germany)
        assert (details.value, details.variant, details.reason) == (True, "on", Reason.TARGETING_MATCH)
        assert details.flag_metadata["rule"] == "germany"
        assert asked.get_boolean_details("payments_v2", True).value is False  # no context at all
        assert asked.get_string_value("text", "d") == "x"
        assert asked.get_integer_value("whole", 1) == 7
        assert asked.get_float_value("number", 0.0) == 1.0
        assert asked.get_object_value("object", {}) == {"n": [1]}
        assert asked.get_boolean_details("none", True).error_code is ErrorCode.FLAG_NOT_FOUND
        assert asked.get_boolean_details("text", True).error_code is ErrorCode.TYPE_MISMATCH
        token["headers"] = "Bearer nobody"
        assert asked.get_boolean_details("payments_v2", True, germany).error_code is ErrorCode.GENERAL
        provider.session.close()

    await asyncio.to_thread(use)
    api.clear_providers()


async def test_pages_of_other_origins(opened: Any, settings: Any) -> None:
    """Those that are named may ask by OFREP, with a token; nothing else is shared, and nobody else is let in."""
    shop = {"Origin": "https://shop.example"}
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    path = "/ofrep/v1/evaluate/flags"
    async with opened(settings.model_copy(update={"ofrep_origins": ("https://shop.example",)})) as world:
        allowed = await world.client.options(path, headers={**shop, **asks})
        assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, shop["Origin"])
        assert "access-control-allow-credentials" not in allowed.headers
        answer = await world.client.post(path, json={}, headers={**shop, **world.auth(Role.CLIENT)})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, shop["Origin"])
        assert "ETag" in answer.headers["access-control-expose-headers"]
        refused = await world.client.post(path, json={}, headers=shop)
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, shop["Origin"])
        events = await world.client.get("/ofrep/v1/events?ticket=x", headers=shop)
        assert (events.status_code, events.headers["access-control-allow-origin"]) == (401, shop["Origin"])
        other = await world.client.options(path, headers={**asks, "Origin": "https://evil.example"})
        assert (other.status_code, "access-control-allow-origin" in other.headers) == (400, False)
        for api in ("/api/v1/flags", "/", "/api/v1/environments/production/flags"):
            found = await world.client.get(api, headers={**shop, **world.auth()})
            assert "access-control-allow-origin" not in found.headers
    async with opened(settings) as world:
        assert "access-control-allow-origin" not in (await world.client.options(path, headers={**shop, **asks})).headers


async def test_events_are_only_read(shore: Any) -> None:
    answer = await shore.http.post("/ofrep/v1/events?ticket=x")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
