"""The casino follows the control plane's flags: a killed provider stays off while nobody is there to say so, and flags
that flip in the middle of deposits move no money twice.
"""

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.e2e.conftest import ENDED, House, until

from casino.ledger import check, extent
from casino.players import Crowd
from casino.players.population import Person
from casino.players.wire import Heard, Wire
from casino.ports import free_port
from casino.testing import sign_in
from croupier.cli.demo.stage import ControlPlane, choose_place, flags

FILES = Path(__file__).parents[2] / "examples/casino/croupier"
PERSON = Person("guest", "a-good-password", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "DE", "aurora", excluded=False)


async def pay(wire: Wire, headers: Mapping[str, str], key: str, psp: str = "kestrel") -> Heard:
    body = {"amount_minor": 1_000, "psp": psp}
    return await wire.ask("payments", "POST", "/payments/deposit", body, {**headers, "idempotency-key": key})


async def asked_until(wire: Wire, headers: Mapping[str, str], name: str, unavailable: bool) -> Heard:
    """Pay by kestrel until it is unavailable, or available again; every other answer is a good one, too."""
    async with asyncio.timeout(120):
        for number in range(10_000):
            heard = await pay(wire, headers, f"{name}-{number}")
            assert heard.status in (200, 402, 409), heard
            if (heard.status == 409) is unavailable:
                return heard
    raise AssertionError(name)


async def test_a_killed_provider_is_off_at_once_and_stays_off_without_a_control_plane(house: House) -> None:
    async with Wire(house.place.edge, {}, timeout_s=60) as wire:
        headers = await sign_in(wire, PERSON)
        await asked_until(wire, headers, "before", unavailable=False)
        killed = house.client.post("flags/psp_kestrel/kill", {"reason": "its callbacks are late"})
        assert killed["standing"] == "killed"
        refused = await asked_until(wire, headers, "after", unavailable=True)
        assert refused.body["code"] == "provider_unavailable"
        assert "try velora or tarn" in refused.body["detail"]
        assert (await pay(wire, headers, "other", "velora")).status in (200, 402)

        house.plane.kill()
        assert (await pay(wire, headers, "nobody-there")).status == 409, "the last known flags go on"
        house.plane = ControlPlane(house.place)
        await asyncio.to_thread(house.plane.connection)
        assert (await pay(wire, headers, "back-again")).status == 409, "a kill is recorded"
        house.client.post("flags/psp_kestrel/restore", {"reason": "they come in time again"})
        await asked_until(wire, headers, "restored", unavailable=False)

    cache = house.place.folder / "casino.flags"
    until(lambda: cache.exists() or None, "the last known flags to be kept")


async def test_flags_flip_and_processes_die_in_the_middle_of_deposits(house: House) -> None:
    """Deposits begin the old and the new way, by providers that go and come; whatever dies, the ledger stays right."""
    release = {"apiVersion": "croupier/v1", "kind": "Release", "spec": {"service": "payments", "version": "1.4.0"}}
    house.client.post("apply", {"documents": [release]})
    rollout = await asyncio.to_thread(house.start, "1.4.0")
    ended = await house.wait_async(rollout, lambda found: found["phase"] in ENDED)
    assert ended["phase"] == "succeeded", ended
    database = house.place.folder / "casino.db"
    async with Crowd(house.place.edge, rate=80, players=300, timeout_s=5) as crowd:
        for kill in (False, True, False, True):
            await asyncio.to_thread(_turn, house, kill)
            settled = extent(database).transactions + 60
            await asyncio.to_thread(
                until, lambda enough=settled: extent(database).transactions > enough or None, "play"
            )
            for process in house.processes():
                if "casino.payments" in process.cmdline():
                    process.kill()
        await crowd.stop()
        wrong = [text for text in crowd.figures.complaints if "replay_differs" in text or "generator" in text]
        assert wrong == []
    await asyncio.to_thread(until, lambda: extent(database).open == 0 or None, "what was begun to be finished")
    assert check(database) == []
    assert {"charge", "hold"} <= _flows(database)


def _turn(house: House, kill: bool) -> None:
    """Everybody goes the new way and kestrel is off, or the other way round."""
    if kill:
        house.client.post("flags/payments_v2/kill", {"reason": "the test's"})
        house.client.post("flags/psp_kestrel/restore", {})
        return
    flag = house.client.get("flags/payments_v2")
    if flag["killed"]:
        house.client.post("flags/payments_v2/restore", {})
    house.client.put("flags/payments_v2", {**flag["declaration"], "rules": [{"rollout": 1.0}]})
    house.client.post("flags/psp_kestrel/kill", {"reason": "the test's"})


def _flows(database: Path) -> set[str]:
    """The ways by which deposits were credited."""
    connection = sqlite3.connect(database)
    try:
        query = "SELECT count(holds.subject), count(*) FROM payments LEFT JOIN holds USING (subject) WHERE status = ?"
        held, credited = connection.execute(query, ("credited",)).fetchone()
    finally:
        connection.close()
    return {name for name, count in (("hold", held), ("charge", credited - held)) if count}


def test_the_casinos_files_are_applied_together_and_then_change_nothing() -> None:
    """Flags name segments that come with them."""
    place = choose_place(free_port(), free_port())
    plane = ControlPlane(place)
    try:
        connection = plane.connection()
        command = [sys.executable, "-m", "croupier", "--url", connection.url or "", "apply", str(FILES), "--json"]
        env = {**os.environ, "CROUPIER_TOKEN": connection.token or ""}
        said = [subprocess.run(command, env=env, capture_output=True, text=True, check=False) for _ in range(2)]
        assert [one.returncode for one in said] == [0, 0], said
        effects = [{item["effect"] for item in json.loads(one.stdout)["applied"]} for one in said]
        assert effects == [{"created"}, {"unchanged"}]
        with connection.open() as client:
            keys = {item["key"] for item in client.pages("flags", 100)}
        assert keys == {item["feature"] for item in flags()}, "the demo has the same flags"
    finally:
        plane.stop()
        shutil.rmtree(place.folder, ignore_errors=True)
