"""Copies and comparisons from the command line."""

from typing import Any

from croupier.cli.shadow import _show

STEPS = [{"shadow": {"share": 25, "for": "1h", "paths": ["/shop/*"], "compare": {"sample": 5}}}, {"pause": {}}]
ROLLOUT = {
    "apiVersion": "croupier/v1",
    "kind": "Rollout",
    "metadata": {"name": "shop"},
    "spec": {"service": "shop", "strategy": {"canary": {"steps": STEPS}}},
}


def test_what_is_copied_is_said(shop: Any, cli: Any) -> None:
    assert "Nothing is copied to the canary now" in cli("rollout", "shadow", "shop-1").err
    shop.post("apply", documents=[ROLLOUT])
    assert cli("rollout", "start", "shop", "1.1.0").code == 0
    shop.until("shop-2", lambda rollout: rollout["step"] == 0)
    shown = cli("rollout", "shadow", "shop-2")
    assert "25 % of GET|HEAD /shop/… copied to the canary." in shown.out
    assert "No answers were compared" in shown.err
    assert cli("rollout", "shadow", "shop-2", "--json").json["copies"]


def test_differences_are_a_table(capsys: Any) -> None:
    _show(
        {
            "step": 0,
            "text": "3 of 1,200 answers differ (0.25 %), in 1 field",
            "recorded": False,
            "noisy": 7,
            "skipped": {"a stream": 2},
            "differences": [
                {"path": "/shop/{id}", "field": "$.price", "count": 3, "share": 0.0025, "examples": [["10", "12"]]},
                {"path": "/shop/{id}", "field": "$.token", "count": 1, "share": 0.0008, "examples": []},
            ],
        }
    )
    said = capsys.readouterr().out
    assert "Step 1: 3 of 1,200 answers differ (0.25 %), in 1 field up to now." in said
    assert "2 not compared: a stream." in said
    assert "$.price" in said
    assert "0.25 %" in said
