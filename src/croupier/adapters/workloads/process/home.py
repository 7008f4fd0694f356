"""The folder that the process workloads keep: records, logs, and a lock so that one control plane at a time
supervises.
"""

import fcntl
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from croupier.adapters.workloads.process.record import file_stem
from croupier.control.ports import VersionKey
from croupier.errors import Transient


@dataclass(frozen=True, slots=True)
class Home:
    """Where things lie below ``root``."""

    root: Path

    @property
    def records(self) -> Path:
        return self.root / "records"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    def log(self, key: VersionKey, instance: int) -> Path:
        return self.logs / f"{file_stem(key, instance)}.log"

    def open(self) -> IO[bytes]:
        """Make the folders and take the lock, which the system frees when this process ends, however it ends.

        Raises ``Transient`` while another control plane holds it or the folder cannot be used.
        """
        try:
            for folder in (self.root, self.records, self.logs):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = (self.root / "lock").open("ab")
        except OSError as error:
            raise Transient(f"cannot use {self.root} for running processes: {error.strerror}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            hint = "Stop it, or give this one another run folder."
            raise Transient(f"another control plane supervises the processes of {self.root}", hint=hint) from error
        return lock
