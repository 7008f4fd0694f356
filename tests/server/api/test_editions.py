"""A program that was upgraded under a rollout and has its edition of the arithmetic no more: over HTTP, on the real
store and the real loop.
"""

from typing import Any

import pytest

from croupier.core.gates import edition


async def test_a_rollout_holds_and_its_record_is_not_misjudged(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.declare()
    await world.roll_out()
    await world.until("/rollouts/shop-2", lambda rollout: rollout["gates"][0]["verdict"] == "pass")
    monkeypatch.setattr(edition, "KEPT", frozenset({2}))

    found = await world.until("/rollouts/shop-2", lambda rollout: rollout["gates"][0]["verdict"] == "inconclusive")
    why = "the rollout began with edition 1 of the gates' arithmetic, and this program has edition 2"
    assert found["gates"][0]["reason"].startswith(why)
    assert found["weight"] == 20
    refused = await world.post("/rollouts/shop-2/promote")
    assert refused.status_code == 422
    assert why in refused.json()["detail"]

    replay = await world.get("/rollouts/shop-2/replay")
    assert replay.status_code == 422
    assert replay.json()["detail"].startswith("the verdicts of shop-2 cannot be made again: it began with edition 1")
    assert "croupier rollout history shop-2 --looks" in replay.json()["hint"]
    assert (await world.post("/rollouts/shop-2/abort", {"reason": "upgraded"})).status_code == 200
    await world.until("/rollouts/shop-2", lambda rollout: rollout["phase"] == "aborted")
