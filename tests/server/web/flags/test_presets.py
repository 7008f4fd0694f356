"""Presets on the page: what they would change, who may approve them, and the way back."""

import re
from typing import Any

import pytest

from croupier.core.flags.preset import read_preset
from croupier.errors import Transient
from croupier.server.auth import Role
from croupier.server.web.flags.presets import place

OLD_BUTTON = {
    "name": "old-button",
    "description": "The old payment button for everybody",
    "changes": [
        {"flag": "payments_v2", "enabled": False},
        {"flag": "provider_evo", "kill": True},
    ],
}


async def put(world: Any, preset: dict[str, Any], actor: str = "anna") -> None:
    await world.context.flags.presets.put(read_preset(preset), actor=actor, reason="for bad days")


@pytest.fixture
async def prepared(flagged: Any) -> Any:
    """A preset that anna wrote."""
    await put(flagged, OLD_BUTTON)
    return flagged


@pytest.fixture
async def operator(prepared: Any, visit: Any) -> Any:
    return await visit.sign_in(Role.OPERATOR)


def state(world: Any, key: str) -> Any:
    return world.context.flags.book.state(key)


async def test_an_empty_list_says_what_to_do(world: Any, visit: Any) -> None:
    await visit.sign_in()
    assert "No preset is prepared yet" in (await visit.get("/presets")).text


async def test_from_paper_to_force_and_back(prepared: Any, operator: Any) -> None:
    assert "waits for approval" in (await operator.get("/presets")).text
    page = (await operator.get("/presets/old-button")).text
    assert "Applying it would change" in page
    assert "<li>disabled</li>" in page
    assert "killed: everybody gets off" in page
    assert "old-button/apply" not in page

    asked = (await operator.get("/presets/old-button/approve")).text
    assert "<li>disabled</li>" in asked
    assert (await operator.submit("/presets/old-button/approve", reason="sound")).status_code == 303
    assert "approved by operator" in (await operator.get("/presets/old-button")).text
    assert state(prepared, "provider_evo").killed is None

    refused = await operator.submit("/presets/old-button/apply", reason=" ")
    assert (refused.status_code, "needs a reason" in refused.text) == (422, True)
    assert (await operator.submit("/presets/old-button/apply", reason="deposits fail")).status_code == 303
    assert state(prepared, "provider_evo").killed is not None
    assert not state(prepared, "payments_v2").flag.enabled
    page = (await operator.get("/presets/old-button")).text
    assert "in force as version" in page
    assert "Undoing it would change" in page
    assert "<li>enabled</li>" in page
    assert "<li>restored</li>" in page
    assert "“deposits fail”" in (await operator.get("/presets")).text

    assert (await operator.submit("/presets/old-button/undo", reason="mended")).status_code == 303
    assert state(prepared, "provider_evo").killed is None
    assert state(prepared, "payments_v2").flag.enabled
    page = (await operator.get("/presets/old-button")).text
    for word in ("prepared", "approved", "applied", "undone"):
        assert f"<p>{word}</p>" in page


async def test_what_a_preset_did_is_told_and_a_person_s_kill_stands_beside_it(prepared: Any, operator: Any) -> None:
    await operator.submit("/presets/old-button/approve", reason="sound")
    await operator.submit("/presets/old-button/apply", reason="outage")
    assert "disabled (by preset old-button)" in (await operator.get("/flags/payments_v2")).text
    page = (await operator.get("/flags/provider_evo")).text
    assert "provider_evo/kill" in page
    assert "provider_evo/restore" in page
    asked = (await operator.get("/flags/provider_evo/kill")).text
    assert "undoing the preset old-button then leaves it killed" in asked
    assert (await operator.submit("/flags/provider_evo/kill", reason="charges twice")).status_code == 303
    assert "provider_evo/kill" not in (await operator.get("/flags/provider_evo")).text
    asked = (await operator.get("/flags/provider_evo/restore")).text
    assert "<b>stays killed</b>, by operator: preset old-button: outage" in asked
    asked = (await operator.get("/presets/old-button/undo")).text
    assert "stays killed by operator: charges twice" in asked
    assert (await operator.submit("/presets/old-button/undo")).status_code == 303
    page = (await operator.get("/flags/provider_evo")).text
    assert "killed: everybody gets off" in page
    assert (
        "restored: a kill is undone (by undoing preset old-button); the flag stays killed, by operator: charges twice"
    ) in page
    assert (await operator.submit("/flags/provider_evo/restore")).status_code == 303
    page = (await operator.get("/flags/provider_evo")).text
    assert page.count("restored: a kill is undone") == 2
    assert "stays killed" not in page
    assert "enabled (by undoing preset old-button)" in (await operator.get("/flags/payments_v2/history")).text


