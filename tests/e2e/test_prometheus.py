"""Gates that read a Prometheus, through the whole of it: control plane, casino, players and their metrics."""

import asyncio
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.adapters.metrics.prometheus.conftest import Server, need_prometheus
from tests.e2e.conftest import ENDED, House, until

from casino.players import Crowd
from casino.ports import free_port
from croupier.adapters.workloads.process.record import load_all
from croupier.cli.demo.stage import ControlPlane, choose_place, open_casino
from croupier.errors import CroupierError, Rejected

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
def server(tmp_path: Path, free_ports: Callable[[], int]) -> Iterator[Server]:
    need_prometheus()
    one = Server(tmp_path, free_ports(), "500ms")
    yield one
    one.stop()


@pytest.fixture
def watched(server: Server) -> Iterator[House]:
    """The casino, and a Prometheus that finds its processes by what the control plane wrote of them."""
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
    house: House | None = None
    try:
        with plane.connection().open() as client:
            house = House(place, plane, client)
            open_casino(client, place)
            yield house
    finally:
        over.set()
        follower.join()
        (house.plane if house is not None else plane).stop()
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


async def test_whoever_dies_no_healthy_release_is_blamed_and_no_sick_one_spared(watched: House, server: Server) -> None:
    compared = {"comparison": {"maxRatio": 1.1}, "objective": {"atLeast": "90%"}, "sequential": {"interval": "1s"}}
    evidence = gate("evidence", sli=deposits(), **compared)
    del evidence["spec"]["rule"]
    steps = [{"setWeight": 50}, {"pause": {"duration": "15s"}}]
    guards = [evidence, gate("by-provider", sli=deposits(), by=["psp", "market"])]
    whole = plan("evidence", "by-provider")
    whole["spec"]["strategy"]["canary"]["steps"] = steps

    async def seen(rollout: str, *verdicts: str) -> None:
        def says(found: dict[str, Any]) -> bool:
            return found["phase"] in ENDED or found["gates"][0]["verdict"] in verdicts

        await watched.wait_async(rollout, says)

    async def die(rollout: str) -> None:
        """Prometheus while the gates see something, and the control plane while they see nothing."""
        await seen(rollout, "pass", "inconclusive")
        server.kill()
        await seen(rollout, "no_data")
        watched.plane.kill()
        watched.plane = ControlPlane(watched.place, CROUPIER_PROMETHEUS_URL=server.url)
        await asyncio.to_thread(watched.plane.connection)
        await asyncio.to_thread(server.start)

    def started(version: str) -> str | None:
        try:
            return watched.start(version)
        except CroupierError:  # Prometheus has not seen them all yet
            return None

    async with Crowd(watched.place.edge, rate=100, players=1_000, timeout_s=60):
        watched.client.post("apply", {"documents": [*guards, whole]})
        for version, expected, blamed in (("1.1.0", "succeeded", None), ("1.2.0", "aborted", "by-provider")):
            rollout = await asyncio.to_thread(until, partial(started, version), "a start")
            for _ in range(2):
                await die(rollout)
            ended = await watched.wait_async(rollout, lambda found: found["phase"] in ENDED)
            assert ended["phase"] == expected, ended
            assert (ended.get("abort") or {}).get("gate") == blamed
            again = watched.client.get(f"rollouts/{rollout}/replay")
            assert again["verdicts"] > 0
            assert not again["mistakes"], again
    assert watched.client.get("journal/verify")["ok"]
