"""What was applied, looked at and taken out again."""

from typing import Any

import pytest

from croupier.cli.service import in_progress

SEGMENT = "apiVersion: croupier/v1\nkind: Segment\nmetadata: {name: north}\nspec: {match: {market: [SE, NO]}}\n"
SPARE = """apiVersion: croupier/v1
kind: Service
metadata: {name: spare}
spec:
  routes: [{prefix: /spare}]
  process: {command: [spare, "{port}"], env: {API_KEY: s3cret}}
"""


def test_everything_that_was_applied(shop: Any, cli: Any) -> None:
    assert cli("apply", cli.write("north.yaml", SEGMENT)).code == 0
    listed = cli("document", "list")
    assert [row[:2] for row in listed.rows] == [
        ["Gate", "ok"],
        ["Rollout", "shop"],
        ["Segment", "north"],
        ["Service", "shop"],
    ]
    assert cli("document", "list", "segments").rows == [["north", "market is SE or NO"]]
    assert cli("segment", "list").rows == [["north", "market is SE or NO"]]
    assert [row[0] for row in cli("gate", "list").rows] == ["ok"]
    assert [each["name"] for each in cli("document", "list", "--json").json] == ["ok", "shop", "north", "shop"]
    nothing = cli("document", "list", "calendar")
    assert (nothing.rows, nothing.err) == ([], "No Calendar was applied yet. Apply one: croupier apply FILE\n")
    wrong = cli("document", "list", "gat")
    assert (wrong.code, "There is no kind 'gat'" in wrong.err) == (5, True)


def test_one_of_them_and_who_uses_it(shop: Any, cli: Any) -> None:
    assert cli("apply", cli.write("north.yaml", SEGMENT)).code == 0
    shown = cli("gate", "show", "ok")
    assert "kind: Gate" in shown.out
    assert shown.err == "In use: the Rollout shop names it.\n"
    assert "kind: Segment" in cli("segment", "show", "north").out
    assert cli("document", "show", "rollout", "shop", "--json").json["usedBy"] == []
    assert cli("segment", "show", "south").code == 3


def test_what_serves_each_service(canary: Any, cli: Any) -> None:
    (row,) = cli("service", "list").rows
    assert row[:2] == ["shop", "1.0.0"]
    assert row[2].startswith("shop-2 paused at 20 %")
    shown = cli("service", "show", "shop")
    assert "stable   1.0.0\nrollout  shop-2 paused at 20 %\nserved   " in shown.out
    assert "kind: Service" in shown.out
    assert "In use: 1.0.0 of it serves players." in shown.err
    assert cli("service", "show", "shop", "--json").json["heldBy"] == "shop-2"
    assert [each["name"] for each in cli("service", "list", "--json").json] == ["shop"]
    assert cli("service", "show", "cart").err.startswith("error: There is no service 'cart'.")


def test_nothing_was_applied_yet(plane: Any, cli: Any) -> None:
    found = cli("service", "list")
    assert (found.rows, found.err) == ([], "No service was applied yet. Apply one: croupier apply FILE\n")


def test_what_was_applied_by_mistake_is_taken_out(shop: Any, cli: Any) -> None:
    path = cli.write("spare.yaml", SPARE)
    assert cli("apply", path).code == 0
    assert cli("delete", "service", "spare").err.startswith("error: To take something out needs a reason.")
    gone = cli("delete", "service", "spare", "--reason", "a slip")
    assert gone.code == 0, gone.err
    assert ("name: spare" in gone.out, "s3cret" in gone.out) == (True, False)
    assert gone.err.endswith("Service spare was taken out.\n")
    assert "Values that may be secrets are not shown" in gone.err
    assert cli("delete", "service", "spare", "-r", "again").code == 3
    assert [row[0] for row in cli("service", "list").rows] == ["shop"]
    newest = shop.get("journal", newest=True, limit=1)["items"][0]
    assert (newest["action"], newest["subject"], newest["reason"]) == ("delete", "document/Service/spare", "a slip")
    assert cli("apply", path).rows == [["Service", "spare", "created"]]
    told = cli("delete", "Service", "spare", "-r", "a slip", "--json").json
    assert told["document"]["metadata"] == {"name": "spare"}


@pytest.mark.parametrize(
    "kind, name, why",
    [
        ("service", "shop", "Service shop is in use: 1.0.0 of it serves players; the Rollout shop names it."),
        ("gate", "ok", "Gate ok is in use: the Rollout shop names it."),
        ("flag", "x", "Take it away from applications instead: croupier flag archive KEY."),
        ("segment", "x", "A Segment is not taken out."),
    ],
)
def test_what_is_used_or_stays_says_why(shop: Any, cli: Any, kind: str, name: str, why: str) -> None:
    refused = cli("delete", kind, name, "-r", "a slip")
    assert refused.code != 0
    assert why in refused.err


def test_a_service_that_waits_for_its_turn_to_be_taken_back_says_so() -> None:
    """Nothing begins in it meanwhile, though no rollout of it is in progress."""
    service = {"rollout": None, "heldBy": "payments-2"}
    assert in_progress(service) == "payments-2 waits for its turn to be taken back"
    assert in_progress(service | {"heldBy": None}) == ""
