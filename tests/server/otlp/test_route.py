"""The door for pushed metrics, as real SDKs and hostile senders knock at it."""

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
import requests
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from tests.server.conftest import World, open_world, until
from tests.server.listening import listening

from croupier.adapters.clock import SystemClock
from croupier.adapters.metrics.otlp import OtlpMetrics, OtlpSettings
from croupier.control.ports import Query
from croupier.core.gates import OTLP, Counts, LatencySli, RatioSli, Reading, Silence
from croupier.server.auth import Role
from croupier.server.guards import PUSHES as PATH
from croupier.server.otlp.answers import _bytes
from croupier.server.settings import Settings

BETS = RatioSli("shop.bets", good=(("outcome", ("ok",)),))
PROTOBUF = {"Content-Type": "application/x-protobuf"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def door(settings: Settings) -> AsyncIterator[World]:
    """A control plane that takes pushes."""
    # Requests of one collection may be far apart on a busy machine.
    async with open_world(settings, pushed=OtlpMetrics(SystemClock(), OtlpSettings(settle_s=2.0))) as world:
        yield world


def source(world: World) -> OtlpMetrics:
    found = world.context.pushed
    assert isinstance(found, OtlpMetrics)
    return found


async def post(world: World, body: bytes, headers: dict[str, str], role: Role = Role.REPORTER) -> httpx.Response:
    return await world.client.post(PATH, content=body, headers={**world.auth(role), **headers})


@asynccontextmanager
async def application(url: str, token: str, version: str, **options: Any) -> AsyncIterator[MeterProvider]:
    """A process with OpenTelemetry's own SDK, which pushes when it is told to."""
    exporter = OTLPMetricExporter(f"{url}{PATH}", headers={"authorization": f"Bearer {token}"}, **options)
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
    named = Resource.create({"service.name": "shop", "service.version": version})
    fine = View(instrument_name="shop.fine", aggregation=ExponentialBucketHistogramAggregation())
    provider = MeterProvider([reader], resource=named, views=[fine])
    try:
        yield provider
    finally:
        await asyncio.to_thread(provider.shutdown)


async def reading(metrics: OtlpMetrics, query: Query, after: float) -> Reading:
    """The answer once it reaches beyond this time: a boundary settles a moment after the push that made it."""

    async def ask() -> Reading | Silence:
        return await metrics.read(replace(query, until=SystemClock().now()))

    found = await until(ask, lambda said: isinstance(said, Reading) and said.until > after)
    assert isinstance(found, Reading)
    return found


DELTAS = {Counter: AggregationTemporality.DELTA, Histogram: AggregationTemporality.DELTA}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": Compression.Gzip},
        {"compression": Compression.Deflate, "preferred_temporality": DELTAS},
        {"max_export_batch_size": 1},
    ],
    ids=["cumulative", "gzip", "deflated deltas", "in batches"],
)
async def test_what_real_sdks_push_is_counted_exactly(door: World, options: dict[str, Any]) -> None:
    metrics = source(door)
    slow, fine = LatencySli("shop.wait", 0.25), LatencySli("shop.fine", 0.25)
    async with listening(door.app) as url:
        token = door.tokens[Role.REPORTER]
        async with (
            application(url, token, "1.0.0", **options) as old,
            application(url, token, "1.1.0", **options) as new,
        ):
            instruments = []
            for provider in (old, new):
                meter = provider.get_meter("shop")
                wait = meter.create_histogram(
                    "shop.wait", unit="s", explicit_bucket_boundaries_advisory=[0.1, 0.25, 1.0]
                )
                instruments.append(
                    (meter.create_counter("shop.bets"), wait, meter.create_histogram("shop.fine", unit="s"))
                )

            def play(which: int, good: int, bad: int) -> None:
                bets, wait, fine = instruments[which]
                bets.add(good, {"outcome": "ok"})
                bets.add(bad, {"outcome": "lost"})
                for histogram in (wait, fine):
                    for duration in [0.2] * good + [0.7] * bad:
                        histogram.record(duration)

            async def push() -> float:
                for provider in (old, new):
                    assert await asyncio.to_thread(provider.force_flush)
                return door.context.ports.clock.now()

            def ask(sli: Any, since: float, until: float) -> Query:
                return Query(sli, (), "shop", "1.1.0", "1.0.0", since, until, OTLP)

            play(0, 50, 1)
            play(1, 1, 1)
            begin = await push()
            for sli in (BETS, slow, fine):
                assert await metrics.probe(sli, (), "shop", "1.0.0") is None
                await metrics.read(ask(sli, begin, begin))
            play(0, 3, 2)
            play(1, 4, 5)
            before = door.context.ports.clock.now()
            await push()
            start = (await reading(metrics, ask(BETS, begin, begin), after=before)).until
            play(0, 90, 4)
            play(1, 30, 2)
            pushed = await push()
            play(1, 7, 0)
            play(0, 1, 0)  # a sender of deltas that has nothing to tell sends nothing
            await push()
            for sli in (BETS, slow, fine):
                found = await reading(metrics, ask(sli, start, start), after=pushed)
                assert (found.canary[()], found.baseline) == (Counts(37, 39), {(): Counts(91, 95)})


