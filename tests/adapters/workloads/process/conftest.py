"""Real processes for the workload tests: a service template, started supervisors, waiting for a condition."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from croupier.adapters.clock import SystemClock
from croupier.adapters.workloads.process import ProcessSettings, ProcessWorkloads
from croupier.adapters.workloads.process.identity import is_same, kill_group, sweep
from croupier.adapters.workloads.process.record import load_all
from croupier.control.ports import VersionKey, WorkloadStatus
from croupier.core.releases import ProcessTemplate

SERVICE = Path(__file__).with_name("service.py")


@pytest.fixture
def quick() -> ProcessSettings:
    """Settings that wait little."""
    return ProcessSettings(tick_s=0.03, probe_ready_s=0.06, backoff_s=0.05, retry_failed_s=0.5)


@pytest.fixture
def template() -> Callable[..., ProcessTemplate]:
    """Builds templates of the test service; ``env`` chooses how it behaves, the rest are fields of the template."""

    def build(env: dict[str, str] | None = None, **fields: Any) -> ProcessTemplate:
        command = (sys.executable, str(SERVICE), "{port}", "{service}", "{version}", "{instance}")
        return ProcessTemplate(command=command, env=tuple((env or {}).items()), **fields)

    return build


@pytest.fixture
async def make(tmp_path: Path, quick: ProcessSettings) -> AsyncIterator[Callable[..., Awaitable[ProcessWorkloads]]]:
    """Makes started supervisors of one run folder; whatever still runs afterwards is killed."""
    made: list[ProcessWorkloads] = []

    async def start(settings: ProcessSettings = quick) -> ProcessWorkloads:
        workloads = ProcessWorkloads(tmp_path / "run", SystemClock(), settings)
        await workloads.start()
        made.append(workloads)
        return workloads

    yield start
    for workloads in made:
        await workloads.stop(keep_running=True)
    for record in load_all(tmp_path / "run" / "records"):
        if is_same(record.mark):
            kill_group(record.mark)
            with suppress(psutil.Error):
                psutil.Process(record.mark.pid).wait(120)
        sweep(record.mark)


@pytest.fixture
async def workloads(make: Callable[..., Awaitable[ProcessWorkloads]]) -> ProcessWorkloads:
    return await make()


@pytest.fixture
def until() -> Callable[..., Awaitable[None]]:
    """Waits for a condition; the deadline is only there so that a broken test ends."""

    async def wait(condition: Callable[[], Any], within_s: float = 90.0) -> None:
        async with asyncio.timeout(within_s):
            while not condition():
                await asyncio.sleep(0.01)

    return wait


@pytest.fixture
def status_when() -> Callable[..., Awaitable[WorkloadStatus]]:
    """Waits for the first status of a version that meets a condition."""

    async def wait(
        workloads: ProcessWorkloads, key: VersionKey, met: Callable[[WorkloadStatus], bool], within_s: float = 90.0
    ) -> WorkloadStatus:
        seen: WorkloadStatus | None = None
        try:
            async with asyncio.timeout(within_s):
                while seen is None or not met(seen):
                    await asyncio.sleep(0.01)
                    seen = (await workloads.observe()).get(key)
        except TimeoutError:
            pytest.fail(f"still {seen}")
        return seen

    return wait


@pytest.fixture
def get() -> Callable[..., Awaitable[httpx.Response]]:
    """Sends a request to an instance of a version."""

    async def send(status: WorkloadStatus, path: str, endpoint: int = 0) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False, timeout=120) as client:
            return await client.get(f"http://127.0.0.1:{status.endpoints[endpoint].port}{path}")

    return send
