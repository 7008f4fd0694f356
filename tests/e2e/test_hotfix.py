"""A hotfix in the running casino: it ends a release that fails, waits for a second person, and is seen at 1 %."""

import asyncio
from contextlib import AbstractContextManager
from typing import Any

import pytest
from tests.e2e.conftest import House, until

from casino.players import Crowd
from croupier.cli.client import Client
from croupier.cli.connection import Connection
from croupier.errors import Conflict, Rejected

BROKEN, FIX, OTHER = "1.2.1", "1.2.2", "1.2.3"
STOPS = ("ledger-drift", "duplicate-transactions")


def documents(started: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The house's Rollout by the profile of payments, with the gates that need no traffic; and three releases."""
    (plan,) = [item for item in started if item["kind"] == "Rollout"]
    spec = plan["spec"] | {"profile": {"name": "payments", "without": ["deposit-success", "withdrawal-success"]}}
    spec |= {"disruption": {"between": "1s", "jump": 100}, "keepStable": "5s"}
    spec["strategy"] = {"canary": {"steps": [{"setWeight": 30}, {"pause": {}}]}}
    releases = [
        {"apiVersion": "croupier/v1", "kind": "Release", "spec": {"service": "payments", "version": version}}
        for version in (BROKEN, FIX, OTHER)
    ]
    return [plan | {"spec": spec}, *releases]


def colleague(house: House, name: str) -> AbstractContextManager[Client]:
    """Another person with a token of their own."""
    token = house.client.post("tokens", {"name": name, "role": "operator"})["token"]
    return Connection(house.place.page, token).open()


def approve(client: Client, name: str) -> dict[str, Any]:
    digest = client.get(f"rollouts/{name}")["approval"]["digest"]
    answer: dict[str, Any] = client.post(f"rollouts/{name}/approve", {"digest": digest, "reason": "looked at it"})
    return answer


def served(house: House) -> dict[str, float]:
    """What the data plane gives each version of payments."""
    services = house.client.get("services")["items"]
    found = next(item for item in services if item["name"] == "payments")["served"]
    return {weight["version"]: weight["weight"] for share in found for weight in share["weights"]}


def ran(house: House, version: str) -> bool:
    return any(version in " ".join(process.cmdline()) for process in house.processes())


def seen(crowd: Crowd, version: str) -> bool | None:
    """Whether any player was answered by the version."""
    return any(each.version == version for each in crowd.snapshot().versions) or None


def story(house: House, crowd: Crowd) -> None:
    known = [item["document"] for item in house.client.pages("documents", 100) if item["kind"] == "Rollout"]
    mine = [item for item in known if item["metadata"]["name"] == "payments"]
    house.client.post("apply", {"documents": documents(mine)})
    with colleague(house, "boris") as boris:
        broken = house.start(BROKEN)
        assert house.rollout(broken)["hold"] == "approval"
        assert served(house) == {"1.0.0": 100.0}
        assert not ran(house, BROKEN), "its processes start only with the approval"
        approve(boris, broken)
        house.wait(broken, lambda found: found["confirmedWeight"] == 30)
        until(lambda: seen(crowd, BROKEN), "players on the broken version")

        asked = {"service": "payments", "version": FIX, "hotfix": True, "reason": "deposits fail in SE"}
        fix = house.client.post("rollouts", asked)["id"]
        assert house.rollout(broken)["phase"] == "superseded"
        until(lambda: True if served(house) == {"1.0.0": 100.0} else None, "everybody back on the stable version")
        shown = house.rollout(fix)
        assert (shown["hotfix"], shown["hold"], shown["approval"]["notBy"]) == (True, "approval", ["admin"])
        assert [step["weight"] for step in shown["steps"] if step["kind"] == "setWeight"] == [1, 5, 25]
        with pytest.raises(Rejected, match="somebody else must approve it"):
            approve(house.client, fix)
        approve(boris, fix)
        house.wait(fix, lambda found: found["confirmedWeight"] == 1)
        assert served(house) == {FIX: 1.0, "1.0.0": 99.0}
        assert {gate["name"] for gate in house.rollout(fix)["gates"]} >= set(STOPS)

        with pytest.raises(Conflict, match="is a hotfix in progress"):
            house.start(OTHER)
        house.client.post(f"rollouts/{fix}/abort", {"reason": "the story ends"})
        house.wait(fix, lambda found: found["phase"] == "aborted")
        assert house.client.get("journal/verify")["ok"]
        assert house.client.get(f"rollouts/{fix}/replay")["mistakes"] == []


async def test_a_hotfix_ends_a_bad_release_and_waits_for_a_second_person(house: House, players: Crowd) -> None:
    await asyncio.to_thread(story, house, players)
