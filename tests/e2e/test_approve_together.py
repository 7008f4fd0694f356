"""Two services that wait for one approval, or for one switch, in the running casino: all go on, and all are undone."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.e2e.conftest import ENDED, House, open_house

from casino.players import Crowd
from croupier.cli.client import Client
from croupier.errors import CroupierError

pytestmark = pytest.mark.envoy
SERVICES = ("auth", "payments")
ALSO = "x-casino-version"


def declared(name: str, version: str, strategy: dict[str, Any]) -> list[dict[str, Any]]:
    spec = {"services": [*SERVICES], "strategy": strategy, "keepStable": "10m", "keepCanary": "5s"}
    found = [{"apiVersion": "croupier/v1", "kind": "Rollout", "metadata": {"name": name}, "spec": spec}]
    for service in SERVICES:
        release = {"service": service, "version": version}
        found.append({"apiVersion": "croupier/v1", "kind": "Release", "spec": release})
    return found


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """One casino for both: after each test it is at version 1.0.0."""
    with open_house() as opened:
        yield opened


async def begun(house: House, name: str, version: str, strategy: dict[str, Any]) -> list[str]:
    await asyncio.to_thread(house.client.post, "apply", {"documents": declared(name, version, strategy)})
    asked = {"versions": dict.fromkeys(SERVICES, version), "strategy": name, "reason": "the new cashier"}
    first = await asyncio.to_thread(house.client.post, "rollouts/together", asked)
    members = (await asyncio.to_thread(house.client.get, f"rollouts/{first['id']}"))["together"]
    return [each["rollout"] for each in members]


async def all_are(house: House, rollouts: list[str], **what: Any) -> list[dict[str, Any]]:
    def so(found: dict[str, Any]) -> bool:
        return all(found[name] == wanted for name, wanted in what.items())

    return [await house.wait_async(each, so) for each in rollouts]


async def met(house: House) -> set[str]:
    """The versions that a hundred players meet in both services."""
    async with httpx.AsyncClient(base_url=house.place.edge, timeout=60) as http:
        asked = [
            http.get(f"/{service}/ping", headers={"x-player-id": f"p{player}"})
            for service in SERVICES
            for player in range(100)
        ]
        return {answer.headers[ALSO] for answer in await asyncio.gather(*asked)}


async def moments(house: House, rollout: str, kind: str) -> list[str]:
    history = await asyncio.to_thread(house.client.pages, f"rollouts/{rollout}/history", 1_000)
    return [item["at"] for item in history if item["type"] == kind]


async def undone(house: House, rollouts: list[str]) -> None:
    """All of them are taken back, the last first, and players meet what was there before."""
    await asyncio.to_thread(house.client.post, f"rollouts/{rollouts[0]}/undo", {"reason": "drill"})
    ends = await all_are(house, rollouts, phase="aborted")
    assert [each["abort"]["cause"] for each in ends] == ["undo", "undo"]
    first, last = [await moments(house, each, "abort_started") for each in rollouts]
    assert last <= first
    assert await met(house) == {"1.0.0"}


async def test_both_wait_go_on_when_another_person_approves_of_what_they_are_and_are_undone(house: House) -> None:
    steps = [{"setWeight": 20}, {"approval": {"from": 1}}, {"setWeight": 60}, {"pause": {"duration": "1s"}}]
    async with Crowd(house.place.edge, rate=20, players=300, lean=True, timeout_s=60) as crowd:
        rollouts = await begun(house, "approved", "2.0.0", {"canary": {"steps": steps}})
        waiting = await all_are(house, rollouts, hold="approval", confirmedWeight=20)
        (digest,) = {each["approval"]["digest"] for each in waiting}
        assert await met(house) == {"1.0.0", "2.0.0"}

        def ask(client: Client, rollout: str, of: str) -> None:
            client.post(f"rollouts/{rollout}/approve", {"digest": of, "reason": "looks good"})

        with pytest.raises(CroupierError, match="started"):  # not by who started them
            await asyncio.to_thread(ask, house.client, rollouts[1], digest)
        token = (await asyncio.to_thread(house.client.post, "tokens", {"name": "berta", "role": "admin"}))["token"]
        headers = {"authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=f"{house.place.page}api/v1/", headers=headers, timeout=60) as http:
            other = f"sha256:{'0' * 64}"
            body = {"digest": other, "reason": "looks good"}
            assert (await http.post(f"rollouts/{rollouts[1]}/approve", json=body)).status_code == 409
            assert [each["hold"] for each in await all_are(house, rollouts, weight=20)] == ["approval"] * 2
            given = await http.post(f"rollouts/{rollouts[1]}/approve", json={**body, "digest": digest})
            assert given.status_code == 200, given.text
        ends = [await house.wait_async(each, lambda found: found["phase"] in ENDED) for each in rollouts]
        assert [each["phase"] for each in ends] == ["succeeded", "succeeded"], ends
        assert [each["actor"] for end in ends for each in end["approval"]["given"]] == ["berta", "berta"]
        assert await met(house) == {"2.0.0"}
        await undone(house, rollouts)
        await crowd.stop()
        assert crowd.snapshot().lost == 0, crowd.snapshot().lost_by_reason


async def test_a_person_switches_both_at_once_and_they_are_undone(house: House) -> None:
    strategy = {"blueGreen": {"autoPromotionEnabled": False, "watch": "1s"}}
    async with Crowd(house.place.edge, rate=20, players=300, lean=True, timeout_s=60) as crowd:
        rollouts = await begun(house, "switched", "3.0.0", strategy)
        await all_are(house, rollouts, hold="step")
        assert await met(house) == {"1.0.0"}
        await asyncio.to_thread(house.client.post, f"rollouts/{rollouts[1]}/promote", {"reason": "now"})
        ends = [await house.wait_async(each, lambda found: found["phase"] in ENDED) for each in rollouts]
        assert [each["phase"] for each in ends] == ["succeeded", "succeeded"], ends
        assert [stack["serves"] for each in ends for stack in each["stacks"]] == [False, True] * 2
        assert await met(house) == {"3.0.0"}
        first, last = [await moments(house, each, "weight_confirmed") for each in rollouts]
        assert first <= last
        assert await moments(house, rollouts[0], "promoted") == await moments(house, rollouts[1], "promoted")
        await undone(house, rollouts)
        await crowd.stop()
        assert crowd.snapshot().lost == 0, crowd.snapshot().lost_by_reason
