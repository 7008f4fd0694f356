"""Services report rounds; people look at those that are open, and at those that were moved."""

from typing import Any

import pytest
from tests.server.conftest import document, release, shop

from croupier.control.ports import Token
from croupier.server.auth import Role, mint

ROUNDS = "/services/shop/pins"


@pytest.fixture
async def games(world: Any) -> Any:
    """Like ``world.declare``; its rounds end where they began."""
    spec = {"routes": [{"prefix": "/shop"}], "process": {"command": ["shop", "{port}"]}}
    documents = [document("Service", "shop", {**spec, "affinity": {"header": "x-round-id"}}), *shop()[1:]]
    bare = document("Service", "bare", {**spec, "routes": [{"prefix": "/bare"}]})
    answer = await world.post("/apply", {"documents": [*documents, bare, release("1.2.0")]})
    assert answer.status_code == 200, answer.text
    await world.post("/rollouts", {"service": "shop", "version": "1.0.0"})
    await world.until("/rollouts/shop-1", lambda rollout: rollout["phase"] == "succeeded")
    return world


def said(opened: str = "", closed: str = "", **more: Any) -> dict[str, Any]:
    return {
        "client": "games-1",
        "version": "1.1.0",
        "opened": [{"id": f"{id_}@1.1.0", "player": "anna", "age": 0.2} for id_ in opened.split()],
        "closed": [{"id": f"{id_}@1.1.0"} for id_ in closed.split()],
        **more,
    }


async def test_rounds_are_reported_listed_and_counted(games: Any) -> None:
    await games.roll_out()
    answer = await games.post(ROUNDS, said("r1 r2"), Role.REPORTER)
    assert answer.status_code == 200, answer.text
    assert answer.json()["now"] > 0
    listed = (await games.get(ROUNDS, Role.VIEWER)).json()["items"]
    assert [(item["id"], item["version"], item["player"], item["movedBy"]) for item in listed] == [
        ("r1@1.1.0", "1.1.0", "anna", None),
        ("r2@1.1.0", "1.1.0", "anna", None),
    ]
    (counted,) = (await games.get(f"{ROUNDS}/versions", Role.VIEWER)).json()
    assert (counted["version"], counted["open"], counted["drains"]) == ("1.1.0", 2, False)
    shown = await games.until("/rollouts/shop-2", lambda rollout: rollout["openRounds"])
    assert shown["openRounds"][0]["open"] == 2
    await games.post(ROUNDS, said(closed="r1 r2"), Role.REPORTER)
    assert (await games.get(ROUNDS)).json()["items"] == []


async def test_an_abort_lets_rounds_end_unless_it_is_at_once(games: Any) -> None:
    await games.roll_out()
    await games.post(ROUNDS, said("r1"))
    await games.post("/rollouts/shop-2/abort", {"reason": "enough"})
    shown = await games.until("/rollouts/shop-2", lambda rollout: rollout["phase"] == "aborted")
    assert shown["moved"] == []
    shown = await games.until("/rollouts/shop-2", lambda rollout: any(v["drains"] for v in rollout["openRounds"]))
    await games.roll_out("1.2.0")
    await games.post(ROUNDS, said(version="1.2.0") | {"opened": [{"id": "q1@1.2.0"}]})
    answer = await games.post("/rollouts/shop-3/abort", {"reason": "wrong paytable", "now": True})
    assert answer.status_code == 200, answer.text
    shown = await games.until("/rollouts/shop-3", lambda rollout: rollout["phase"] == "aborted")
    (moved,) = shown["moved"]
    assert (moved["version"], moved["count"], moved["ids"]) == ("1.2.0", 1, ["q1@1.2.0"])
    listed = (await games.get(ROUNDS, params={"rollout": "shop-3"})).json()["items"]
    assert [(item["id"], item["movedBy"], item["why"]) for item in listed] == [("q1@1.2.0", "shop-3", "wrong paytable")]
    assert [item["id"] for item in (await games.get(ROUNDS)).json()["items"]] == ["r1@1.1.0"]


async def test_what_cannot_be_is_refused_with_what_to_do(games: Any) -> None:
    for path, body, status, text in (
        ("/services/nothing/pins", said("r1"), 404, "There is no service"),
        ("/services/bare/pins", said("r1"), 404, "affinity: {header: x-round-id}"),
        (ROUNDS, said() | {"opened": [{"kind": "order", "id": "o"}]}, 422, "Its kinds: round"),
        (ROUNDS, said() | {"opened": [{"id": "a b"}]}, 422, "opened"),
        (ROUNDS, said(client=""), 422, "client"),
        (ROUNDS, said() | {"format": 2}, 422, "format"),
    ):
        answer = await games.post(path, body)
        assert (answer.status_code, text in answer.text) == (status, True), answer.text
    token, text = mint("lobby", Role.REPORTER, 1.0, services=("lobby",))
    await games.admit(Token(token.id, token.name, token.role, token.sha256, 1.0))
    answer = await games.client.post(f"/api/v1{ROUNDS}", json=said("r1"), headers={"Authorization": f"Bearer {text}"})
    assert answer.status_code == 403
    assert "--role reporter --service shop" in answer.text
    assert (await games.get("/services/bare/pins")).status_code == 404
