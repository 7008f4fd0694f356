"""Two services and a flag that move as one in the running casino: up in order, back in reverse, all or none."""

import asyncio
import random
from typing import Any

import pytest
from tests.e2e.conftest import ENDED, House, until

from casino.ledger import check, extent
from casino.players import Crowd
from casino.players.script import Mix
from croupier.cli.demo.stage import ControlPlane
from croupier.errors import CroupierError

MIX = Mix(deposits=(4, 6), spins=(0, 1), tables=0.0, claims=0.0, withdrawals=0.0, newcomers=0.0, overreaches=0.0)
FLAG = "payments_v2"


def documents(fault: str = "") -> list[dict[str, Any]]:
    deposits = {
        "ratio": {
            "metric": "casino_deposits_total",
            "total": {"outcome": ["credited", "failed"]},
            "good": {"outcome": "credited"},
        }
    }
    gate = {
        "sli": deposits,
        "objective": {"atLeast": "95%"},
        "hardStop": {"failing": "50%", "samples": 20},
        "sequential": {"interval": "1s", "dwell": 3, "patience": 8},
    }
    canary = {
        "analysis": {"templates": [{"templateName": "deposits", "service": "payments"}, {"templateName": "ledger"}]},
        "steps": [
            {"setWeight": 20},
            {"flag": {"name": FLAG, "to": {"percent": 20}, "wait": "5s"}},
            {"pause": {"duration": "2s"}},
            {"setWeight": 60},
            {"pause": {"duration": "2s"}},
            {"setWeight": 100},
            {"flag": {"name": FLAG, "wait": "5s"}},
        ],
    }
    spec = {
        "services": ["auth", "payments"],
        "keepStable": "10m",
        "keepCanary": "5s",
        "strategy": {"canary": canary},
    }
    process = {"env": {"CASINO_FAULT": fault}} if fault else {}
    return [
        {"apiVersion": "croupier/v1", "kind": "Gate", "metadata": {"name": "deposits"}, "spec": gate},
        {"apiVersion": "croupier/v1", "kind": "Rollout", "metadata": {"name": "cashier"}, "spec": spec},
        {"apiVersion": "croupier/v1", "kind": "Release", "spec": {"service": "auth", "version": "2.0.0"}},
        {
            "apiVersion": "croupier/v1",
            "kind": "Release",
            "spec": {"service": "payments", "version": "3.1.0"} | ({"process": process} if process else {}),
        },
    ]


async def begun(house: House, fault: str = "") -> tuple[str, str]:
    await asyncio.to_thread(house.client.post, "apply", {"documents": documents(fault)})
    await asyncio.to_thread(until, lambda: _counted(house), "deposits to be counted")
    asked = {"versions": {"payments": "3.1.0", "auth": "2.0.0"}, "reason": "the new cashier"}
    first = await asyncio.to_thread(house.client.post, "rollouts/together", asked)
    members = (await asyncio.to_thread(house.client.get, f"rollouts/{first['id']}"))["together"]
    assert [each["service"] for each in members] == ["auth", "payments"]
    return members[0]["rollout"], members[1]["rollout"]


def _counted(house: House) -> bool | None:
    found = house.client.post("services/payments/traffic", {"documents": documents()[:1]})
    return (found["gates"][0].get("total") or 0) > 50 or None


async def told(house: House, rollout: str) -> list[dict[str, Any]]:
    return await asyncio.to_thread(house.client.pages, f"rollouts/{rollout}/history", 1_000)


def at(history: list[dict[str, Any]], kind: str) -> list[str]:
    return [item["at"] for item in history if item["type"] == kind]


async def settled(house: House, crowd: Crowd) -> None:
    """No request was lost, and the ledger balances."""
    await crowd.stop()
    assert crowd.snapshot().lost == 0, crowd.snapshot().lost_by_reason
    database = house.place.folder / "casino.db"
    await asyncio.to_thread(until, lambda: extent(database).open == 0 or None, "what was begun to be finished")
    assert check(database) == []
    assert (await asyncio.to_thread(house.client.get, "journal/verify"))["ok"]


