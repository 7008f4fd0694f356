"""Single markets in the running casino: its own gate sends one home alone, and a person holds one."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.e2e.conftest import ENDED, House, until
from tests.e2e.test_groups import DEPOSITS, MIX, NEW, release

from casino.players import Crowd
from croupier.errors import Rejected

GATE = {
    "apiVersion": "croupier/v1",
    "kind": "Gate",
    "metadata": {"name": "deposits"},
    "spec": {
        "sli": DEPOSITS,
        "objective": {"atLeast": "95%"},
        "comparison": {"maxRatio": 1.1},
        "sequential": {"interval": "1s", "dwell": 3, "patience": 8},
    },
}


def rollout(*last: dict[str, Any]) -> dict[str, Any]:
    own = {"weight": 50, "guards": ["deposits"], "onFail": "hold"}
    steps = [
        {"setSegment": {"match": {"market": ["SE"]}, **own}},
        {"pause": {"duration": "2s"}},
        {"setSegment": {"match": {"market": ["DE"]}, **own}},
        {"pause": {"duration": "4s"}},
        {"setWeight": 50},
        *last,
    ]
    canary = {"analysis": {"templates": [{"templateName": "ledger"}]}, "steps": steps}
    spec = {"service": "payments", "keepStable": "5s", "keepCanary": "5s", "strategy": {"canary": canary}}
    return {"apiVersion": "croupier/v1", "kind": "Rollout", "metadata": {"name": "payments"}, "spec": spec}


@pytest.fixture
async def crowd(house: House) -> AsyncIterator[Crowd]:
    """Players who pay in, most of all."""
    async with Crowd(house.place.edge, rate=120, players=1_500, mix=MIX, timeout_s=60) as players:
        yield players


async def begun(house: House, fault: str, *last: dict[str, Any]) -> str:
    documents = [GATE, rollout(*last), release(fault)]
    await asyncio.to_thread(house.client.post, "apply", {"documents": documents})

    def counted() -> bool | None:
        found = house.client.post("services/payments/traffic", {"documents": [GATE]})
        return (found["gates"][0].get("total") or 0) > 50 or None

    await asyncio.to_thread(until, counted, "deposits to be counted")
    return await asyncio.to_thread(house.start, NEW)


def deposits(players: Crowd, market: str, outcome: str) -> int:
    """Those of the market that the new version answered so."""
    found = players.snapshot().deposits.items()
    return sum(count for (version, _, where, said), count in found if (version, where, said) == (NEW, market, outcome))


async def swedes_pay(crowd: Crowd) -> None:
    """Return when the new version has credited twenty further deposits from Sweden."""
    enough = deposits(crowd, "SE", "credited") + 20
    await asyncio.to_thread(until, lambda: deposits(crowd, "SE", "credited") > enough or None, "Swedish deposits")


async def asked(house: House, path: str, body: dict[str, Any]) -> None:
    """Ask for something that gives players the canary: refused for as long as the last look of a gate saw nobody."""

    def given() -> bool | None:
        try:
            house.client.post(path, body)
        except Rejected as refused:
            if not any(doubt in str(refused) for doubt in ("no_data", "inconclusive")):
                raise
            return None
        return True

    await asyncio.to_thread(until, given, f"{path} to be granted")


async def served(house: House) -> list[tuple[str | None, float]]:
    """The new version's share of each segment, as the data plane serves it."""
    services = (await asyncio.to_thread(house.client.get, "services"))["items"]
    shares = next(item for item in services if item["name"] == "payments")["served"]
    weights = [(share["segment"], {each["version"]: each["weight"] for each in share["weights"]}) for share in shares]
    return [(segment, each.get(NEW, 0)) for segment, each in weights]


async def test_one_market_is_broken_and_goes_home_alone(house: House, crowd: Crowd) -> None:
    name = await begun(house, "deposit-error:market=DE")
    waits = await house.wait_async(name, lambda found: found["hold"] == "groups" or found["phase"] in ENDED)
    assert waits["hold"] == "groups", waits
    [held] = waits["held"]
    assert (held["segment"], held["gate"]) == ("market=DE", "deposits@market=DE")
    assert (await served(house))[0] == ("market=DE", 0)
    assert (await served(house))[-1] == (None, 50)
    before = deposits(crowd, "DE", "failed")
    assert before > 0
    await swedes_pay(crowd)
    assert deposits(crowd, "DE", "failed") == before, "players of DE still meet the new version"
    replay = await asyncio.to_thread(house.client.get, f"rollouts/{name}/replay")
    assert (replay["mistakes"], replay["actions"], replay["actionMistakes"]) == ([], 1, [])
    await asked(house, f"rollouts/{name}/promote", {"reason": "DE is mended by a flag"})
    ended = await house.wait_async(name, lambda found: found["phase"] in ENDED)
    assert ended["phase"] == "succeeded", ended
    assert (await asyncio.to_thread(house.client.get, "journal/verify"))["ok"]


async def test_a_person_holds_a_market_and_releases_it(house: House, crowd: Crowd) -> None:
    name = await begun(house, "", {"pause": {}})
    await house.wait_async(name, lambda found: found["confirmedWeight"] == 50)
    what = {"match": {"market": ["MT"]}, "reason": "a law of Malta"}
    await asyncio.to_thread(house.client.post, f"rollouts/{name}/hold", what)
    await house.wait_async(name, lambda found: found["confirmedWeight"] is not None)
    assert (await served(house))[0] == ("market=MT", 0)
    await swedes_pay(crowd)  # what was under way is over by then
    maltese = deposits(crowd, "MT", "credited")
    await swedes_pay(crowd)
    assert deposits(crowd, "MT", "credited") == maltese
    await house.wait_async(name, lambda found: not found["open"] and found["confirmedWeight"] is not None)
    await asked(house, f"rollouts/{name}/release", {"segment": "market=MT"})
    await house.wait_async(name, lambda found: found["confirmedWeight"] is not None)
    assert await served(house) == [(None, 50)]
    await asyncio.to_thread(until, lambda: deposits(crowd, "MT", "credited") > maltese + 3 or None, "Maltese deposits")
    await asyncio.to_thread(house.client.post, f"rollouts/{name}/abort", {"reason": "enough"})
    await house.wait_async(name, lambda found: found["phase"] == "aborted")
