"""A gate explained over HTTP, while its rollout waits and after it was given up."""

from typing import Any

from tests.server.conftest import shop

from croupier.core.gates import Counts

SEQUENTIAL = {"sequential": {"interval": "100ms"}, "rule": None}


async def declare(world: Any, **gate: Any) -> None:
    documents = shop(**gate)
    documents[1]["spec"] = {name: value for name, value in documents[1]["spec"].items() if value is not None}
    answer = await world.post("/apply", {"documents": documents})
    assert answer.status_code == 200, answer.text
    await world.post("/rollouts", {"service": "shop", "version": "1.0.0"})
    await world.until("/rollouts/shop-1", lambda rollout: rollout["phase"] == "succeeded")


async def test_a_sequential_gate_with_its_evidence(world: Any) -> None:
    await declare(world, **SEQUENTIAL)
    await world.roll_out()
    path = "/rollouts/shop-2/gates/ok/explanation"
    found = await world.until(path, lambda said: said["verdict"] == "pass" and len(said["points"]) > 2)
    assert (found["rule"], found["budget"], found["used"]) == ("sequential", 0.01, 0)
    whole = found["groups"][0]
    assert whole["group"] == {}
    assert whole["canary"]["share"] == 1
    assert whole["canary"]["low"] < 1 == whole["canary"]["high"]
    assert whole["needed"] == 100
    assert whole["odds"] < 1
    assert found["ahead"] == {"blamedSoon": 0, "halfS": None, "passesS": 0}
    assert "it passes as it is" in found["text"]
    assert found["points"][0]["weight"] == 20
    assert found["points"][0]["total"] == 1_000


async def test_one_that_was_blamed(world: Any) -> None:
    await declare(world, **SEQUENTIAL)
    world.counters.canary = Counts(800, 1_000)
    await world.post("/rollouts", {"service": "shop", "version": "1.1.0"})
    await world.until("/rollouts/shop-2", lambda rollout: rollout["phase"] == "aborted")
    found = (await world.get("/rollouts/shop-2/gates/ok/explanation")).json()
    assert (found["verdict"], found["used"], found["ahead"]) == ("fail", 1, None)
    assert found["points"][-1]["odds"] >= found["needed"]


async def test_a_classic_gate(world: Any) -> None:
    await declare(world)
    await world.roll_out()
    path = "/rollouts/shop-2/gates/ok/explanation"
    found = await world.until(path, lambda said: said["verdict"] == "pass")
    assert (found["rule"], found["needed"], found["used"], found["samples"]) == ("classic", 3, None, None)
    assert found["groups"][0]["odds"] is None
    assert "0 violations in a row, 3 fail: 3 more" in found["text"]


async def test_what_there_is_not(world: Any) -> None:
    await declare(world)
    assert (await world.get("/rollouts/shop-9/gates/ok/explanation")).status_code == 404
    answer = await world.get("/rollouts/shop-1/gates/okay/explanation")
    assert answer.status_code == 404
    assert answer.json()["hint"] == "It has: ok."
