"""A switch and its way back by the API, on both databases, and while the store is away."""

import asyncio
from typing import Any

import pytest
from tests.server.api.test_outage import Switch
from tests.server.conftest import document, shop

from croupier.server.auth import Role


def switching(**more: Any) -> list[dict[str, Any]]:
    """Documents of the shop whose releases are switched to at once."""
    watching = {"templates": [{"templateName": "ok"}]}
    blue_green = {"postPromotionAnalysis": watching, "watch": "100ms", "keep": "1h", **more}
    others = [item for item in shop() if item["kind"] != "Rollout"]
    return [*others, document("Rollout", "shop", {"service": "shop", "strategy": {"blueGreen": blue_green}})]


async def opened_shop(world: Any, **more: Any) -> None:
    answer = await world.post("/apply", {"documents": switching(**more)})
    assert answer.status_code == 200, answer.text
    await world.post("/rollouts", {"service": "shop", "version": "1.0.0"})
    await world.until("/rollouts/shop-1", lambda rollout: rollout["phase"] == "succeeded")


async def promoted(world: Any) -> dict[str, Any]:
    await opened_shop(world)
    await world.post("/rollouts", {"service": "shop", "version": "1.1.0"})
    found: dict[str, Any] = await world.until("/rollouts/shop-2", lambda rollout: rollout["phase"] == "succeeded")
    return found


@pytest.mark.parametrize("settings", ["sqlite", "postgresql"], indirect=True)
async def test_there_and_back(world: Any) -> None:
    found = await promoted(world)
    assert found["keptUntil"] is not None
    assert [(stack["colour"], stack["serves"]) for stack in found["stacks"]] == [("blue", False), ("green", True)]
    assert found["stacks"][0]["text"].startswith("kept for ")
    nobody = await world.post("/rollouts/shop-2/undo", {"reason": "no"}, Role.VIEWER)
    assert nobody.status_code == 403
    silent = await world.post("/rollouts/shop-2/undo")
    assert (silent.status_code, silent.json()["detail"]) == (
        422,
        "Taking a promoted release back needs a reason.",
    )
    key = {"Idempotency-Key": "k"}
    asked = await world.post("/rollouts/shop-2/undo", {"reason": "orders are lost"}, Role.OPERATOR, key)
    assert (asked.status_code, asked.json()["phase"]) == (200, "aborting")
    ended = await world.until("/rollouts/shop-2", lambda rollout: rollout["phase"] == "aborted")
    assert (ended["abort"]["cause"], ended["abort"]["reason"]) == ("undo", "orders are lost")
    assert ended["keptUntil"] is None
    again = await world.post("/rollouts/shop-2/undo", {"reason": "orders are lost"}, Role.OPERATOR, key)
    assert again.json()["phase"] == "aborting"  # the same answer to the same key
    (service,) = (await world.get("/services")).json()["items"]
    assert (service["stable"], service["default"]) == ("1.0.0", "1.0.0")
    assert (await world.get("/journal/verify")).json()["ok"]
    history = (await world.get("/rollouts/shop-2/history")).json()["items"]
    assert "taken back after its promotion: orders are lost" in [item["text"] for item in history]
    first = await world.post("/rollouts/shop-1/undo", {"reason": "back further"})
    assert (first.status_code, "nothing served before it" in first.json()["detail"]) == (422, True)


async def test_a_version_is_previewed_until_players_have_it(settings: Any, opened: Any) -> None:
    async with opened(settings.model_copy(update={"edge_preview_port": 8081})) as world:
        await opened_shop(world, autoPromotionEnabled=False)
        await world.post("/rollouts", {"service": "shop", "version": "1.1.0"})
        found = await world.until("/rollouts/shop-2", lambda rollout: rollout["hold"] == "step")
        assert found["preview"] == "http://127.0.0.1:8081"
        assert found["stacks"][1]["text"] == "previewed: nobody has it yet"
        (service,) = (await world.get("/services")).json()["items"]
        assert service["preview"] == "1.1.0"
        await world.post("/rollouts/shop-2/abort", {"reason": "ugly"})
        ended = await world.until("/rollouts/shop-2", lambda rollout: rollout["phase"] == "aborted")
        assert ended["preview"] is None


async def test_an_undo_without_the_store(settings: Any, opened: Any) -> None:
    switch = Switch()
    async with opened(settings, switch.wrap) as world:
        await promoted(world)
        switch.down = True
        asked = await world.post("/rollouts/shop-2/undo", {"reason": "harm"})
        assert (asked.status_code, asked.json()["recorded"], asked.json()["phase"]) == (202, False, "aborting")
        async with asyncio.timeout(120):
            while (await world.edge.served())["shop"].default != "1.0.0":
                await asyncio.sleep(0.01)
        switch.down = False
        ended = await world.until("/rollouts/shop-2", lambda rollout: rollout["phase"] == "aborted")
        assert ended["abort"]["reason"] == "harm"


@pytest.mark.parametrize("silent", [True, False])
async def test_an_undo_does_not_wait_for_a_store_that_hesitates(
    settings: Any, opened: Any, monkeypatch: pytest.MonkeyPatch, silent: bool
) -> None:
    monkeypatch.setattr("croupier.server.api.urgent.PATIENCE_S", 0.05)
    switch = Switch()
    async with opened(settings, switch.wrap) as world:
        await promoted(world)
        if silent:
            switch.speaks.clear()
        else:
            switch.commits = asyncio.Event()
        async with asyncio.timeout(120):
            asked = await world.post("/rollouts/shop-2/undo", {"reason": "harm"})
        assert asked.status_code == 202, asked.text
        switch.speaks.set()
        if switch.commits is not None and isinstance(switch.commits, asyncio.Event):
            switch.commits.set()
        ended = await world.until("/rollouts/shop-2", lambda rollout: rollout["phase"] == "aborted")
        assert ended["abort"]["cause"] == "undo"


async def test_what_makes_no_sense_is_refused_where_it_stands(world: Any) -> None:
    documents = switching(prePromotionAnalysis={"templates": [{"templateName": "ok"}]})
    answer = await world.post("/apply", {"documents": documents})
    assert answer.status_code == 422
    assert "prePromotionAnalysis.templates[0].templateName: gate 'ok' counts what players do" in answer.text
    both = [
        *documents[:-1],
        document("Rollout", "shop", {"service": "shop", "strategy": {"blueGreen": {}, "canary": {}}}),
    ]
    answer = await world.post("/apply", {"documents": both})
    assert "'canary' and 'blueGreen' cannot stand together" in answer.text
