"""The kill: in force at once, recorded or not, and who confirmed."""

from typing import Any

import pytest


def standing(plane: Any, key: str) -> Any:
    return plane.get(f"flags/{key}")["standing"]


def test_a_kill_is_in_force_and_recorded(flags: Any, cli: Any) -> None:
    done = cli("flag", "kill", "payments_v2", "--reason", "deposits fail")
    assert done.code == 0
    first, second = done.out.splitlines()
    assert first.startswith("payments_v2 is killed: deposits fail (admin, ")
    assert second == "No client is connected; whoever connects gets the safe value."
    assert standing(flags, "payments_v2") == "killed"
    (event,) = (item for item in flags.get("flags/payments_v2/history")["items"] if item["type"] == "flag_killed")
    assert event["reason"] == "deposits fail"
    assert cli("flag", "eval", "payments_v2", "-c", "market=DE", "--json").json["value"] is False


def test_a_second_kill_changes_nothing(flags: Any, cli: Any) -> None:
    first = cli("flag", "kill", "payments_v2", "-r", "deposits fail", "--json").json
    second = cli("flag", "kill", "payments_v2", "-r", "another reason", "--json").json
    assert (second["killed"], second["version"]) == (first["killed"], first["version"])


def test_a_kill_without_a_store(flags: Any, cli: Any) -> None:
    flags.store_down = True
    done = cli("flag", "kill", "payments_v2", "-r", "deposits fail", "--wait", "0")
    assert done.code == 11
    assert "The store is out of reach: only the clients of this control plane have heard it;" in done.out
    told = cli("flag", "kill", "payments_v2", "-r", "deposits fail", "--json")
    assert (told.code, told.json["recorded"], told.json["confirmation"]) == (11, False, None)
    edited = cli("flag", "set", "payments_v2", "--rollout", "50%")
    assert (edited.code, "the database does not answer" in edited.err) == (7, True)  # no conflict that never ends
    flags.store_down = False
    flags.until_flag("payments_v2", lambda flag: flag["recorded"])
    assert cli("flag", "kill", "payments_v2", "-r", "deposits fail").code == 0


@pytest.mark.parametrize(
    "arguments, code",
    [
        (("payments_v2",), 2),
        (("payments_v2", "-r", " "), 5),
        (("other", "-r", "bad"), 3),
        (("payments_v2", "-r", "x", "--dry-run"), 2),
    ],
)
def test_a_kill_that_is_none(flags: Any, cli: Any, arguments: tuple[str, ...], code: int) -> None:
    refused = cli("flag", "kill", *arguments)
    assert (refused.code, refused.out) == (code, "")
    assert standing(flags, "payments_v2") == "live"


@pytest.mark.parametrize("reason", ["", " "])
def test_a_kill_says_why(flags: Any, cli: Any, reason: str) -> None:
    refused = cli("flag", "kill", "payments_v2", "--reason", reason)
    assert (refused.code, "A kill needs a reason." in refused.err) == (5, True)
    assert "hint: Say what is wrong: others will read it." in refused.err


def test_a_token_that_may_not_kill(flags: Any, cli: Any) -> None:
    viewer = flags.post("tokens", name="eve", role="viewer")["token"]
    refused = cli("--token", viewer, "flag", "kill", "payments_v2", "-r", "bad")
    assert (refused.code, refused.out) == (6, "")
    assert standing(flags, "payments_v2") == "live"


def test_it_is_sent_before_the_command_is_loaded(flags: Any, run_process: Any) -> None:
    """Whatever happens to the rest of the command, the kill is out."""
    code = (
        "import sys; sys.modules['typer'] = None; sys.argv = ['croupier', *sys.argv[1:]]\n"
        "from croupier.cli import main\nmain()"
    )
    found = run_process("flag", "kill", "payments_v2", "-r", "deposits fail", code=code)
    assert "typer" in found.stderr  # it is not there, and nothing else could run
    assert standing(flags, "payments_v2") == "killed"


def test_several_control_planes_are_all_told(flags: Any, cli: Any, free_port: int) -> None:
    """What each answered, the worst as the exit code; one that is named twice is asked once."""
    away = f"http://127.0.0.1:{free_port}"
    done = cli("--url", away, "--url", f"{flags.url},{flags.url}", "flag", "kill", "payments_v2", "-r", "bad")
    assert done.code == 7
    assert f"{flags.url}: killed and recorded" in done.out
    assert f"{away}: not killed there: No control plane answers" in done.err
    assert standing(flags, "payments_v2") == "killed"
    told = cli("--url", f"{away},{flags.url}", "flag", "kill", "payments_v2", "-r", "bad", "--json").json
    assert told["key"] == "payments_v2"
    assert [(plane["url"], plane["recorded"]) for plane in told["planes"]] == [(away, None), (flags.url, True)]
    nobody = cli("--url", f"{away},http://127.0.0.1:9", "flag", "kill", "payments_v2", "-r", "bad", "--json")
    assert (nobody.code, nobody.json["confirmation"]) == (7, None)


def test_it_says_when_it_was_decided(flags: Any, cli: Any, run_process: Any) -> None:
    """The same moment for every control plane, and for the kill that is sent ahead."""
    flags.store_down = True
    done = run_process("flag", "kill", "payments_v2", "-r", "bad", "--wait", "0", "--json")
    assert done.returncode == 11
    first = flags.get("flags/payments_v2")["killed"]["at"]
    assert cli("flag", "kill", "payments_v2", "-r", "bad", "--json").json["killed"]["at"] == first
    flags.store_down = False
    flags.until_flag("payments_v2", lambda flag: flag["recorded"])
    kills = (item for item in flags.get("flags/payments_v2/history")["items"] if item["type"] == "flag_killed")
    assert [kill["at"] for kill in kills].count(first) == 1  # asked twice, and a later kill is one of its own


def test_other_commands_ask_the_one_that_is_there(flags: Any, cli: Any, free_port: int) -> None:
    away = f"http://127.0.0.1:{free_port}"
    assert cli("--url", f"{away},{flags.url}", "flag", "show", "payments_v2").code == 0
    assert cli("--url", f"{away},http://127.0.0.1:99999", "flag", "show", "payments_v2").code == 7
