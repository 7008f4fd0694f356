"""What dies: control plane, Envoy, database, metrics. Players notice nothing, and what was begun goes on."""

import asyncio
import random
import signal
import sqlite3
from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.e2e.conftest import ENDED, House, open_house, until

from casino.players import Crowd
from croupier.cli.demo.stage import ControlPlane
from croupier.errors import CroupierError, Transient


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """One casino for all of them, since eight processes take their time: who died is there again after each test."""
    with open_house() as opened:
        yield opened


async def test_a_killed_control_plane_resumes_and_no_player_notices(house: House, players: Crowd) -> None:
    dice = random.Random(7)
    rollout = await asyncio.to_thread(house.start, "1.1.0")
    for _ in range(4):
        await asyncio.sleep(dice.uniform(0.0, 1.5))  # a random moment is the point of this test
        house.plane.kill()
        house.plane = ControlPlane(house.place)
        await asyncio.to_thread(house.plane.connection)
    ended = await house.wait_async(rollout, lambda found: found["phase"] in ENDED)
    verified = await asyncio.to_thread(house.client.get, "journal/verify")
    assert ended["phase"] == "succeeded", ended
    assert verified["ok"], verified
    await players.stop()
    figures = players.snapshot()
    assert figures.lost == 0, figures.lost_by_reason
    assert figures.returns == 0
    assert {item.version for item in figures.versions} == {"1.0.0", "1.1.0"}


async def test_a_killed_envoy_comes_back_with_the_same_routes(house: House) -> None:
    rollout = await asyncio.to_thread(house.start_and_stay, "1.2.1", 30)
    before = await asyncio.to_thread(_served, house)
    envoy = next(process for process in house.processes() if process.name().startswith("envoy"))
    envoy.send_signal(signal.SIGKILL)
    after = await asyncio.to_thread(until, lambda: _served(house, other_than=envoy.pid), "another Envoy to serve")
    assert after == before
    await _give_up(house, rollout)


async def test_an_abort_works_while_the_database_is_locked(house: House) -> None:
    rollout = await asyncio.to_thread(house.start_and_stay, "1.2.2", 10)
    blocker = sqlite3.connect(house.database, isolation_level=None, timeout=120)
    blocker.execute("BEGIN EXCLUSIVE")
    try:
        answer = await asyncio.to_thread(house.client.post, f"rollouts/{rollout}/abort", {"reason": "now"})
        assert answer["recorded"] is False
        await asyncio.to_thread(until, lambda: _weight(house, "1.2.2") == 0 or None, "nobody on the canary")
    finally:
        blocker.execute("ROLLBACK")
        blocker.close()
    ended = await house.wait_async(rollout, lambda found: found["phase"] == "aborted")
    assert ended["abort"]["reason"] == "now"


async def test_a_version_that_shows_no_metrics_is_held_and_said_to_be(house: House) -> None:
    rollout = await asyncio.to_thread(house.start_and_stay, "1.2.3", 10)
    for process in house.processes():
        if "1.2.3" in process.cmdline():
            process.suspend()
    held = await house.wait_async(rollout, lambda found: found["gates"][0]["verdict"] == "no_data")
    assert held["phase"] in ("progressing", "paused")
    with pytest.raises(CroupierError, match=r"ledger|ready"):
        await asyncio.to_thread(house.client.post, f"rollouts/{rollout}/promote", {"reason": "it looks well"})
    await _give_up(house, rollout)


def test_two_control_planes_never_share_a_state_directory(house: House, free_port: int) -> None:
    second = ControlPlane(replace(house.place, port=free_port))
    with pytest.raises(Transient, match="Another control plane"):
        second.connection()
    second.stop()
    assert house.client.get("services")["items"]


async def _give_up(house: House, rollout: str) -> None:
    await asyncio.to_thread(house.client.post, f"rollouts/{rollout}/abort", {"reason": "enough"})
    await house.wait_async(rollout, lambda found: found["phase"] == "aborted")


def _served(house: House, *, other_than: int | None = None) -> dict[str, object] | None:
    """What Envoy serves of payments, once it answers (and is not the one with this pid)."""
    if other_than is not None and not any(
        process.name().startswith("envoy") and process.pid != other_than for process in house.processes()
    ):
        return None
    try:
        services = house.client.get("services")["items"]
    except CroupierError:
        return None
    found = next(item for item in services if item["name"] == "payments")
    return {"served": found["served"], "default": found["default"]} if found["served"] else None


def _weight(house: House, version: str) -> float:
    services = house.client.get("services")["items"]
    served = next(item for item in services if item["name"] == "payments")["served"] or []
    return max(
        (item["weight"] for share in served for item in share["weights"] if item["version"] == version), default=0
    )
