"""Approvals and hotfixes over HTTP, with several people, on both stores and the real loop."""

from typing import Any

import pytest
from tests.server.conftest import document, release

from croupier.server.auth import Role, mint

pytestmark = pytest.mark.parametrize(
    "settings", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)

STEPS = [{"setWeight": 20}, {"pause": {}}, {"approval": {"of": ["admin"]}}, {"setWeight": 50}, {"pause": {}}]
LESS = {"name": "generic", "gates": {"edge-5xx": "ok"}, "without": ["api-p95"]}


async def declare(world: Any, profile: Any = None, **spec: Any) -> None:
    """A shop whose 1.0.0 serves, and then a Rollout with these fields."""
    await world.declare()
    canary = {"analysis": {"templates": [{"templateName": "ok"}]}, "steps": STEPS}
    written = {"service": "shop", "strategy": {"canary": canary}, **spec} | ({"profile": profile} if profile else {})
    answer = await world.post("/apply", {"documents": [document("Rollout", "shop", written), release("1.2.0")]})
    assert answer.status_code == 200, answer.text


async def start(world: Any, version: str = "1.1.0", role: Role = Role.OPERATOR, **asked: Any) -> Any:
    return await world.post("/rollouts", {"service": "shop", "version": version, **asked}, role)


async def approve(world: Any, shown: Any, role: Role = Role.ADMIN, reason: str = "looked at it") -> Any:
    body = {"digest": shown["approval"]["digest"], "reason": reason}
    return await world.post(f"/rollouts/{shown['id']}/approve", body, role)


async def test_what_is_less_careful_waits_for_somebody_else(world: Any) -> None:
    await declare(world, LESS, disruption={"between": 0, "jump": 100})
    shown = (await start(world)).json()
    assert (shown["phase"], shown["hold"], shown["weight"]) == ("paused", "approval", 0)
    assert shown["profile"]["name"] == "generic"
    assert "gate api-p95 none, of the profile a guard" in shown["loosened"]
    asked = shown["approval"]
    assert (asked["people"], asked["of"], asked["notBy"], asked["missing"]) == (1, ["operator"], ["operator"], 1)
    assert shown["waitingFor"].startswith("waiting for an approval by one operator or admin other than operator")
    assert all(item["version"] != "1.1.0" for item in (await world.get("/services")).json()["items"][0]["workloads"])

    assert (await approve(world, shown, Role.VIEWER)).status_code == 403
    own = await approve(world, shown, Role.OPERATOR)
    assert (own.status_code, own.json()["detail"]) == (
        422,
        "operator started shop-2: somebody else must approve it.",
    )
    stale = await world.post("/rollouts/shop-2/approve", {"digest": "sha256:0", "reason": "seen"})
    assert stale.status_code == 409
    assert (await world.post("/rollouts/shop-2/promote", {"full": True})).status_code == 422

    unsaid = await approve(world, shown, reason="")
    assert (unsaid.status_code, unsaid.json()["detail"]) == (422, "An approval needs a reason.")
    done = await approve(world, shown)
    assert done.status_code == 200, done.text
    assert [(each["actor"], each["reason"]) for each in done.json()["approval"]["given"]] == [("admin", "looked at it")]
    standing = await world.until("/rollouts/shop-2", lambda rollout: rollout["hold"] == "step")
    assert standing["weight"] == 20
    history = (await world.get("/rollouts/shop-2/history")).json()["items"]
    (kept,) = [item for item in history if item["type"] == "approved"]
    assert (kept["actor"], kept["action"], kept["reason"]) == ("admin", "approve", "looked at it")
    assert kept["data"]["digest"] == asked["digest"]


async def test_a_person_with_two_tokens_is_one_person(world: Any) -> None:
    await declare(world, approval={"from": 2})
    shown = (await start(world)).json()
    second, world.tokens[Role.VIEWER] = mint("Operator", Role.ADMIN, 0.0)
    await world.admit(second)
    assert (await approve(world, shown, Role.VIEWER)).status_code == 422
    third, world.tokens[Role.CLIENT] = mint("ADMIN", Role.ADMIN, 0.0)
    await world.admit(third)
    assert (await approve(world, shown)).json()["approval"]["missing"] == 1
    assert (await approve(world, shown, Role.CLIENT)).json()["approval"]["missing"] == 1
    fourth, world.tokens[Role.CLIENT] = mint("clara", Role.OPERATOR, 0.0)
    await world.admit(fourth)
    assert (await approve(world, shown, Role.CLIENT)).json()["hold"] is None


