"""The demo, as a newcomer runs it: the story that it tells, and that nothing is left behind."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.conftest import running_from, until

_STORY_S = 1_200.0
_LEAVE_S = 120.0


@pytest.fixture
def folder() -> Iterator[Path]:
    """Temporary files of the demo; a short path, since a unix socket's may have 107 bytes only."""
    with tempfile.TemporaryDirectory(prefix="crp-") as name:
        yield Path(name)


@pytest.mark.timeout(_STORY_S + 2 * _LEAVE_S)  # its gates wait for real players, who come slowly on a busy machine
def test_the_demo_tells_its_story_and_leaves_nothing_behind(folder: Path) -> None:
    said = folder / "said.txt"
    command = [sys.executable, "-m", "croupier", "demo", "--keep", "--rate", "150"]
    with said.open("w") as out:
        demo = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TMPDIR": str(folder)},
        )
    try:
        try:
            until(lambda: _told(said, demo) or None, "the demo to tell its story", _STORY_S)
        except AssertionError as late:
            raise AssertionError(said.read_text()) from late
        page = re.search(r"^The page: (http://127\.0\.0\.1:\d+/)$", said.read_text(), re.MULTILINE)
        assert page, said.read_text()
    finally:
        demo.send_signal(signal.SIGINT)
        code = demo.wait(_LEAVE_S)
    text = said.read_text()
    table = {line.split("\t")[0]: line.split("\t") for line in text.splitlines() if line.startswith("payments 1.")}
    assert [table[f"payments {version}"][1] for version in ("1.1.0", "1.2.0", "1.3.0")] == [
        "succeeded",
        "aborted",
        "aborted",
    ], text
    assert table["payments 1.2.0"][2] == "5 %", text
    assert "psp=kestrel market=DE" in text
    kill = re.search(
        r"^Flag payments_v2, on for 25% of the players: killed; (\d+) deposits failed, "
        r"(?:none after it|the last one .* after the kill), (\d+) were credited since; "
        r"all (\d+) processes confirmed within .*\.$",
        text,
        re.MULTILINE,
    )
    assert kill, text
    failed, credited, processes = map(int, kill.groups())
    assert failed > 0, text
    assert credited > 0, text
    assert processes == 4, "auth, payments, games and promo, one process each"
    assert {row[-1] for name, row in table.items() if name.count("\t") == 0 and len(row) > 5} == {"0"}, text
    assert code == 0, text
    assert running_from(str(folder)) == []
    assert not list(folder.glob("croupier-demo-*"))


def _told(said: Path, demo: subprocess.Popen[bytes]) -> bool:
    return "Ctrl-C stops all of it." in said.read_text() or demo.poll() is not None
