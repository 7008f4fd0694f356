"""Every ready-made gate sees something in the running casino: probed, read, counted, at the services and at the edge.

The casino is real, four services behind a real Envoy, with players; each service has two versions that share them.
"""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import pytest

from casino.players import Crowd
from casino.players.script import Mix
from casino.testing import LocalCasino, until, wait_ready
from casino.world import SERVICES
from croupier.adapters.clock import SystemClock
from croupier.adapters.metrics.embedded import EmbeddedMetrics, MetricSettings
from croupier.adapters.routing.envoy import EnvoyRouter, EnvoySettings
from croupier.control.ports import (
    Backend,
    Endpoint,
    Query,
    RoutedService,
    ScrapeTarget,
    TrafficTable,
    VersionKey,
)
from croupier.core.gates import EventsSli, Gate, GateState, LatencySli, PopulationRule, Reading, Silence
from croupier.core.gates.judge import judge
from croupier.core.gates.ready import BY_NAME, EDGE, POPULATION, READY, Ready
from croupier.core.releases import ProcessTemplate, Service
from croupier.core.rollout.routes import canary_routes

pytestmark = pytest.mark.envoy

OLD, NEW = "1.0.0", "1.1.0"
MIX = Mix(newcomers=0.5, tables=0.5, withdrawals=1.0)


@dataclass(frozen=True, slots=True)
class Floor:
    """The casino as the control plane sees it."""

    metrics: EmbeddedMetrics
    clock: SystemClock
    began: float

    async def read(self, gate: Gate, service: str) -> Reading:
        """The first that is not silence: on a busy machine a scrape of both versions may be late for one moment."""
        answer: Reading | Silence | None = None

        async def answered() -> bool:
            nonlocal answer
            query = Query(gate.sli, gate.by, service, NEW, OLD, self.began, self.clock.now())
            answer = await self.metrics.read(query)
            return isinstance(answer, Reading)

        with contextlib.suppress(TimeoutError):
            await until(answered, within_s=180.0)
        assert isinstance(answer, Reading), f"{gate.name} of {service}: {answer}"
        return answer


@pytest.fixture
async def floor(free_port: int, tmp_path: Path) -> AsyncIterator[Floor]:
    folder = Path(tempfile.mkdtemp(prefix="edge-"))  # a unix socket's path is short
    router = EnvoyRouter(EnvoySettings(run_dir=folder, port=free_port, concurrency=1, drain_s=1.0))
    clock = SystemClock()
    with LocalCasino(tmp_path) as casino:
        options = ("--newcomer-seconds", "3", "--drain-seconds", "1")
        started = []
        for service, version in product(SERVICES, (OLD, NEW)):  # one by one: eight at once are slow on a busy machine
            started.append(casino.start(service, version, options=options))
            await asyncio.to_thread(wait_ready, started[-1])
        await router.start()
        metrics = EmbeddedMetrics(
            clock, MetricSettings(interval_s=0.5, timeout_s=60.0, edge_socket=router.admin_socket)
        )
        try:
            places = {VersionKey(each.service, each.version): Endpoint("127.0.0.1", each.port) for each in started}
            services = tuple(
                RoutedService(
                    Service(name, (f"/{name}",), ProcessTemplate(("x",))),
                    canary_routes(name, OLD, NEW, 5_000, salt="floor"),
                )
                for name in SERVICES
            )
            await router.apply(TrafficTable(services, tuple(Backend(key, (place,)) for key, place in places.items())))
            await metrics.watch({key: (ScrapeTarget(place, "/metrics"),) for key, place in places.items()})
            await metrics.start()
            began = clock.now()
            host, port = router.address
            async with Crowd(f"http://{host}:{port}", rate=120, players=200, mix=MIX, timeout_s=60):
                yield Floor(metrics, clock, began)
        finally:
            await metrics.stop()
            await router.stop(keep_serving=False)
            shutil.rmtree(folder, ignore_errors=True)