async def test_only_reporters_and_who_acts_may_push(door: World) -> None:
    for role, status in (
        (Role.REPORTER, 200),
        (Role.OPERATOR, 200),
        (Role.ADMIN, 200),
        (Role.CLIENT, 403),
        (Role.VIEWER, 403),
    ):
        assert (await post(door, b"", PROTOBUF, role)).status_code == status, role
    bare = await door.client.post(PATH, content=b"", headers=PROTOBUF)
    assert (bare.status_code, bare.headers["WWW-Authenticate"]) == (401, 'Bearer realm="croupier"')
    wrong = {"Authorization": f"Bearer {door.tokens[Role.REPORTER][:-1]}x"}
    assert (await door.client.post(PATH, content=b"", headers={**PROTOBUF, **wrong})).status_code == 401


async def bound(world: World, *services: str) -> str:
    """A reporter's token for these services, made as people make it."""
    body = {"name": "lobby", "role": "reporter", "services": list(services)}
    made = await world.post("/tokens", body)
    assert made.status_code == 201, made.text
    assert made.json()["services"] == (sorted(services) or None)
    return str(made.json()["token"])


async def test_a_reporter_of_some_services_speaks_for_no_others(door: World) -> None:
    headers = {**PROTOBUF, "Authorization": f"Bearer {await bound(door, 'shop', 'lobby')}"}

    async def push(asked: ExportMetricsServiceRequest) -> httpx.Response:
        return await door.client.post(PATH, content=asked.SerializeToString(), headers=headers)

    own, strange = request(), request(service="payments", points=4)
    answer = await push(own)
    assert (answer.status_code, answer.content) == (200, b"")
    both = request(points=2)
    both.MergeFrom(strange)
    answer = await push(both)
    partial = ExportMetricsServiceResponse.FromString(answer.content).partial_success
    assert (answer.status_code, partial.rejected_data_points) == (200, 4)
    assert partial.error_message == "this token is for lobby, shop, not for the service 'payments'"
    code, why = status(await push(strange))
    assert (code, "Nothing was taken: this token is for lobby, shop" in why, "--service" in why) == (403, True, True)
    said = await source(door).probe(BETS, (), "payments", "1.0.0")
    assert said is not None
    assert "token" not in said  # nothing of it is remembered
    everybody = {**PROTOBUF, "Authorization": f"Bearer {await bound(door)}"}
    answer = await door.client.post(PATH, content=strange.SerializeToString(), headers=everybody)
    assert answer.status_code == 200


async def test_a_real_sdk_with_a_token_for_its_service(door: World) -> None:
    token = await bound(door, "shop")
    async with listening(door.app) as url, application(url, token, "1.0.0") as process:
        process.get_meter("shop").create_counter("shop.bets").add(1, {"outcome": "ok"})
        assert await asyncio.to_thread(process.force_flush)
    assert await source(door).probe(BETS, (), "shop", "1.0.0") is None


@pytest.mark.parametrize("services", [["a,b"], ["a b"], [""]])
async def test_names_of_services_that_cannot_be(door: World, services: list[str]) -> None:
    answer = await door.post("/tokens", {"name": "x", "role": "reporter", "services": services})
    assert answer.status_code == 422


async def test_only_reporters_are_for_services(door: World) -> None:
    answer = await door.post("/tokens", {"name": "x", "role": "viewer", "services": ["shop"]})
    assert "Only a reporter's token is for services." in answer.text


class Twice(requests.Session):
    """A way there on which everything arrives twice: a proxy that repeats what it got no answer to."""

    def post(self, *args: Any, **kwargs: Any) -> requests.Response:
        super().post(*args, **kwargs)
        return super().post(*args, **kwargs)


