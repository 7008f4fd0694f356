"""Flags in code: where they are named, which can go, and which are asked for but do not exist."""

from pathlib import Path
from typing import Any

import pytest

CODE = """
if flags.is_enabled("payments_v2", user=user):
    return client.get_boolean_value("old_checkout", False)
settings = {"name": "casino"}
colour = flags.value('colour', 'blue')
"""

VIP = {"apiVersion": "croupier/v1", "kind": "Segment", "metadata": {"name": "vip"}, "spec": {"match": {"tier": "gold"}}}


@pytest.fixture
def code(cli: Any) -> Path:
    cli.write("code/pages/lobby.ts", "const on = await client.getBooleanValue(\n  `payments_v2`, false)\n")
    cli.write("code/.git/index", "'payments_v2'")
    path: Path = cli.write("code/app.py", CODE).parent
    return path


def test_where_flags_are_named(flags: Any, cli: Any, code: Path) -> None:
    flags.post("apply", documents=[VIP, {"feature": "gone", "type": "ops", "rules": [{"if": "segment('vip')"}]}])
    assert cli("flag", "archive", "gone").code == 0  # neither it nor its segment is a flag to be found
    found = cli("flag", "refs", code)
    assert (found.code, found.heading) == (0, ["FLAG", "STATUS", "PLACE", "CODE"])
    assert found.rows == [
        ["payments_v2", "used", f"{code}/app.py:2", 'if flags.is_enabled("payments_v2", user=user):'],
        ["old_checkout", "unknown", f"{code}/app.py:3", 'return client.get_boolean_value("old_checkout", False)'],
        ["colour", "unknown", f"{code}/app.py:5", "colour = flags.value('colour', 'blue')"],
        ["payments_v2", "used", f"{code}/pages/lobby.ts:2", "`payments_v2`, false)"],
        ["new_lobby", "unused", "-", "-"],
        ["psp_x", "unused", "-", "-"],
    ]
    assert "2 flags without a reference, ready to be removed: croupier flag archive FLAG" in found.err
    assert "asked for, but not there: colour, old_checkout" in found.err


def test_a_build_can_fail_where_a_flag_is_unknown(flags: Any, cli: Any, code: Path) -> None:
    assert cli("flag", "refs", code, "--check").code == 5
    assert cli("flag", "refs", code / "pages", "--check").code == 0


def test_one_flag(cli: Any, code: Path) -> None:
    found = cli("flag", "refs", code, "--flag", "payments_v2", "--exclude", "*.ts")
    assert (found.code, [row[2] for row in found.rows]) == (0, [f"{code}/app.py:2"])
    told = cli("flag", "refs", code, "--flag", "psp_x", "--json").json
    assert told == {"references": [], "unused": ["psp_x"], "unknown": [], "files": 2}


def test_a_flag_that_there_is_not(flags: Any, cli: Any, code: Path) -> None:
    refused = cli("flag", "refs", code, "--flag", "nope")
    assert (refused.code, refused.out, "There is no flag 'nope'." in refused.err) == (3, "", True)
    assert cli("flag", "archive", "payments_v2").code == 0
    assert len(cli("flag", "refs", code, "--flag", "payments_v2").rows) == 2
    declared = cli.write("flags.yaml", '{"feature": "colour"}')
    assert cli("flag", "refs", code, "--flag", "colour", "--file", declared).code == 0
    assert cli("flag", "refs", code, "--flag", "payments_v2", "--file", declared).code == 3


def test_flags_out_of_files(cli: Any, code: Path) -> None:
    declared = cli.write("flags.yaml", '{"feature": "colour"}\n---\n{"feature": "unused"}\n')
    found = cli("flag", "refs", code, "--file", declared, "--json").json
    assert (found["unused"], found["unknown"]) == (["unused"], ["old_checkout", "payments_v2"])


def test_as_json(flags: Any, cli: Any, code: Path) -> None:
    told = cli("flag", "refs", code, "--json").json
    assert told["references"][0] == {
        "key": "payments_v2",
        "file": f"{code}/app.py",
        "line": 2,
        "column": 22,
        "text": 'if flags.is_enabled("payments_v2", user=user):',
        "known": True,
    }
    assert (told["unused"], told["unknown"]) == (["new_lobby", "psp_x"], ["colour", "old_checkout"])


def test_files_too_large_are_told(cli: Any, code: Path) -> None:
    large = cli.write("code/data.json", "x" * (1024 * 1024 + 1))
    assert f"left out, larger than 1 MiB: {large}" in cli("flag", "refs", code, "--flag", "f").err


def test_code_that_is_not_there(cli: Any) -> None:
    refused = cli("flag", "refs", "nowhere", "--flag", "f")
    assert (refused.code, "There is no nowhere." in refused.err) == (5, True)
