"""What every request passes: names, sizes, times, headers, and no surprises."""

import asyncio
import json
import logging
from dataclasses import replace
from typing import Any

import pytest
from tests.server.listening import listening

from croupier.core.rollout.state import RolloutState
from croupier.errors import Conflict, Corrupt, Fenced, NotFound, Rejected, Transient
from croupier.server.app import openapi
from croupier.server.problems import SLUGS, kind_of
from croupier.server.settings import Settings


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8700", "127.0.0.1", "127.0.0.1:8700", "[::1]:8700", "10.1.2.3"]
)
async def test_names_that_are_ours(world: Any, host: str) -> None:
    assert (await world.client.get("/healthz", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "", "[", "a b"]
)
async def test_names_that_are_not(world: Any, host: str) -> None:
    answer = await world.client.get("/healthz", headers={"Host": host})
    assert answer.status_code == 421
    assert answer.json()["type"] == "urn:croupier:problem:unknown-host"


async def test_a_name_may_be_allowed(settings: Settings, opened: Any) -> None:
    async with opened(settings.model_copy(update={"allowed_hosts": ("croupier.example",)})) as world:
        assert (await world.client.get("/healthz", headers={"Host": "croupier.example:443"})).status_code == 200


async def test_headers(world: Any) -> None:
    answer = await world.client.get("/healthz", headers={"X-Request-Id": "abc-1", "Origin": "http://evil.example"})
    assert answer.headers["x-request-id"] == "abc-1"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "access-control-allow-origin" not in answer.headers
    strange = await world.client.get("/healthz", headers={"X-Request-Id": "a b\r\nx"})
    assert strange.headers["x-request-id"] != "a b\r\nx"


async def test_a_large_body_is_refused_before_it_is_sent(world: Any) -> None:
    sent = 0

    async def body() -> Any:
        nonlocal sent
        for _ in range(1_000):
            sent += 10_000
            yield b"x" * 10_000

    announced = {**world.auth(), "Content-Type": "application/json", "Content-Length": str(10_000_000)}
    answer = await world.client.post("/api/v1/apply", content=body(), headers=announced)
    assert answer.status_code == 413
    assert answer.json()["type"] == "urn:croupier:problem:too-large"
    assert sent == 0
    chunked = await world.client.post("/api/v1/apply", content=body(), headers=world.auth())
    assert chunked.status_code == 413
    assert sent <= 1_200_000
    strange = await world.client.post("/api/v1/apply", content=b"{}", headers={**announced, "Content-Length": "-1"})
    assert strange.status_code == 413


async def test_a_large_body_over_a_real_connection(world: Any) -> None:
    async with listening(world.app) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(b"POST /api/v1/apply HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000\r\n\r\n")
        head = await asyncio.wait_for(reader.readuntil(b"\r\n"), 120)
        assert b" 413 " in head
        rest = await asyncio.wait_for(reader.read(), 120)  # until the server closes
        assert b"too-large" in rest
        writer.close()


async def test_a_body_that_never_comes(settings: Settings, opened: Any) -> None:
    async with opened(settings.model_copy(update={"request_timeout_s": 0.05})) as world:
        never = asyncio.Event()

        async def body() -> Any:
            yield b"{"
            await never.wait()

        answer = await world.client.post("/api/v1/apply", content=body(), headers=world.auth())
        assert answer.status_code == 408


async def test_large_bodies_wait_for_their_turn_no_longer_than_a_request_may(settings: Settings, opened: Any) -> None:
    async with opened(settings.model_copy(update={"request_timeout_s": 0.05})) as world:
        never = asyncio.Event()

        async def body() -> Any:
            yield b"{"
            await never.wait()

        sent = [world.client.post("/api/v1/flags/apply", content=body(), headers=world.auth()) for _ in range(3)]
        answers = sorted(await asyncio.gather(*sent), key=lambda answer: answer.status_code)
        assert (answers[0].status_code, answers[-1].status_code) == (408, 503)
        assert "Other large declarations" in answers[-1].text
        assert answers[-1].headers["retry-after"] == "5"


async def test_what_takes_too_long_is_given_up(settings: Settings, opened: Any) -> None:
    async with opened(settings.model_copy(update={"request_timeout_s": 0.05})) as world:
        never = asyncio.Event()
        world.app.add_api_route("/slow", never.wait)
        answer = await world.client.get("/slow")
        assert answer.status_code == 503
        assert "Idempotency-Key" in answer.json()["hint"]


