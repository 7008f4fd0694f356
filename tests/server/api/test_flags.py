"""Flags over the API: declared as people write them, killed at once, with a history."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from croupier.errors import Transient
from croupier.server.api.formats import moment
from croupier.server.auth import Role

PAYMENTS = {
    "feature": "payments_v2",
    "rules": [
        {"if": "market in ['DE','SE']", "rollout": 0.25},
        {"if": "brand == 'X' && user.isEmployee", "rollout": 1.0},
    ],
    "kill_switch": False,
}


async def put(world: Any, key: str, body: Any, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await world.client.put(f"/api/v1/flags/{key}", json=body, headers={**world.auth(), **named})


async def test_the_bare_flag_works_as_it_stands(world: Any) -> None:
    made = await world.post("/flags", PAYMENTS)
    assert made.status_code == 201, made.text
    assert made.headers["location"] == "/api/v1/flags/payments_v2"
    assert made.headers["etag"] == '"1"'
    flag = made.json()
    assert (flag["key"], flag["version"], flag["standing"], flag["type"]) == ("payments_v2", 1, "live", "release")
    assert flag["owner"] == "admin"  # a release flag has one
    assert flag["expiresAt"]
    assert {item["field"] for item in flag["warnings"]} == {"owner", "expires"}
    assert (await world.get("/flags/payments_v2")).json() == {**flag, "warnings": []}
    # What comes back can be sent again, and changes nothing.
    again = await put(world, "payments_v2", flag["declaration"])
    assert (again.status_code, again.json()["version"]) == (200, 1)
    taken = await world.post("/flags", PAYMENTS)
    assert taken.status_code == 409


async def test_every_mistake_is_told_with_its_place(world: Any) -> None:
    body = {"feature": "x", "rules": [{"if": "market ==", "rollout": 0.5}, {"if": "segment('no')"}], "nonsense": 1}
    refused = await world.post("/flags", body)
    assert refused.status_code == 422
    assert [item["field"] for item in refused.json()["problems"]] == ["nonsense"]
    del body["nonsense"]
    refused = await world.post("/flags", body)
    assert refused.status_code == 422, refused.text
    fields = [item["field"] for item in refused.json()["problems"]]
    assert "rules[0].if" in fields
    assert "column" in refused.json()["problems"][0]["message"]
    assert (await world.get("/flags")).json()["items"] == []


@pytest.mark.parametrize("expires", ["tomorrow", 7, "2027-13-01", "2027-01-01T00:00:00"])
async def test_expiries_that_are_none(world: Any, expires: Any) -> None:
    refused = await world.post("/flags", {"feature": "x", "expires": expires})
    assert refused.status_code == 422
    assert refused.json()["problems"][0]["field"] == "expires"
    assert (await world.post("/flags", {"feature": "x", "expires": "2027-01-01", "expires_at": 1})).status_code == 422


async def test_a_day_counts_whole(world: Any) -> None:
    flag = (await world.post("/flags", {"feature": "x", "expires": "2030-01-31"})).json()
    assert flag["expiresAt"] == "2030-02-01T00:00:00.000Z"
    assert flag["declaration"]["expires"] == "2030-02-01T00:00:00.000Z"


async def test_nobody_overwrites_what_they_have_not_seen(world: Any) -> None:
    await world.post("/flags", PAYMENTS)
    changed = {**PAYMENTS, "description": "new"}
    assert (await put(world, "payments_v2", changed, if_match='"9"')).status_code == 412
    done = await put(world, "payments_v2", changed, if_match='"1"')
    assert (done.status_code, done.headers["etag"]) == (200, '"2"')
    other = await put(world, "payments_v2", {**PAYMENTS, "feature": "other"})
    assert other.status_code == 422
    gone = await world.client.delete("/api/v1/flags/payments_v2", headers={**world.auth(), "if-match": '"1"'})
    assert gone.status_code == 412
    gone = await world.client.delete("/api/v1/flags/payments_v2", headers={**world.auth(), "if-match": '"2"'})
    assert (gone.status_code, gone.json()["standing"]) == (200, "archived")
    assert (await world.get("/flags")).json()["items"] == []
    assert [flag["key"] for flag in (await world.get("/flags?state=archived")).json()["items"]] == ["payments_v2"]
    assert (await put(world, "payments_v2", {"rules": []})).json()["standing"] == "live"


async def test_a_kill_and_its_way_back(world: Any) -> None:
    await world.post("/flags", PAYMENTS)
    assert (await world.post("/flags/payments_v2/kill", {})).status_code == 422
    assert (await world.post("/flags/payments_v2/kill", {"reason": " "})).status_code == 422
    killed = await world.post("/flags/payments_v2/kill", {"reason": "errors"}, role=Role.OPERATOR)
    assert killed.status_code in (200, 202), killed.text
    shown = await world.until("/flags/payments_v2", lambda flag: flag["recorded"])
    assert shown["standing"] == "killed"
    assert (shown["killed"]["actor"], shown["killed"]["reason"]) == ("operator", "errors")
    # A declaration does not undo it.
    assert (await put(world, "payments_v2", {**PAYMENTS, "description": "new"})).json()["standing"] == "killed"
    back = await world.post("/flags/payments_v2/restore", {"reason": "mended"})
    assert (back.status_code, back.json()["standing"]) == (200, "live")
    assert (await world.post("/flags/none/kill", {"reason": "x"})).status_code == 404
    items = (await world.get("/flags/payments_v2/history")).json()["items"]
    assert [item["type"] for item in items] == ["flag_restored", "flag_declared", "flag_killed", "flag_declared"]
    assert items[1]["changes"] == ["description: nothing -> new"]
    assert items[2]["changes"] == ["killed: errors"]
    assert (items[2]["actor"], items[2]["reason"]) == ("operator", "errors")
    page = (await world.get("/flags/payments_v2/history?limit=1")).json()
    rest = (await world.get("/flags/payments_v2/history", params={"cursor": page["next"]})).json()
    assert [*page["items"], *rest["items"]] == items


async def test_the_same_key_gets_the_same_answer(world: Any) -> None:
    headers = {"Idempotency-Key": "k"}
    first = await world.post("/flags", PAYMENTS, headers=headers)
    again = await world.post("/flags", PAYMENTS, headers=headers)
    assert (again.status_code, again.json(), again.headers["etag"]) == (201, first.json(), '"1"')
    assert again.headers["idempotent-replayed"] == "true"
    assert (await world.post("/flags", {"feature": "other"}, headers=headers)).status_code == 422


class Silent:
    """A store whose commits say nothing, or fail."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.trouble: Transient | asyncio.Event | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def commit(self, change: Any) -> Any:
        if isinstance(self.trouble, Transient):
            raise self.trouble
        if self.trouble is not None:
            await self.trouble.wait()
        return await self.inner.commit(change)


