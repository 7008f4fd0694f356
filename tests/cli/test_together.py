"""Several services on the command line: how they are named, and shown side by side."""

from typing import Any

import pytest
from rich.console import Console

from croupier.cli.together import side_by_side, versions
from croupier.errors import Rejected


def test_one_service_or_several() -> None:
    assert versions(["wallet", "2.0.0"]) is None
    several = versions(["wallet=2.0.0", "payments=3.1.0", "lobby=1.0.0"])
    assert several == {"wallet": "2.0.0", "payments": "3.1.0", "lobby": "1.0.0"}


@pytest.mark.parametrize(
    "words, said",
    [
        (["wallet=2.0.0", "3.1.0"], "'3.1.0' is no SERVICE=VERSION."),
        (["wallet", "2.0.0", "payments=3.1.0"], "'wallet' is no SERVICE=VERSION."),
        (["wallet=", "payments=3.1.0"], "'wallet=' is no SERVICE=VERSION."),
        (["wallet=1", "wallet=2"], "wallet is named twice."),
    ],
)
def test_what_is_neither(words: list[str], said: str) -> None:
    with pytest.raises(Rejected) as refused:
        versions(words)
    assert refused.value.message == said


def test_members_stand_in_the_order_of_moving_up() -> None:
    def member(service: str, confirmed: float | None) -> dict[str, object]:
        return {
            "rollout": f"{service}-2",
            "version": "2.0.0",
            "phase": "progressing",
            "weight": 20.0,
            "confirmedWeight": confirmed,
            "exposure": "20 %",
            "waitingFor": "",
        }

    console = Console(width=120, record=True)
    console.print(side_by_side([member("wallet", 20.0), member("cashier", None)], "cashier-2"))
    lines = console.export_text().splitlines()
    assert [line.split()[0] for line in lines[1:3]] == ["wallet-2", "▸"]
    assert "not confirmed yet" in lines[2]


TILL = """
apiVersion: croupier/v1
kind: Service
metadata: {name: till}
spec: {routes: [{prefix: /till}], process: {command: [till, "{port}"]}}
---
apiVersion: croupier/v1
kind: Rollout
metadata: {name: till}
spec: {service: till, profile: generic}
---
apiVersion: croupier/v1
kind: Rollout
metadata: {name: both}
spec:
  services: [shop, till]
  strategy: {canary: {analysis: {templates: [{templateName: ok}]}, steps: [{setWeight: 100}, {pause: {}}]}}
---
apiVersion: croupier/v1
kind: Release
spec: {service: till, version: 1.0.0}
---
apiVersion: croupier/v1
kind: Release
spec: {service: till, version: 1.1.0}
"""


def test_a_start_tells_of_all_that_begin_and_in_what_each_is_less_careful(shop: Any, cli: Any) -> None:
    assert cli("apply", cli.write("till.yaml", TILL)).code == 0
    assert cli("rollout", "start", "till", "1.0.0", "--strategy", "till").code == 0
    shop.until("till-1", lambda rollout: rollout["phase"] == "succeeded")
    started = cli("rollout", "start", "shop=1.1.0", "till=1.1.0", "--strategy", "both")
    assert started.code == 0, started.err
    assert "shop-2 is paused at 0 %: waiting for an approval" in started.out
    _, _, till = started.out.partition("till-2 is paused at 0 %: waiting for an approval")
    assert "less careful than its profile: more than 1 % of the players after 0 s" in till
    assert "They move as one: what is asked of one of them is asked of all." in till
    assert cli("rollout", "abort", "till-2", "--reason", "enough").code == 0
