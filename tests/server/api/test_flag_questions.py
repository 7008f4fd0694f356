"""Who would gain, what a player gets and why: asked without changing anything."""

from typing import Any

import pytest

from croupier.server.auth import Role

PAYMENTS = {
    "feature": "payments_v2",
    "rules": [{"name": "nordics", "if": "market in ['DE','SE']", "rollout": 0.25}, {"if": "brand == 'X'"}],
}


@pytest.fixture
async def flags(world: Any) -> Any:
    assert (await world.post("/flags", PAYMENTS)).status_code == 201
    return world


async def ask(world: Any, what: str, body: Any, key: str = "payments_v2") -> Any:
    return await world.post(f"/flags/{key}/{what}", body, role=Role.VIEWER)


async def test_an_edit_is_tried_before_it_is_saved(flags: Any) -> None:
    wider = {**PAYMENTS, "rules": [{**PAYMENTS["rules"][0], "rollout": 0.5}, PAYMENTS["rules"][1]]}  # type: ignore[dict-item]
    seen = (await ask(flags, "preview", {"declaration": wider})).json()
    assert (seen["key"], seen["environment"], seen["lose"]) == ("payments_v2", "production", 0)
    assert 0 < seen["gain"] < seen["players"]
    assert seen["text"].startswith(f"of {seen['players']} players {seen['gain']} gain, 0 lose")
    assert "rule 1 (nordics): rollout 25 % -> 50 %" in seen["changes"]
    assert seen["moves"] == [{"before": "off", "after": "on", "players": seen["gain"]}]
    assert (await flags.get("/flags/payments_v2")).json()["version"] == 1
    same = (await ask(flags, "preview", {"declaration": PAYMENTS})).json()
    assert (same["gain"], same["lose"], same["changes"]) == (0, 0, [])
    new = (await ask(flags, "preview", {"declaration": {"feature": "fresh", "rules": [{}]}}, "fresh")).json()
    assert new["gain"] == new["players"] > 0


async def test_an_edit_that_is_wrong_is_refused_as_at_saving(flags: Any) -> None:
    refused = await ask(flags, "preview", {"declaration": {**PAYMENTS, "rules": [{"if": "market =="}]}})
    assert refused.status_code == 422
    assert refused.json()["problems"][0]["field"] == "rules[0].if"
    refused = await ask(flags, "preview", {"declaration": PAYMENTS, "environment": "moon"})
    assert refused.status_code == 404


async def test_an_answer_is_explained(flags: Any) -> None:
    context = {"targetingKey": "p1", "brand": "X"}
    found = (await ask(flags, "explain", {"context": context})).json()
    outcome = found["outcome"]
    assert (outcome["value"], outcome["variant"], outcome["rule"]) == (True, "on", "rule 2")
    assert 0 <= outcome["bucket"] < 10_000
    first, second = found["rules"]
    assert (first["name"], first["matched"], first["decided"], first["rollout"]) == ("nordics", None, False, 0.25)
    assert "market" in first["why"]
    assert (second["matched"], second["decided"]) == (True, True)
    assert found["text"][-1].startswith("payments_v2 = true: TARGETING_MATCH")
    assert (await ask(flags, "evaluate", {"context": context})).json() == outcome
    assert (await ask(flags, "explain", {"environment": "moon"})).status_code == 404
    assert (await ask(flags, "explain", {}, "none")).status_code == 404


async def test_what_another_flag_must_answer_is_told(flags: Any) -> None:
    body = {"feature": "child", "prerequisites": [{"flag": "payments_v2", "variants": ["on"]}], "rules": [{}]}
    assert (await flags.post("/flags", body)).status_code == 201
    found = (await ask(flags, "explain", {"context": {"market": "NO", "brand": "Y"}}, "child")).json()
    assert found["requires"] == [{"flag": "payments_v2", "variants": ["on"], "found": "off", "met": False}]
    assert (found["outcome"]["value"], found["outcome"]["reason"]) == (False, "DISABLED")
    assert found["text"][0] == "payments_v2 answers off, which will not do"


async def test_a_kill_is_seen_at_once(flags: Any) -> None:
    context = {"targetingKey": "p1", "brand": "X"}
    assert (await ask(flags, "evaluate", {"context": context})).json()["value"] is True
    await flags.post("/flags/payments_v2/kill", {"reason": "errors"})
    killed = (await ask(flags, "evaluate", {"context": context})).json()
    assert (killed["value"], killed["reason"], killed["detail"]) == (False, "DISABLED", "killed: errors")
    await flags.until("/flags/payments_v2", lambda flag: flag["recorded"])
    await flags.post("/flags/payments_v2/restore", {})
    assert (await ask(flags, "evaluate", {"context": context})).json()["value"] is True