@pytest.mark.parametrize("fails", [True, False], ids=["fails", "hangs"])
@pytest.mark.usefixtures("impatient")
async def test_a_kill_without_the_store(settings: Any, opened: Any, fails: bool) -> None:
    stores: list[Silent] = []

    def wrap(ports: Any) -> Any:
        stores.append(Silent(ports.store))
        return replace(ports, store=stores[0])

    async with opened(settings, wrap) as world:
        await world.post("/flags", PAYMENTS)
        stores[0].trouble = Transient("gone") if fails else asyncio.Event()
        headers = {"Idempotency-Key": "k"}
        async with asyncio.timeout(120):
            killed = await world.post("/flags/payments_v2/kill", {"reason": "errors"}, headers=headers)
        assert killed.status_code == 202, killed.text
        assert (killed.json()["standing"], killed.json()["recorded"]) == ("killed", False)
        assert "etag" not in killed.headers
        assert '"fixed":"off"' in world.context.flags.book.snapshot("production").lines["payments_v2"]
        again = await world.post("/flags/payments_v2/kill", {"reason": "errors"}, headers=headers)
        assert again.status_code == 202
        if isinstance(stores[0].trouble, asyncio.Event):
            stores[0].trouble.set()
        stores[0].trouble = None
        await world.until("/flags/payments_v2", lambda flag: flag["recorded"])
        done = await world.post("/flags/payments_v2/kill", {"reason": "errors"}, headers=headers)
        assert (done.status_code, done.json()["recorded"]) == (200, True)
        told = (await world.get("/flags/payments_v2/history")).json()["items"]
        first = killed.json()["killed"]["at"]
        assert [item["at"] for item in told if item["type"] == "flag_killed"].count(first) == 1
        assert (await world.get("/journal/verify")).json()["ok"]


