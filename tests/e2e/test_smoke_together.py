"""Smoke checks of two services that move as one, on the real casino: led to both new versions, before any player."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.e2e.conftest import ENDED, House
from tests.e2e.test_smoke import EXAMPLES

from casino.players import Crowd
from casino.ports import free_port
from casino.testers import make
from croupier.adapters.manifests import read_paths, to_objects
from croupier.cli.demo.stage import ControlPlane, choose_place, open_casino
from croupier.core.smoke.override import TOKEN_HEADER

pytestmark = pytest.mark.envoy
VERSIONS = {"auth": ("2.0.0", "2.0.1"), "payments": ("3.0.0", "3.0.1")}
FAULTS = {("auth", "2.0.1"): "any-password", ("payments", "3.0.1"): "overpay"}


def declared() -> list[dict[str, Any]]:
    steps = [{"smoke": ["money", "limits"]}, {"setWeight": 50}, {"pause": {"duration": "1s"}}]
    spec = {"services": [*VERSIONS], "smoke": "limits", "strategy": {"canary": {"steps": steps}}, "keepCanary": "1m"}
    found = [{"apiVersion": "croupier/v1", "kind": "Rollout", "metadata": {"name": "cashier"}, "spec": spec}]
    for service, versions in VERSIONS.items():
        for version in versions:
            process = {"env": {"CASINO_FAULT": FAULTS.get((service, version), "")}}
            release = {"service": service, "version": version, "process": process}
            found.append({"apiVersion": "croupier/v1", "kind": "Release", "spec": release})
    return found


@pytest.fixture(scope="module")
def both() -> Iterator[House]:
    """A casino, at version 1.0.0 first, whose auth and payments move as one and are smoked before any player."""
    place = choose_place(free_port(), free_port())
    plane = ControlPlane(place, CROUPIER_SECRETS_DIR=str(place.folder))
    try:
        with plane.connection().open() as client:
            open_casino(client, place)
            make(place.folder / "casino.db", place.folder)
            smoke = [to_objects(item) for item in read_paths([EXAMPLES / "smoke.yaml"]).documents]
            client.post("apply", {"documents": [*smoke, *declared()]})
            yield House(place, plane, client)
    finally:
        plane.stop()
        shutil.rmtree(place.folder, ignore_errors=True)


async def moved(house: House, auth: str, payments: str) -> list[dict[str, Any]]:
    asked = {"versions": {"auth": auth, "payments": payments}, "strategy": "cashier", "reason": "the new cashier"}
    first = await asyncio.to_thread(house.client.post, "rollouts/together", asked)
    members = (await asyncio.to_thread(house.client.get, f"rollouts/{first['id']}"))["together"]
    return [await house.wait_async(each["rollout"], lambda found: found["phase"] in ENDED) for each in members]


@pytest.mark.parametrize(
    "auth,payments,said",
    [
        ("2.0.1", "3.0.0", "a wrong password is refused': it was granted (200)"),
        ("2.0.0", "3.0.1", "a withdrawal of what is not there is refused': it was granted (200)"),
    ],
)
async def test_the_bad_one_of_two_is_found_and_no_player_met_either(
    both: House, auth: str, payments: str, said: str
) -> None:
    async with Crowd(both.place.edge, rate=20, players=200, lean=True, timeout_s=60) as crowd:
        ends = await moved(both, auth, payments)
        assert [each["phase"] for each in ends] == ["aborted", "aborted"], ends
        assert [each["abort"]["cause"] for each in ends] == ["together", "smoke"]
        assert all(said in each["abort"]["reason"] for each in ends)
        for each in ends:
            history = await asyncio.to_thread(both.client.pages, f"rollouts/{each['id']}/history", 100)
            assert not [item for item in history if item["type"] == "step_started" and "50" in item["text"]], history
        met = {(row.service, str(row.version)) for row in crowd.snapshot().versions}
        assert not {("auth", auth), ("payments", payments)} & met, "no player was touched"


async def test_good_ones_are_tried_after_each_switch_and_promoted(both: House) -> None:
    first, last = await moved(both, "2.0.0", "3.0.0")
    assert [each["phase"] for each in (first, last)] == ["succeeded", "succeeded"], (first, last)
    assert first["smokes"] == []
    assert [(run["occasion"], run["exposure"], run["passed"]) for run in last["smokes"]] == [
        ("step", "0 %", True),
        ("switch", "50 %", True),
        ("switch", "100 %", True),
    ]


def test_a_person_is_led_to_both_with_one_token_while_they_move_and_not_without(both: House) -> None:
    house = both
    steps = [{"smoke": ["limits"]}, {"pause": {}}, {"setWeight": 50}]
    spec = {"services": [*VERSIONS], "strategy": {"canary": {"steps": steps}}}
    still = {"apiVersion": "croupier/v1", "kind": "Rollout", "metadata": {"name": "still"}, "spec": spec}
    more = [
        {"apiVersion": "croupier/v1", "kind": "Release", "spec": {"service": name, "version": "4.0.0"}}
        for name in VERSIONS
    ]
    house.client.post("apply", {"documents": [still, *more]})
    asked = {"versions": dict.fromkeys(VERSIONS, "4.0.0"), "strategy": "still"}
    name = house.client.post("rollouts/together", asked)["id"]
    last = house.wait(name, lambda found: found["hold"] == "step")["together"][-1]["rollout"]
    admin = (house.place.folder / "state" / "admin.token").read_text().strip()
    env = {**os.environ, "CROUPIER_URL": house.place.page, "CROUPIER_TOKEN": admin}
    env["CROUPIER_SECRETS_DIR"] = str(house.place.folder)

    def said(*words: str) -> str:
        command = [sys.executable, "-m", "croupier", *words]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout.strip()

    def met(token: str) -> list[str]:
        with httpx.Client(base_url=house.place.edge, headers={TOKEN_HEADER: token}, timeout=60) as http:
            return [http.get(f"/{service}/ping").headers["x-casino-version"] for service in VERSIONS]

    assert met(said("rollout", "token", last)) == ["4.0.0", "4.0.0"]
    tried = ("--service", "payments", "--version", "4.0.0", "--together")
    assert "2 of 2 checks passed" in said("smoke", "run", str(EXAMPLES / "smoke.yaml"), *tried)
    auth, payments = met(house.client.post("services/payments/version-tokens", {"version": "4.0.0"})["token"])
    assert payments == "4.0.0"
    assert auth != "4.0.0", "what is not named is what players have"
    house.client.post(f"rollouts/{name}/abort", {"reason": "enough"})
    house.wait(name, lambda found: found["phase"] == "aborted")
