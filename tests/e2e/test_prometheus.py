"""Gates that read a Prometheus, through the whole of it: control plane, casino, players and their metrics."""

import asyncio
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.adapters.metrics.prometheus.conftest import Server, need_prometheus
from tests.e2e.conftest import House, until

from casino.players import Crowd
from casino.ports import free_port
from croupier.adapters.workloads.process.record import load_all
from croupier.cli.demo.stage import ControlPlane, choose_place, open_casino
from croupier.errors import Rejected

pytestmark = [pytest.mark.prometheus, pytest.mark.envoy]

V1 = {"apiVersion": "croupier/v1"}


def gate(name: str, **spec: Any) -> dict[str, Any]:
    rule = {"interval": "1s", "window": "20s", "consecutive": 3, "minSamples": 10}
    more = {"source": "prometheus", "objective": {"atLeast": "97%"}, "rule": rule}
    return {**V1, "kind": "Gate", "metadata": {"name": name}, "spec": {**more, **spec}}


def deposits(metric: str = "casino_deposits_total") -> dict[str, Any]:
    return {"ratio": {"metric": metric, "total": {"outcome": ["credited", "failed"]}, "good": {"outcome": "credited"}}}


def plan(*guards: str) -> dict[str, Any]:
    steps = [{"setWeight": 50}, {"pause": {"duration": "10m"}}]
    canary = {"analysis": {"templates": [{"templateName": name} for name in guards]}, "steps": steps}
    spec = {"service": "payments", "strategy": {"canary": canary}}
    return {**V1, "kind": "Rollout", "metadata": {"name": "payments"}, "spec": spec}


@pytest.fixture
def watched(tmp_path: Path, free_ports: Callable[[], int]) -> Iterator[House]:
    """The casino, and a Prometheus that finds its processes by what the control plane wrote of them."""
    need_prometheus()
    server = Server(tmp_path, free_ports(), "500ms")
    place = choose_place(free_port(), free_port())
    plane = ControlPlane(place, CROUPIER_PROMETHEUS_URL=server.url)
    over = threading.Event()

    def follow() -> None:
        while not over.wait(0.2):
            with suppress(OSError):
                records = load_all(place.folder / "state" / "run" / "records")
                # Which version it is, the casino's own series say.
                server.tell([(f"127.0.0.1:{one.port}", {"service": one.key.service}) for one in records])

    follower = threading.Thread(target=follow)
    follower.start()
    try:
        with plane.connection().open() as client:
            open_casino(client, place)
            yield House(place, plane, client)
    finally:
        over.set()
        follower.join()
        plane.stop()
        server.stop()
        shutil.rmtree(place.folder, ignore_errors=True)


def refused(house: House) -> str | None:
    """Why a rollout cannot start, once Prometheus has scraped the casino."""
    with pytest.raises(Rejected) as found:
        house.start("1.2.0")
    return None if "Prometheus has no series" in str(found.value) else str(found.value)


async def test_a_release_that_loses_deposits_comes_back(watched: House) -> None:
    selectors = {
        "total": 'casino_deposits_total{service="{{service}}",version="{{version}}",outcome=~"credited|failed"}',
        "bad": 'casino_deposits_total{service="{{service}}",version="{{version}}",outcome="failed"}',
    }
    latency = {"latency": {"metric": "casino_http_request_duration_seconds", "threshold": "400ms"}}
    guards = [
        gate("by-provider", sli=deposits(), by=["psp", "market"]),
        gate("by-selectors", sli={"promql": selectors}, objective={"atLeast": "1%"}),
        gate("slow", sli=latency, objective={"atLeast": "1%"}),  # how quick it is depends on who else is busy
    ]
    wrong = gate("by-provider", sli=deposits("casino_deposit_total"), by=["psp", "market"])
    names = [each["metadata"]["name"] for each in guards]
    async with Crowd(watched.place.edge, rate=150, players=1_000, timeout_s=60):
        watched.client.post("apply", {"documents": [wrong, *guards[1:], plan(*names)]})
        why = await asyncio.to_thread(until, lambda: refused(watched), "Prometheus to know what payments exports")
        assert "exports no metric 'casino_deposit_total'; did you mean 'casino_deposits_total'?" in why
        watched.client.post("apply", {"documents": [guards[0]]})
        rollout = watched.start("1.2.0")
        ended = await watched.wait_async(rollout, lambda seen: seen["phase"] in {"aborted", "succeeded"})
    assert ended["phase"] == "aborted"
    said = {each["name"]: each for each in ended["gates"]}
    assert said["by-provider"]["verdict"] == "fail"
    assert "psp=kestrel market=DE" in said["by-provider"]["reason"]
    assert said["by-selectors"]["verdict"] in {"pass", "inconclusive"}
    assert said["slow"]["verdict"] in {"pass", "inconclusive"}
    [whole] = [each for each in said["by-selectors"]["findings"] if not each["group"]]
    assert whole["canary"]["total"] > whole["canary"]["good"] > 0
    assert whole["baseline"]["total"] == whole["baseline"]["good"] > 0