async def test_a_step_waits_for_an_admin(world: Any) -> None:
    await declare(world)
    await start(world, role=Role.ADMIN)
    await world.until("/rollouts/shop-2", lambda rollout: rollout["hold"] == "step")
    await world.until("/rollouts/shop-2", lambda rollout: rollout["gates"][0]["verdict"] == "pass")
    assert (await world.post("/rollouts/shop-2/promote", {"full": True})).status_code == 422
    assert (await world.post("/rollouts/shop-2/promote")).status_code == 200
    shown = await world.until("/rollouts/shop-2", lambda rollout: rollout["hold"] == "approval")
    refused = await approve(world, shown, Role.OPERATOR)
    assert refused.json()["detail"].startswith("operator is operator; shop-2 waits for one admin")
    other, world.tokens[Role.VIEWER] = mint("clara", Role.ADMIN, 0.0)
    await world.admit(other)
    assert (await approve(world, shown, Role.VIEWER)).status_code == 200
    assert (await world.until("/rollouts/shop-2", lambda rollout: rollout["weight"] == 50))["step"] >= 3


async def test_a_retry_is_approved_anew(world: Any) -> None:
    await declare(world, approval={})
    shown = (await start(world)).json()
    await approve(world, shown)
    await world.post("/rollouts/shop-2/abort", {"reason": "no"})
    await world.until("/rollouts/shop-2", lambda rollout: rollout["phase"] == "aborted")
    again = (await world.post("/rollouts/shop-2/retry", {})).json()
    assert (again["hold"], again["approval"]["notBy"], again["attempt"]) == ("approval", ["operator", "admin"], 2)
    assert (await approve(world, shown)).status_code == 409


async def test_a_hotfix_takes_the_place_of_a_rollout_and_is_kept(world: Any) -> None:
    await declare(world)
    await start(world)
    assert (await start(world, "1.2.0", hotfix=True)).status_code == 422
    fix = (await start(world, "1.2.0", hotfix=True, reason="deposits fail")).json()
    assert (fix["hotfix"], fix["id"], fix["profile"]) == (True, "shop-3", None)
    assert [step["weight"] for step in fix["steps"] if step["kind"] == "setWeight"] == [1, 5, 25]
    before = (await world.get("/rollouts/shop-2")).json()
    assert (before["phase"], before["supersededBy"]) == ("superseded", "shop-3")
    tries: tuple[dict[str, Any], ...] = ({}, {"hotfix": True, "reason": "again"})
    for asked in tries:
        refused = await start(world, "1.1.0", **asked)
        assert refused.status_code == 409
        assert "--supersede" in refused.json()["hint"]
    assert (await start(world, "1.1.0", supersede=True)).json()["id"] == "shop-4"
    (first, *_) = (await world.get("/rollouts/shop-3/history")).json()["items"]
    assert first["text"].startswith("hotfix of shop 1.2.0 asked for")
    assert first["reason"] == "deposits fail"


async def test_a_hotfix_without_a_guard_is_refused(world: Any) -> None:
    await world.declare()
    written = {"service": "shop", "strategy": {"canary": {"steps": [{"setWeight": 20}, {"pause": {}}]}}}
    await world.post("/apply", {"documents": [document("Rollout", "shop", written)]})
    refused = await start(world, hotfix=True, reason="deposits fail")
    assert refused.status_code == 422
    assert "a hotfix without one would reach everybody" in refused.text


async def test_what_is_less_careful_is_said_when_it_is_applied(world: Any) -> None:
    await world.declare()
    canary = {"analysis": {"templates": [{"templateName": "ok"}]}, "steps": STEPS}
    written = {"service": "shop", "profile": LESS, "strategy": {"canary": canary}}
    asked = document("Rollout", "shop", {**written, "disruption": {"jump": 100}})
    answer = (await world.post("/apply?dryRun=true", {"documents": [asked]})).json()
    assert any("less careful than the profile generic" in each["message"] for each in answer["warnings"]), answer
