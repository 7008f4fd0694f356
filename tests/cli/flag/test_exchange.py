"""Flags of others become files of ours, and ours go out again."""

import io
import json
from typing import Any

import pytest

UNLEASH = {
    "version": 1,
    "features": [
        {
            "name": "payments",
            "enabled": True,
            "strategies": [
                {"name": "flexibleRollout", "parameters": {"rollout": "25", "stickiness": "default", "groupId": "pay"}}
            ],
        },
        {"name": "lobby", "enabled": False, "strategies": [{"name": "default"}]},
        {"name": "odd", "enabled": True, "strategies": [{"name": "phaseOfTheMoon"}]},
    ],
}
FLAGD = {"flags": {"f": {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "on"}}}
LAUNCHDARKLY = {
    "flags": {
        "f": {"key": "f", "on": True, "variations": [True, False], "offVariation": 1, "fallthrough": {"variation": 0}}
    }
}


def test_files_and_a_report(cli: Any) -> None:
    export = cli.write("unleash.json", json.dumps(UNLEASH))
    done = cli("flag", "import", "unleash", export)
    assert done.code == 0
    payments, lobby = map(json.loads, done.out.split("---\n"))
    assert (payments["feature"], lobby["feature"]) == ("payments", "lobby")
    assert payments["rules"][0]["rollout"] == 0.25
    lines = done.err.splitlines()
    assert lines[-1].endswith(" changed, 1 left out")
    assert any(line.startswith("odd left out: ") for line in lines)
    told = cli("flag", "import", "unleash", export, "--json").json
    assert [item["feature"] for item in told["flags"]] == ["payments", "lobby"]
    assert {item["flag"] for item in told["notes"]} == {"payments", "lobby", "odd"}


def test_a_file_per_flag(cli: Any) -> None:
    export = cli.write("unleash.json", json.dumps(UNLEASH))
    done = cli("flag", "import", "unleash", export, "--out", cli.folder / "flags")
    assert done.out.splitlines() == [f"{cli.folder}/flags/{name}.json" for name in ("payments", "lobby")]
    assert json.loads((cli.folder / "flags" / "payments.json").read_text())["feature"] == "payments"
    again = cli("flag", "import", "unleash", export, "--out", cli.folder / "flags")
    assert (again.code, again.out) == (5, "")
    assert "payments.json, " in again.err
    assert "exists already." in again.err


def test_the_other_vendors(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    flagd = cli.write("flagd.json", json.dumps(FLAGD))
    assert json.loads(cli("flag", "import", "flagd", flagd, "--fractional", "3").out)["feature"] == "f"
    which = cli("flag", "import", "flagd", flagd)
    assert (which.code, "Which --fractional?" in which.err) == (5, True)
    growthbook = cli.write("growthbook.json", json.dumps({"features": {"f": {"defaultValue": True, "rules": []}}}))
    assert json.loads(cli("flag", "import", "growthbook", growthbook).out)["default"] == "on"
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(LAUNCHDARKLY)))
    assert json.loads(cli("flag", "import", "launchdarkly", "-").out)["feature"] == "f"
    assert cli("flag", "import", "optimizely", flagd).code == 2


@pytest.mark.parametrize(
    "content, said",
    [
        (b"{", "holds no JSON"),
        (b"\xff", "cannot be read: it is no UTF-8."),
        (b"[]", "This is no Unleash document."),
        (b'{"features": []}', "None of these flags could be carried over."),
    ],
)
def test_what_is_no_export(cli: Any, content: bytes, said: str) -> None:
    file = cli.folder / "export.json"
    file.write_bytes(content)
    refused = cli("flag", "import", "unleash", file)
    assert (refused.code, refused.out, said in refused.err) == (5, "", True)
    assert cli("flag", "import", "unleash", cli.folder / "nowhere.json").code == 5


def test_ours_go_out_and_come_back(flags: Any, cli: Any) -> None:
    printed = cli("flag", "export")
    documents = list(map(json.loads, printed.out.split("---\n")))
    assert [item["feature"] for item in documents] == ["new_lobby", "payments_v2", "psp_x"]
    assert flags.post("flags/apply", flags=documents)["flags"][0]["effect"] == "unchanged"
    assert json.loads(cli("flag", "export", "psp_x").out)["feature"] == "psp_x"
    assert cli("flag", "export", "other").code == 3


def test_a_definition_for_flagd(flags: Any, cli: Any) -> None:
    assert cli("flag", "kill", "new_lobby", "-r", "bad").code == 0
    flags.post("flags/apply", flags=[{"feature": "old", "on_expiry": "revert", "expires": "2020-01-01"}])
    printed = cli("flag", "export", "--format", "flagd", "--fractional", "3")
    assert printed.code == 0, printed.err
    definition = json.loads(printed.out)["flags"]
    assert definition["new_lobby"]["defaultVariant"] == "off"
    assert definition["psp_x"]["defaultVariant"] == "on"
    assert "payments_v2" not in definition
    assert "payments_v2 left out: its players are dealt by croupier.1" in " ".join(printed.err.split())
    assert cli("flag", "export", "--format", "flagd").code == 5


def test_a_definition_is_for_an_environment_that_there_is(flags: Any, cli: Any) -> None:
    assert cli("flag", "set", "psp_x", "-e", "staging", "--disable").code == 0
    for named, answers in (((), "on"), (("-e", "production"), "on"), (("-e", "staging"), "off")):
        printed = cli("flag", "export", "psp_x", "--format", "flagd", "--fractional", "3", *named)
        assert json.loads(printed.out)["flags"]["psp_x"]["defaultVariant"] == answers
    for form in ("flagd", "croupier"):
        refused = cli("flag", "export", "-e", "nosuch", "--format", form, "--fractional", "3")
        assert (refused.code, refused.out) == (3, "")
        assert "There is no environment 'nosuch'." in refused.err
        assert "There are: production, staging." in refused.err