async def test_several_flags_are_taken_or_none(world: Any) -> None:
    flags = [PAYMENTS, {"feature": "new_lobby", "type": "ops"}]
    tried = await world.post("/flags/apply", {"flags": flags, "dryRun": True})
    assert tried.status_code == 200, tried.text
    assert [item["effect"] for item in tried.json()["flags"]] == ["created", "created"]
    assert (await world.get("/flags")).json()["items"] == []
    done = (await world.post("/flags/apply", {"flags": flags, "reason": "from Git"})).json()
    assert (done["version"], done["dryRun"]) == (1, False)
    assert {item["field"] for item in done["warnings"]} == {"flags[0].owner", "flags[0].expires"}
    again = (await world.post("/flags/apply", {"flags": flags})).json()
    assert [item["effect"] for item in again["flags"]] == ["unchanged", "unchanged"]
    wrong = [*flags, {"feature": "bad", "rules": [{"if": "1 +"}]}, {"feature": "!"}]
    refused = await world.post("/flags/apply", {"flags": wrong})
    assert refused.status_code == 422
    assert [item["field"] for item in refused.json()["problems"]] == ["flags[3].feature"]
    refused = await world.post("/flags/apply", {"flags": wrong[:3]})
    assert refused.json()["problems"][0]["field"] == "flags[2].rules[0].if"


async def test_listing(world: Any) -> None:
    flags = [
        {"feature": "a_pay", "type": "ops", "tags": ["psp"], "description": "Provider One"},
        {"feature": "b_lobby", "enabled": False},
        {"feature": "c_pay", "kill_switch": True},
    ]
    assert (await world.post("/flags/apply", {"flags": flags})).status_code == 200

    async def keys(query: str) -> list[str]:
        return [flag["key"] for flag in (await world.get(f"/flags?{query}")).json()["items"]]

    assert await keys("") == ["a_pay", "b_lobby", "c_pay"]
    assert await keys("q=PAY") == ["a_pay", "c_pay"]
    assert await keys("q=provider") == ["a_pay"]
    assert await keys("type=ops") == ["a_pay"]
    assert await keys("tag=psp") == ["a_pay"]
    assert await keys("state=killed") == ["c_pay"]
    assert await keys("state=disabled") == ["b_lobby"]
    first = (await world.get("/flags?limit=2")).json()
    assert first["next"] == "b_lobby"
    assert await keys(f"limit=2&cursor={first['next']}") == ["c_pay"]


async def test_a_renewed_flag_is_shown_and_sent_back_with_its_new_end(world: Any) -> None:
    declared = {"feature": "x", "owner": "me", "expires": "2020-01-01"}
    assert (await world.post("/flags", declared)).json()["warnings"][0]["field"] == "expires"
    await world.post("/flags/x/renew", {"expires": "2031-01-31"})
    shown = (await world.get("/flags/x")).json()["declaration"]
    assert shown["expires"] == "2031-02-01T00:00:00.000Z"

    async def put(body: Any) -> Any:
        headers = world.auth(Role.ADMIN)
        return (await world.client.put("/api/v1/flags/x", json=body, headers=headers)).json()

    same = await put(shown)
    assert (same["declaration"], same["warnings"]) == (shown, [])
    assert [item["type"] for item in (await world.get("/flags/x/history")).json()["items"]].count("flag_declared") == 1
    for sent in ({**shown, "description": "d"}, {**declared, "description": "e"}):  # as shown, and from an old file
        edited = await put(sent)
        assert (edited["warnings"], edited["expiresAt"]) == ([], "2031-02-01T00:00:00.000Z")


