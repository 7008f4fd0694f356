"""The tutorial "Your first rollout" as it is written: its files, its commands, its two releases, on real Envoy."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tests.e2e.conftest import running_from, until

from casino.ports import free_port

TUTORIAL = Path(__file__).parents[2] / "docs/tutorial/your-first-rollout.md"
_PATIENCE_S = 600.0


def commands() -> list[str]:
    """What is typed, without the remarks."""
    text = TUTORIAL.read_text()
    blocks = re.findall(r"^```console\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    return [line[2:].partition("  #")[0].strip() for block in blocks for line in block.splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The tutorial's directory, with every file that it names."""
    text = TUTORIAL.read_text()
    named = re.findall(r"`([\w./]+\.(?:py|yaml))`[^`]*?:\n\n```\w+\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    assert sorted(name for name, _ in named) == ["files/shop.yaml", "players.py", "shop.py"]
    for name, content in named:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    return tmp_path


@contextmanager
def running(command: list[str], folder: Path, env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / f"{command[-1].replace('/', '-')}.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(120)


def environment(folder: Path, port: int, edge: int, **more: str) -> dict[str, str]:
    """What the commands of a page are run with: a control plane of the test's own, and where the shop is."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("CROUPIER_")},
        "CROUPIER_STATE_DIR": str(folder / "state"),
        "CROUPIER_PORT": str(port),
        "CROUPIER_EDGE_PORT": str(edge),
        "CROUPIER_URL": f"http://127.0.0.1:{port}",
        "CROUPIER_ON_EXIT": "stop",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "SHOP": f"127.0.0.1:{edge}",
        **more,
    }


@pytest.mark.timeout(2 * _PATIENCE_S + 120)
def test_the_tutorial_goes_as_it_says(folder: Path) -> None:
    port, edge = free_port(), free_port()
    env = environment(folder, port, edge)

    def run(command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            shlex.split(command), cwd=folder, env=env, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )

    typed = commands()
    assert typed[:2] == ["CROUPIER_SCRAPE_S=1 croupier serve", "python3 players.py"]
    env["CROUPIER_SCRAPE_S"] = "1"
    with running(["croupier", "serve"], folder, env), running(["python3", "players.py"], folder, env):
        until(lambda: _ready(port), "the control plane to be ready")
        for command in typed[2:]:
            if command == "croupier rollout plan files/":
                until(
                    lambda: "How much it sees is not known" not in run("croupier rollout plan files/").stdout, "counts"
                )
            found = run(command)
            expected = 10 if command.startswith("croupier rollout start shop 1.2.0") else 0
            assert found.returncode == expected, (command, found.stdout, found.stderr)
            if expected:
                assert "to 1 that it is worse than permitted" in found.stdout
    assert running_from(str(folder)) == []


def _ready(port: int) -> bool | None:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=60).status_code == 200 or None
    except httpx.TransportError:
        return None
