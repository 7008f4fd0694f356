"""Who a pid is, so that a signal never reaches a stranger: a pid counts as ours only together with the time it was
started.

Start times are compared in seconds since boot, which setting the clock does not change. Called by whatever looks at a
process.
"""

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_TOLERANCE_S = 1.5
"""Boot times are read in whole seconds, twice. A pid cannot come round again in so short a time."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One process of one boot of this machine; the leader of a session (and process group) of the same number."""

    pid: int
    started: float
    """Seconds since boot."""
    boot: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A process is over; ``code`` is as ``subprocess`` has it (negative: signal), ``None`` if we were not its
    parent.
    """

    code: int | None

    def __str__(self) -> str:
        if self.code is None:
            return "ended (exit code unknown: it was started by a control plane that is gone)"
        if self.code >= 0:
            return f"exited with code {self.code}"
        with suppress(ValueError):
            return f"was killed by signal {signal.Signals(-self.code).name}"
        return f"was killed by signal {-self.code}"


def boot_id() -> str:
    """Differs from boot to boot; empty where the system does not tell."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def mark_of(pid: int) -> Mark | None:
    """The process that has this pid now, zombies included."""
    try:
        started = psutil.Process(pid).create_time() - psutil.boot_time()
    except psutil.Error:
        return None
    return Mark(pid, started, boot_id())


def is_same(mark: Mark) -> bool:
    """Whether the pid still belongs to the process that was marked."""
    now = mark_of(mark.pid)
    return now is not None and now.boot == mark.boot and abs(now.started - mark.started) < _TOLERANCE_S


def ended(mark: Mark) -> Ended | None:
    """``None`` while it runs. Takes the exit code from the system when it is our child, so ask no more once it
    ended.
    """
    if not is_same(mark):
        return Ended(None)
    try:
        pid, status = os.waitpid(mark.pid, os.WNOHANG)
    except ChildProcessError:
        try:
            dead = psutil.Process(mark.pid).status() == psutil.STATUS_ZOMBIE
        except psutil.Error:
            dead = True
        return Ended(None) if dead else None
    return Ended(os.waitstatus_to_exitcode(status)) if pid else None


def terminate(mark: Mark) -> None:
    """Ask the leader to end (SIGTERM); its own children are its business until the group is killed."""
    if is_same(mark):
        with suppress(ProcessLookupError):
            os.kill(mark.pid, signal.SIGTERM)


def kill_group(mark: Mark) -> None:
    """SIGKILL the leader and everything in its group."""
    if is_same(mark):
        with suppress(ProcessLookupError):
            os.killpg(mark.pid, signal.SIGKILL)


def left_behind(mark: Mark) -> list[Mark]:
    """What still runs in the session of an ended leader.

    While there is such a process the leader's pid cannot be given to another one. So another process under that pid
    means that the session is a stranger's.
    """
    if mark.boot != boot_id() or (mark_of(mark.pid) is not None and not is_same(mark)):
        return []
    found = []
    for pid in psutil.pids():
        with suppress(OSError, psutil.Error):
            if pid != mark.pid and os.getsid(pid) == mark.pid and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                found.append(mark_of(pid))
    return [one for one in found if one is not None]


def sweep(mark: Mark) -> int:
    """SIGKILL what an ended leader left behind; how many there were."""
    left = left_behind(mark)
    for one in left:
        with suppress(ProcessLookupError):
            os.kill(one.pid, signal.SIGKILL)
    return len(left)
