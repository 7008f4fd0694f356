"""One segment over HTTP: held by a person or by its own gate while the others go on, and released."""

from dataclasses import dataclass
from typing import Any

import pytest
from tests.server.conftest import document, release, shop

from croupier.control.ports import Query
from croupier.core.gates import Counts, RatioSli, Reading
from croupier.errors import Transient
from croupier.server.auth import Role

pytestmark = pytest.mark.parametrize(
    "settings", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)


def by_segment(**swedish: Any) -> list[dict[str, Any]]:
    """A shop whose rollout begins in Sweden."""
    steps = [
        {"setSegment": {"segment": "se", "weight": 100, **swedish}},
        {"pause": {}},
        {"setWeight": 50},
        {"pause": {}},
    ]
    canary = {"analysis": {"templates": [{"templateName": "ok"}]}, "steps": steps}
    service = {
        "routes": [{"prefix": "/shop"}],
        "process": {"command": ["shop", "{port}"]},
        "attributes": {"market": "x-market"},
    }
    return [
        document("Service", "shop", service),
        shop()[1],
        document("Segment", "se", {"match": {"market": ["SE"]}}),
        document("Rollout", "shop", {"service": "shop", "strategy": {"canary": canary}}),
        release("1.0.0"),
        release("1.1.0"),
    ]


async def begun(world: Any, **swedish: Any) -> Any:
    assert (await world.post("/apply", {"documents": by_segment(**swedish)})).status_code == 200
    found: Any = None
    for version, number in (("1.0.0", 1), ("1.1.0", 2)):
        answer = await world.post("/rollouts", {"service": "shop", "version": version})
        assert answer.status_code == 201, answer.text
        found = await world.until(f"/rollouts/shop-{number}", lambda each: not each["active"] or each["hold"] == "step")
    return found


def content(rollout: Any) -> bool:
    """Whether every gate has passed on what is served now, or has nobody to look at."""
    return rollout["confirmedWeight"] is not None and (bool(rollout["held"]) or not rollout["open"])


async def served(world: Any) -> list[Any]:
    found: list[Any] = (await world.get("/services")).json()["items"][0]["served"]
    return found


async def test_a_person_holds_and_releases_a_market(world: Any) -> None:
    await begun(world)
    held = await world.post("/rollouts/shop-2/hold", {"match": {"market": ["SE"]}, "reason": "a bad translation"})
    assert held.status_code == 200, held.text
    [shown] = held.json()["held"]
    assert shown["segment"] == "se", "the segment that the steps name so"
    assert shown["text"] == "se held on 1.0.0 by a person: a bad translation"
    assert held.json()["segments"] == [{"segment": "se", "weight": 100.0, "held": True}]
    assert held.json()["waitingFor"].endswith("; se is held on 1.0.0")
    again = await world.post("/rollouts/shop-2/hold", {"segment": "se", "reason": "once more"})
    assert again.json()["version"] == held.json()["version"], "it is so already"
    await world.until("/rollouts/shop-2", lambda rollout: rollout["confirmedWeight"] is not None)
    nobody_else_had_it = [{"segment": None, "weights": [{"version": "1.0.0", "weight": 100.0}]}]
    assert await served(world) == nobody_else_had_it
    await world.until("/rollouts/shop-2", content)
    back = await world.post("/rollouts/shop-2/release", {"segment": "se", "reason": "mended"})
    assert (back.status_code, back.json()["held"]) == (200, [])
    items = (await world.get("/rollouts/shop-2/history")).json()["items"]
    told = [(item["type"], item["actor"], item["reason"]) for item in items if "segment" in item["type"]]
    assert told == [
        ("segment_held", "admin", "a bad translation"),
        ("segment_released", "admin", "mended"),
    ]
    assert (await world.get("/rollouts/shop-2/replay")).json()["actionMistakes"] == []


