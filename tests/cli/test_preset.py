"""Presets: prepared by one person, approved by another, made at once, and undone exactly."""

import json
from typing import Any

import pytest

OFF = {
    "name": "x-off",
    "description": "Provider X is down",
    "changes": [{"flag": "psp_x", "kill": True}, {"flag": "lobby", "environment": "staging", "enabled": False}],
}
DOCUMENT = """
apiVersion: croupier/v1
kind: Preset
metadata: {name: lobby-off}
spec: {changes: [{flag: lobby, enabled: false}]}
"""


@pytest.fixture
def prepared(plane: Any, cli: Any) -> Any:
    """``x-off``, written by the admin; ``ana`` is the token of somebody else."""
    plane.post(
        "flags/apply", flags=[{"feature": "psp_x", "type": "ops", "default": "on"}, {"feature": "lobby", "type": "ops"}]
    )
    done = cli("preset", "put", cli.write("x-off.json", json.dumps(OFF)), "-r", "be ready")
    assert done.code == 0, done.err
    assert done.out.startswith("x-off is not approved  Provider X is down\ndigest    sha256:")
    plane.ana = plane.post("tokens", name="ana", role="operator")["token"]
    return plane


@pytest.fixture
def approved(prepared: Any, cli: Any) -> Any:
    digest = prepared.get("presets/x-off")["digest"]
    done = cli("--token", prepared.ana, "preset", "approve", "x-off", "--digest", digest)
    assert (done.code, "x-off is approved" in done.out, "by ana" in done.out) == (0, True, True)
    return prepared


def test_no_presets_yet(plane: Any, cli: Any) -> None:
    assert cli("preset", "list").err == "No presets yet. Prepare one: croupier preset put FILE\n"
    unknown = cli("preset", "show", "other")
    assert (unknown.code, "See: croupier preset list" in unknown.err) == (3, True)


def test_presets_and_what_they_change(prepared: Any, cli: Any) -> None:
    assert cli("preset", "put", cli.write("lobby.yaml", DOCUMENT)).code == 0
    found = cli("preset", "list")
    assert found.rows == [
        ["lobby-off", "not approved", "1", "admin", "-"],
        ["x-off", "not approved", "2", "admin", "Provider X is down"],
    ]
    assert [item["name"] for item in cli("preset", "list", "--json").json] == ["lobby-off", "x-off"]
    shown = cli("preset", "show", "x-off")
    assert shown.out.splitlines()[-2:] == ["  psp_x: kill", '  lobby in staging: {"enabled": false}']
    seen = cli("preset", "preview", "x-off")
    assert seen.heading == ["FLAG", "CHANGES"]
    assert seen.rows == [["psp_x", "killed"], ["lobby", "staging: disabled"]]
    assert seen.err == "nothing was changed\n"
    assert cli("preset", "preview", "x-off", "--json").json["undo"] is False


def test_only_what_somebody_else_looked_at_is_made(prepared: Any, cli: Any) -> None:
    refused = cli("preset", "apply", "x-off")
    assert (refused.code, refused.out) == (5, "")
    own = cli("preset", "approve", "x-off", "--digest", prepared.get("presets/x-off")["digest"])
    assert (own.code, "somebody else must approve it" in own.err) == (5, True)
    unseen = cli("--token", prepared.ana, "preset", "approve", "x-off")
    assert (unseen.code, "add --digest sha256:" in unseen.err) == (5, True)
    stale = cli("--token", prepared.ana, "preset", "approve", "x-off", "--digest", "sha256:0")
    assert stale.code == 4


def test_a_person_is_shown_what_is_approved(prepared: Any, cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda _: False)
    no = cli("--token", prepared.ana, "preset", "approve", "x-off")
    assert (no.code, "psp_x\tkilled" in no.out) == (1, True)
    monkeypatch.setattr("typer.confirm", lambda _: True)
    assert cli("--token", prepared.ana, "preset", "approve", "x-off", "--json").code == 5  # nobody looks at that
    assert "x-off is approved" in cli("--token", prepared.ana, "preset", "approve", "x-off").out


