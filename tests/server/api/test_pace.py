"""``steps: auto`` and the end of waiting over HTTP and on the page, on the real store and the real loop."""

from typing import Any

import httpx
from tests.server.conftest import document, shop

from croupier.core.gates import Counts

SEQUENTIAL = {"interval": "100ms", "samples": 2, "dwell": 2}


async def declare(world: Any, **rollout: Any) -> None:
    """A shop whose next releases go by evidence."""
    await world.declare()
    gate = {**shop()[1]["spec"], "comparison": {}, "sequential": SEQUENTIAL}
    gate.pop("rule")
    canary = {"analysis": {"templates": [{"templateName": "ok"}]}, **rollout.pop("canary", {"steps": "auto"})}
    spec = {"service": "shop", "strategy": {"canary": canary}, **rollout}
    answer = await world.post(
        "/apply", {"documents": [document("Gate", "ok", gate), document("Rollout", "shop", spec)]}
    )
    assert answer.status_code == 200, answer.text


async def start(world: Any) -> Any:
    answer = await world.post("/rollouts", {"service": "shop", "version": "1.1.0"})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_auto_is_shown_as_the_steps_that_it_became(world: Any) -> None:
    await declare(world)
    found = await start(world)
    assert [step["weight"] for step in found["steps"] if step["kind"] == "setWeight"][:3] == [1.0, 5.0, 10.0]
    assert {tuple(step["gates"]) for step in found["steps"] if step["kind"] == "analysis"} == {("ok",)}
    assert "on the stable version while the last weight is watched" in found["pace"]


async def test_a_good_release_reaches_everybody_by_evidence_alone(world: Any) -> None:
    auto = {"weights": [20], "harm": 1_000_000, "dwell": 1, "bake": 2, "watch": "200ms"}
    await declare(world, canary={"steps": [{"auto": auto}]})
    found = await start(world)
    assert (found["steps"][1]["harm"], found["steps"][1]["dwell"]) == (1_000_000, 2)
    await world.until("/rollouts/shop-2", lambda rollout: rollout["phase"] == "succeeded")
    replay = (await world.get("/rollouts/shop-2/replay")).json()
    assert replay["verdicts"] > 0
    assert replay["mistakes"] == []


async def test_who_is_blind_for_long_enough_asks_a_person(world: Any) -> None:
    world.counters.canary = Counts(0, 0)
    await declare(world, onNoData={"then": "pause", "after": "300ms"})
    await start(world)
    found = await world.until("/rollouts/shop-2", lambda rollout: rollout["phase"] == "paused")
    assert found["hold"] == "no_data"
    assert "since a gate kept it waiting" in found["waitingFor"]
    history = (await world.get("/rollouts/shop-2/history")).json()["items"]
    assert (
        "paused, waiting for a person: gate ok had no data"
        in next(item for item in history if item["type"] == "paused")["text"]
    )
    metrics = (await world.client.get("/metrics")).text
    assert 'croupier_gate_blind_since_seconds{gate="ok",rollout="shop-2"}' in metrics

    transport = httpx.ASGITransport(world.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as person:
        (token,) = [value for role, value in world.tokens.items() if role.value == "operator"]
        await person.post("/login", data={"token": token}, headers={"Origin": "http://localhost"})
        page = (await person.get("/rollouts/shop-2")).text
    for verb in ("resume", "promote", "abort"):
        assert f'id="do-{verb}"' in page
    assert "Weights by themselves, " in page

    world.counters.canary = Counts(1_000, 1_000)
    resumed = await world.post("/rollouts/shop-2/resume")
    assert resumed.status_code == 200, resumed.text
    await world.until("/rollouts/shop-2", lambda rollout: rollout["weight"] >= 5)


async def test_bounds_without_evidence_are_refused_with_their_place(world: Any) -> None:
    await world.declare()
    steps = [{"setWeight": 20}, {"analysis": {"templates": [{"templateName": "ok"}], "harm": 5}}]
    spec = {"service": "shop", "strategy": {"canary": {"steps": steps}}}
    refused = await world.post("/apply", {"documents": [document("Rollout", "shop", spec)]})
    assert refused.status_code == 422
    assert "'harm' has no effect" in refused.text
    assert "steps[1].analysis.harm" in refused.text