@pytest.mark.parametrize("options", [{}, {"preferred_temporality": DELTAS}], ids=["cumulative", "deltas"])
async def test_a_real_sdk_that_restarts_and_is_repeated(door: World, options: dict[str, Any]) -> None:
    """Everything counts once: what is sent twice, and what another process counts at the same place."""
    metrics = source(door)
    async with listening(door.app) as url:

        async def live(good: int, bad: int) -> float:
            """One life of the process, from its start to its end."""
            named = {"service.name": "shop", "service.version": "1.0.0", "service.instance.id": "shop-1"}
            exporter = OTLPMetricExporter(
                f"{url}{PATH}",
                headers={"authorization": f"Bearer {door.tokens[Role.REPORTER]}"},
                session=Twice(),
                **options,
            )
            reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
            provider = MeterProvider([reader], resource=Resource.create(named))
            bets = provider.get_meter("shop").create_counter("shop.bets")
            bets.add(good, {"outcome": "ok"})
            assert await asyncio.to_thread(provider.force_flush)
            bets.add(bad, {"outcome": "lost"})
            assert await asyncio.to_thread(provider.force_flush)
            await asyncio.to_thread(provider.shutdown)
            return door.context.ports.clock.now()

        asked = Query(BETS, (), "shop", "1.0.0", None, 0.0, 0.0, OTLP)
        await metrics.read(asked)
        before = door.context.ports.clock.now()
        await live(5, 5)
        begin = (await reading(metrics, asked, after=before)).until
        query = replace(asked, since=begin)
        for good, bad in ((1, 1), (30, 2), (4, 3)):
            await live(good, bad)
        ended = door.context.ports.clock.now()
        await live(1, 1)
        found = await reading(metrics, query, after=ended)
        # From a boundary within the first life to one within the last, whose pushes add up to no more than these.
        whole = Counts(5 + 36, 10 + 43)
        inner = Counts(35, 41)
        assert inner.good <= found.canary[()].good <= whole.good
        assert inner.total <= found.canary[()].total <= whole.total


async def test_a_reporter_may_do_nothing_else(door: World) -> None:
    for path in ("/services", "/environments/production/flags", "/me", "/tokens"):
        assert (await door.get(path, Role.REPORTER)).status_code == 403, path
    assert (await door.post("/apply", {"documents": []}, Role.REPORTER)).status_code == 403


def request(version: str | None = "1.0.0", points: int = 1, service: str = "shop") -> ExportMetricsServiceRequest:
    found = ExportMetricsServiceRequest()
    sent = found.resource_metrics.add()
    for name, value in (("service.name", service), ("service.instance.id", "a"), ("service.version", version)):
        if value is not None:
            sent.resource.attributes.add(key=name).value.string_value = value
    metric = sent.scope_metrics.add().metrics.add(name="shop.bets")
    metric.sum.is_monotonic = True
    metric.sum.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
    for place in range(points):
        metric.sum.data_points.add(start_time_unix_nano=1, time_unix_nano=2, as_int=place)
    return found


def status(answer: httpx.Response) -> tuple[int, str]:
    """The HTTP status, and the message of the google.rpc.Status that came with it."""
    if answer.headers["content-type"] == "application/json":
        return answer.status_code, answer.json()["message"]
    found = Status.FromString(answer.content)
    assert found.code
    return answer.status_code, found.message


async def test_json_is_understood_and_answered_in_kind(door: World) -> None:
    body = json.dumps(
        {
            "resourceMetrics": [
                {
                    "resource": {
                        "attributes": [
                            {"key": name, "value": {"stringValue": value}}
                            for name, value in {
                                "service.name": "shop",
                                "service.version": "1.0.0",
                                "service.instance.id": "a",
                            }.items()
                        ]
                    },
                    "scopeMetrics": [
                        {
                            "metrics": [
                                {
                                    "name": "shop.bets",
                                    "newerThanWeAre": 1,
                                    "sum": {
                                        "aggregationTemporality": 2,
                                        "isMonotonic": True,
                                        "dataPoints": [
                                            {
                                                "asInt": "5",
                                                "startTimeUnixNano": "1",
                                                "timeUnixNano": "2",
                                                "exemplars": [{"traceId": "5b8efff798038103d269b633813fc60c"}],
                                            }
                                        ],
                                    },
                                }
                            ]
                        }
                    ],
                }
            ]
        }
    ).encode()
    answer = await post(door, gzip.compress(body), {**JSON, "Content-Encoding": "gzip"})
    assert (answer.status_code, answer.headers["content-type"], answer.json()) == (200, "application/json", {})
    assert await source(door).probe(BETS, (), "shop", "1.0.0") is not None  # it has no outcome
    assert (
        await source(door).probe(RatioSli("shop_bets_total", (("service.name", ("shop",)),)), (), "shop", "1.0.0")
        is None
    )


