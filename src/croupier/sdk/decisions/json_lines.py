"""Decisions as JSON, one a line, appended to a file that several processes may share."""

import json
import logging
import os
import threading
from collections import deque
from pathlib import Path
from typing import Final

from croupier.sdk.decisions.decision import Entry

_MOST_WAITING: Final = 20_000
_log = logging.getLogger(__name__)


class JsonLines:
    """Lines wait in memory for the next flush (a second at most), so that no player waits for a disk.

    Each flush is one append, so lines of several processes do not mix. If the disk does not keep up, the oldest lines
    are lost and counted in the log.
    """

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)
        self._waiting: deque[str] = deque(maxlen=_MOST_WAITING)
        self._lost = 0
        self._lock = threading.RLock()  # garbage collection may call ``flush`` from within

    def write(self, entry: Entry) -> None:
        line = json.dumps(entry.fields(), ensure_ascii=False, default=str) + "\n"
        with self._lock:
            self._lost += len(self._waiting) == _MOST_WAITING
            self._waiting.append(line)

    def flush(self) -> None:
        with self._lock:
            lines = tuple(self._waiting)
            self._waiting.clear()
            lost, self._lost = self._lost, 0
        if lost:
            _log.warning("%d decisions were lost: %s was not written quickly enough", lost, self._path)
        if lines:
            # Texts of JSON may hold half of a surrogate pair, which is no reason to lose the other lines.
            self._append("".join(lines).encode(errors="backslashreplace"))

    def forget(self) -> None:
        self._lock = threading.RLock()
        self._waiting.clear()
        self._lost = 0

    def _append(self, content: bytes) -> None:
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.write(handle, content)
            finally:
                os.close(handle)
        except OSError as error:
            _log.warning("decisions could not be written to %s: %s", self._path, error)
