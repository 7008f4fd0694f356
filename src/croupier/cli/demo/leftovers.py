"""Folders of demos that were killed before they could clean up. Called when the next demo starts.

A demo holds a lock on a file in its folder, and hands it on to its control plane; the system lets go of it when both
are gone, however they went. Only a folder of this user with such a file that nobody holds, and that no process names,
is removed.
"""

import contextlib
import fcntl
import os
import shutil
from pathlib import Path
from typing import Final

import psutil

PREFIX: Final = "croupier-demo-"
_LOCK: Final = "demo.pid"


def claim(folder: Path) -> int:
    """Say that the folder is this process's: the descriptor of its lock, which a child may inherit."""
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor


def sweep(parent: Path) -> list[str]:
    """Remove what killed demos left in there; a note on each whose processes still run."""
    notes: list[str] = []
    for folder in sorted(parent.glob(f"{PREFIX}*")):
        if not _deserted(folder):
            continue
        if left := _named_by(folder):
            pids = " ".join(map(str, left))
            notes.append(f"processes of a demo that was killed still run in {folder}; to end them: kill {pids}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return notes


def _deserted(folder: Path) -> bool:
    """Whether it is a demo's folder of ours whose lock nobody holds."""
    with contextlib.suppress(OSError):
        if folder.is_symlink() or folder.stat().st_uid != os.getuid():
            return False
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        else:
            return os.fstat(descriptor).st_size > 0  # an empty one is being claimed just now
        finally:
            os.close(descriptor)
    return False  # no lock: not a demo's, or of an old one


def _named_by(folder: Path) -> list[int]:
    """Processes that have the folder in their command line or environment, as its casino and its Envoy do."""
    found: list[int] = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            words = [*process.cmdline(), process.environ().get("CROUPIER_STATE_DIR", "")]
            if any(str(folder) in word for word in words):
                found.append(process.pid)
    return found
