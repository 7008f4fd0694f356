"""Counts that a real Envoy keeps, through its admin socket."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from croupier.adapters.metrics.embedded import EmbeddedMetrics, MetricSettings
from croupier.adapters.routing.envoy import EnvoyRouter, EnvoySettings
from croupier.adapters.routing.envoy.bootstrap import STATS_PATH
from croupier.control.ports import Backend, Query, RoutedService, TrafficTable, VersionKey
from croupier.core.gates import Counts, LatencySli, RatioSli, Reading, Silence
from croupier.core.releases import ProcessTemplate, Service
from croupier.core.rollout.routes import canary_routes
from croupier.testing import VirtualClock

pytestmark = pytest.mark.envoy

OK = RatioSli("edge_requests_total", good=(("code", ("200",)),))
FAST = LatencySli("edge_request_duration_seconds", 5.0)


@pytest.fixture
async def edge(free_port: int) -> AsyncIterator[EnvoyRouter]:
    folder = Path(tempfile.mkdtemp(prefix="edge-"))  # not tmp_path: a unix socket's path is short
    router = EnvoyRouter(EnvoySettings(run_dir=folder, port=free_port, concurrency=1, drain_s=1.0))
    await router.start()
    yield router
    await router.stop(keep_serving=False)
    shutil.rmtree(folder, ignore_errors=True)


async def test_envoy_counts_both_versions(edge: EnvoyRouter, instance: Callable[[], Any], clock: VirtualClock) -> None:
    settings = MetricSettings(edge_socket=edge.admin_socket)
    assert settings.edge_path == STATS_PATH
    metrics = EmbeddedMetrics(clock, settings)
    try:
        old, new = instance(), instance()
        new.status = 503
        service = Service("payments", ("/payments",), ProcessTemplate(("x",)))
        routes = canary_routes("payments", "1.0.0", "1.1.0", 5_000, salt="s")
        backends = tuple(
            Backend(VersionKey("payments", version), (one.target.endpoint,))
            for version, one in (("1.0.0", old), ("1.1.0", new))
        )
        await edge.apply(TrafficTable((RoutedService(service, routes),), backends))
        assert await metrics.probe(OK, (), "payments", "1.1.0") is None
        host, port = edge.address
        async with httpx.AsyncClient(base_url=f"http://{host}:{port}", trust_env=False, timeout=60) as players:
            statuses = [
                (await players.get("/payments", headers={"x-player-id": f"p{number}"})).status_code
                for number in range(60)
            ]
        good, bad = statuses.count(200), statuses.count(503)
        assert good + bad == 60
        assert good
        assert bad

        began = clock.now() - 100  # not "the last 100 s": reads advance the clock, and may be many

        async def read(sli: Any) -> Reading | Silence:
            await clock.advance(1)
            await metrics.scrape()
            query = Query(sli, ("code",), "payments", "1.1.0", "1.0.0", began, clock.now())
            return await metrics.read(query)

        answer = await read(OK)
        assert isinstance(answer, Reading)
        assert answer.canary[()] == answer.canary[(("code", "503"),)] == Counts(0, bad)
        assert answer.baseline is not None
        assert answer.baseline[()] == answer.baseline[(("code", "200"),)] == Counts(good, good)
        assert await metrics.probe(FAST, (), "payments", "1.1.0") is None
        async with asyncio.timeout(120):  # Envoy merges histograms once a second
            while True:
                answer = await read(FAST)
                assert isinstance(answer, Reading)
                assert answer.baseline is not None
                if answer.canary[()].total + answer.baseline[()].total == 60:
                    break
                await asyncio.sleep(0.1)
        assert (answer.canary[()], answer.baseline[()]) == (Counts(bad, bad), Counts(good, good))
        why = await metrics.probe(LatencySli("edge_request_duration_seconds", 0.35), (), "payments", "1.1.0")
        assert why is not None
        assert "0.3, 0.4, 0.5" in why
    finally:
        await metrics.stop()
