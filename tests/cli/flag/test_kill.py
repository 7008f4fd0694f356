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
    assert "The store is out of reach: services are told now, the record follows." in done.out
    told = cli("flag", "kill", "payments_v2", "-r", "deposits fail", "--json")
    assert (told.code, told.json["recorded"], told.json["confirmation"]) == (11, False, None)
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