def test_made_at_once_and_undone_exactly(approved: Any, cli: Any) -> None:
    before = [approved.get(f"flags/{key}")["declaration"] for key in ("psp_x", "lobby")]
    done = cli("preset", "apply", "x-off", "-r", "X is down")
    assert (done.code, done.out.startswith("x-off is in force; 2 flags changed under version ")) == (0, True)
    assert done.out.endswith(": psp_x, lobby\n")
    assert approved.get("flags/psp_x")["standing"] == "killed"
    assert "in force  " in cli("preset", "show", "x-off").out
    seen = cli("preset", "preview", "x-off")
    assert (seen.rows[0], seen.err) == (["psp_x", "restored"], "this is what undoing it changes\n")
    undone = cli("preset", "undo", "x-off", "--json")
    assert (undone.code, sorted(undone.json["flags"])) == (0, ["lobby", "psp_x"])
    assert [approved.get(f"flags/{key}")["declaration"] for key in ("psp_x", "lobby")] == before
    assert approved.get("flags/psp_x")["standing"] == "live"


def test_a_person_s_kill_stands_beside_the_preset_s(approved: Any, cli: Any) -> None:
    assert cli("preset", "apply", "x-off", "-r", "X is down").code == 0
    assert cli("flag", "kill", "psp_x", "-r", "charges twice", "--wait", "0").code == 0
    kills = [line for line in cli("flag", "show", "psp_x").out.splitlines() if line.startswith("killed    ")]
    assert [line.partition(" by ")[2] for line in kills] == ["admin: charges twice", "admin: preset x-off: X is down"]
    restored = cli("flag", "restore", "psp_x")
    assert "psp_x is killed" in restored.out
    assert "warning: killed: the flag stays killed, by admin: preset x-off: X is down." in restored.err
    assert cli("flag", "kill", "psp_x", "-r", "charges twice", "--wait", "0").code == 0
    assert cli("preset", "preview", "x-off").rows[0] == ["psp_x", "stays killed by admin: charges twice"]
    undone = cli("preset", "undo", "x-off")
    assert (undone.code, undone.err) == (0, "warning: psp_x stays killed by admin: charges twice.\n")
    told = [row[1:5:3] for row in cli("flag", "history", "psp_x").rows]
    assert told[1] == ["flag_killed", "killed: preset x-off: X is down; by preset x-off"]
    assert told[-1] == [
        "flag_restored",
        "the preset's kill is undone; stays killed by admin: charges twice; by undoing preset x-off",
    ]
    assert approved.get("flags/psp_x")["standing"] == "killed"


def test_what_is_in_force_is_told_apart_from_what_is_prepared(approved: Any, cli: Any) -> None:
    digest = approved.get("presets/x-off")["digest"]
    assert cli("preset", "apply", "x-off").code == 0
    assert "another content" not in cli("preset", "show", "x-off").out
    assert cli("preset", "put", cli.write("x.json", json.dumps({**OFF, "description": "new"}))).code == 0
    shown = cli("preset", "show", "x-off").out
    assert f"with another content, {digest}; the one above is not approved" in " ".join(shown.split())


def test_files_that_are_no_preset(plane: Any, cli: Any) -> None:
    for text, said in (
        ('{"changes": []}', "A name is empty."),
        ('{"feature": "f"}', "holds 0 presets; it takes one."),
        (f"{DOCUMENT}---{DOCUMENT.replace('lobby-off', 'other')}", "holds 2 presets; it takes one."),
        (DOCUMENT.replace("changes", "change"), "mistake"),
        (DOCUMENT, "there is no flag 'lobby'"),
    ):
        refused = cli("preset", "put", cli.write("preset.yaml", text))
        assert (refused.code, refused.out) == (5, ""), text
        assert said in refused.err
    assert cli("preset", "put", "nowhere.json").code == 5
