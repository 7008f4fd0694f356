"""A flag's buttons: what they do, what they refuse, and that a kill needs no database."""

import asyncio
import re
from typing import Any

import pytest

from croupier.errors import Transient
from croupier.server.auth import Role

VERBS = ["kill", "restore", "renew", "archive"]


@pytest.fixture
async def operator(flagged: Any, visit: Any) -> Any:
    return await visit.sign_in(Role.OPERATOR)


def state(world: Any, key: str = "payments_v2") -> Any:
    return world.context.flags.book.state(key)


async def test_kill_and_restore(flagged: Any, operator: Any) -> None:
    answer = await operator.submit("/flags/payments_v2/kill", reason=" deposits fail ")
    assert (answer.status_code, answer.headers["location"]) == (303, "/flags/payments_v2")
    killed = state(flagged).killed
    assert (killed.actor, killed.reason) == ("operator", "deposits fail")
    page = (await operator.get("/flags/payments_v2")).text
    assert "killed: everybody gets off" in page
    assert "“deposits fail”" in page
    assert "not yet recorded" not in page
    assert (await operator.submit("/flags/payments_v2/restore", reason="mended")).status_code == 303
    assert state(flagged).killed is None


async def test_a_kill_needs_a_reason(flagged: Any, operator: Any) -> None:
    for reason in ("", "   "):
        refused = await operator.submit("/flags/payments_v2/kill", reason=reason)
        assert refused.status_code == 422
        assert "needs a reason" in refused.text
    assert state(flagged).killed is None


async def test_a_second_kill_does_nothing(flagged: Any, operator: Any) -> None:
    form = await operator.get("/flags/payments_v2/kill")
    csrf = form.text.split('name="csrf" value="')[1].split('"')[0]
    for _ in range(2):
        answer = await operator.post("/flags/payments_v2/kill", {"csrf": csrf, "reason": "deposits fail"})
        assert answer.status_code == 303
    assert len(await flagged.store.latest(10, "flag/payments_v2")) == 2
    assert "killed already, by operator" in (await operator.get("/flags/payments_v2/kill")).text


async def test_a_kill_works_while_the_database_does_not(
    flagged: Any, operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(*_: Any, **__: Any) -> Any:
        raise Transient("The database is gone.")

    for method in ("rollout", "rollouts", "commit", "services", "documents", "active", "latest", "flags", "head"):
        monkeypatch.setattr(type(flagged.store), method, gone)
    assert "kill works" in (await operator.get("/flags/payments_v2")).text
    asked = (await operator.get("/flags/payments_v2/kill")).text
    assert "acts at once on the clients of <b>this control plane</b>" in asked
    answer = await operator.submit("/flags/payments_v2/kill", reason="in the dark")
    assert answer.status_code == 303
    for path in ("/flags/payments_v2", "/flags", "/"):
        page = (await operator.get(path)).text
        assert "acted on, not yet recorded" in page, path
    assert "fixed" in flagged.context.flags.book.snapshot("production").lines["payments_v2"]
    monkeypatch.undo()
    async with asyncio.timeout(120):
        while "payments_v2" in flagged.context.flags.book.unrecorded:
            await asyncio.sleep(0.01)
    assert state(flagged).killed.reason == "in the dark"
    assert "not yet recorded" not in (await operator.get("/flags/payments_v2")).text
    assert "this control plane" not in (await operator.get("/flags/new_lobby/kill")).text


async def test_what_was_changed_meanwhile_is_said(flagged: Any, declared: Any, payments: Any, operator: Any) -> None:
    form = await operator.get("/flags/payments_v2/archive")
    hidden = dict(re.findall(r'<input type="hidden" name="(csrf|seen)" value="([^"]*)"', form.text))
    await declared({**payments, "description": "x"}, actor="bert")
    late = await operator.post("/flags/payments_v2/archive", hidden)
    assert late.status_code == 409
    assert "bert changed the flag at" in late.text
    assert not state(flagged).archived


async def test_renew(flagged: Any, operator: Any) -> None:
    form = await operator.get("/flags/payments_v2/renew")
    assert re.search(r'type="date" required value="\d{4}-\d\d-\d\d"', form.text)
    for wrong in ("", "soon", "2026-13-01", "2020-01-01"):
        refused = await operator.submit("/flags/payments_v2/renew", until=wrong)
        assert refused.status_code == 422, wrong
    assert (await operator.submit("/flags/payments_v2/renew", until="2099-12-31")).status_code == 303
    assert state(flagged).expires_at == 4_102_444_800.0
    assert "not possible" in (await operator.get("/flags/provider_evo/renew")).text


async def test_archive(flagged: Any, operator: Any) -> None:
    assert (await operator.submit("/flags/dark_table/archive", reason="done")).status_code == 303
    assert state(flagged, "dark_table").archived
    page = (await operator.get("/flags/dark_table")).text
    assert "archived" in page
    assert 'id="do-' not in page
    assert "is archived" in (await operator.get("/flags/dark_table/kill")).text
    assert 'id="row-dark_table"' not in (await operator.get("/flags")).text
    listed = (await operator.get("/flags?state=archived")).text
    assert 'id="row-dark_table"' in listed
    assert "no client knows it" in listed
    assert "Declare it again" in page
    again = (await operator.get("/flags/dark_table/edit")).text
    assert 'name="seen" value="0"' in again


async def test_forms_of_others_are_refused(flagged: Any, operator: Any) -> None:
    before = state(flagged)
    for verb in (*VERBS, "explain", "edit"):
        path = f"/flags/payments_v2/{verb}"
        for form in ({}, {"csrf": ""}, {"csrf": "x"}, {"csrf": "é"}):
            assert (await operator.post(path, {"reason": "x", **form})).status_code == 403
        page = await operator.get("/flags")
        csrf = page.text.split('name="csrf" value="')[1].split('"')[0]
        for origin in ("https://evil.example", "null", None):
            assert (await operator.post(path, {"csrf": csrf, "reason": "x"}, origin=origin)).status_code == 403
    assert state(flagged) is before


async def test_viewers_only_look(flagged: Any, visit: Any) -> None:
    await visit.sign_in(Role.VIEWER)
    page = await visit.get("/flags/payments_v2")
    csrf = page.text.split('name="csrf" value="')[1].split('"')[0]
    for verb in (*VERBS, "edit"):
        path = f"/flags/payments_v2/{verb}"
        assert path not in page.text
        assert (await visit.get(path)).status_code == 403
        assert (await visit.post(path, {"csrf": csrf, "reason": "x"})).status_code == 403


async def test_reasons_that_cannot_be_kept(flagged: Any, operator: Any) -> None:
    for reason in ("x" * 1_001, "a\x00b", "\x1b[31mred"):
        assert (await operator.submit("/flags/payments_v2/kill", reason=reason)).status_code == 422
    assert state(flagged).killed is None
