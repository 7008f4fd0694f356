"""Open rounds, and those that an abort moved, from the command line."""

from typing import Any

import pytest

SERVICE = {
    "apiVersion": "croupier/v1",
    "kind": "Service",
    "metadata": {"name": "shop"},
    "spec": {
        "routes": [{"prefix": "/shop"}],
        "process": {"command": ["shop", "{port}"]},
        "affinity": {"header": "x-round-id"},
    },
}


@pytest.fixture
def games(shop: Any, cli: Any) -> Any:
    """A rollout at 20 %, of a service whose rounds end where they began."""
    shop.post("apply", documents=[SERVICE])
    assert cli("rollout", "start", "shop", "1.1.0").code == 0
    shop.until("shop-2", lambda rollout: rollout["hold"] == "step")
    return shop


def opened(games: Any, *ids: str) -> None:
    rounds = [{"id": id_, "player": "anna"} for id_ in ids]
    games.post("services/shop/pins", client="games-1", version="1.1.0", opened=rounds)


def test_open_rounds_are_shown_and_how_long_they_have(games: Any, cli: Any) -> None:
    assert "No round of shop is open." in cli("rollout", "pins", "shop-2").err
    opened(games, "r-1@1.1.0", "r-2@1.1.0")
    shown = cli("rollout", "pins", "shop-2")
    assert "2 rounds of shop open on 1.1.0" in shown.out
    assert "r-1@1.1.0" in shown.out
    assert cli("rollout", "pins", "shop-2", "--limit", "1", "--json").json["rounds"][0]["id"] == "r-1@1.1.0"
    assert "--limit shows more" in cli("rollout", "pins", "shop-2", "--limit", "1").err


def test_rounds_that_an_abort_moved_are_listed(games: Any, cli: Any) -> None:
    assert "It moved no round" in cli("rollout", "pins", "shop-2", "--moved").err
    opened(games, "r-1@1.1.0")
    assert cli("rollout", "abort", "shop-2", "--now", "--reason", "wrong paytable").code == 0
    games.until("shop-2", lambda rollout: rollout["phase"] == "aborted")
    assert "1 open round of 1.1.0 went on elsewhere" in cli("rollout", "status", "shop-2").out
    moved = cli("rollout", "pins", "shop-2", "--moved")
    assert "r-1@1.1.0" in moved.out
    assert "wrong paytable" in moved.out
    assert "1 open round of 1.1.0 went on elsewhere: wrong paytable" in cli("rollout", "history", "shop-2").out


def test_rounds_that_drain_say_until_when(games: Any, cli: Any) -> None:
    opened(games, "r-1@1.1.0")
    assert cli("rollout", "abort", "shop-2", "--reason", "enough").code == 0
    games.until("shop-2", lambda rollout: any(each["drains"] for each in rollout["openRounds"]))
    assert "which was left: it runs until they end, at the latest" in cli("rollout", "pins", "shop-2").out
    assert "1 open round on 1.1.0, until" in cli("rollout", "status", "shop-2").out


def test_a_service_without_affinity_says_what_to_write(shop: Any, cli: Any) -> None:
    said = cli("rollout", "pins", "shop-1")
    assert said.code != 0
    assert "affinity: {header: x-round-id}" in said.err
