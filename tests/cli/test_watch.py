"""The live picture in a terminal, and what it shows of a rollout in any state."""

import os
import pty
import re
import subprocess
from typing import Any, ClassVar

import pytest
from rich.console import Console

from croupier.cli.watch import follow, picture

ROLLOUT: dict[str, Any] = {
    "id": "shop-2", "stable": "1.0.0", "canary": "1.1.0", "phase": "paused", "attempt": 1, "weight": 20,
    "confirmedWeight": 20, "waitingFor": "a person", "abort": None, "gates": [],
    "steps": [{"state": "done", "text": "20 %"}, {"state": "current", "text": "wait"},
              {"state": "todo", "text": "50 %"}],
}  # fmt: skip
GATE = {"name": "ok", "waived": False, "verdict": "pass", "reason": "99 % good"}
ABORT = {"reason": "gate ok: bad", "at": "2001-01-01T00:00:00Z"}


def drawn(**changes: Any) -> str:
    console = Console(width=100, color_system=None)
    with console.capture() as captured:
        console.print(picture(ROLLOUT | changes))
    return captured.get()


@pytest.mark.parametrize(
    "changes, said",
    [
        ({}, ["shop-2  1.0.0 → 1.1.0  paused", "20 %", "✓ 20 %  ● wait  ○ 50 %", "now: a person"]),
        ({"stable": None}, ["nothing → 1.1.0"]),
        ({"attempt": 3}, ["paused · attempt 3"]),
        ({"confirmedWeight": None}, ["20 % (not confirmed yet)"]),
        ({"gates": [GATE]}, ["GATE", "ok    pass     99 % good"]),
        ({"gates": [GATE | {"budget": {"held": 0.005, "used": 0.34}}]}, ["AGAINST IT", "34% (errs in 0.50%)"]),
        ({"gates": [GATE | {"waived": True}]}, ["waived"]),
        ({"gates": [GATE | {"verdict": None, "reason": None}]}, ["not yet"]),
        ({"phase": "aborting", "abort": ABORT}, ["✗ gate ok: bad at 200"]),
        ({"phase": "aborted", "abort": ABORT}, ["✗ gate ok: bad at 200", "again: croupier rollout retry shop-2"]),
    ],
)
def test_what_is_drawn(changes: dict[str, Any], said: list[str]) -> None:
    shown = drawn(**changes)
    for text in said:
        assert text in shown


def test_what_the_server_says_is_only_shown() -> None:
    hostile = "[red]x[/] \x1b[2J\x07"
    shown = drawn(
        id=hostile, stable=hostile, canary=hostile, phase=hostile, waitingFor=hostile,
        steps=[{"state": "todo", "text": hostile}], gates=[GATE | {"name": hostile, "reason": hostile}],
    )  # fmt: skip
    assert not set(shown) & set("\x1b\x07")
    assert shown.count("[red]x[/] ␛[2J␇") == 8
    assert "[red]x[/] ␛[2J␇" in drawn(abort=ABORT | {"reason": hostile})


def test_a_terminal_gets_a_live_picture(canary: Any, cli: Any) -> None:
    ours, theirs = pty.openpty()
    env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"}
    with subprocess.Popen(cli.command("rollout", "watch", "shop-2"), stdout=theirs, stderr=theirs, env=env) as process:
        os.close(theirs)
        try:
            shown = read_until(ours, b"now:")
            canary.store_down = True
            shown += read_until(ours, b"does not answer; waiting for it")
            canary.store_down = False
            canary.post("rollouts/shop-2/abort", reason="harm")
            shown += read_until(ours, None)
            assert process.wait(120) == 10
        finally:
            process.kill()
            os.close(ours)
    text = shown.decode()
    assert "\x1b[" in text  # coloured and drawn anew
    assert "✗ harm" in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)


def read_until(terminal: int, wanted: bytes | None) -> bytes:
    """What the terminal shows up to the wanted text, or to its end."""
    seen = b""
    while wanted is None or wanted not in seen:
        try:
            more = os.read(terminal, 65_536)
        except OSError:  # the other side is closed
            more = b""
        if not more:
            assert wanted is None, seen
            break
        seen += more
    return seen


class History:
    """A control plane that tells of a rollout that ended."""

    LOOK: ClassVar[dict[str, Any]] = {"type": "gate_judged", "gate": "orders", "actor": "croupier", "at": "now"}

    def get(self, path: str, **_: Any) -> Any:
        if not path.endswith("/history"):
            return ROLLOUT | {"phase": "succeeded"}
        said = ["no_data", "no_data", "no_data", "pass", "pass"]
        looks = [self.LOOK | {"seq": seq, "standing": each, "text": each} for seq, each in enumerate(said, 2)]
        begun = {"seq": 1, "type": "created", "actor": "anna", "at": "now", "text": "asked for"}
        return {"items": [begun, *looks], "next": None}


def test_looks_that_say_nothing_new_are_counted_only(capsys: pytest.CaptureFixture[str]) -> None:
    client: Any = History()
    assert follow(client, "shop-2", as_json=False) == "succeeded"
    told = capsys.readouterr()
    assert [line.split("\t")[-1] for line in told.out.splitlines()] == ["WHAT", "asked for", "no_data", "pass"]
    assert "3 looks changed no verdict; all of them: rollout history shop-2 --looks." in " ".join(told.err.split())
    assert follow(client, "shop-2", as_json=True) == "succeeded"
    told = capsys.readouterr()
    assert (told.out.count('"seq"'), told.err) == (6, "")
