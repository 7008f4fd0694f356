"""Several services on the command line: how they are named, and shown side by side."""

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
