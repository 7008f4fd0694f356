"""The buttons: what they do, what they refuse, and that a refusal loses nothing that was typed."""

import re
from typing import Any

import pytest

from croupier.core.gates import Counts
from croupier.errors import Transient
from croupier.server.auth import Role

PAUSES = [
    {
        "apiVersion": "croupier/v1",
        "kind": "Service",
        "metadata": {"name": "shop"},
        "spec": {"routes": [{"prefix": "/shop"}], "process": {"command": ["shop", "{port}"]}},
    },
    *(
        {"apiVersion": "croupier/v1", "kind": "Release", "spec": {"service": "shop", "version": version}}
        for version in ("1.0.0", "1.1.0")
    ),
]
VERBS = ["promote", "pause", "resume", "abort", "retry"]


def plan(steps: list[dict[str, Any]]) -> dict[str, Any]:
    spec = {"service": "shop", "strategy": {"canary": {"steps": steps}}}
    return {"apiVersion": "croupier/v1", "kind": "Rollout", "metadata": {"name": "shop"}, "spec": spec}


async def phase(world: Any) -> str:
    found: str = (await world.get("/rollouts/shop-2")).json()["phase"]
    return found


async def test_abort_retry_promote(shop: Any, visit: Any) -> None:
    await visit.sign_in(Role.OPERATOR)
    assert (await visit.submit("/rollouts/shop-2/abort", reason="it smells")).status_code == 303
    found = await shop.until("/rollouts/shop-2", lambda rollout: rollout["phase"] == "aborted")
    assert found["abort"]["reason"] == "it smells"
    assert (await visit.submit("/rollouts/shop-2/retry")).headers["location"] == "/rollouts/shop-2"
    await shop.until(
        "/rollouts/shop-2",
        lambda rollout: rollout["hold"] == "step" and rollout["gates"][0]["verdict"] == "pass",
    )
    assert (await visit.submit("/rollouts/shop-2/promote", reason="fine")).status_code == 303
    await shop.until("/rollouts/shop-2", lambda rollout: rollout["phase"] == "succeeded")
    history = (await shop.get("/rollouts/shop-2/history")).json()["items"]
    assert {(item["actor"], item["reason"]) for item in history} >= {("operator", "it smells"), ("operator", "fine")}


async def test_what_blocks_a_promotion_is_said_and_can_be_waived(world: Any, visit: Any) -> None:
    await world.declare()
    world.counters.canary = Counts(0, 0)  # nobody can form an opinion, so it stays where it is
    await visit.sign_in()
    await world.post("/rollouts", {"service": "shop", "version": "1.1.0"})
    await world.until("/rollouts/shop-2", lambda rollout: rollout["hold"] == "step")
    refused = await visit.submit("/rollouts/shop-2/promote", reason="hurry")
    assert refused.status_code == 422
    assert "cannot be promoted" in refused.text
    assert 'value="hurry"' in refused.text
    waived = await visit.submit("/rollouts/shop-2/promote", reason="no players at night", waive=["ok"])
    assert waived.status_code == 303
    found = (await world.get("/rollouts/shop-2")).json()
    assert found["gates"][0]["waived"]


async def test_pause_and_resume(world: Any, visit: Any) -> None:
    steps: list[dict[str, Any]] = [{"setWeight": 20}, {"pause": {"duration": "1h"}}]
    await world.post("/apply", {"documents": [*PAUSES, plan(steps)]})
    await world.post("/rollouts", {"service": "shop", "version": "1.0.0"})
    await world.until("/rollouts/shop-1", lambda rollout: rollout["phase"] == "succeeded")
    await world.post("/rollouts", {"service": "shop", "version": "1.1.0"})
    await world.until("/rollouts/shop-2", lambda rollout: rollout["step"] == 1)
    await visit.sign_in()
    assert (await visit.submit("/rollouts/shop-2/pause", reason="lunch")).status_code == 303
    assert (await world.get("/rollouts/shop-2")).json()["hold"] == "person"
    assert (await visit.submit("/rollouts/shop-2/resume", reason="back")).status_code == 303
    assert await phase(world) == "progressing"


