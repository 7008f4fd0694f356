"""Changing flags one at a time: only what is named, and never over somebody else's change."""

import io
from typing import Any

import pytest


def declaration(plane: Any, key: str) -> Any:
    return plane.get(f"flags/{key}")["declaration"]


def test_a_new_flag_and_a_change(plane: Any, cli: Any) -> None:
    done = cli("flag", "set", "payments_v2", "--if", "market in ['DE','SE']", "--rollout", "25%", "-r", "new")
    assert done.code == 0
    assert done.out.startswith("payments_v2 is live (version 1), until 20")
    first = declaration(plane, "payments_v2")
    assert first["rules"] == [{"if": "market in ['DE','SE']", "rollout": 0.25}]
    assert cli("flag", "set", "payments_v2", "--owner", "payments", "--expires", "2099-01-31").code == 0
    second = declaration(plane, "payments_v2")
    assert second == {**first, "owner": "payments", "expires": "2099-02-01T00:00:00.000Z"}
    assert plane.get("flags/payments_v2/history")["items"][-1]["reason"] == "new"
    same = cli("flag", "set", "payments_v2", "--owner", "payments", "--json")
    assert (same.code, same.json["version"], same.err) == (0, 2, "Nothing to change: the flag is like that.\n")


def test_a_mistake_changes_nothing(flags: Any, cli: Any) -> None:
    before = declaration(flags, "payments_v2")
    for arguments, said in (
        (("--if", "market ==", "--rollout", "1"), "rules[1].if: column 10:"),
        (("--rollout", "25"), "Write 25% for percent."),
        (("--rule", "7", "--rollout", "1"), "There is no rule '7'."),
        (("--variant", "blue"), "rules[0].variant:"),
        (("--variant", "blue"), "hint: Variants are declared in a file: croupier flag set payments_v2 --from FILE"),
        (("--expires", "tomorrow"), '"tomorrow" is no day.'),
        (("--expires", "tomorrow"), "hint: Write 2027-01-31 for a day, 30d or 8w from now."),
        (("--expires", "2027-01-31T12:00:00"), "Add Z for UTC"),
        (("--expires", ""), "is no day."),
        (("--expires", "never"), "payments_v2 is a release flag: it has to expire."),
        (("--expires", "never"), "hint: Write 2027-01-31 for a day, 30d or 8w from now."),
        (("--expires", "never", "--type", "experiment"), "payments_v2 is an experiment: it has to expire."),
        (("-e", "stagign", "--disable"), "there is no environment 'stagign'. Did you mean 'staging'?"),
    ):
        refused = cli("flag", "set", "payments_v2", *arguments)
        assert (refused.code, refused.out) == (5, ""), arguments
        assert said in refused.err
    assert declaration(flags, "payments_v2") == before


def test_a_warning_is_told(flags: Any, cli: Any) -> None:
    done = cli("flag", "set", "payments_v2", "--rule", "vips", "--if", "market > 3", "--rollout", "0")
    assert done.code == 0
    assert "warning: rules[1].if: column" in done.err


