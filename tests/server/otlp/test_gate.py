"""From a process with OpenTelemetry's own SDK to a verdict: pushed over HTTP, read by the loop, decided, recorded."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from tests.server.conftest import World, open_world, shop, until
from tests.server.listening import listening

from croupier.adapters.clock import SystemClock
from croupier.adapters.metrics.otlp import OtlpMetrics, OtlpSettings
from croupier.adapters.metrics.sources import MetricSources
from croupier.core.gates import OTLP
from croupier.server.auth import Role
from croupier.server.settings import Settings

GATE = {"source": "otlp", "sli": {"ratio": {"metric": "shop.requests", "good": {"shop.outcome": "ok"}}}}


@pytest.fixture
async def world(settings: Settings) -> AsyncIterator[World]:
    pushed = OtlpMetrics(SystemClock(), OtlpSettings(settle_s=0.05))
    sources = MetricSources({OTLP: pushed})
    async with open_world(settings, lambda ports: replace(ports, metrics=sources), pushed) as opened:
        yield opened


@asynccontextmanager
async def process(world: World, url: str, version: str, *, bad: int) -> AsyncIterator[None]:
    """A version that serves: of ten requests so many fail."""
    exporter = OTLPMetricExporter(
        f"{url}/otlp/v1/metrics", headers={"authorization": f"Bearer {world.tokens[Role.REPORTER]}"}
    )
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=50)
    named = Resource.create({"service.name": "shop", "service.version": version})
    provider = MeterProvider([reader], resource=named)
    requests = provider.get_meter("shop").create_counter("shop.requests")

    async def serve() -> None:
        while True:
            requests.add(10 - bad, {"shop.outcome": "ok"})
            requests.add(bad, {"shop.outcome": "failed"})
            await asyncio.sleep(0.01)

    task = asyncio.create_task(serve())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.to_thread(provider.shutdown)


@pytest.mark.parametrize("bad,verdict", [(5, "fail"), (0, "pass")])
async def test_a_gate_judges_what_was_pushed(world: World, bad: int, verdict: str) -> None:
    async with listening(world.app) as url, process(world, url, "1.0.0", bad=0):
        await world.post("/apply", {"documents": shop(**GATE)})
        await world.post("/rollouts", {"service": "shop", "version": "1.0.0"})
        await world.until("/rollouts/shop-1", lambda rollout: rollout["phase"] == "succeeded")

        async def start() -> Any:  # the gate must be seen to see before anybody is exposed, which takes a first push
            return (await world.post("/rollouts", {"service": "shop", "version": "1.1.0"})).json()

        await until(start, lambda answer: "id" in answer)
        async with process(world, url, "1.1.0", bad=bad):
            found = await world.until("/rollouts/shop-2", lambda rollout: rollout["gates"][0]["verdict"] == verdict)
            if verdict == "fail":
                found = await world.until("/rollouts/shop-2", lambda rollout: rollout["phase"] == "aborted")
                assert found["weight"] == 0
