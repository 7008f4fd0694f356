import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import psutil
import pytest

from croupier.adapters.workloads.process.identity import (
    Ended,
    Mark,
    ended,
    is_same,
    kill_group,
    mark_of,
    sweep,
    terminate,
)


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    idle = "import signal; signal.alarm(600); signal.pause()"
    with subprocess.Popen([sys.executable, "-c", idle], start_new_session=True) as process:
        yield process
        process.kill()


def marked(process: subprocess.Popen[bytes]) -> Mark:
    mark = mark_of(process.pid)
    assert mark is not None
    return mark


def test_a_stranger_under_the_same_pid_gets_no_signal(child: subprocess.Popen[bytes]) -> None:
    mark = marked(child)
    for stranger in (replace(mark, started=mark.started - 60), replace(mark, boot="another")):
        assert not is_same(stranger)
        assert ended(stranger) == Ended(None)
        terminate(stranger)
        kill_group(stranger)
        assert sweep(stranger) == 0
    assert child.poll() is None
    assert is_same(mark)


def test_setting_the_clock_changes_nobody(child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    mark, boot = marked(child), psutil.boot_time()
    monkeypatch.setattr(psutil, "boot_time", lambda: boot + 3_600)
    monkeypatch.setattr(psutil._pslinux, "boot_time", lambda: boot + 3_600, raising=False)
    assert is_same(mark)


def test_tells_how_a_child_ended(child: subprocess.Popen[bytes]) -> None:
    mark = marked(child)
    assert ended(mark) is None
    terminate(mark)
    deadline = time.monotonic() + 120
    while (over := ended(mark)) is None:
        assert time.monotonic() < deadline
    child.returncode = 0  # waited for already
    assert over == Ended(-15)
    assert str(over) == "was killed by signal SIGTERM"
    assert ended(mark) == Ended(None)


@pytest.mark.parametrize(
    "code, text", [(0, "exited with code 0"), (-9, "was killed by signal SIGKILL"), (-63, "was killed by signal 63")]
)
def test_says_how_it_ended(code: int, text: str) -> None:
    assert str(Ended(code)) == text