async def test_what_takes_long_by_nature_may(settings: Settings, opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check of a long journal, and 50,000 flags at once, take more than half a minute on a busy machine."""
    async with opened(settings.model_copy(update={"request_timeout_s": 0.05})) as world:
        verify = world.store.verify

        async def slow() -> Any:
            await asyncio.sleep(0.1)
            return await verify()

        monkeypatch.setattr(world.store, "verify", slow)
        assert (await world.get("/journal/verify")).json()["ok"]


async def test_a_surprise_tells_nothing_of_the_inside(world: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def broken() -> None:
        raise RuntimeError("postgresql://ann:secret@db/croupier")

    world.app.add_api_route("/broken", broken)
    with caplog.at_level(logging.ERROR):
        answer = await world.client.get("/broken")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.json()["requestId"] == answer.headers["x-request-id"]
    assert any(record.exc_info for record in caplog.records)


@pytest.mark.parametrize(
    "method,path,status,slug",
    [
        ("GET", "/api/v1/nothing", 404, "not-found"),
        ("PUT", "/api/v1/rollouts", 405, "method-not-allowed"),
        ("GET", "/api/v1/apply", 405, "method-not-allowed"),
        ("GET", "/nothing", 404, "not-found"),
    ],
)
async def test_paths_that_are_not_there(world: Any, method: str, path: str, status: int, slug: str) -> None:
    answer = await world.client.request(method, path, headers=world.auth())
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == f"urn:croupier:problem:{slug}"
    assert answer.json()["instance"] == path


async def test_text_that_no_store_can_keep(world: Any) -> None:
    headers = {**world.auth(), "Content-Type": "application/json"}
    for reason in (r"\u0000", r"\ud800", r"a\udfffb"):
        body = f'{{"reason": "{reason}"}}'.encode()
        answer = await world.client.post("/api/v1/rollouts/x/abort", content=body, headers=headers)
        assert answer.status_code == 400, reason
    assert (await world.get("/rollouts?service=a%00b")).status_code == 400
    fine = await world.client.post("/api/v1/rollouts/x/abort", content=rb'{"reason": "\ud83c\udfb2"}', headers=headers)
    assert fine.status_code == 404


@pytest.mark.parametrize(
    "error,status",
    [
        (Rejected("x"), 422),
        (NotFound("x"), 404),
        (Conflict("x"), 409),
        (Fenced("x"), 409),
        (Transient("x"), 503),
        (Corrupt("x"), 500),
    ],
)
def test_each_error_has_its_status(error: Any, status: int) -> None:
    assert kind_of(error).status == status


async def test_corrupt_data_is_for_a_person_and_not_for_the_caller(world: Any) -> None:
    async def broken() -> RolloutState:
        raise Corrupt("rollout shop-2: column 7 says nonsense")

    world.app.add_api_route("/broken", broken, response_model=None)
    answer = await world.client.get("/broken")
    assert answer.status_code == 500
    assert "column" not in answer.text
    assert "verify" in answer.json()["hint"]


async def test_metrics_count_routes_and_not_paths(world: Any) -> None:
    await world.declare()
    await world.roll_out()
    for number in range(3):
        await world.get(f"/rollouts/unknown-{number}")
        await world.client.get(f"/strange-{number}")
    page = (await world.client.get("/metrics")).text
    assert 'croupier_http_requests_total{code="404",method="GET",route="/api/v1/rollouts/{rollout}"} 3.0' in page
    assert 'route="(none)"} 3.0' in page
    assert "strange" not in page
    assert 'croupier_rollouts{phase="paused"} 1.0' in page
    assert 'croupier_events_total{type="weight_confirmed"}' in page
    ticks = next(line for line in page.splitlines() if line.startswith("croupier_ticks_total"))
    assert float(ticks.split()[1]) > 1


def test_problem_types_are_for_ever() -> None:
    assert set(SLUGS) == {
        "conflict",
        "corrupt",
        "forbidden",
        "idempotency-key-reused",
        "internal",
        "malformed",
        "method-not-allowed",
        "not-found",
        "precondition-failed",
        "rejected",
        "timeout",
        "too-large",
        "too-many-requests",
        "unauthenticated",
        "unavailable",
        "unknown-host",
        "unsupported-media-type",
    }


async def test_ready_says_what_is_missing(world: Any) -> None:
    await world.until_ready()
    well = dict.fromkeys(("status", "store", "lease", "envoy", "rollouts"), "ok")
    assert (await world.client.get("/readyz")).json() == well

    async def ill() -> bool:
        return False

    world.app.state.context = replace(world.context, edge_healthy=ill)
    answer = await world.client.get("/readyz")
    assert answer.status_code == 503
    assert json.loads(answer.text)["envoy"] == "Envoy does not serve"


async def test_the_description_needs_nothing(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROUPIER_PORT", "not a port")
    described = openapi()
    assert described["openapi"].startswith("3.1")
    operations = [item for path in described["paths"].values() for item in path.values()]
    ids = [item["operationId"] for item in operations]
    assert len(ids) == len(set(ids))
    assert all(item["summary"] and item["tags"] for item in operations)
    assert "HTTPValidationError" not in str(described)
    # Found by schemathesis: whoever knocks too often is told so, by whatever protocol.
    guarded = [path for path in described["paths"] if path.startswith(("/api/", "/ofrep/", "/otlp/"))]
    answers = [item["responses"].keys() for path in guarded for item in described["paths"][path].values()]
    assert all({"401", "403", "429"} <= codes for codes in answers)
