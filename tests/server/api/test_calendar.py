"""The freeze calendar over HTTP: what is coming, iCal both ways, and rollouts that wait."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.server.conftest import document

from croupier.server.auth import Role

pytestmark = pytest.mark.parametrize(
    "settings", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)


def at(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M")


def freeze(name: str = "final", begins: float = -1, ends: float = 1, **more: Any) -> dict[str, Any]:
    return {"name": name, "from": at(begins), "to": at(ends), **more}


async def declare(world: Any, *freezes: dict[str, Any], name: str = "sports", **more: Any) -> None:
    answer = await world.post("/apply", {"documents": [document("Calendar", name, {"freezes": [*freezes], **more})]})
    assert answer.status_code == 200, answer.text


async def test_a_rollout_waits_and_a_person_overrides_it(world: Any) -> None:
    await world.declare()
    await world.post("/rollouts", {"service": "shop", "version": "1.0.0"})
    await world.until("/rollouts/shop-1", lambda rollout: rollout["phase"] == "succeeded")
    await declare(world, freeze(why="the final"))
    refused = await world.post("/rollouts", {"service": "shop", "version": "1.1.0", "wait": False})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:croupier:problem:conflict")
    assert "would have to wait: frozen by sports/final until" in refused.json()["detail"]
    assert "It is free from" in refused.json()["hint"]
    await world.post("/rollouts", {"service": "shop", "version": "1.1.0"})
    waits = await world.until("/rollouts/shop-2", lambda rollout: rollout["frozen"])
    assert [each["id"] for each in waits["frozen"]] == ["sports/final"]
    assert waits["waitingFor"].startswith("frozen by sports/final until")
    no_reason = await world.post("/rollouts/shop-2/override", {"freeze": "final"})
    assert (no_reason.status_code, no_reason.json()["detail"]) == (422, "Overriding a freeze needs a reason.")
    unknown = await world.post("/rollouts/shop-2/override", {"freeze": "cup", "reason": "x"})
    assert "Closed now: 'sports/final'" in unknown.json()["hint"]
    assert (
        await world.post("/rollouts/shop-2/override", {"freeze": "final", "reason": "x"}, role=Role.VIEWER)
    ).status_code == 403
    done = await world.post("/rollouts/shop-2/override", {"freeze": "final", "reason": "it is over early"})
    assert done.status_code == 200, done.text
    await world.until("/rollouts/shop-2", lambda rollout: rollout["weight"] == 20)
    history = (await world.get("/rollouts/shop-2/history")).json()["items"]
    [item] = [each for each in history if each["type"] == "freeze_overridden"]
    assert (item["reason"], "overrode sports/final until" in item["text"]) == ("it is over early", True)


async def test_the_next_weeks(world: Any) -> None:
    await world.declare()
    nightly = freeze("nightly", 1, 2, repeat="FREQ=DAILY;COUNT=3", scope={"markets": ["SE"]})
    await declare(world, freeze(), nightly, description="sport")
    found = (await world.get("/calendar?weeks=1")).json()
    assert [(each["name"], each["now"]) for each in found["times"]] == [("final", True), *[("nightly", False)] * 3]
    assert found["times"][0]["why"] == "sport"
    assert found["times"][1]["scope"] == {"services": [], "match": {"market": ["SE"]}, "environments": []}
    assert (await world.get("/calendar?weeks=0")).status_code == 422


async def test_ical_goes_in_and_out(world: Any) -> None:
    await world.declare()
    text = "\r\n".join(
        ("BEGIN:VCALENDAR", "BEGIN:VEVENT", "UID:a", "SUMMARY:Derby", f"DTSTART:{stamp(-1)}", f"DTEND:{stamp(1)}",
         "END:VEVENT", "BEGIN:VTODO", "UID:b", "END:VTODO", "END:VCALENDAR", "")
    )  # fmt: skip
    tried = await world.post("/calendars/matches/import", {"ical": text, "as": "freeze", "dryRun": True})
    assert [line["fate"] for line in tried.json()["lines"]] == ["added", "left out"]
    assert (await world.get("/documents?kind=Calendar")).json()["items"] == []
    taken = await world.post("/calendars/matches/import", {"ical": text, "as": "freeze", "markets": ["SE"]})
    assert (taken.status_code, taken.json()["changed"]) == (200, True), taken.text
    again = await world.post("/calendars/matches/import", {"ical": text, "as": "freeze"})
    assert again.json()["changed"] is False
    out = await world.get("/calendar.ics")
    assert out.headers["content-type"].startswith("text/calendar")
    assert "SUMMARY:Derby" in out.text
    assert 'X-CROUPIER-SCOPE:{"match": {"market": ["SE"]}}' in out.text
    assert (await world.post("/calendars/matches/import", {"ical": "hello"})).status_code == 422
    bad = await world.post("/calendars/No%20Name/import", {"ical": text, "as": "freeze"})
    assert bad.status_code == 422


def stamp(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).strftime("%Y%m%dT%H%M%SZ")
