"""The demo, as a newcomer runs it: the story that it tells, and that nothing is left behind."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from tests.e2e.conftest import running_from, until

_STORY_S = 400.0


def test_the_demo_tells_its_story_and_leaves_nothing_behind(tmp_path: Path) -> None:
    said = tmp_path / "said.txt"
    command = [sys.executable, "-m", "croupier", "demo", "--keep", "--rate", "150"]
    with said.open("w") as out:
        demo = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TMPDIR": str(tmp_path)},
        )
    try:
        until(lambda: _told(said, demo) or None, "the demo to tell its story", _STORY_S)
        page = re.search(r"^The page: (http://127\.0\.0\.1:\d+/)$", said.read_text(), re.MULTILINE)
        assert page, said.read_text()
    finally:
        demo.send_signal(signal.SIGINT)
        code = demo.wait(60)
    text = said.read_text()
    table = {line.split("\t")[0]: line.split("\t") for line in text.splitlines() if line.startswith("payments 1.")}
    assert [table[f"payments {version}"][1] for version in ("1.1.0", "1.2.0", "1.3.0")] == [
        "succeeded",
        "aborted",
        "aborted",
    ], text
    assert table["payments 1.2.0"][2] == "5 %", text
    assert "psp=kestrel market=DE" in text
    assert {row[-1] for name, row in table.items() if name.count("\t") == 0 and len(row) > 5} == {"0"}, text
    assert code == 0, text
    assert running_from(str(tmp_path)) == []
    assert not list(tmp_path.glob("croupier-demo-*"))


def _told(said: Path, demo: subprocess.Popen[bytes]) -> bool:
    return "Ctrl-C stops all of it." in said.read_text() or demo.poll() is not None
