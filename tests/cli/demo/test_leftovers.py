"""What is removed of demos that were killed, and what is not."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from croupier.cli.demo.leftovers import PREFIX, claim, sweep

HOLDER = """
import subprocess, sys
from pathlib import Path
from croupier.cli.demo.leftovers import claim
lock = claim(Path(sys.argv[1]))
{child}
print("held", flush=True)
sys.stdin.read()
"""
HEIR = "subprocess.Popen([sys.executable, '-c', 'import sys; sys.stdin.read()'], pass_fds=(lock,))"


def demo(parent: Path, name: str) -> Path:
    folder = parent / f"{PREFIX}{name}"
    folder.mkdir()
    (folder / "casino.db").touch()
    return folder


def holder(folder: Path, child: str = "") -> subprocess.Popen[bytes]:
    """A process that holds the folder as a demo does, given in a way that no command line names it."""
    link = folder.parent / f"link-{folder.name[-3:]}"
    link.symlink_to(folder)
    command = [sys.executable, "-c", HOLDER.format(child=child), str(link)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


def test_a_killed_demo_is_cleaned_up_and_a_living_one_is_not(tmp_path: Path) -> None:
    folder = demo(tmp_path, "one")
    living = holder(folder)
    try:
        assert sweep(tmp_path) == []
        assert (folder / "casino.db").exists()
    finally:
        end(living)
    assert sweep(tmp_path) == []
    assert not folder.exists()


def test_a_control_plane_that_outlives_its_demo_keeps_the_folder(tmp_path: Path) -> None:
    folder = demo(tmp_path, "two")
    dying = holder(folder, HEIR)
    dying.kill()
    dying.wait()
    sweep(tmp_path)
    assert (folder / "casino.db").exists()
    dying.communicate()  # the heir reads the end of its input, and ends
    deadline = 500
    while folder.exists() and deadline:
        sweep(tmp_path)
        deadline -= 1
    assert not folder.exists()


def test_what_processes_still_use_is_left_and_named(tmp_path: Path) -> None:
    folder = demo(tmp_path, "use")
    os.close(claim(folder))
    command = [sys.executable, "-c", "import sys; sys.stdin.read()", str(folder / "casino.db")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    try:
        [note] = sweep(tmp_path)
        assert note.endswith(f"to end them: kill {process.pid}")
        assert folder.exists()
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()
    assert sweep(tmp_path) == []
    assert not folder.exists()


def test_nobody_elses_folders_are_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without = demo(tmp_path, "old")
    away = tmp_path / "elsewhere"
    away.mkdir()
    os.close(claim(away))
    (tmp_path / f"{PREFIX}lnk").symlink_to(away)
    others = demo(tmp_path, "foreign")
    os.close(claim(others))
    planted = demo(tmp_path, "planted")
    (planted / "demo.pid").symlink_to(away / "demo.pid")
    (tmp_path / f"{PREFIX}file").write_text("no folder")
    uid = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: uid + 1)
    assert sweep(tmp_path) == []
    assert others.exists()
    monkeypatch.undo()
    assert sweep(tmp_path) == []
    assert without.exists()
    assert away.exists()
    assert planted.exists()
    assert not others.exists()
