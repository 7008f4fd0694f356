"""Prometheus finds what Croupier runs: a real one, by ``http_sd_configs`` and a token."""

import asyncio
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import Counter
from tests.adapters.metrics.prometheus.conftest import Page, need_prometheus
from tests.server.conftest import Processes, open_world, until
from tests.server.listening import listening

from croupier.adapters.clock import SystemClock
from croupier.adapters.metrics.prometheus import PrometheusMetrics, PrometheusSettings
from croupier.control.ports import Endpoint, Health, Query, VersionKey, WorkloadStatus
from croupier.core.gates import PROMETHEUS, EventsSli, Reading, Silence
from croupier.errors import Transient
from croupier.server.auth import Role
from croupier.server.settings import Settings

PATH = "/api/v1/prometheus/targets"


@dataclass
class Pages(Processes):
    """Workloads that show real metrics pages."""

    pages: dict[VersionKey, Page] = field(default_factory=dict)
    away: bool = False

    async def observe(self) -> Mapping[VersionKey, WorkloadStatus]:
        if self.away:
            raise Transient("the workloads are out of sight")
        for key in self.wanted:
            if key not in self.pages:
                self.pages[key] = Page(key.service, key.version)
                Counter("bets_total", "", registry=self.pages[key].registry).inc(3)
        return {
            key: WorkloadStatus(Health.READY, (Endpoint("127.0.0.1", int(page.address.rpartition(":")[2])),))
            for key, page in self.pages.items()
            if key in self.wanted
        }

    def stop(self) -> None:
        for page in self.pages.values():
            page.stop()


@pytest.fixture
def workloads() -> Iterator[Pages]:
    one = Pages()
    yield one
    one.stop()


async def test_prometheus_scrapes_what_runs(
    settings: Settings, workloads: Pages, tmp_path: Path, free_ports: Callable[[], int]
) -> None:
    need_prometheus()
    async with open_world(settings, lambda ports: replace(ports, workloads=workloads)) as world:
        await world.declare()
        await world.roll_out()
        found = (await world.get("/prometheus/targets", Role.VIEWER)).json()
        assert [group["labels"] for group in found] == [
            {"service": "shop", "version": version, "__metrics_path__": "/metrics", "__meta_croupier_arm": arm}
            for version, arm in (("1.0.0", "stable"), ("1.1.0", "canary"))
        ]
        assert (await world.client.get(PATH)).status_code == 401
        assert (await world.get("/prometheus/targets", Role.CLIENT)).status_code == 403
        async with listening(world.app) as url:
            port, process = free_ports(), None
            try:
                process = _prometheus(tmp_path, f"{url}{PATH}", world.tokens[Role.VIEWER], port)
                up = await until(lambda: _up(port), lambda said: len(said) == 2)
                assert {(one["service"], one["version"], one["job"]) for one in up} == {
                    ("shop", "1.0.0", "croupier"),
                    ("shop", "1.1.0", "croupier"),
                }
                assert all("arm" not in name for one in up for name in one)
                source = PrometheusMetrics(SystemClock(), PrometheusSettings(f"http://127.0.0.1:{port}"))

                async def ask() -> Reading | Silence:
                    now = time.time()
                    sli = EventsSli("bets_total")
                    return await source.read(Query(sli, (), "shop", "1.1.0", "1.0.0", now - 5, now, PROMETHEUS))

                await until(ask, lambda said: isinstance(said, Reading))
                await source.stop()
            finally:
                if process is not None:
                    process.terminate()
                    process.wait(120)
        workloads.away = True
        assert (await world.get("/prometheus/targets")).status_code == 503
        workloads.away = False


async def _up(port: int) -> list[dict[str, str]]:
    try:
        async with httpx.AsyncClient(timeout=60) as client:
            said: Any = (await client.get(f"http://127.0.0.1:{port}/api/v1/query?query=up==1")).json()
    except (httpx.HTTPError, ValueError):
        return []
    await asyncio.sleep(0)
    return [one["metric"] for one in said.get("data", {}).get("result", [])]


def _prometheus(folder: Path, url: str, token: str, port: int) -> subprocess.Popen[bytes]:
    (folder / "viewer.token").write_text(token)
    found = {
        "url": url,
        "refresh_interval": "1s",
        "authorization": {"type": "Bearer", "credentials_file": str(folder / "viewer.token")},
    }
    scrape = {"job_name": "croupier", "scrape_interval": "200ms", "scrape_timeout": "200ms"}
    (folder / "prometheus.yml").write_text(json.dumps({"scrape_configs": [{**scrape, "http_sd_configs": [found]}]}))
    return subprocess.Popen(
        [
            str(shutil.which("prometheus")),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=error",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "GOMAXPROCS": "2"},
    )
