"""What people declare: taken in whole or not at all, every mistake at once."""

import asyncio
import json
import threading
from typing import Any

import pytest

from croupier.adapters.manifests import parse_objects
from croupier.server.api import intake
from croupier.server.auth import Role


def service(**spec: Any) -> dict[str, Any]:
    process = {"command": ["shop", "{port}"]}
    return {
        "apiVersion": "croupier/v1",
        "kind": "Service",
        "metadata": {"name": "shop"},
        "spec": {"routes": [{"prefix": "/shop"}], "process": process, **spec},
    }


def release(version: Any = "1.0.0", service: str = "shop", **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "croupier/v1", "kind": "Release", "spec": {"service": service, "version": version, **spec}}


def rollout(*steps: Any, gate: str = "ok", service: str = "shop") -> dict[str, Any]:
    canary = {"steps": list(steps), "analysis": {"templates": [{"templateName": gate}]}}
    spec = {"service": service, "strategy": {"canary": canary}}
    return {"apiVersion": "croupier/v1", "kind": "Rollout", "metadata": {"name": "shop"}, "spec": spec}


async def test_others_are_served_while_documents_are_read(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gates are tried out then, which may take seconds: an abort must come through meanwhile."""
    reading, answered = threading.Event(), threading.Event()

    def waits(*args: Any, **kwargs: Any) -> Any:
        reading.set()
        assert answered.wait(120), "nobody was served meanwhile"
        return parse_objects(*args, **kwargs)

    monkeypatch.setattr(intake, "parse_objects", waits)
    applying = asyncio.ensure_future(world.post("/apply", {"documents": [service()]}))
    async with asyncio.timeout(120):
        while not reading.is_set():
            await asyncio.sleep(0.01)
        assert (await world.get("/me")).status_code == 200
        answered.set()
        assert (await applying).status_code == 200


async def take_out(world: Any, path: str, role: Role = Role.ADMIN, **asked: Any) -> Any:
    headers = {**world.auth(role), **asked.pop("headers", {})}
    return await world.client.delete(f"/api/v1/documents/{path}", headers=headers, params={"reason": "a slip"} | asked)


def gate(name: str) -> dict[str, Any]:
    sli = {"ratio": {"metric": "m", "good": {"code": "200"}}}
    spec = {"sli": sli, "objective": {"atLeast": "99%"}}
    return {"apiVersion": "croupier/v1", "kind": "Gate", "metadata": {"name": name}, "spec": spec}


async def test_what_was_applied_by_mistake_is_taken_out(world: Any) -> None:
    await world.post("/apply", {"documents": [service(), gate("ok"), rollout({"setWeight": 5}, {"pause": {}})]})
    read = (await world.get("/documents/Gate/ok")).json()
    assert read["text"].startswith("99 % or more of m good")
    assert read["usedBy"] == ["the Rollout shop names it"]
    refused = await take_out(world, "Gate/ok")
    assert refused.status_code == 409
    assert "Gate ok is in use: the Rollout shop names it" in refused.json()["detail"]
    assert (await take_out(world, "Rollout/shop", Role.VIEWER)).status_code == 403
    assert (await take_out(world, "Rollout/shop", reason="")).status_code == 422
    assert (await take_out(world, "Rollout/shop", headers={"If-Match": '"9"'})).status_code in (409, 412)
    assert (await take_out(world, "Rollout/shop", Role.OPERATOR)).status_code == 200
    gone = await take_out(world, "Gate/ok", headers={"Idempotency-Key": "k"})
    assert (gone.status_code, gone.json()["document"]) == (200, gate("ok"))
    assert (await take_out(world, "Gate/ok", headers={"Idempotency-Key": "k"})).json() == gone.json()
    assert (await take_out(world, "Gate/ok")).status_code == 404
    entry = (await world.get("/journal", params={"newest": True, "limit": 1})).json()["items"][0]
    assert (entry["action"], entry["subject"], entry["reason"]) == ("delete", "document/Gate/ok", "a slip")
    assert (await world.get("/journal/verify")).json()["ok"]
    await world.post("/apply", {"documents": [gone.json()["document"]]})
    assert (await world.get("/documents/Gate/ok")).json()["usedBy"] == []


@pytest.mark.parametrize("kind", ["Segment", "Flag", "Release", "Preset"])
async def test_what_stays_is_refused_with_what_to_do(world: Any, kind: str) -> None:
    refused = await take_out(world, f"{kind}/x")
    assert (refused.status_code, refused.json()["detail"].startswith(f"A {kind} is not taken out")) == (422, True)


async def test_effects_and_what_is_read_back(world: Any) -> None:
    first = (await world.post("/apply", {"documents": [service(), release()], "reason": "new"})).json()
    assert [(item["name"], item["effect"]) for item in first["applied"]] == [
        ("shop", "created"),
        ("shop-1.0.0", "created"),
    ]
    changed = service(routes=[{"prefix": "/store"}])
    dry = (await world.post("/apply", {"documents": [changed], "dryRun": True})).json()
    assert dry["dryRun"] is True
    assert dry["applied"][0]["effect"] == "updated"
    read = await world.get("/documents/Service/shop")
    assert read.json()["document"] == service()
    assert read.headers["etag"] == '"1"'
    await world.post("/apply", {"documents": [changed]})
    again = (await world.post("/apply", {"documents": [changed]})).json()
    assert again["applied"][0]["effect"] == "unchanged"
    listed = (await world.get("/documents", params={"kind": "Service"})).json()["items"]
    assert [(item["kind"], item["name"], item["version"]) for item in listed] == [("Service", "shop", 2)]
    entries = (await world.get("/journal", params={"subject": "document/Service/shop"})).json()["items"]
    assert [entry["reason"] for entry in entries] == ["new", ""]


async def test_releases(world: Any) -> None:
    await world.post("/apply", {"documents": [service()]})
    added = await world.post("/releases", {"service": "shop", "version": "1.0.0", "notes": "first"})
    assert added.status_code == 201
    assert added.headers["location"] == "/api/v1/releases/shop/1.0.0"
    assert added.json()["command"] == ["shop", "{port}"]
    await world.post("/releases", {"service": "shop", "version": "1.1.0", "process": {"env": {"A": "1"}}})
    same = await world.post("/releases", {"service": "shop", "version": "1.0.0", "notes": "first"})
    assert same.status_code == 201
    other = await world.post("/releases", {"service": "shop", "version": "1.0.0", "notes": "other"})
    assert other.status_code == 409
    assert "never change" in other.json()["hint"]
    first = (await world.get("/releases", params={"limit": 1, "service": "shop"})).json()
    second = (await world.get("/releases", params={"limit": 1, "cursor": first["next"]})).json()
    assert [item["version"] for item in (*first["items"], *second["items"])] == ["1.1.0", "1.0.0"]
    assert (await world.get("/releases/shop/1.1.0")).json()["state"] == "known"
    assert (await world.get("/releases/shop/3.0.0")).status_code == 404


async def test_a_recorded_release_stays_when_its_service_changes(world: Any) -> None:
    await world.post("/apply", {"documents": [service(), release(notes="first")]})
    before = (await world.get("/releases/shop/1.0.0")).json()
    changed = service(process={"command": ["shop", "--fast", "{port}"]})
    again = (await world.post("/apply", {"documents": [changed, release(notes="first"), release("1.1.0")]})).json()
    assert [item["effect"] for item in again["applied"]] == ["updated", "unchanged", "created"]
    assert (await world.get("/releases/shop/1.0.0")).json() == before
    assert (await world.get("/releases/shop/1.1.0")).json()["command"] == ["shop", "--fast", "{port}"]


async def test_a_release_that_cannot_be_completed_says_which_one(world: Any) -> None:
    answer = await world.post("/apply", {"documents": [service(), release(process={"command": ["{prot}"]})]})
    assert answer.status_code == 422
    assert [item["document"] for item in answer.json()["problems"]] == ["documents[1] Release/shop-1.0.0"]


async def test_everything_wrong_at_once_and_nothing_applied(world: Any) -> None:
    documents = [
        service(),
        rollout({"setWeight": 101}, {"pause": {"duration": "soon"}}),
        rollout({"setWeight": 5}, gate="missing", service="nobody"),
        {"apiVersion": "croupier/v1", "kind": "Gatee"},
        release("latest"),
        release("1.0.0", service="nobody"),
    ]
    answer = await world.post("/apply", {"documents": documents})
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["type"] == "urn:croupier:problem:rejected"
    found = {(item.get("document"), item["field"]) for item in problem["problems"]}
    expected = {
        ("documents[1] Rollout/shop", "spec.strategy.canary.steps[0].setWeight"),
        ("documents[1] Rollout/shop", "spec.strategy.canary.steps[1].pause.duration"),
        ("documents[3] Gatee", "kind"),
        ("documents[4] Release/shop-latest", "spec.version"),
        ("documents[5] Release/nobody-1.0.0", "spec.service"),
    }
    assert expected <= found, found
    assert {where for where, _ in found} == {where for where, _ in expected} | {"documents[2] Rollout/shop"}
    assert all(item["message"] for item in problem["problems"])
    assert (await world.get("/documents")).json()["items"] == []
    assert {entry["action"] for entry in (await world.get("/journal")).json()["items"]} == {"create token"}


async def test_references_to_what_is_stored(world: Any) -> None:
    assert (await world.post("/apply", {"documents": [service()]})).status_code == 200
    missing = await world.post("/apply", {"documents": [rollout({"setWeight": 5})]})
    assert missing.status_code == 422
    assert "ok" in missing.text
    gate = {
        "apiVersion": "croupier/v1",
        "kind": "Gate",
        "metadata": {"name": "ok"},
        "spec": {
            "sli": {"ratio": {"metric": "m_total", "good": {"outcome": "ok"}}},
            "objective": {"atLeast": "99%"},
        },
    }
    assert (await world.post("/apply", {"documents": [gate]})).status_code == 200
    assert (await world.post("/apply", {"documents": [rollout({"setWeight": 5})]})).status_code == 200


BAD_BODIES: list[tuple[Any, int]] = [
    ({}, 422),
    ({"documents": []}, 422),
    ({"documents": "x"}, 422),
    ({"documents": [1]}, 422),
    ({"documents": [{}]}, 422),
    ({"documents": [{"apiVersion": "croupier/v9", "kind": "Service"}]}, 422),
    ({"documents": [{"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout"}]}, 422),
    ({"documents": [service()], "dryrun": True}, 422),
    ({"documents": [service()], "reason": "x" * 2_000}, 422),
    ({"documents": [service(surprise=1)]}, 422),
    ({"documents": [service()] * 501}, 422),
    ({"documents": [release("1.0")]}, 422),
    ({"documents": [release(1.0)]}, 422),
]


@pytest.mark.parametrize("body,status", BAD_BODIES)
async def test_bad_documents(world: Any, body: Any, status: int) -> None:
    answer = await world.post("/apply", body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["problems"]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"documents": [' + b"[" * 5_000 + b"]" * 5_000 + b"]}",
        b'{"documents": [{"a": ' * 2_000,
        b'{"documents": [{"apiVersion": 1e999}]}',
        b'{"documents": [{"apiVersion": NaN}]}',
        json.dumps({"documents": [{"kind": "\x00", "apiVersion": "\ud800"}]}).encode(),
    ],
)
async def test_bytes_that_are_no_request(world: Any, text: bytes) -> None:
    headers = {**world.auth(), "Content-Type": "application/json"}
    answer = await world.client.post("/api/v1/apply", content=text, headers=headers)
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_form_is_no_request(world: Any) -> None:
    """What a page elsewhere could make a browser send is refused, token or not."""
    headers = {**world.auth(), "Content-Type": "text/plain"}
    answer = await world.client.post("/api/v1/apply", content=b'{"documents": [{}]}', headers=headers)
    assert answer.status_code in (415, 422)


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "cursor=" + "x" * 501, "kind=" + "x" * 51])
async def test_bad_queries(world: Any, query: str) -> None:
    answer = await world.client.get(f"/api/v1/documents?{query}", headers=world.auth())
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["field"] == query.split("=", maxsplit=1)[0]


@pytest.mark.parametrize("path", ["/releases?cursor=garbage", "/rollouts?cursor=garbage", "/rollouts?phase=sleeping"])
async def test_cursors_that_are_not_ours(world: Any, path: str) -> None:
    assert (await world.get(path)).status_code == 422


async def test_pages_of_documents(world: Any) -> None:
    await world.declare()
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = (await world.get("/documents", params={"limit": 1, **({"cursor": cursor} if cursor else {})})).json()
        seen += [f"{item['kind']}/{item['name']}" for item in page["items"]]
        if (cursor := page["next"]) is None:
            break
    assert seen == ["Gate/ok", "Rollout/shop", "Service/shop"]


def flag(name: str = "payments_v2", **spec: Any) -> dict[str, Any]:
    spec = {"owner": "payments", "expires": "2099-01-31", **spec}
    return {"apiVersion": "croupier/v1", "kind": "Flag", "metadata": {"name": name}, "spec": spec}


async def test_flags_presets_and_their_segments_come_in_together(world: Any) -> None:
    segment = {"apiVersion": "croupier/v1", "kind": "Segment", "metadata": {"name": "vip"}}
    segment["spec"] = {"match": {"tier": ["gold"]}}
    preset = {"apiVersion": "croupier/v1", "kind": "Preset", "metadata": {"name": "safe"}}
    preset["spec"] = {"changes": [{"flag": "payments_v2", "kill": True}]}
    bare = {"feature": "new_lobby", "rules": [{"if": "market in ['DE']", "rollout": 0.25}]}
    documents = [segment, preset, bare, flag(rules=[{"if": "segment('vip')"}])]
    answered = (await world.post("/apply", {"documents": documents})).json()
    assert {(item["kind"], item["name"], item["effect"]) for item in answered["applied"]} == {
        ("Segment", "vip", "created"),
        ("Flag", "new_lobby", "created"),
        ("Flag", "payments_v2", "created"),
        ("Preset", "safe", "created"),
    }
    assert {(item["document"], item["field"]) for item in answered["warnings"]} == {
        ("documents[2] new_lobby", "owner"),
        ("documents[2] new_lobby", "expires"),
    }
    entries = (await world.get("/journal")).json()["items"]
    assert {"flag/payments_v2", "flag/new_lobby", "preset/safe"} < {entry["subject"] for entry in entries}
    again = (await world.post("/apply", {"documents": documents})).json()
    assert {item["effect"] for item in again["applied"]} == {"unchanged"}


@pytest.mark.parametrize(
    "document, field",
    [
        (flag(prerequisites=[{"flag": "x"}]), "spec.prerequisites[0].flag"),
        ({"feature": "a", "prerequisites": [{"flag": "x"}]}, "prerequisites[0].flag"),
        ({"feature": "a", "type": "permission", "expires": "2099-01-01"}, "expires"),
        (
            {
                "apiVersion": "croupier/v1",
                "kind": "Preset",
                "metadata": {"name": "safe"},
                "spec": {"changes": [{"flag": "x", "kill": True}]},
            },
            "spec.changes[0].flag",
        ),
    ],
)
async def test_what_is_wrong_with_a_flag_among_the_others_has_its_place(
    world: Any, document: dict[str, Any], field: str
) -> None:
    answer = await world.post("/apply", {"documents": [service(), document]})
    assert answer.status_code == 422
    (problem,) = answer.json()["problems"]
    assert (problem["field"], problem["document"][:12]) == (field, "documents[1]")
    assert (await world.get("/documents")).json()["items"] == []
