"""What the gates of a plan would count, over HTTP."""

from typing import Any

import pytest
from tests.server.conftest import document

SLI = {"ratio": {"metric": "shop_requests_total", "good": {"outcome": "ok"}}}
GATE = document("Gate", "new", {"sli": SLI, "by": ["psp"], "objective": {"atLeast": "99%"}})


async def test_a_gate_that_was_never_applied_is_counted(world: Any) -> None:
    await world.declare()
    answer = await world.post("/services/shop/traffic", {"documents": [GATE]})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["service"], found["stable"]) == ("shop", "1.0.0")
    [gate] = found["gates"]
    assert gate | {"seconds": 600.0} == {
        "gate": "new",
        "silence": "",
        "seconds": 600.0,
        "good": 1_000,
        "total": 1_000,
        "perS": 1_000 / gate["seconds"],
        "instances": 0,
        "groups": [],
    }


async def test_during_a_rollout_both_versions_count(world: Any) -> None:
    await world.declare()
    await world.roll_out()
    [gate] = (await world.post("/services/shop/traffic", {"documents": [GATE]})).json()["gates"]
    assert gate["perS"] * gate["seconds"] == pytest.approx(2_000)


async def test_what_is_no_question(world: Any) -> None:
    await world.declare()
    wrong = document("Gate", "new", {"sli": SLI, "objective": {"atLeast": "199%"}})
    refused = await world.post("/services/shop/traffic", {"documents": [wrong]})
    assert refused.status_code == 422
    assert refused.json()["problems"][0]["field"] == "spec.objective.atLeast"
    other = await world.post(
        "/services/shop/traffic", {"documents": [document("Segment", "x", {"match": {"a": ["b"]}})]}
    )
    assert "no Gate among these" in other.json()["detail"]
    assert (await world.post("/services/shoe/traffic", {"documents": [GATE]})).status_code == 404