async def test_both_move_in_order_and_the_flag_after_them_while_the_control_plane_is_killed(house: House) -> None:
    dice = random.Random(3)
    before = (await asyncio.to_thread(house.client.get, f"flags/{FLAG}"))["declaration"]
    async with Crowd(house.place.edge, rate=80, players=800, mix=MIX, timeout_s=60) as crowd:
        auth, payments = await begun(house)
        for _ in range(3):
            await asyncio.sleep(dice.uniform(0.0, 2.0))  # a random moment is the point of this test
            house.plane.kill()
            house.plane = ControlPlane(house.place)
            await asyncio.to_thread(house.plane.connection)
        ends = [await house.wait_async(each, lambda found: found["phase"] in ENDED) for each in (auth, payments)]
        assert [each["phase"] for each in ends] == ["succeeded", "succeeded"], ends
        first, second = await told(house, auth), await told(house, payments)
        assert at(first, "promoted") == at(second, "promoted")
        confirmed, began = at(first, "weight_confirmed"), at(second, "weight_confirmed")
        assert all(one <= other for one, other in zip(confirmed, began, strict=True))
        turned = at(second, "flag_turned")
        assert len(turned) == 2
        assert began[0] <= turned[0]
        assert at(first, "flag_turned") == []
        flag = await asyncio.to_thread(house.client.get, f"flags/{FLAG}")
        assert flag["declaration"].get("default") == "on"
        await undone(house, auth, payments, before)
        await settled(house, crowd)


async def undone(house: House, auth: str, payments: str, flag: dict[str, Any]) -> None:
    """Both were promoted and are taken back, in reverse order and the flag first, though we are killed on the way."""
    await asyncio.to_thread(house.client.post, f"rollouts/{auth}/undo", {"reason": "drill"})
    house.plane.kill()
    house.plane = ControlPlane(house.place)
    await asyncio.to_thread(house.plane.connection)
    ends = [await house.wait_async(each, lambda found: found["phase"] == "aborted") for each in (auth, payments)]
    assert [each["abort"]["cause"] for each in ends] == ["undo", "undo"]
    first, second = await told(house, auth), await told(house, payments)
    # Nobody stays for the sake of the order while we are away: only who begins is sure.
    assert at(second, "abort_started") <= at(second, "flag_back")
    assert at(second, "abort_started") <= at(first, "abort_started")
    assert (await asyncio.to_thread(house.client.get, f"flags/{FLAG}"))["declaration"] == flag


async def test_the_second_is_broken_and_all_goes_back_in_reverse(house: House) -> None:
    before = (await asyncio.to_thread(house.client.get, f"flags/{FLAG}"))["declaration"]
    async with Crowd(house.place.edge, rate=80, players=800, mix=MIX, timeout_s=60) as crowd:
        auth, payments = await begun(house, "deposit-error:share=0.9")
        with pytest.raises(CroupierError, match="moves together with"):
            await asyncio.to_thread(house.start, "1.1.0")
        ends = [await house.wait_async(each, lambda found: found["phase"] in ENDED) for each in (auth, payments)]
        assert [each["phase"] for each in ends] == ["aborted", "aborted"], ends
        assert [each["abort"]["cause"] for each in ends] in (["together", "hard_stop"], ["together", "gate"])
        first, second = await told(house, auth), await told(house, payments)
        assert at(second, "abort_started") <= at(second, "aborted") <= at(first, "abort_started")
        kinds = [item["type"] for item in second]
        if "flag_turned" in kinds:
            assert kinds.index("abort_started") < kinds.index("flag_back") < kinds.index("aborted")
        after = (await asyncio.to_thread(house.client.get, f"flags/{FLAG}"))["declaration"]
        assert after == before
        await settled(house, crowd)
