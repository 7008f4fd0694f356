"""Actions on failing groups in the running casino: a provider's flag goes off, a market goes home, the others go on."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.e2e.conftest import ENDED, House, until

from casino.players import Crowd
from casino.players.script import Mix
from croupier.cli.demo.stage import ControlPlane

NEW = "1.2.1"
MIX = Mix(deposits=(4, 6), spins=(0, 1), tables=0.0, claims=0.0, withdrawals=0.0, newcomers=0.0, overreaches=0.0)


DEPOSITS = {
    "ratio": {
        "metric": "casino_deposits_total",
        "total": {"outcome": ["credited", "failed"]},
        "good": {"outcome": "credited"},
    }
}


def gate(by: str, action: dict[str, Any]) -> dict[str, Any]:
    spec = {
        "sli": DEPOSITS,
        "by": [by],
        "objective": {"atLeast": "95%"},
        "comparison": {"maxRatio": 1.1},
        "sequential": {"interval": "1s", "dwell": 3, "patience": 8},
        "onGroupFail": {"actions": [action], "watch": "5s"},
    }
    return {"apiVersion": "croupier/v1", "kind": "Gate", "metadata": {"name": "deposits"}, "spec": spec}


def rollout() -> dict[str, Any]:
    canary = {
        "analysis": {"templates": [{"templateName": "deposits"}, {"templateName": "ledger"}]},
        "steps": [
            {"setWeight": 40},
            {"analysis": {"templates": [{"templateName": "deposits"}]}},
            {"setWeight": 60},
            {"pause": {"duration": "3s"}},
        ],
    }
    spec = {"service": "payments", "keepStable": "5s", "keepCanary": "5s", "strategy": {"canary": canary}}
    return {"apiVersion": "croupier/v1", "kind": "Rollout", "metadata": {"name": "payments"}, "spec": spec}


def release(fault: str) -> dict[str, Any]:
    spec = {"service": "payments", "version": NEW, "process": {"env": {"CASINO_FAULT": fault}}}
    return {"apiVersion": "croupier/v1", "kind": "Release", "spec": spec}


@pytest.fixture
async def crowd(house: House) -> AsyncIterator[Crowd]:
    """Players who pay in, most of all."""
    async with Crowd(house.place.edge, rate=120, players=1_500, mix=MIX, timeout_s=60) as players:
        yield players


async def begun(house: House, by: str, action: dict[str, Any], fault: str) -> str:
    documents = [gate(by, action), rollout(), release(fault)]
    await asyncio.to_thread(house.client.post, "apply", {"documents": documents})
    await asyncio.to_thread(_counted, house)
    return await asyncio.to_thread(house.start, NEW)


def _counted(house: House) -> None:
    """The stable version has deposits that a gate can be tried on."""

    def look() -> bool | None:
        found = house.client.post("services/payments/traffic", {"documents": [gate("psp", {"kill": "psp_{psp}"})]})
        return (found["gates"][0].get("total") or 0) > 50 or None

    until(look, "deposits to be counted")


def _ended(house: House, name: str) -> dict[str, Any] | None:
    found = house.rollout(name)
    return found if found["phase"] in ENDED else None


def events(house: House, name: str, kind: str) -> list[dict[str, Any]]:
    return [item for item in house.client.pages(f"rollouts/{name}/history", 1_000) if item["type"] == kind]


def kills(house: House) -> list[tuple[str, str]]:
    """Flags that were killed, and by whom, as the journal has it."""
    found = house.client.pages("journal", 1_000)
    return [
        (entry["subject"], entry["actor"])
        for entry in found
        for event in entry["events"]
        if event["type"] == "flag_killed"
    ]


def failed(players: Crowd, market: str | None = None) -> int:
    """Deposits through kestrel that the new version failed."""
    return sum(
        count
        for (version, _, where, outcome), count in players.snapshot().deposits.items()
        if version == NEW and outcome == "failed" and market in (None, where)
    )


async def test_one_provider_is_broken_its_flag_goes_off_and_the_release_goes_on(house: House, crowd: Crowd) -> None:
    name = await begun(house, "psp", {"kill": "psp_{psp}"}, "deposit-error:psp=kestrel")
    acted = await house.wait_async(name, lambda found: bool(found["acted"]) or found["phase"] in ENDED)
    assert acted["acted"], acted
    assert acted["acted"][0]["group"] == {"psp": "kestrel"}
    assert acted["acted"][0]["kills"] == ["psp_kestrel"]
    ended = await asyncio.to_thread(until, lambda: _ended(house, name), f"the end of {name}")
    assert ended["phase"] == "succeeded", ended
    assert ended["waitingFor"].endswith("flag psp_kestrel stays off until somebody restores it")
    assert "flag psp_kestrel turned off; others go on" in ended["acted"][0]["text"]
    before = failed(crowd)
    assert before > 0
    credited = crowd.snapshot().deposits
    await asyncio.to_thread(until, lambda: crowd.snapshot().deposits != credited or None, "more deposits")
    await asyncio.sleep(3.0)  # a span in which nothing may fail
    assert failed(crowd) == before, "deposits by kestrel still fail"
    assert kills(house) == [("flag/psp_kestrel", f"rollout/{name}")]
    replay = await asyncio.to_thread(house.client.get, f"rollouts/{name}/replay")
    assert (replay["mistakes"], replay["actions"], replay["actionMistakes"]) == ([], 1, [])
    assert (await asyncio.to_thread(house.client.get, "journal/verify"))["ok"]


async def test_one_market_is_broken_and_goes_home_while_the_others_go_on(house: House, crowd: Crowd) -> None:
    name = await begun(house, "market", {"hold": "market"}, "deposit-error:market=DE")
    waits = await house.wait_async(name, lambda found: found["hold"] == "groups" or found["phase"] in ENDED)
    assert waits["hold"] == "groups", waits
    assert waits["weight"] == 60
    assert "market=DE is held on 1.0.0: promote it" in waits["waitingFor"]
    services = (await asyncio.to_thread(house.client.get, "services"))["items"]
    served = next(item for item in services if item["name"] == "payments")["served"]
    assert [share["segment"] for share in served] == ["market=DE", None]
    assert served[0]["weights"] == [{"version": "1.0.0", "weight": 100}]
    before = failed(crowd, "DE")
    assert before > 0
    await asyncio.sleep(3.0)  # a span in which nothing may fail
    assert failed(crowd, "DE") == before, "players of DE still meet the new version"
    assert kills(house) == []
    await asyncio.to_thread(house.client.post, f"rollouts/{name}/abort", {"reason": "DE first"})
    await house.wait_async(name, lambda found: found["phase"] == "aborted")


async def test_all_of_it_is_broken_and_all_goes_back(house: House, crowd: Crowd) -> None:
    name = await begun(house, "psp", {"kill": "psp_{psp}"}, "deposit-error:share=0.9")
    ended = await asyncio.to_thread(until, lambda: _ended(house, name), f"the end of {name}")
    assert ended["phase"] == "aborted", ended
    assert ended["acted"] == []
    assert "so everybody goes back" in ended["abort"]["reason"], ended["abort"]
    assert kills(house) == []


async def test_the_control_plane_is_killed_as_soon_as_it_has_decided(house: House, crowd: Crowd) -> None:
    name = await begun(house, "psp", {"kill": "psp_{psp}"}, "deposit-error:psp=kestrel")
    await asyncio.to_thread(until, lambda: events(house, name, "group_acted") or None, "the decision")
    house.plane.kill()
    house.plane = ControlPlane(house.place)
    await asyncio.to_thread(house.plane.connection)
    ended = await asyncio.to_thread(until, lambda: _ended(house, name), f"the end of {name}")
    assert ended["phase"] == "succeeded", ended
    assert len(events(house, name, "group_acted")) == 1
    assert kills(house) == [("flag/psp_kestrel", f"rollout/{name}")]
    assert crowd.snapshot().lost == 0, crowd.snapshot().lost_by_reason