async def test_what_is_refused_of_a_push_is_told(door: World) -> None:
    both = request()
    both.MergeFrom(request(version=None, points=3))
    answer = await post(door, both.SerializeToString(), PROTOBUF)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-protobuf")
    partial = ExportMetricsServiceResponse.FromString(answer.content).partial_success
    assert partial.rejected_data_points == 3
    assert partial.error_message.startswith("the resource has no service.version")
    nobody = await post(door, request(version=None).SerializeToString(), PROTOBUF)
    assert status(nobody)[0] == 400
    assert "OTEL_RESOURCE_ATTRIBUTES=service.version=1.1.0" in status(nobody)[1]


DEEP = b'{"resourceMetrics":' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.mark.parametrize(
    "body,headers,code,why",
    [
        (b"\xff\xff garbage", PROTOBUF, 400, "no ExportMetricsServiceRequest in protobuf"),
        (b"{", JSON, 400, "no ExportMetricsServiceRequest in OTLP's JSON"),
        (b"[1]", JSON, 400, "OTLP's JSON"),
        (b'{"resourceMetrics": 7}', JSON, 400, "OTLP's JSON"),
        (b"\xff", JSON, 400, "OTLP's JSON"),
        (DEEP, JSON, 400, "OTLP's JSON"),
        (b"x", {"Content-Type": "text/plain"}, 400, "Send application/x-protobuf or application/json"),
        (b"x", {**PROTOBUF, "Content-Encoding": "br"}, 400, "encoding 'br' is not known"),
        (b"no gzip", {**PROTOBUF, "Content-Encoding": "gzip"}, 400, "no gzip"),
        (gzip.compress(b"x" * 900, mtime=0)[:-9], {**PROTOBUF, "Content-Encoding": "gzip"}, 400, "ends too early"),
        (gzip.compress(bytes(200_000_000), 1), {**PROTOBUF, "Content-Encoding": "gzip"}, 413, "4,194,304 bytes"),
        (gzip.compress(bytes(3_000_000)) * 2, {**PROTOBUF, "Content-Encoding": "gzip"}, 413, "4,194,304 bytes"),
        (gzip.compress(b"", mtime=0) * 101, {**PROTOBUF, "Content-Encoding": "gzip"}, 400, "more than 100 members"),
        (zlib.compress(bytes(5_000_000)), {**PROTOBUF, "Content-Encoding": "deflate"}, 413, "4,194,304 bytes"),
        (b"{" * 60_000, JSON, 400, "50,000 objects"),
        (
            gzip.compress(b" " * 2_000_000 + b"{}", mtime=0),
            {**JSON, "Content-Encoding": "gzip"},
            400,
            "1,048,576 bytes",
        ),
    ],
)
async def test_hostile_bodies(door: World, body: bytes, headers: dict[str, str], code: int, why: str) -> None:
    found = status(await post(door, body, headers))
    assert found[0] == code
    assert why in found[1]
    assert (await post(door, request().SerializeToString(), PROTOBUF)).status_code == 200


async def test_a_million_points_are_refused_whole(door: World) -> None:
    """Each costs two bytes to send, and none to pack."""
    body = bytes((1 << 3 | 2, 0)) * 1_000_000
    for field in (7, 2, 2, 1):  # sum, metric, scope, resource
        body = _bytes(field, body)
    packed = gzip.compress(body, 1)
    answer = await post(door, packed, {**PROTOBUF, "Content-Encoding": "gzip"})
    assert status(answer) == (
        400,
        "A push may hold 20,000 points. Send them in batches, or use fewer attribute values.",
    )


async def test_who_pushes_too_often_is_told_when_to_come_back(settings: Settings) -> None:
    slow = settings.model_copy(update={"otlp_per_s": 0.2})
    async with open_world(slow, pushed=OtlpMetrics(SystemClock())) as world:
        codes = [(await post(world, b"", PROTOBUF)).status_code for _ in range(3)]
        assert codes == [200, 200, 429]
        again = await post(world, b"", PROTOBUF)
        assert 1 <= int(again.headers["Retry-After"]) <= 5
        assert status(again)[0] == 429
        assert (await post(world, b"", PROTOBUF, Role.OPERATOR)).status_code == 200  # another token


async def test_a_crowd_is_told_to_come_back(door: World) -> None:
    metrics = source(door)
    async with metrics._turn:
        waiting = [asyncio.create_task(metrics.push(b"", is_json=False)) for _ in range(100)]
        await asyncio.sleep(0)
        answer = await post(door, b"", PROTOBUF)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert len(await asyncio.gather(*waiting)) == 100


async def test_a_control_plane_without_a_door_says_so(world: World) -> None:
    assert status(await post(world, b"", PROTOBUF))[0] == 404