async def test_waiving_needs_a_reason(shop: Any, visit: Any) -> None:
    await visit.sign_in()
    refused = await visit.submit("/rollouts/shop-2/promote", waive=["ok"])
    assert refused.status_code == 422
    assert "needs a reason" in refused.text
    assert 'value="ok" checked' in refused.text


async def test_a_second_click_does_nothing(shop: Any, visit: Any) -> None:
    await visit.sign_in()
    page = await visit.get("/rollouts/shop-2/promote")
    form = dict(re.findall(r'name="(csrf|seen)" value="([^"]*)"', page.text))
    assert (await visit.post("/rollouts/shop-2/promote", form)).status_code == 303
    second = await visit.post("/rollouts/shop-2/promote", form)
    assert second.status_code == 409
    assert "moved on" in second.text


@pytest.mark.parametrize("verb", VERBS)
async def test_forms_of_others_are_refused(shop: Any, visit: Any, verb: str) -> None:
    await visit.sign_in()
    path = f"/rollouts/shop-2/{verb}"
    before = await phase(shop)
    for form in ({}, {"csrf": ""}, {"csrf": "x"}, {"csrf": "é"}):
        assert (await visit.post(path, form)).status_code == 403
    page = await visit.get(path)
    csrf = page.text.split('name="csrf" value="')[1].split('"')[0]
    for origin in ("https://evil.example", "http://localhost:8080", "null", None):
        assert (await visit.post(path, {"csrf": csrf}, origin=origin)).status_code == 403
    assert await phase(shop) == before


@pytest.mark.parametrize("verb", VERBS)
async def test_viewers_only_look(shop: Any, visit: Any, verb: str) -> None:
    await visit.sign_in(Role.VIEWER)
    page = await visit.get("/rollouts/shop-2")
    assert page.status_code == 200
    assert f"/rollouts/shop-2/{verb}" not in page.text
    assert (await visit.get(f"/rollouts/shop-2/{verb}")).status_code == 403
    csrf = page.text.split('name="csrf" value="')[1].split('"')[0]
    assert (await visit.post(f"/rollouts/shop-2/{verb}", {"csrf": csrf})).status_code == 403
    assert await phase(shop) == "paused"


@pytest.mark.parametrize("reason", ["x" * 1_001, "a\x00b", "\x1b[31mred"])
async def test_reasons_that_cannot_be_kept(shop: Any, visit: Any, reason: str) -> None:
    await visit.sign_in()
    assert (await visit.submit("/rollouts/shop-2/abort", reason=reason)).status_code == 422
    assert await phase(shop) == "paused"


async def test_what_is_not_possible_is_said(shop: Any, visit: Any) -> None:
    await visit.sign_in()
    page = await visit.get("/rollouts/shop-2/retry")
    assert "not possible while it is paused" in page.text
    assert "<form" not in page.text[page.text.index('id="question"') :]
    for path in ("/rollouts/nope/abort", "/rollouts/nope"):
        missing = await visit.get(path)
        assert (missing.status_code, missing.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert (await visit.get("/rollouts/shop-2/explode")).status_code == 422


async def test_abort_works_while_the_database_does_not(shop: Any, visit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await visit.sign_in()
    page = await visit.get("/rollouts/shop-2/abort")
    csrf = page.text.split('name="csrf" value="')[1].split('"')[0]

    async def gone(*_: Any, **__: Any) -> Any:
        raise Transient("The database is gone.")

    for method in ("rollout", "rollouts", "commit", "services", "documents", "active", "history", "samples"):
        monkeypatch.setattr(type(shop.store), method, gone)
    home = await visit.get("/")
    assert "The database does not answer" in home.text
    assert "shop-2" in home.text
    assert "abort works" in (await visit.get("/rollouts/shop-2")).text
    answer = await visit.post("/rollouts/shop-2/abort", {"csrf": csrf, "reason": "in the dark"})
    assert answer.status_code == 303
    monkeypatch.undo()
    found = await shop.until("/rollouts/shop-2", lambda rollout: rollout["phase"] == "aborted")
    assert found["abort"]["reason"] == "in the dark"
