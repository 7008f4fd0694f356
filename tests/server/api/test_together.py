"""Several services as one over HTTP: both stores, the real loop."""

from dataclasses import replace
from typing import Any

import jwt
import pytest
from tests.server.conftest import document, release

from croupier.adapters.clock import SystemClock
from croupier.adapters.routing.envoy.version_tokens import OverrideKey
from croupier.server.auth import Role

pytestmark = pytest.mark.parametrize(
    "settings", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)

SERVICES = ("wallet", "cashier")
ASKED = {"versions": {"cashier": "2.0.0", "wallet": "2.0.0"}, "reason": "the new cashier"}


def documents() -> list[dict[str, Any]]:
    steps = [{"setWeight": 20}, {"flag": {"name": "new-cashier", "to": {"percent": 20}, "wait": "0s"}}, {"pause": {}}]
    whole = {"services": [*SERVICES], "strategy": {"canary": {"steps": steps}}}
    found = [document("Rollout", "both", whole)]
    for name in SERVICES:
        process = {"command": [name, "{port}"]}
        alone = {"service": name, "strategy": {"canary": {"steps": [{"setWeight": 100}]}}}
        found += [
            document("Service", name, {"routes": [{"prefix": f"/{name}"}], "process": process}),
            document("Rollout", name, alone),
            release("1.0.0", name),
            release("2.0.0", name),
        ]
    flag = document("Flag", "new-cashier", {"type": "ops", "description": "The button.", "owner": "payments"})
    return [*found, flag]


