"""``docs/how-to/switch-blue-to-green.md`` as it is written, on the shop of the tutorial; only its watch is shorter."""

import re
import shlex
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from tests.e2e.conftest import until
from tests.e2e.test_first_rollout import _PATIENCE_S, _ready, environment, folder, running

from casino.ports import free_port

__all__ = ["folder"]

PAGE = Path(__file__).parents[2] / "docs/how-to/switch-blue-to-green.md"


def typed() -> list[str]:
    return [line[2:] for line in PAGE.read_text().splitlines() if line.startswith("$ ")]


def with_the_strategy(shop: Path) -> None:
    """The tutorial's file with the page's Rollout instead of its own."""
    rollout = re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)[0]
    parts = shop.read_text().split("---\n")
    kept = [part for part in parts if "kind: Rollout" not in part]
    assert len(kept) == len(parts) - 1
    shop.write_text("---\n".join([*kept, rollout.replace("watch: 10m", "watch: 1s")]))


def _goes(tried: Callable[[str], "subprocess.CompletedProcess[str]"], command: str) -> bool | None:
    """Refused while nobody can say yet what the gate sees of the shop."""
    return tried(command).returncode == 0 or None


@pytest.mark.timeout(2 * _PATIENCE_S + 120)
def test_the_page_goes_as_it_says(folder: Path) -> None:
    port, preview = free_port(), free_port()
    edge = free_port()
    env = environment(folder, port, edge, CROUPIER_SCRAPE_S="1", CROUPIER_EDGE_PREVIEW_PORT=str(preview))

    def tried(command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            shlex.split(command), cwd=folder, env=env, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )

    def run(command: str) -> str:
        found = tried(command)
        assert found.returncode == 0, (command, found.stdout, found.stderr)
        return found.stdout

    serve, *commands = typed()
    assert serve == "CROUPIER_EDGE_PREVIEW_PORT=8081 croupier serve"
    with running(["croupier", "serve"], folder, env), running(["python3", "players.py"], folder, env):
        until(lambda: _ready(port), "the control plane to be ready")
        run("croupier apply files/")
        run("croupier rollout start shop 1.0.0 --watch")
        with_the_strategy(folder / "files/shop.yaml")
        shown = ""
        for command in commands:
            if command == "croupier rollout promote shop-2":
                assert shown == "ok\n"  # from the preview
            if command.startswith("croupier rollout start"):
                until(partial(_goes, tried, command), "the shop's orders to be counted")
                until(lambda: "paused" in run("croupier rollout status shop-2") or None, "the pause")
                continue
            if "undo" in command:
                until(lambda: "succeeded" in run("croupier rollout status shop-2") or None, "the promotion")
            shown = run(command.replace("8081", str(preview)))
            if command == "croupier rollout status shop-2":
                for line in ("blue 1.0.0: serves everybody", "green 1.1.0: previewed: nobody has it yet"):
                    assert line in PAGE.read_text()
                    stack, _, text = line.partition(": ")
                    colour, version = stack.split()
                    assert f"stack\t{version}\t{colour}\t{text}" in shown  # as it is said in a pipe
        assert "shop-2 is aborting" in shown
        until(lambda: "aborted" in run("croupier rollout status shop-2") or None, "the way back")
