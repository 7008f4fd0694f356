"""Handing files to the control plane: what changed, all or nothing, and what is wrong before anything is sent."""

import json
from pathlib import Path
from typing import Any

import pytest

from croupier.cli import apply


def test_what_is_applied_is_said_line_by_line(plane: Any, cli: Any, files: Path) -> None:
    tried = cli("apply", files.parent, "--dry-run")
    assert (tried.code, tried.err) == (0, "dry run: nothing was changed\n")
    assert tried.heading == ["KIND", "NAME", "EFFECT"]
    assert tried.rows[0] == ["Service", "shop", "created"]
    assert plane.get("journal/head")["size"] == 1  # the first token
    done = cli("apply", files, "--reason", "go", "--json")
    assert [item["effect"] for item in done.json["applied"]] == ["created"] * 5
    assert {item["reason"] for item in plane.get("journal")["items"][1:]} == {"go"}
    again = cli("apply", files)
    assert {row[2] for row in again.rows} == {"unchanged"}


def test_files_with_mistakes_are_not_sent(plane: Any, cli: Any, files: Path) -> None:
    files.write_text(files.read_text(encoding="utf-8").replace("setWeight: 20", "setWeight: 101"), encoding="utf-8")
    refused = cli("apply", files)
    assert (refused.code, refused.out) == (5, "")
    assert f"{files}:" in refused.err
    assert "spec.strategy.canary.steps[0].setWeight:" in refused.err
    assert "1 mistake; nothing was changed." in refused.err
    assert plane.get("journal/head")["size"] == 1


def test_what_only_the_server_knows_names_the_document_and_the_field(plane: Any, cli: Any, files: Path) -> None:
    text = files.read_text(encoding="utf-8").split("\n---\n")
    alone = cli.write("rollout.yaml", text[2])  # its service and gate were never applied
    refused = cli("apply", alone)
    assert (refused.code, refused.out) == (5, "")
    assert "Rollout/shop" in refused.err
    assert "spec.service" in refused.err


def test_a_release_with_other_content(shop: Any, cli: Any) -> None:
    text = "apiVersion: croupier/v1\nkind: Release\nspec: {service: shop, version: 1.1.0, notes: x}\n"
    changed = text.replace("notes: x", 'process: {env: {A: "b"}}')
    refused = cli("release", "add", cli.write("other.yaml", changed))
    assert (refused.code, refused.out) == (4, "")
    assert "exists with other content" in refused.err
    assert "hint: Releases never change" in refused.err


def test_files_without_documents(plane: Any, cli: Any, files: Path) -> None:
    empty = cli("apply", cli.write("empty.yaml", "# nothing\n"))
    assert empty.code == 5
    no_release = cli.write("segment.yaml", files.read_text(encoding="utf-8").split("\n---\n")[1])
    refused = cli("release", "add", no_release)
    assert (refused.code, refused.out) == (5, "")
    assert "There is no Release in these files." in refused.err


def test_a_path_that_is_not_there(plane: Any, cli: Any) -> None:
    assert cli("apply", "nowhere.yaml").code == 5
    assert cli("apply").code == 2
    assert cli("release", "add", "nowhere.yaml").code == 2


def test_as_many_documents_as_validate_can_be_applied(plane: Any, cli: Any) -> None:
    one = "apiVersion: croupier/v1\nkind: Segment\nmetadata: {{name: s{}}}\nspec: {{match: {{market: DE}}}}\n"
    for number in range(2):
        cli.write(f"many/{number}.yaml", "---\n".join(one.format(number * 500 + each) for each in range(500)))
    assert cli("validate", cli.folder / "many").code == 0
    assert len(cli("apply", cli.folder / "many", "--json").json["applied"]) == 1_000
    cli.write("many/2.yaml", one.format("x"))
    for verb in ("validate", "apply"):
        found = cli(verb, cli.folder / "many")
        assert (found.code, found.out) == (5, "")
        assert "many/2.yaml error there are more than 1000 documents" in found.err


