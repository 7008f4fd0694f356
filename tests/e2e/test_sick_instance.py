"""One of the canary's instances is sick in the running casino: the rollout waits, names it, goes on once it is well."""

import asyncio
import re
from pathlib import Path
from typing import Any

import psutil
from tests.e2e.conftest import ENDED, House, running_from, until
from tests.e2e.test_groups import DEPOSITS, MIX

from casino.players import Crowd
from croupier.cli.demo.stage import documents

NEW = "1.2.1"
SICK = 1
"""The number of the instance."""


def gate() -> dict[str, Any]:
    """Nothing but a comparison, and the baseline never fails: good samples alone would forget nothing."""
    spec = {
        "sli": DEPOSITS,
        "comparison": {"maxRatio": 1.1},
        "sequential": {"interval": "4s", "dwell": 2, "patience": 4},
    }
    return {"apiVersion": "croupier/v1", "kind": "Gate", "metadata": {"name": "deposits"}, "spec": spec}


def rollout() -> dict[str, Any]:
    asked = {"analysis": {"templates": [{"templateName": "deposits"}]}}
    canary = {**asked, "steps": [{"setWeight": 50}, asked]}
    spec = {"service": "payments", "keepStable": "5s", "keepCanary": "5s", "strategy": {"canary": canary}}
    return {"apiVersion": "croupier/v1", "kind": "Rollout", "metadata": {"name": "payments"}, "spec": spec}


def release(house: House, bad_node: Path) -> dict[str, Any]:
    """Four instances, one of which fails deposits if it starts while the file is there."""
    choose = f'[ "$0" = {SICK} ] && [ -e "{bad_node}" ] || unset CASINO_FAULT; exec "$@"'
    services = [item for item in documents(house.place) if item["kind"] == "Service"]
    payments = next(item["spec"]["process"] for item in services if item["metadata"]["name"] == "payments")
    process = {
        "command": ["sh", "-c", choose, "{instance}", *payments["command"]],
        "instances": 4,
        "env": {**payments.get("env", {}), "CASINO_FAULT": "deposit-error:share=0.8"},
    }
    return {
        "apiVersion": "croupier/v1",
        "kind": "Release",
        "spec": {"service": "payments", "version": NEW, "process": process},
    }


def listens_on(house: House, port: int) -> psutil.Process:
    """The casino's process there."""
    found = [one for one in running_from(str(house.place.folder)) if f"--port {port} " in " ".join(one.cmdline())]
    assert len(found) == 1, found
    return found[0]


async def test_a_sick_instance_is_named_and_the_release_not_blamed(house: House) -> None:
    bad_node = house.place.folder / "bad-node"
    bad_node.touch()
    async with Crowd(house.place.edge, rate=120, players=1_500, mix=MIX, timeout_s=60) as crowd:
        await asyncio.to_thread(
            house.client.post, "apply", {"documents": [gate(), rollout(), release(house, bad_node)]}
        )
        name = await asyncio.to_thread(house.start, NEW)

        def named() -> str | None:
            found = house.rollout(name)
            assert found["phase"] not in ENDED, str(found)
            told = re.search(r"only 127\.0\.0\.1:(\d+) is sick", str(found))
            return told and told[1]

        port = await asyncio.to_thread(until, named, "the gate to name the instance")
        bad_node.unlink()
        listens_on(house, int(port)).kill()  # as whoever runs it would
        ended = await house.wait_async(name, lambda found: found["phase"] in ENDED)
        assert ended["phase"] == "succeeded", ended
        assert crowd.snapshot().deposits
    replay = await asyncio.to_thread(house.client.get, f"rollouts/{name}/replay")
    assert replay["mistakes"] == []