async def test_what_is_written_twice_is_refused_with_its_place(world: Any) -> None:
    """Which of the two was meant nobody knows; the last one would win without a word."""
    headers = {**world.auth(), "content-type": "application/json"}
    body = b'{"feature": "x", "rules": [{"rollout": 0.05, "rollout": 1.0}]}'
    for method, path, content, field in (
        ("POST", "/flags", body, "rules[0].rollout"),
        ("PUT", "/flags/x", body, "rules[0].rollout"),
        ("POST", "/flags/apply", b'{"flags": [' + body + b"]}" + b" " * 70_000, "flags[0].rules[0].rollout"),
        ("POST", "/apply", b'{"documents": [' + body + b"]}", "documents[0].rules[0].rollout"),
    ):
        refused = await world.client.request(method, f"/api/v1{path}", content=content, headers=headers)
        assert (refused.status_code, [item["field"] for item in refused.json()["problems"]]) == (422, [field])
    assert (await world.get("/flags")).json()["items"] == []


async def test_renewing(world: Any) -> None:
    await world.post("/flags", {"feature": "x", "expires": "2030-01-31"})
    renewed = await world.post("/flags/x/renew", {"expires": "2031-01-31", "reason": "still ramping"})
    assert (renewed.status_code, renewed.json()["expiresAt"]) == (200, "2031-02-01T00:00:00.000Z")
    assert (await world.post("/flags/x/renew", {"expires": "2001-01-31"})).status_code == 422
    assert (await world.post("/flags/x/renew", {"expires": "soon"})).status_code == 422
    # In no calendar: were it recorded, no list could show this flag, nor any other beside it.
    never = await world.post("/flags/x/renew", {"expires": "9999-12-31T23:59:59-12:00"})
    assert (never.status_code, (await world.get("/flags")).status_code) == (422, 200)


async def test_what_is_stale_is_listed(world: Any) -> None:
    clock = world.context.ports.clock
    soon = clock.now() + 0.3
    await world.post("/flags", {"feature": "x", "expires": moment(soon), "owner": "ann"})
    found = await world.until("/stale-flags", lambda page: bool(page["items"]))
    assert (found["items"][0]["key"], found["items"][0]["owner"]) == ("x", "ann")
    assert found["items"][0]["why"] == "expired"


async def test_every_key_can_be_a_flags(world: Any) -> None:
    """No address below the flags means anything else."""
    for key in ("stale", "apply", "history", "kill", "presets"):
        assert (await world.post("/flags", {"feature": key, "type": "ops"})).status_code == 201
        assert (await world.get(f"/flags/{key}")).json()["key"] == key
        assert (await world.post(f"/flags/{key}/kill", {"reason": "x"})).json()["standing"] == "killed"


async def test_very_many_flags_come_at_once(world: Any) -> None:
    """More than other bodies may hold, from those who may declare flags; others are refused before they are heard."""
    flags = [{"feature": f"f{number}", "type": "ops", "description": "x" * 1_000} for number in range(1_500)]
    done = await world.post("/flags/apply", {"flags": flags})
    assert (done.status_code, len(done.json()["flags"])) == (200, 1_500)
    again = await world.post("/flags/apply", {"flags": flags}, role=Role.OPERATOR)
    assert {item["effect"] for item in again.json()["flags"]} == {"unchanged"}
    assert (await world.post("/flags/apply", {"flags": flags}, role=Role.VIEWER)).status_code == 413
    assert (await world.post("/apply", {"documents": flags})).status_code == 413
    wrong = await world.post("/flags/apply", {"flags": [*flags, {"feature": "?"}]})
    assert wrong.json()["problems"][0]["field"].startswith("flags[1500]"), wrong.text


async def test_viewers_read_and_applications_do_not(world: Any) -> None:
    await world.post("/flags", PAYMENTS)
    assert (await world.get("/flags/payments_v2", Role.VIEWER)).status_code == 200
    assert (await world.post("/flags/payments_v2/kill", {"reason": "x"}, role=Role.VIEWER)).status_code == 403
    assert (await world.get("/flags/payments_v2", Role.CLIENT)).status_code == 403
    assert json.loads((await world.get("/flags/none")).text)["detail"] == "There is no flag 'none'."
