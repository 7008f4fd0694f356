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


class Together:
    """A control plane that tells of two that move as one: the first has ended, the other one ends at the next look."""

    EVENTS: ClassVar[dict[str, list[tuple[int, str]]]] = {
        "wallet-2": [(1, "created"), (3, "step_started"), (6, "aborted")],
        "cashier-2": [(2, "created"), (4, "step_started"), (5, "abort_started"), (7, "aborted")],
    }

    def __init__(self) -> None:
        self.looks = 0

    def get(self, path: str, cursor: int | None = None, **_: Any) -> Any:
        rollout, *more = path.removeprefix("rollouts/").split("/")
        if more:
            known = 7 if self.looks > 1 else 6
            told = [(seq, kind) for seq, kind in self.EVENTS[rollout] if (cursor or 0) < seq <= known]
            items = [{"seq": seq, "type": kind, "actor": "a", "at": "now", "text": kind} for seq, kind in told]
            return {"items": items[:2], "next": "more" if items[2:] else None}
        self.looks += 1
        phases = {"wallet-2": "aborted", "cashier-2": "aborted" if self.looks > 1 else "aborting"}
        whole: list[dict[str, Any]] = [{"rollout": name, "phase": phase} for name, phase in phases.items()]
        return ROLLOUT | {"id": rollout, "phase": phases[rollout], "together": whole}


def test_of_several_the_events_of_all_are_told_in_order_until_all_are_over(capsys: pytest.CaptureFixture[str]) -> None:
    client: Any = Together()
    assert follow(client, "wallet-2", as_json=False) == "aborted"
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["TIME", "ROLLOUT", "EVENT", "BY", "WHAT"]
    assert [(line[1], line[2]) for line in lines[1:]] == [
        ("wallet-2", "created"),
        ("cashier-2", "created"),
        ("wallet-2", "step_started"),
        ("cashier-2", "step_started"),
        ("cashier-2", "abort_started"),
        ("wallet-2", "aborted"),
        ("cashier-2", "aborted"),
    ]
    client.looks = 0
    follow(client, "cashier-2", as_json=True)
    printed = capsys.readouterr().out
    assert re.findall(r'"rollout": "([^"]+)"', printed)[-2:] == ["wallet-2", "cashier-2"]
    assert re.findall(r'"seq": (\d)', printed) == list("1234567")