def test_very_many_flags_are_applied_together_or_not_at_all(plane: Any, cli: Any) -> None:
    flags = [{"feature": f"f{number}", "rules": [{"rollout": 0.5}]} for number in range(1_001)]
    path = cli.write("flags/bulk.json", json.dumps(flags))
    tried = cli("apply", path, "--dry-run")
    assert (tried.code, tried.rows[-1]) == (0, ["Flag", "f1000", "created"])
    assert plane.get("flags", limit=1)["items"] == []
    done = cli("apply", path, "-r", "moved", "--json")
    assert (len(done.json["applied"]), done.json["applied"][0]["effect"]) == (1_001, "created")
    assert plane.get("flags/f1000")["version"] == 1
    assert plane.get("flags/f1000/history")["items"][-1]["reason"] == "moved"
    cli.write(
        "flags/vip.yaml", "apiVersion: croupier/v1\nkind: Segment\nmetadata: {name: vip}\nspec: {match: {market: DE}}\n"
    )
    mixed = cli("apply", path.parent)
    assert (mixed.code, mixed.out) == (5, "")
    assert "There are 1,002 documents; 1,000 are taken at a time." in mixed.err


def test_of_many_flags_nobody_is_told_who_gains(plane: Any, cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """To try them takes as long as to declare them."""
    monkeypatch.setattr(apply, "_MANY", 1)
    path = cli.write("two.json", json.dumps([{"feature": name, "rules": [{"rollout": 0.5}]} for name in "ab"]))
    done = cli("apply", path)
    assert [row[2] for row in done.rows] == ["created", "created"]
    assert "who gains and who loses is not said of so many" in done.err
    assert "of 4000 players" not in done.err


def test_json_of_others_among_the_files_is_passed_over(plane: Any, cli: Any, files: Path) -> None:
    cli.write("shop/package.json", "{}")
    done = cli("apply", files.parent)
    assert (done.code, "passed over, not Croupier's:" in done.err) == (0, True)


def test_who_gains_and_who_loses_by_flags_is_said(plane: Any, cli: Any) -> None:
    path = cli.write("flags.yaml", '{"feature": "f", "rules": [{"rollout": 0.25}]}\n---\n{"feature": "g"}\n')
    tried = cli("apply", path, "--dry-run")
    assert (tried.code, tried.rows) == (0, [["Flag", "f", "created"], ["Flag", "g", "created"]])
    said = tried.err.splitlines()
    first, second, last = (line for line in said if not line.startswith("warning: "))
    assert any(": no owner is named, so it is admin." in line for line in said), "what is filled in is said"
    assert first.startswith("f: of ")
    assert " get on" in first
    assert " get off" in first
    assert second.startswith("g: of ")
    assert last == "dry run: nothing was changed"
    assert cli("apply", path, "-r", "go").code == 0
    path.write_text(path.read_text(encoding="utf-8").replace("0.25", "0.1"), encoding="utf-8")
    done = cli("apply", path, "--json")
    assert [item["effect"] for item in done.json["applied"]] == ["updated", "unchanged"]
    (seen,) = done.json["previews"]
    assert (seen["key"], seen["gain"]) == ("f", 0)
    assert 0 < seen["lose"] < seen["players"] / 4


def test_of_many_flags_only_some_are_previewed(plane: Any, cli: Any) -> None:
    path = cli.write("flags.yaml", "---\n".join(f'{{"feature": "f{n}", "type": "ops"}}\n' for n in range(25)))
    done = cli("apply", path, "--json")
    assert (len(done.json["applied"]), len(done.json["previews"])) == (25, 20)
    assert done.err == "25 flags change; who gains and who loses is said of 20.\n"


def test_what_flags_say_but_rarely_mean_is_told(plane: Any, cli: Any) -> None:
    path = cli.write("warny.json", '{"feature": "warny", "rules": [{"if": "market > 3"}]}')
    told = f"{path}:1:39 warning rules[0].if: column 8: market is a string, 3 is a number: > can never be decided.\n"
    checked = cli("validate", path)
    assert (checked.code, checked.out, checked.err) == (0, "✓ 1 document, no mistakes, 1 warning.\n", told)
    done = cli("apply", path)
    assert (done.code, done.err.startswith(told)) == (0, True)