async def _the_edge_deals_as_it_should_and_it_shows_when_it_does_not(floor: Floor) -> None:
    """The same requests, counted by Envoy: at the weight that it really serves, at another one, and of a version that
    gets nobody.
    """
    asked = BY_NAME[POPULATION].gate
    gate = replace(asked, rule=PopulationRule(players=60, visit=15, samples=2, interval_s=1.0))
    dealt, expected_less, nobody = GateState("dealt"), GateState("less"), GateState("nobody")
    said: set[str] = set()

    async def all_three() -> bool:
        nonlocal dealt, expected_less, nobody
        query = Query(gate.sli, (), "payments", NEW, OLD, floor.began, floor.clock.now())
        reading = await floor.metrics.read(query)
        lost = await floor.metrics.read(replace(query, canary="9.9.9"))
        if isinstance(reading, Reading) and isinstance(lost, Reading):
            # Each look is at everything since the beginning, as if it were the first.
            now = reading.until
            said.add(_judged(gate, GateState("dealt"), reading, now, floor.began, 5_000))
            dealt = judge(gate, GateState("d"), reading, now, watching_since=floor.began, next_bp=1, weight_bp=5_000)
            expected_less = judge(
                gate, GateState("l"), reading, now, watching_since=floor.began, next_bp=1, weight_bp=500
            )
            nobody = judge(gate, GateState("n"), lost, now, watching_since=floor.began, next_bp=1, weight_bp=5_000)
        return dealt.passed_at is not None and all(_alarms(state) for state in (expected_less, nobody))

    await until(all_three, within_s=180.0)
    assert not any(word.startswith("sample-ratio mismatch") for word in said), said


def _judged(gate: Gate, state: GateState, reading: Reading, now: float, began: float, weight_bp: int) -> str:
    latest = judge(gate, state, reading, now, watching_since=began, next_bp=1, weight_bp=weight_bp).latest
    return latest.reason if latest is not None else ""


def _alarms(state: GateState) -> bool:
    return state.latest is not None and state.latest.reason.startswith("sample-ratio mismatch")


def services_of(ready: Ready) -> list[str]:
    return list(SERVICES) if ready.counted_by == EDGE else ready.counted_by.split(", ")


async def test_the_running_casino(floor: Floor) -> None:
    """One casino for both, since eight processes take their time to start."""
    await _every_ready_made_gate_sees_it(floor)
    await _the_edge_deals_as_it_should_and_it_shows_when_it_does_not(floor)


async def _every_ready_made_gate_sees_it(floor: Floor) -> None:
    asked = [(ready, service) for ready in READY for service in services_of(ready)]
    for ready, service in asked:
        assert await floor.metrics.probe(ready.gate.sli, ready.gate.by, service, OLD) is None, (ready.name, service)

    unseen = list(asked)

    async def all_seen() -> bool:
        """Of what must not happen, that there is none is all there is to see."""
        for ready, service in list(unseen):
            reading = await floor.read(ready.gate, service)
            assert reading.baseline is not None
            seen = min(reading.canary[()].total, reading.baseline[()].total) > 0
            if isinstance(ready.gate.sli, EventsSli) or seen:
                unseen.remove((ready, service))
        return not unseen

    try:
        await until(all_seen, within_s=240.0)
    except TimeoutError:
        pytest.fail(f"nothing was counted of {[(ready.name, service) for ready, service in unseen]}")
    for ready, service in asked:
        reading = await floor.read(ready.gate, service)
        if isinstance(ready.gate.sli, EventsSli):
            assert reading.canary[()].total == 0, ready.name
        elif ready.gate.objective is not None and not isinstance(ready.gate.sli, LatencySli):
            # A healthy casino is not far from what is asked of it, or the defaults would make no sense. How quick it is
            # depends on who else keeps the machine busy.
            assert reading.canary[()].bad_share < 0.2, (ready.name, service, reading)