def test_a_change_over_somebody_elses_is_refused(flags: Any, cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from croupier.cli.client import Client

    put = Client.put

    def late(self: Client, path: str, body: Any, **more: Any) -> Any:
        flags.post("flags/apply", flags=[{"feature": "payments_v2"}])
        return put(self, path, body, **more)

    monkeypatch.setattr(Client, "put", late)
    refused = cli("flag", "set", "payments_v2", "--rollout", "1")
    assert (refused.code, refused.out) == (4, "")
    assert declaration(flags, "payments_v2").get("rules") is None


def test_a_whole_declaration_from_a_pipe(flags: Any, cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def given(text: str) -> Any:
        monkeypatch.setattr("sys.stdin", io.StringIO(text))
        return cli("flag", "set", "payments_v2", "--from", "-")

    assert given('{"rules": [{"rollout": 0.1}]}').code == 0
    assert declaration(flags, "payments_v2")["rules"] == [{"rollout": 0.1}]
    for text, said in (
        ("{", "Standard input holds no JSON"),
        ('{"off": "a", "off": "b"}', "written twice"),
        ("[]", "A declaration is a JSON object."),
    ):
        refused = given(text)
        assert (refused.code, said in refused.err) == (5, True)
    other = given('{"feature": "other"}')
    assert (other.code, "another flag than 'payments_v2'" in other.err) == (5, True)


def test_a_whole_declaration_from_a_file(flags: Any, cli: Any) -> None:
    one = '{"feature": "payments_v2", "owner": "lobby", "expires": "2099-01-31"}\n'
    path = cli.write("flags.yaml", f'{one}---\n{{"feature": "other"}}\n')
    assert cli("flag", "set", "payments_v2", "--from", path, "--rollout", "1").code == 0
    found = declaration(flags, "payments_v2")
    assert (found["owner"], found["rules"]) == ("lobby", [{"rollout": 1.0}])
    assert cli("flag", "set", "payments_v2", "--from", path, "--expires", "2099-02-01").code == 0
    assert declaration(flags, "payments_v2")["expires"] == "2099-02-02T00:00:00.000Z"
    for key, said in (("new_lobby", "holds 0 declarations of new_lobby; it takes one."), ("", "A name is empty.")):
        refused = cli("flag", "set", key, "--from", path)
        assert (refused.code, said in refused.err) == (5, True)


def test_a_flag_that_never_expires(flags: Any, cli: Any) -> None:
    assert cli("flag", "set", "psp_x", "--expires", "30d").code == 0
    assert flags.get("flags/psp_x")["expiresAt"]
    assert cli("flag", "set", "psp_x", "--expires", "never").code == 0
    assert flags.get("flags/psp_x")["expiresAt"] is None


def test_who_gains_and_who_loses_before_it_is_saved(flags: Any, cli: Any) -> None:
    tried = cli("flag", "set", "new_lobby", "--rollout", "10%", "--dry-run")
    assert (tried.code, tried.heading) == (0, ["FLAG", "PLAYERS", "GAIN", "LOSE", "CHANGE"])
    key, players, gain, lose, change = tried.rows[0]
    assert (key, gain, change) == ("new_lobby", "0", "0")
    assert int(players) * 0.8 < int(lose) < int(players)
    assert "new_lobby: rule 1 (everybody): rollout 100 % -> 10 %" in tried.err
    assert "dry run: nothing was changed" in tried.err
    assert cli("flag", "set", "new_lobby", "--rollout", "10%", "--dry-run", "--json").json[0]["lose"] == int(lose)
    assert declaration(flags, "new_lobby")["rules"] == [{"rollout": 1.0}]


def test_who_gains_and_who_loses_by_files(flags: Any, cli: Any) -> None:
    path = cli.write("flags.json", '{"feature": "psp_x", "type": "ops", "rules": [{"if": "market > 3"}]}')
    tried = cli("flag", "preview", path)
    assert (tried.code, [row[0] for row in tried.rows]) == (0, ["psp_x"])
    assert "psp_x: warning: rules[0].if: column" in tried.err
    assert cli("flag", "preview", path, "--json").json[0]["key"] == "psp_x"
    assert cli("flag", "preview", cli.write("none.yaml", "# nothing")).code == 5


def test_a_kill_is_undone(flags: Any, cli: Any) -> None:
    assert cli("flag", "kill", "payments_v2", "-r", "bad").code == 0
    done = cli("flag", "restore", "payments_v2", "--reason", "mended")
    assert done.out.startswith("payments_v2 is live (version ")
    assert cli("flag", "restore", "payments_v2", "--json").json["standing"] == "live"  # it is so already
    assert cli("flag", "restore", "other").code == 3


def test_a_flag_lives_longer(flags: Any, cli: Any) -> None:
    done = cli("flag", "renew", "payments_v2", "2099-01-31", "-r", "still needed")
    assert done.out.endswith("until 2099-01-31\n")
    assert "until 20" in cli("flag", "renew", "payments_v2", "8w").out
    never = cli("flag", "renew", "psp_x", "30d")
    assert (never.code, "psp_x does not expire." in never.err) == (5, True)
    assert cli("flag", "renew", "payments_v2", "2000-01-01").code == 5


def test_a_flag_is_archived_and_comes_back(flags: Any, cli: Any) -> None:
    done = cli("flag", "archive", "new_lobby", "-r", "everybody has it")
    assert (done.code, done.out) == (0, "new_lobby is archived: services use their own default now.\n")
    assert [row[0] for row in cli("flag", "list").rows] == ["payments_v2", "psp_x"]
    assert [row[0] for row in cli("flag", "list", "--state", "archived").rows] == ["new_lobby"]
    assert cli("flag", "kill", "new_lobby", "-r", "bad").code == 3
    assert cli("flag", "set", "new_lobby", "--rollout", "10%").code == 0
    assert flags.get("flags/new_lobby")["standing"] == "live"
    assert cli("flag", "archive", "psp_x", "--json").json["standing"] == "archived"
