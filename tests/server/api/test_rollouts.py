"""Rollouts over HTTP, from the start to the end, on the real store and the real loop."""

import asyncio
from typing import Any

import pytest
from tests.server.conftest import document, shop

from croupier.core.gates import Counts

pytestmark = pytest.mark.parametrize(
    "settings", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)


async def test_who_owes_an_answer_is_named_where_the_rollout_waits_for_it(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("croupier.control.under_way.ANSWER_PATIENCE_S", 0.01)
    await world.declare()
    await world.roll_out()
    await world.until("/rollouts/shop-2", lambda rollout: rollout["gates"][0]["verdict"] == "pass")
    read, over = world.counters.read, asyncio.Event()

    async def hang(query: Any) -> Any:
        await over.wait()
        return await read(query)

    world.counters.read = hang
    owed = "; gate ok passed before, and the next answer of its metric source (embedded) is overdue"
    found = await world.until("/rollouts/shop-2", lambda rollout: "overdue" in rollout["waitingFor"])
    assert found["waitingFor"].endswith(owed)
    assert (await world.get("/rollouts")).json()["items"][0]["waitingFor"] == found["waitingFor"]
    assert (await world.get("/services")).json()["items"][0]["rollout"]["waitingFor"] == found["waitingFor"]
    over.set()
    await world.until("/rollouts/shop-2", lambda rollout: "overdue" not in rollout["waitingFor"])


async def test_a_release_goes_to_everybody(world: Any) -> None:
    await world.declare()
    at_first = await world.roll_out()
    assert at_first["weight"] == at_first["confirmedWeight"] == 20
    assert at_first["steps"][0]["state"] == "done"
    assert at_first["steps"][1]["state"] == "current"
    assert at_first["waitingFor"].startswith("waiting for a person at 20 %")

    services = (await world.get("/services")).json()["items"]
    assert services[0]["served"][0]["weights"] == [
        {"version": "1.1.0", "weight": 20.0},
        {"version": "1.0.0", "weight": 80.0},
    ]
    assert services[0]["rollout"]["id"] == "shop-2"

    await world.until("/rollouts/shop-2", lambda rollout: rollout["gates"][0]["verdict"] == "pass")
    promoted = await world.post("/rollouts/shop-2/promote", {"reason": "fine"})
    assert promoted.status_code == 200, promoted.text
    done = await world.until("/rollouts/shop-2", lambda rollout: rollout["phase"] == "succeeded")
    assert done["waitingFor"].startswith("done: 1.1.0 serves everybody; 1.0.0 is kept for ")
    assert {step["state"] for step in done["steps"]} == {"done"}

    history = (await world.get("/rollouts/shop-2/history")).json()["items"]
    assert [item["type"] for item in history][:3] == ["created", "step_started", "weight_confirmed"]
    assert [item["reason"] for item in history if item["actor"] == "admin"] == ["", "fine"]
    assert all(item["text"] for item in history)

    samples = (await world.get("/rollouts/shop-2/samples")).json()
    points = samples["gates"][0]["series"][0]["points"]
    assert points[0]["total"] == 1_000
    later = (await world.get("/rollouts/shop-2/samples", params={"since": "2999-01-01T00:00:00Z"})).json()
    assert later["gates"][0]["series"] == []
    assert (await world.get("/journal/verify")).json()["ok"]


async def test_employees_first_then_a_market_then_everybody(world: Any) -> None:
    await world.declare()
    steps = [
        {"setSegment": {"segment": "staff", "weight": 100}},
        {"pause": {}},
        {"setSegment": {"match": {"market": ["SE"]}, "weight": 10}},
        {"pause": {}},
        {"setWeight": 1},
        {"pause": {}},
    ]
    documents = [
        document("Segment", "staff", {"match": {"employee": ["yes"]}}),
        document("Rollout", "shop", {"service": "shop", "strategy": {"canary": {"steps": steps}}}),
    ]
    service = next(each for each in shop() if each["kind"] == "Service")
    service["spec"]["attributes"] = {"employee": "x-employee", "market": "x-market"}
    assert (await world.post("/apply", {"documents": [service, *documents]})).status_code == 200
    first = await world.roll_out()
    assert first["steps"][0] == {**first["steps"][0], "kind": "setSegment", "segment": "staff", "weight": 100}
    assert (first["weight"], first["confirmedWeight"], first["exposure"]) == (0, 0, "100 % of staff")
    assert first["segments"] == [{"segment": "staff", "weight": 100, "held": False}]
    assert first["waitingFor"] == "waiting for a person at 100 % of staff: promote it to go on"
    exposures = []
    for step in (3, 5):
        await world.post("/rollouts/shop-2/promote", {"reason": "fine"})
        found = await world.until(
            "/rollouts/shop-2", lambda rollout, step=step: rollout["step"] == step and rollout["hold"] == "step"
        )
        exposures.append(found["exposure"])
    assert exposures == [
        "100 % of staff, 10 % of market=SE",
        "100 % of staff, 10 % of market=SE, 1 % of everybody else",
    ]
    served = (await world.get("/services")).json()["items"][0]["served"]
    assert [(share["segment"], share["weights"][0]["weight"]) for share in served] == [
        ("staff", 100),
        ("market=SE", 10),
        (None, 1),
    ]
    history = (await world.get("/rollouts/shop-2/history")).json()["items"]
    told = [item["text"] for item in history if item["type"] == "weight_confirmed"]
    assert told[0] == "the data plane serves 100 % of staff from the canary"
    await world.post("/rollouts/shop-2/promote", {"reason": "fine"})
    done = await world.until("/rollouts/shop-2", lambda rollout: rollout["phase"] == "succeeded")
    assert done["segments"] == []
    assert (await world.get("/journal/verify")).json()["ok"]


async def test_a_bad_release_comes_back(world: Any) -> None:
    await world.declare()
    world.counters.canary = Counts(500, 1_000)
    await world.post("/rollouts", {"service": "shop", "version": "1.1.0"})
    ended = await world.until("/rollouts/shop-2", lambda rollout: rollout["phase"] == "aborted")
    assert ended["abort"]["cause"] == "gate"
    assert ended["abort"]["gate"] == "ok"
    assert ended["abort"]["harmSince"] <= ended["abort"]["at"] <= ended["abort"]["zeroAt"]
    assert ended["gates"][0]["verdict"] == "fail"
    assert ended["gates"][0]["findings"][0]["canary"] == {"good": 500, "total": 1_000}
    assert (await world.edge.served())["shop"].weight_of("1.1.0") == 0


async def test_pause_resume_abort_retry(world: Any) -> None:
    await world.declare()
    await world.roll_out()
    assert (await world.post("/rollouts/shop-2/pause")).json()["phase"] == "paused"
    aborted = await world.post("/rollouts/shop-2/abort", {"reason": "enough"})
    assert aborted.status_code == 200
    assert aborted.json()["recorded"] is True
    assert aborted.json()["abort"]["reason"] == "enough"
    ended = await world.until("/rollouts/shop-2", lambda rollout: rollout["phase"] == "aborted")
    assert [step["state"] for step in ended["steps"]][:2] == ["done", "stopped"]
    assert (await world.post("/rollouts/shop-2/abort")).status_code == 200  # it is so already
    retried = await world.post("/rollouts/shop-2/retry", {"reason": "mended"})
    assert retried.json()["attempt"] == 2
    await world.until("/rollouts/shop-2", lambda rollout: rollout["hold"] == "step" and rollout["gates"][0]["verdict"])
    resumed = await world.post("/rollouts/shop-2/resume")
    assert resumed.status_code == 200, resumed.text


async def test_the_newer_release_takes_over(world: Any) -> None:
    await world.declare()
    await world.post("/releases", {"service": "shop", "version": "1.2.0"})
    await world.roll_out()
    started = await world.post("/rollouts", {"service": "shop", "version": "1.2.0"})
    assert started.status_code == 201
    assert started.headers["location"] == "/api/v1/rollouts/shop-3"
    superseded = (await world.get("/rollouts/shop-2")).json()
    assert superseded["supersededBy"] == "shop-3"
    assert superseded["waitingFor"] == "superseded by shop-3"


async def test_pages_of_rollouts(world: Any) -> None:
    await world.declare()
    await world.roll_out()
    first = (await world.get("/rollouts", params={"limit": 1})).json()
    assert [item["id"] for item in first["items"]] == ["shop-2"]
    second = (await world.get("/rollouts", params={"limit": 1, "cursor": first["next"]})).json()
    assert [item["id"] for item in second["items"]] == ["shop-1"]
    assert second["next"] is None
    ended = await world.get("/rollouts", params={"phase": ["succeeded", "aborted"]})
    assert [item["id"] for item in ended.json()["items"]] == ["shop-1"]
    page = (await world.get("/rollouts/shop-2/history", params={"limit": 1})).json()
    following = (await world.get("/rollouts/shop-2/history", params={"limit": 1, "cursor": page["next"]})).json()
    assert following["items"][0]["seq"] > page["items"][0]["seq"]
    for garbled in ("x", "-1", "\u00b2", "9" * 17):
        assert (await world.get("/rollouts/shop-2/history", params={"cursor": garbled})).status_code == 422


async def test_a_change_names_the_version_it_has_seen(world: Any) -> None:
    await world.declare()
    await world.roll_out()
    # Gates go on recording what they see, so the version is taken from a paused rollout whose gate just passed.
    await world.until("/rollouts/shop-2", lambda rollout: rollout["gates"][0]["verdict"] == "pass")
    seen = await world.get("/rollouts/shop-2")
    stale = await world.post("/rollouts/shop-2/promote", headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    assert stale.json()["type"] == "urn:croupier:problem:precondition-failed"
    assert (await world.post("/rollouts/shop-2/abort", headers={"If-Match": '"1"'})).status_code == 412
    promoted = await world.post("/rollouts/shop-2/promote", headers={"If-Match": seen.headers["etag"]})
    assert promoted.status_code == 200, promoted.text
    assert promoted.headers["etag"] == f'"{promoted.json()["version"]}"'
    garbled = await world.post("/rollouts/shop-2/promote", headers={"If-Match": "garbled"})
    assert garbled.status_code == 400


WRONG = [
    ("/rollouts", {"service": "shop", "version": "9.9.9"}, 404, "no release 9.9.9"),
    ("/rollouts", {"service": "nobody", "version": "1.0.0"}, 404, "no service 'nobody'"),
    ("/rollouts", {"service": "shop", "version": "1.1.0"}, 409, "already"),
    ("/rollouts", {"service": "shop"}, 422, "version"),
    ("/rollouts", {"service": "shop", "version": "1.1.0", "weight": 5}, 422, "weight"),
    ("/rollouts", {"service": "shop", "version": "1.2.0", "strategy": "other"}, 404, "no Rollout 'other'"),
    ("/rollouts/shop-2/promote", {"waive": ["ok"]}, 422, "reason"),
    ("/rollouts/shop-2/promote", {"waive": ["other"], "reason": "x"}, 422, "other"),
    ("/rollouts/shop-2/retry", {}, 422, "only an aborted rollout"),
    ("/rollouts/shop-1/pause", {}, 422, "is over"),
    ("/rollouts/shop-1/abort", {}, 422, "has succeeded"),
    ("/rollouts/shop-9/abort", {}, 404, "no rollout 'shop-9'"),
    ("/rollouts/shop-2/pause", {"reason": "x" * 1_001}, 422, "reason"),
    ("/rollouts/shop-2/pause", [], 422, "dictionary"),
]


async def test_what_cannot_be_done(world: Any) -> None:
    await world.declare()
    await world.post("/releases", {"service": "shop", "version": "1.2.0"})
    await world.roll_out()
    for path, body, status, says in WRONG:
        answer = await world.post(path, body)
        assert answer.status_code == status, (path, body, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert says in answer.text, (path, body, answer.text)
        assert answer.json()["instance"] == f"/api/v1{path}"
    assert (await world.get("/rollouts/shop-2")).json()["phase"] == "paused"


async def test_asking_for_the_stable_version_goes_back_to_it(world: Any) -> None:
    await world.declare()
    await world.roll_out()
    back = await world.post("/rollouts", {"service": "shop", "version": "1.0.0"})
    assert back.json()["id"] == "shop-2"
    assert back.json()["phase"] == "aborting"
    await world.until("/rollouts/shop-2", lambda rollout: rollout["phase"] == "aborted")
    again = await world.post("/rollouts", {"service": "shop", "version": "1.0.0"})
    assert again.status_code == 422
    assert "stable version" in again.json()["detail"]


async def test_many_people_at_once(world: Any) -> None:
    await world.declare()
    await world.roll_out()
    answers = await asyncio.gather(*(world.post("/rollouts/shop-2/abort", {"reason": str(i)}) for i in range(10)))
    assert {answer.status_code for answer in answers} == {200}
    history = (await world.get("/rollouts/shop-2/history")).json()["items"]
    assert [item["type"] for item in history].count("abort_started") == 1