async def test_nobody_approves_their_own(prepared: Any, operator: Any) -> None:
    await put(prepared, {**OLD_BUTTON, "name": "mine"}, actor="operator")
    page = (await operator.get("/presets/mine")).text
    assert "somebody other than operator" in page
    assert "mine/approve" not in page
    assert "somebody else must approve it" in (await operator.get("/presets/mine/approve")).text
    csrf = page.split('name="csrf" value="')[1].split('"')[0]
    seen = (await prepared.context.flags.presets.get("mine")).value.digest
    forced = await operator.post("/presets/mine/approve", {"csrf": csrf, "seen": f"{seen} -"})
    assert forced.status_code == 422
    assert "somebody else must approve it" in forced.text


async def test_what_changed_since_it_was_seen_is_not_confirmed(prepared: Any, operator: Any) -> None:
    form = await operator.get("/presets/old-button/approve")
    hidden = dict(re.findall(r'<input type="hidden" name="(csrf|seen)" value="([^"]*)"', form.text))
    await put(prepared, {**OLD_BUTTON, "changes": [{"flag": "new_lobby", "kill": True}]})
    late = await operator.post("/presets/old-button/approve", {**hidden, "reason": "sound"})
    assert late.status_code == 409
    assert 'value="sound"' in late.text
    assert "new_lobby" in late.text
    assert not (await prepared.context.flags.presets.get("old-button")).value.approved


async def test_a_flag_that_was_changed_since_stands_in_the_way(
    prepared: Any, operator: Any, declared: Any, payments: Any
) -> None:
    await operator.submit("/presets/old-button/approve")
    await operator.submit("/presets/old-button/apply", reason="deposits fail")
    await declared({**payments, "rules": [{"rollout": 0.9}]})
    page = (await operator.get("/presets/old-button")).text
    assert "payments_v2 changed since." in page
    assert "payments_v2: payments_v2" not in page
    asked = await operator.get("/presets/old-button/undo")
    assert "payments_v2 changed since." in asked.text
    assert "Undo it" not in asked.text
    csrf = page.split('name="csrf" value="')[1].split('"')[0]
    seen = place((await prepared.context.flags.presets.get("old-button")).value)
    refused = await operator.post("/presets/old-button/undo", {"csrf": csrf, "seen": seen})
    assert refused.status_code == 409
    assert "payments_v2 changed since" in refused.text
    assert "Undo it" not in refused.text


async def test_what_does_not_fit_any_more_is_said(prepared: Any, operator: Any) -> None:
    await prepared.context.flags.changes.archive("provider_evo", actor="anna")
    assert "there is no flag" in (await operator.get("/presets/old-button")).text


async def test_viewers_and_strangers_do_nothing(prepared: Any, operator: Any, visit: Any) -> None:
    paths = [f"/presets/old-button/{verb}" for verb in ("approve", "apply", "undo")]
    for path in paths:
        for form in ({}, {"csrf": "x"}):
            assert (await operator.post(path, {"reason": "x", **form})).status_code == 403
    await visit.sign_in(Role.VIEWER)
    for path in paths:
        assert path not in (await visit.get("/presets/old-button")).text
        assert (await visit.get(path)).status_code == 403


async def test_live_parts(operator: Any) -> None:
    for path in ("/presets", "/presets/old-button"):
        part = (await operator.get(path, headers={"HX-Request": "true"})).text
        assert part.strip().startswith('<div id="live"')
        assert part.strip() in (await operator.get(path)).text


async def test_without_a_preset_or_a_database(
    prepared: Any, operator: Any, visit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in ("/presets/nope", "/presets/nope/apply"):
        assert (await operator.get(path)).status_code == 404
    page = (await operator.get("/presets/old-button")).text
    csrf = page.split('name="csrf" value="')[1].split('"')[0]
    assert (await operator.post("/presets/nope/apply", {"csrf": csrf})).status_code == 404

    async def gone(*_: Any, **__: Any) -> Any:
        raise Transient("The database is gone.")

    monkeypatch.setattr(type(prepared.store), "presets", gone)
    page = await operator.get("/presets")
    assert (page.status_code, page.headers["content-type"]) == (503, "text/html; charset=utf-8")