@pytest.mark.parametrize(
    "verb, body, status, said",
    [
        ("hold", {"segment": "se"}, 422, "Holding a segment needs a reason."),
        ("hold", {"segment": "se", "reason": ""}, 422, "Holding a segment needs a reason."),
        ("hold", {"segment": "se", "reason": " "}, 200, ""),
        ("hold", {"reason": "x"}, 422, "Say whom: exactly one of segment and match."),
        (
            "hold",
            {"segment": "se", "match": {"market": ["SE"]}, "reason": "x"},
            422,
            "exactly one of segment and match",
        ),
        ("hold", {"segment": "dk", "reason": "x"}, 422, "There is no segment 'dk'. There are: se."),
        ("hold", {"match": {"brand": ["a"]}, "reason": "x"}, 422, "asks for 'brand', which no header of shop carries."),
        ("hold", {"match": {"market": ["a\nb"]}, "reason": "x"}, 422, "can be in no request"),
        ("hold", {"match": {"market": []}, "reason": "x"}, 422, "match"),
        ("release", {"segment": "se"}, 422, "se is not held in shop-2: no segment is held."),
    ],
)
async def test_what_cannot_be_done(world: Any, verb: str, body: Any, status: int, said: str) -> None:
    await begun(world)
    answer = await world.post(f"/rollouts/shop-2/{verb}", body)
    assert answer.status_code == status, answer.text
    assert said in answer.text


async def test_who_only_looks_holds_nobody(world: Any) -> None:
    await begun(world)
    answer = await world.post("/rollouts/shop-2/hold", {"segment": "se", "reason": "x"}, role=Role.VIEWER)
    assert answer.status_code == 403


async def test_while_the_store_is_away_players_are_taken_away_all_the_same(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await begun(world)

    async def away(*_: Any, **__: Any) -> Any:
        raise Transient("the database does not answer.")

    with monkeypatch.context() as broken:
        broken.setattr(world.store, "rollout", away)
        broken.setattr(world.store, "commit", away)
        answer = await world.post("/rollouts/shop-2/hold", {"segment": "se", "reason": "harm"})
        assert (answer.status_code, answer.json()["recorded"]) == (202, False)
        assert answer.json()["held"][0]["reason"] == "harm"
        unknown = await world.post("/rollouts/shop-2/hold", {"segment": "dk", "reason": "harm"})
        assert unknown.status_code == 422
        assert (await world.post("/rollouts/shop-2/release", {"segment": "se"})).status_code == 503
    found = await world.until("/rollouts/shop-2", lambda rollout: rollout["held"])
    assert found["held"][0]["text"] == "se held on 1.0.0 by a person: harm"


@dataclass
class Swedish:
    """Counts of Sweden alone, where a gate asks for them."""

    world: Any
    bad: int

    async def read(self, query: Query) -> Any:
        only = isinstance(query.sli, RatioSli) and ("market", ("SE",)) in query.sli.total
        canary = Counts(1_000 - self.bad, 1_000) if only else Counts(10_000 - self.bad, 10_000)
        return Reading(query.since, query.until, {(): canary}, {(): Counts(1_000, 1_000)})


async def test_a_segments_own_gate_takes_it_back_alone(world: Any) -> None:
    started = await begun(world, guards=["ok"], onFail="hold")
    assert [gate["name"] for gate in started["gates"]] == ["ok", "ok@se"]
    assert (started["gates"][1]["segment"], started["gates"][1]["onFail"]) == ("se", "hold")
    world.counters.read = Swedish(world, 50).read
    found = await world.until("/rollouts/shop-2", lambda rollout: rollout["held"])
    assert found["held"][0]["gate"] == "ok@se"
    assert found["phase"] in ("progressing", "paused")
    explained = await world.get("/rollouts/shop-2/gates/ok@se/explanation")
    assert explained.status_code == 200, explained.text
    replayed = (await world.get("/rollouts/shop-2/replay")).json()
    assert (replayed["actions"], replayed["mistakes"], replayed["actionMistakes"]) == (1, [], [])