async def begun(world: Any, declared: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    applied = await world.post("/apply", {"documents": declared or documents()})
    assert applied.status_code == 200, applied.text
    for name in SERVICES:
        await world.post("/rollouts", {"service": name, "version": "1.0.0"})
        await world.until(f"/rollouts/{name}-1", lambda found: found["phase"] == "succeeded")
    answer = await world.post("/rollouts/together", ASKED, Role.OPERATOR)
    assert answer.status_code == 201, answer.text
    started: dict[str, Any] = answer.json()
    assert started["id"] == "wallet-2"
    return started


async def test_they_begin_are_shown_side_by_side_and_succeed_together(world: Any) -> None:
    await begun(world)
    found = await world.until("/rollouts/cashier-2", lambda rollout: rollout["hold"] == "step")
    assert [(each["rollout"], each["weight"], each["version"]) for each in found["together"]] == [
        ("wallet-2", 20, "2.0.0"),
        ("cashier-2", 20, "2.0.0"),
    ]
    assert [step["kind"] for step in found["steps"]] == ["setWeight", "flag", "pause"]
    flag = (await world.get("/flags/new-cashier")).json()
    assert flag["declaration"]["rules"][0]["rollout"] == 0.2
    promoted = await world.post("/rollouts/cashier-2/promote", {"reason": "fine"})
    assert promoted.status_code == 200, promoted.text
    for name in SERVICES:
        done = await world.until(f"/rollouts/{name}-2", lambda rollout: rollout["phase"] == "succeeded")
        assert done["waitingFor"].startswith("done: 2.0.0 serves everybody")
        assert done["keptUntil"] is not None
        other = "wallet-2" if name == "cashier" else "cashier-2"
        assert done["waitingFor"].endswith(f"(rollout undo, with {other})")
    undone = await world.post("/rollouts/wallet-2/undo", {"reason": "late"})
    assert undone.status_code == 200, undone.text
    for name in SERVICES:
        back = await world.until(f"/rollouts/{name}-2", lambda rollout: rollout["phase"] == "aborted")
        assert back["abort"]["cause"] == "undo"


async def test_all_go_back_and_are_tried_again(world: Any) -> None:
    await begun(world)
    await world.until("/rollouts/cashier-2", lambda rollout: rollout["hold"] == "step")
    before = (await world.get("/flags/new-cashier")).json()["declaration"]
    assert before["rules"]
    aborted = await world.post("/rollouts/wallet-2/abort", {"reason": "no"})
    assert aborted.status_code == 200, aborted.text
    for name in SERVICES:
        ended = await world.until(f"/rollouts/{name}-2", lambda rollout: rollout["phase"] == "aborted")
        assert ended["abort"]["reason"] == "no"
    assert "rules" not in (await world.get("/flags/new-cashier")).json()["declaration"]
    texts = [item["text"] for item in (await world.get("/rollouts/cashier-2/history")).json()["items"]]
    assert "flag new-cashier answers as before the rollout again" in texts
    again = await world.post("/rollouts/cashier-2/retry", {})
    assert again.status_code == 200, again.text
    for name in SERVICES:
        found = await world.until(f"/rollouts/{name}-2", lambda rollout: rollout["weight"] == 20)
        assert found["attempt"] == 2


async def test_one_approval_is_of_all_of_them(world: Any) -> None:
    asked = documents()
    asked[0]["spec"]["approval"] = {"of": ["admin"]}
    asked[0]["spec"]["strategy"]["canary"]["steps"].insert(1, {"approval": {}})
    started = await begun(world, asked)
    assert (started["hold"], started["weight"]) == ("approval", 0)
    shown = [(await world.get(f"/rollouts/{name}-2")).json() for name in SERVICES]
    (seen,) = {each["approval"]["digest"] for each in shown}
    assert started["approval"]["digest"] in ("", seen)  # where the others are not known yet, it is not said
    body = {"digest": seen, "reason": "looked at both"}
    own = await world.post("/rollouts/wallet-2/approve", body, Role.OPERATOR)
    assert own.status_code == 422, own.text
    stale = await world.post("/rollouts/wallet-2/approve", {**body, "digest": "sha256:0"}, Role.ADMIN)
    assert (stale.status_code, stale.json()["detail"]) == (409, "wallet-2 and cashier-2 are not what you looked at.")
    done = await world.post("/rollouts/cashier-2/approve", body, Role.ADMIN)
    assert done.status_code == 200, done.text
    waits = [
        await world.until(f"/rollouts/{name}-2", lambda found: found["step"] == 1 and found["hold"])
        for name in SERVICES
    ]
    assert [(each["hold"], each["weight"]) for each in waits] == [("approval", 20)] * 2
    (second,) = {each["approval"]["digest"] for each in waits}
    assert second != seen
    done = await world.post("/rollouts/wallet-2/approve", {**body, "digest": second}, Role.ADMIN)
    assert done.status_code == 200, done.text
    for name in SERVICES:
        await world.until(f"/rollouts/{name}-2", lambda found: found["hold"] == "step")


async def test_what_cannot_be_done(world: Any) -> None:
    await begun(world)
    await world.post("/apply", {"documents": [release("3.0.0", name) for name in SERVICES]})

    async def refused(path: str, asked: dict[str, Any]) -> str:
        answer = await world.post(path, asked)
        assert answer.status_code in (404, 409, 422), answer.text
        return str(answer.text)

    three = {"versions": dict.fromkeys(SERVICES, "3.0.0")}
    assert "wallet-2 is in progress, so wallet cannot move with others" in await refused("/rollouts/together", three)
    alone = {"service": "cashier", "version": "3.0.0"}
    assert "cashier moves together with wallet-2, by cashier-2" in await refused("/rollouts", alone)
    others = {"versions": {"wallet": "3.0.0", "lobby": "1.0.0"}}
    assert "moves wallet, lobby as one" in await refused("/rollouts/together", others)
    named = {**others, "strategy": "both"}
    assert "Rollout 'both' does not move wallet, lobby" in await refused("/rollouts/together", named)
    await world.post("/rollouts/wallet-2/abort", {"reason": "no"})
    for name in SERVICES:
        await world.until(f"/rollouts/{name}-2", lambda rollout: rollout["phase"] == "aborted")
    assert "does not move cashier" in await refused("/rollouts", {**alone, "strategy": "both"})
    same = {"versions": {"wallet": "3.0.0", "cashier": "1.0.0"}}
    assert "1.0.0 is the stable version of cashier already" in await refused("/rollouts/together", same)
    await world.post("/apply", {"documents": [document("Rollout", "two", documents()[0]["spec"])]})
    assert "Several Rollouts move these services: both, two" in await refused("/rollouts/together", three)


async def test_a_token_of_one_leads_to_all_of_them(world: Any, tmp_path: Any) -> None:
    key = OverrideKey(tmp_path / "override.key", SystemClock())
    world.app.state.context = replace(world.context, ports=replace(world.context.ports, overrides=key))
    await begun(world)
    asked = {"version": "2.0.0", "together": True, "reason": "a look"}
    made = (await world.post("/services/cashier/version-tokens", asked, Role.OPERATOR)).json()
    assert (made["service"], made["together"]) == ("cashier", {"wallet": "2.0.0"})
    claims = jwt.decode(made["token"], options={"verify_signature": False})
    assert claims["versions"] == "|cashier@2.0.0|wallet@2.0.0|"
    alone = (await world.post("/services/cashier/version-tokens", {"version": "2.0.0"}, Role.OPERATOR)).json()
    assert jwt.decode(alone["token"], options={"verify_signature": False})["versions"] == "|cashier@2.0.0|"
    other = await world.post("/services/cashier/version-tokens", {**asked, "version": "1.0.0"}, Role.OPERATOR)
    assert other.status_code == 422
    entries = (await world.get("/journal?limit=100")).json()["items"]
    told = [item["events"][0] for item in entries if item["action"] == "create version token"]
    assert [each.get("together") for each in told] in ([{"wallet": "2.0.0"}, None], [None, {"wallet": "2.0.0"}])
