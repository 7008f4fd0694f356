"""Asking a flag: what it answers somebody and why, out of files as on a control plane."""

from pathlib import Path
from typing import Any

import pytest

from croupier.core.segments import bucket

PAYMENTS = """{"feature": "payments_v2", "rules": [
  {"if": "market in ['DE','SE']", "rollout": 0.25}, {"if": "brand == 'X' && user.isEmployee", "rollout": 1.0}
], "kill_switch": false}"""
LOBBY = """
apiVersion: croupier/v1
kind: Flag
metadata: {name: new_lobby}
spec:
  type: ops
  rules: [{if: "segment('vip')"}]
  environments: {staging: {rules: [], default: "on"}}
---
apiVersion: croupier/v1
kind: Segment
metadata: {name: vip}
spec: {match: {tier: gold}}
"""
INSIDE = next(f"p{n}" for n in range(1_000) if bucket("payments_v2", f"p{n}") < 2_500)
OUTSIDE = next(f"p{n}" for n in range(1_000) if bucket("payments_v2", f"p{n}") >= 2_500)


@pytest.fixture
def files(cli: Any) -> Path:
    cli.write("flags/payments.json", PAYMENTS)
    path: Path = cli.write("flags/lobby.yaml", LOBBY).parent
    return path


def test_an_answer_out_of_files(cli: Any, files: Path) -> None:
    found = cli("flag", "eval", "payments_v2", "-f", files, "-c", "market=DE", "-c", f"user={INSIDE}")
    assert (found.code, found.err) == (0, "")
    assert found.out.splitlines() == [
        "payments_v2 = true",
        "variant   on",
        "reason    SPLIT",
        "rule      rule 1",
        f"bucket    {bucket('payments_v2', INSIDE)}",
        "version   1",
    ]
    told = cli("flag", "eval", "payments_v2", "-f", files, "--context", '{"market": "FR"}', "--json").json
    assert (told["value"], told["reason"], told["detail"]) == (False, "DEFAULT", "rule 2: brand is missing")


def test_segments_and_environments_out_of_files(cli: Any, files: Path) -> None:
    for arguments, value in (
        (("-c", "tier=gold"), True),
        (("-c", "tier=blue"), False),
        (("-c", "tier=blue", "-e", "staging"), True),
    ):
        assert cli("flag", "eval", "new_lobby", "-f", files, *arguments, "--json").json["value"] is value


def test_rule_by_rule(cli: Any, files: Path) -> None:
    found = cli("flag", "explain", "payments_v2", "-f", files, "-c", "market=SE", "-c", f"user={OUTSIDE}")
    outside = f"the condition holds, and bucket {bucket('payments_v2', OUTSIDE)} is outside of the first 25 %"
    assert found.out.splitlines()[-3:] == [
        "RULE\tMATCHED\tSHARE\tIF\tWHY",
        f"rule 1\tyes\t25 %\tmarket in ['DE','SE']\t{outside}",
        "rule 2\t-\t100 %\tbrand == 'X' && user.isEmployee\tbrand is missing",
    ]
    employee = '{"market": "FR", "brand": "X", "user": {"id": "p1", "isEmployee": true}}'
    told = cli("flag", "explain", "payments_v2", "-f", files, "--context", employee, "--json").json
    assert [(item["name"], item["matched"], item["decided"]) for item in told["rules"]] == [
        ("rule 1", False, False),
        ("rule 2", True, True),
    ]
    off = cli("flag", "explain", "new_lobby", "-f", files, "-e", "staging")
    assert "RULE" not in off.out


def test_what_another_flag_decides(cli: Any) -> None:
    needs = '{"feature": "f", "rules": [{}], "prerequisites": [{"flag": "g", "variants": ["on", "off"]}]}'
    path = cli.write("flags.yaml", f'{needs}\n---\n{{"feature": "g"}}\n')
    found = cli("flag", "explain", "f", "-f", path)
    assert "needs     g = on or off: it is off" in found.out.splitlines()
    assert cli("flag", "explain", "f", "-f", path, "--json").json["requires"][0]["met"] is True


def test_what_cannot_be_asked(cli: Any, files: Path) -> None:
    unknown = cli("flag", "eval", "other", "-f", files)
    assert (unknown.code, "error     FLAG_NOT_FOUND" in unknown.out) == (3, True)
    wrong = cli.write("wrong.json", PAYMENTS.replace("['DE','SE']", "['DE',"))
    refused = cli("flag", "eval", "payments_v2", "-f", wrong)
    assert (refused.code, refused.out) == (5, "")
    assert f"{wrong}:2:" in refused.err
    none = cli("flag", "eval", "f", "-f", cli.write("segment.yaml", LOBBY.split("---\n")[1]))
    assert (none.code, "There is no flag in these files." in none.err) == (5, True)
    assert cli("flag", "eval", "payments_v2", "-f", files, "-c", "market").code == 5


def test_the_control_plane_answers_the_same(flags: Any, cli: Any, files: Path) -> None:
    flags.post("apply", documents=[{"feature": "f", "rules": [{"if": "market in ['DE']", "rollout": 0.5}]}])
    printed = cli.write("f.json", cli("flag", "export", "f").out)
    for verb in ("eval", "explain"):
        for player in range(20):
            given = ("-c", f"user=p{player}", "-c", "market=DE", "--json")
            here, there = cli("flag", verb, "f", "-f", printed, *given), cli("flag", verb, "f", *given)
            assert (here.code, there.code) == (0, 0)
            for found in (here.json, there.json) if verb == "eval" else (here.json["outcome"], there.json["outcome"]):
                found.pop("version")
            if verb == "eval":
                assert here.json["value"] == there.json["value"]
    assert cli("flag", "eval", "other").code == 3
    assert cli("flag", "eval", "f", "-e", "nowhere").code == 3
