"""A process that no record knows must never run, wherever the control plane dies or fails."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest

from croupier.adapters.workloads.process import ProcessWorkloads, spawn
from croupier.control.ports import Health, VersionKey, WorkloadStatus
from croupier.core.releases import ProcessTemplate

KEY = VersionKey("auth", "1.0.0")

DIES = """
import os, sys
from pathlib import Path
from croupier.adapters.workloads.process import spawn
from croupier.adapters.workloads.process.home import Home
from croupier.control.ports import VersionKey
from croupier.core.releases import ProcessTemplate

def die(folder, record):
    print(record.mark.pid, flush=True)
    os.kill(os.getpid(), 9)

spawn.save = die
home = Home(Path(sys.argv[1]))
home.open()
spawn.spawn(home, VersionKey("auth", "1"), 0, ProcessTemplate(("touch", sys.argv[2])), 20_000)
"""


async def test_a_control_plane_that_dies_before_the_record_leaves_nothing_behind(
    tmp_path: Path, until: Callable[..., Awaitable[None]]
) -> None:
    ran = tmp_path / "ran"
    dead = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DIES, str(tmp_path / "run"), str(ran), stdout=asyncio.subprocess.PIPE
    )
    told, _ = await dead.communicate()
    assert dead.returncode == -9
    pid = int(told)
    await until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    assert not ran.exists()


async def test_a_record_that_cannot_be_written_is_tried_again_and_not_held_against_the_version(
    workloads: ProcessWorkloads,
    status_when: Callable[..., Awaitable[WorkloadStatus]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran, tried = tmp_path / "ran", 0

    def full(*_: object) -> None:
        nonlocal tried
        tried += 1
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spawn, "save", full)
    await workloads.apply({KEY: ProcessTemplate(("touch", str(ran)))})
    status = await status_when(workloads, KEY, lambda status: "No space" in status.reason)
    assert status.health is Health.STARTING
    assert tried == 1
    assert not ran.exists()
