"""One switch in the running casino: what is broken is found at the preview, or goes back by itself, or is undone."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from tests.e2e.conftest import ENDED, House, until

from casino.players import Crowd
from casino.ports import free_port
from croupier.cli.demo.stage import ControlPlane, choose_place, open_casino

SLOW, ALSO_SLOW = "1.2.1", "1.2.2"
GATES = ("answers", "ledger")


def strategy(**more: Any) -> dict[str, Any]:
    watching = {"templates": [{"templateName": name} for name in GATES]}
    blue_green = {"postPromotionAnalysis": watching, "watch": "2s", "keep": "5m", **more}
    spec = {"service": "payments", "strategy": {"blueGreen": blue_green}}
    return {"apiVersion": "croupier/v1", "kind": "Rollout", "metadata": {"name": "payments"}, "spec": spec}


def gate() -> dict[str, Any]:
    """A healthy version answers in time on any machine, and the slow one takes longer than that."""
    latency = {"metric": "casino_http_request_duration_seconds", "threshold": "2500ms"}
    spec = {
        "sli": {"latency": {**latency, "match": {"route": "/payments/ping"}}},
        "objective": {"atLeast": "60%"},
        "rule": {"interval": "1s", "window": "10s", "consecutive": 3, "minSamples": 8},
    }
    return {"apiVersion": "croupier/v1", "kind": "Gate", "metadata": {"name": "answers"}, "spec": spec}


def release(version: str) -> dict[str, Any]:
    fault = "slow:route=/payments/ping,seconds=3,share=1.0"
    spec = {"service": "payments", "version": version, "process": {"env": {"CASINO_FAULT": fault}}}
    return {"apiVersion": "croupier/v1", "kind": "Release", "spec": spec}


@pytest.fixture(scope="module")
def preview_port() -> int:
    return free_port()


def plane_of(place: Any, preview_port: int) -> ControlPlane:
    return ControlPlane(place, CROUPIER_EDGE_PREVIEW_PORT=str(preview_port))


@pytest.fixture(scope="module")
def switching(preview_port: int) -> Iterator[House]:
    """A casino that switches payments at once, and shows them before. After each test it is at version 1.0.0."""
    place = choose_place(free_port(), free_port())
    house = plane = None
    try:
        plane = plane_of(place, preview_port)
        with plane.connection().open() as client:
            open_casino(client, place)
            client.post("apply", {"documents": [gate(), release(SLOW), release(ALSO_SLOW)]})
            house = House(place, plane, client)
            yield house
    finally:
        last = house.plane if house is not None else plane
        if last is not None:
            last.stop()
        shutil.rmtree(place.folder, ignore_errors=True)


@pytest.fixture
async def crowd(switching: House) -> AsyncIterator[Crowd]:
    async with Crowd(switching.place.edge, rate=60, players=300, lean=True, timeout_s=60) as players:
        yield players


async def begun(house: House, version: str, **more: Any) -> str:
    """A rollout begins once the gates have seen the version before. ``more`` is of its strategy."""
    await asyncio.to_thread(house.client.post, "apply", {"documents": [strategy(**more)]})
    asked = {"documents": [gate()]}

    def counted() -> bool | None:
        found = house.client.post("services/payments/traffic", asked)
        return (found["gates"][0].get("total") or 0) > 50 or None

    await asyncio.to_thread(until, counted, "requests to be counted")
    return await asyncio.to_thread(house.start, version)


async def again(house: House, preview_port: int) -> None:
    """kill -9, and another control plane."""
    house.plane.kill()
    house.plane = plane_of(house.place, preview_port)
    await asyncio.to_thread(house.plane.connection)


def seen_by(crowd: Crowd) -> set[str]:
    return {item.version for item in crowd.snapshot().versions}


async def test_what_is_broken_is_found_at_the_preview_and_nobody_meets_it(
    switching: House, crowd: Crowd, preview_port: int
) -> None:
    name = await begun(switching, SLOW, autoPromotionEnabled=False)
    shown = await switching.wait_async(name, lambda found: found["phase"] == "paused")
    assert shown["preview"] == f"http://127.0.0.1:{preview_port}"
    assert [stack["text"] for stack in shown["stacks"]] == ["serves everybody", "previewed: nobody has it yet"]

    def previewed() -> bool | None:
        items = switching.client.get("services")["items"]
        return next(item for item in items if item["name"] == "payments")["preview"] == SLOW or None

    await asyncio.to_thread(until, previewed, "the preview")
    async with httpx.AsyncClient(base_url=shown["preview"], timeout=60, trust_env=False) as http:
        answer = await http.get("/payments/ping")
        assert answer.elapsed.total_seconds() >= 3.0  # the fault
        assert (await http.get("/auth/ping")).status_code == 200  # everything else is as players have it
    await asyncio.to_thread(switching.client.post, f"rollouts/{name}/abort", {"reason": "slow at the preview"})
    await switching.wait_async(name, lambda found: found["phase"] == "aborted")
    await crowd.stop()
    assert crowd.snapshot().lost == 0
    assert seen_by(crowd) == {"1.0.0"}


async def test_what_is_broken_after_the_switch_goes_back_by_itself(switching: House, crowd: Crowd) -> None:
    name = await begun(switching, ALSO_SLOW)
    ended = await switching.wait_async(name, lambda found: found["phase"] in ENDED)
    assert ended["phase"] == "aborted", ended
    assert ended["abort"]["gate"] == "answers"
    assert ended["stacks"][0] == {"colour": "blue", "version": "1.0.0", "serves": True, "text": "serves everybody"}
    await crowd.stop()
    assert crowd.snapshot().lost == 0
    assert seen_by(crowd) == {"1.0.0", ALSO_SLOW}


async def test_an_undo_after_the_promotion_outlives_the_control_plane(
    switching: House, crowd: Crowd, preview_port: int
) -> None:
    name = await begun(switching, "1.1.0")
    await switching.wait_async(name, lambda found: found["confirmedWeight"] == 100 or found["phase"] in ENDED)
    await again(switching, preview_port)  # between the switch and the promotion
    promoted = await switching.wait_async(name, lambda found: found["phase"] in ENDED)
    assert promoted["phase"] == "succeeded", promoted
    assert promoted["keptUntil"] is not None
    await again(switching, preview_port)  # between the promotion and the undo: what is kept is in the record
    answer = await asyncio.to_thread(switching.client.post, f"rollouts/{name}/undo", {"reason": "complaints"})
    assert answer["phase"] == "aborting"
    await again(switching, preview_port)  # between the undo and its confirmation, or just after it
    undone = await switching.wait_async(name, lambda found: found["phase"] == "aborted")
    assert (undone["abort"]["cause"], undone["abort"]["reason"]) == ("undo", "complaints")
    services = (await asyncio.to_thread(switching.client.get, "services"))["items"]
    payments = next(item for item in services if item["name"] == "payments")
    assert (payments["stable"], payments["default"], payments["rollout"]) == ("1.0.0", "1.0.0", None)
    assert (await asyncio.to_thread(switching.client.get, "journal/verify"))["ok"]
    replayed = await asyncio.to_thread(switching.client.get, f"rollouts/{name}/replay")
    assert not replayed["mistakes"]
    await crowd.stop()
    assert crowd.snapshot().lost == 0, crowd.snapshot().lost_by_reason
