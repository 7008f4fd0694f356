"""The command itself: help, version, completion, broken pipes, and what is not installed."""

import socket
import subprocess
from importlib.metadata import version
from typing import Any

import pytest

BLOCKED = """
import sys
for name in {names!r}:
    sys.modules[name] = None
sys.argv = ["croupier", *sys.argv[1:]]
from croupier.cli import main
main()
"""
# What only croupier[server] brings; the base install must do without.
SERVER_ONLY = ("alembic", "fastapi", "sqlalchemy", "sse_starlette", "starlette", "uvicorn")


def test_version_and_help(cli: Any) -> None:
    assert cli("--version").out == f"croupier {version('croupier')} (editions of the gates' arithmetic: 1)\n"
    shown = cli("--help")
    assert shown.code == 0
    for name in ("serve", "down", "validate", "apply", "release", "rollout", "flag", "token", "journal", "demo"):
        assert name in shown.out
    assert cli().code == 2
    assert cli("rollout").code == 2


HEAVY = (
    "httpx",
    "pydantic",
    "rich.console",
    "ruamel.yaml",
    "croupier.adapters",
    "croupier.core.rollout.spec",
    "croupier.server",
)
LOADED = """
import atexit, sys
sys.argv = ["croupier", *sys.argv[1:]]
atexit.register(lambda: print("loaded:", *(name for name in {names!r} if name in sys.modules)))
from croupier.cli import main
main()
"""


@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_what_needs_no_control_plane_loads_nothing_for_one(run_process: Any, argument: str) -> None:
    found = run_process(argument, code=LOADED.format(names=HEAVY))
    assert found.stdout.splitlines()[-1].split() == ["loaded:"], found.stderr


def test_help_shows_whole_sentences(cli: Any) -> None:
    for group in ((), ("release",), ("rollout",), ("journal",), ("flag",), ("preset",), ("token",)):
        assert "..." not in cli(*group, "--help").out.partition("Commands:")[2]


@pytest.mark.parametrize("arguments", [("nonsense",), ("rollout", "list", "--limit", "x"), ("rollout", "list", "-x")])
def test_a_command_line_that_is_wrong(cli: Any, arguments: tuple[str, ...]) -> None:
    found = cli(*arguments)
    assert (found.code, found.out) == (2, "")
    assert "Error" in found.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(run_process: Any, shell: str) -> None:
    found = run_process(env={"_CROUPIER_COMPLETE": f"source_{shell}"}, code=BLOCKED.format(names=()))
    assert found.returncode == 0, found.stderr
    assert "_CROUPIER_COMPLETE" in found.stdout


def test_a_reader_that_has_seen_enough_is_no_error(canary: Any, cli: Any) -> None:
    """As with ``| head -1``: no complaint, no traceback, and success."""
    for arguments in (("rollout", "list"), ("rollout", "status", "shop-2"), ("rollout", "list", "--json"), ("--help",)):
        with subprocess.Popen(
            cli.command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout
            assert process.stderr
            process.stdout.close()  # before anything is written
            assert process.stderr.read() == ""
            assert process.wait(120) == 0, arguments


def test_a_watcher_whose_reader_is_gone_ends(canary: Any, cli: Any) -> None:
    with subprocess.Popen(
        cli.command("rollout", "watch", "shop-2"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        canary.post("rollouts/shop-2/abort")
        assert process.stderr.read() == ""
        assert process.wait(120) == 0


def test_without_the_server_extra(run_process: Any, cli: Any, files: Any) -> None:
    code = BLOCKED.format(names=SERVER_ONLY)
    for verb in ("serve", "down"):
        found = run_process(verb, code=code)
        assert (found.returncode, found.stdout) == (5, "")
        assert "The control plane is not installed here" in found.stderr
        assert "hint: In a checkout of Croupier: pip install '.[server]'" in found.stderr
        assert "Traceback" not in found.stderr
    assert run_process("validate", files, code=code).returncode == 0  # the client is all there


def test_a_fault_of_ours_is_not_called_a_missing_package(run_process: Any) -> None:
    broken = run_process("serve", code=BLOCKED.format(names=("croupier.control.flags.book",)))
    assert broken.returncode == 1
    assert "croupier.control.flags.book" in broken.stderr
    assert "not installed here" not in broken.stderr


def test_without_the_casino(run_process: Any) -> None:
    found = run_process("demo", code=BLOCKED.format(names=("casino", "casino.players")))
    assert (found.returncode, found.stdout) == (5, "")
    assert "make demo" in found.stderr


@pytest.mark.parametrize(
    "variables, said",
    [
        ({"CROUPIER_PORT": "99999"}, "  CROUPIER_PORT: "),
        ({"CROUPIER_HOST": "0.0.0.0"}, "allow_remote"),  # noqa: S104 - refused, which is the point
        ({"CROUPIER_ON_EXIT": "maybe"}, "  CROUPIER_ON_EXIT: "),
    ],
)
def test_settings_that_cannot_be_used(
    cli: Any, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], said: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = cli("serve")
    assert (found.code, found.out) == (5, "")
    assert "These settings cannot be used." in found.err
    assert said in found.err


def test_a_variable_that_is_no_setting_is_said(cli: Any, run_process: Any, tmp_path: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:  # so that the start is refused after the warning
        found = run_process(
            *("serve", "--state-dir", tmp_path / "state", "--port", str(busy.getsockname()[1])),
            env={"CROUPIER_TICK": "1", "CROUPIER_ZEBRA": "1"},
        )
    assert found.returncode == 5
    first, second, *_ = found.stderr.splitlines()
    assert first == "warning: CROUPIER_TICK is no setting and is ignored; did you mean CROUPIER_TICK_S?"
    assert second.startswith("warning: CROUPIER_ZEBRA is no setting and is ignored; see ")


def test_an_option_of_serve_that_is_wrong(cli: Any) -> None:
    assert cli("serve", "--on-exit", "maybe").code == 2
    same = cli("serve", "--port", "8700", "--edge-port", "8700")
    assert (same.code, "port and edge_port are both 8700" in same.err) == (5, True)


def test_nothing_to_bring_down(cli: Any, tmp_path: Any) -> None:
    found = cli("down", "--state-dir", tmp_path / "state")
    assert (found.code, found.out) == (0, "Nothing was running.\n")
