"""Prepared by one, approved by another, applied at once, undone exactly."""

from typing import Any

import pytest

from croupier.server.auth import Role

PRESET = {
    "description": "Provider X is off",
    "changes": [{"flag": "provider_x", "kill": True}, {"flag": "old_button", "rules": [{"rollout": 1.0}]}],
}


@pytest.fixture
async def flags(world: Any) -> Any:
    declared = [{"feature": "provider_x", "type": "ops", "default": "on"}, {"feature": "old_button"}]
    assert (await world.post("/flags/apply", {"flags": declared})).status_code == 200
    return world


async def put(world: Any, body: Any, name: str = "safe", **headers: str) -> Any:
    sent = {**world.auth(Role.OPERATOR), **{key.replace("_", "-"): value for key, value in headers.items()}}
    return await world.client.put(f"/api/v1/presets/{name}", json=body, headers=sent)


async def test_the_whole_way(flags: Any) -> None:
    made = await put(flags, PRESET)
    assert (made.status_code, made.headers["etag"]) == (200, '"1"')
    shown = made.json()
    assert (shown["name"], shown["author"], shown["approved"], shown["applied"]) == ("safe", "operator", False, None)
    assert (await flags.get("/presets/safe")).json() == shown
    seen = (await flags.post("/presets/safe/preview")).json()
    assert (seen["undo"], seen["problems"]) == (False, [])
    told = {item["flag"]: item["changes"] for item in seen["changes"]}
    assert told["provider_x"] == ["killed"]
    assert told["old_button"] == ["rule 1 (everybody) added: on for 100 %"]
    # Nothing goes without approval, and nobody approves their own.
    assert (await flags.post("/presets/safe/apply", {"reason": "outage"})).status_code == 422
    own = await flags.post("/presets/safe/approve", {"digest": shown["digest"]}, role=Role.OPERATOR)
    assert own.status_code == 422
    assert (await flags.post("/presets/safe/approve", {"digest": "sha256:other"})).status_code == 409
    approved = await flags.post("/presets/safe/approve", {"digest": shown["digest"]})
    assert (approved.json()["approved"], approved.json()["approval"]["actor"]) == (True, "admin")
    headers = {"Idempotency-Key": "k"}
    applied = await flags.post("/presets/safe/apply", {"reason": "outage"}, headers=headers)
    assert applied.status_code == 200, applied.text
    assert applied.json() == {"preset": "safe", "version": 2, "flags": ["provider_x", "old_button"], "warnings": []}
    again = await flags.post("/presets/safe/apply", {"reason": "outage"}, headers=headers)
    assert again.json() == applied.json()
    assert (await flags.get("/flags/provider_x")).json()["standing"] == "killed"
    assert (await flags.get("/presets/safe")).json()["applied"]["version"] == 2
    assert (await flags.post("/presets/safe/apply", {"reason": "again"})).status_code == 409
    assert (await flags.post("/presets/safe/preview")).json()["undo"] is True
    undone = await flags.post("/presets/safe/undo", {"reason": "over"})
    assert undone.json()["version"] == 3
    assert (await flags.get("/flags/provider_x")).json()["standing"] == "live"
    assert "rules" not in (await flags.get("/flags/old_button")).json()["declaration"]
    assert (await flags.get("/presets/safe")).json()["applied"] is None
    assert (await flags.get("/journal/verify")).json()["ok"]
    history = (await flags.get("/flags/provider_x/history")).json()["items"]
    assert [(item["preset"], item["changes"]) for item in history[:2]] == [
        ("safe", ["restored", "by undoing preset safe"]),
        ("safe", ["killed: preset safe: outage", "by preset safe"]),
    ]
    history = (await flags.get("/flags/old_button/history")).json()["items"]
    assert [item["changes"][-1] for item in history] == [
        "by undoing preset safe",
        "by preset safe",
        "declared: a release flag with no rules",
    ]
    assert [item["preset"] for item in history] == ["safe", "safe", ""]


async def test_a_person_s_kill_stands_beside_the_preset_s(flags: Any) -> None:
    digest = (await put(flags, PRESET)).json()["digest"]
    await flags.post("/presets/safe/approve", {"digest": digest})
    await flags.post("/presets/safe/apply", {"reason": "drill"})
    killed = await flags.post("/flags/provider_x/kill", {"reason": "fire"})
    assert killed.status_code == 200
    assert [(item["preset"], item["reason"]) for item in killed.json()["kills"]] == [
        ("", "fire"),
        ("safe", "preset safe: drill"),
    ]
    seen = (await flags.post("/presets/safe/preview")).json()
    assert next(item["changes"] for item in seen["changes"]) == ["stays killed by admin: fire"]
    restored = (await flags.post("/flags/provider_x/restore", {"reason": "over"})).json()
    assert (restored["standing"], restored["killed"]["preset"]) == ("killed", "safe")
    assert [(item["field"], item["message"]) for item in restored["warnings"]] == [
        ("killed", "the flag stays killed, by admin: preset safe: drill.")
    ]
    await flags.post("/flags/provider_x/kill", {"reason": "fire"})
    undone = (await flags.post("/presets/safe/undo", {"reason": "over"})).json()
    assert [item["message"] for item in undone["warnings"]] == ["provider_x stays killed by admin: fire."]
    assert (await flags.get("/flags/provider_x")).json()["standing"] == "killed"
    items = (await flags.get("/flags/provider_x/history")).json()["items"]
    told = [item["changes"][0] for item in items if item["type"] == "flag_restored"]
    assert told == [
        "the preset's kill is undone; stays killed by admin: fire",
        "a person's kill is undone; stays killed by admin: preset safe: drill",
    ]


async def test_what_is_in_force_is_told_apart_from_what_is_prepared(flags: Any) -> None:
    digest = (await put(flags, PRESET)).json()["digest"]
    await flags.post("/presets/safe/approve", {"digest": digest})
    await flags.post("/presets/safe/apply", {})
    killed = (await flags.get("/flags/provider_x")).json()["killed"]
    assert killed["reason"] == "preset safe"  # nobody said why
    changed = (await put(flags, {**PRESET, "description": "new"})).json()
    assert (changed["applied"]["digest"], changed["approved"]) == (digest, False)
    assert changed["digest"] != digest


async def test_an_approval_dies_with_what_it_was_for(flags: Any) -> None:
    digest = (await put(flags, PRESET)).json()["digest"]
    await flags.post("/presets/safe/approve", {"digest": digest})
    changed = await put(flags, {**PRESET, "description": "new"}, if_match='"2"')
    assert (changed.status_code, changed.json()["approved"]) == (200, False)
    assert (await put(flags, PRESET, if_match='"1"')).status_code == 412
    assert [item["name"] for item in (await flags.get("/presets")).json()["items"]] == ["safe"]


async def test_what_does_not_fit_the_flags(flags: Any) -> None:
    refused = await put(flags, {"changes": [{"flag": "none", "kill": True}]})
    assert refused.status_code == 422
    assert refused.json()["problems"][0]["field"] == "changes[0].flag"
    assert (await put(flags, {"changes": []})).status_code == 422
    assert (await put(flags, {**PRESET, "name": "other"})).status_code == 422
    assert (await flags.get("/presets/none")).status_code == 404
