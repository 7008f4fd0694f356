"""``Spool`` as a small file of JSON lines: aborts that wait for the store, kept where no database is needed.

Made by ``server.app``. The whole file is written anew and renamed into place, so a crash leaves the old one or the new
one. Acting on an abort matters more than keeping it: a disk that refuses is said in the log, and the abort stands in
memory.
"""

import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from pydantic_core import from_json, to_json

from croupier.adapters.store import codec
from croupier.control.ports import Intent
from croupier.core.rollout.events import AbortStarted
from croupier.errors import Corrupt

log = logging.getLogger("croupier.store")

_ROOM: Final = 64 * 1024


class FileSpool:
    """The aborts in memory, and on disk at ``path`` (mode 0600). One process at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pending = {intent.rollout: intent for intent in _read(path)}
        self._reserve = path.with_name(path.name + ".reserve")
        self._keep_room()

    def add(self, intent: Intent) -> None:
        """As ``Spool.add``."""
        if intent.rollout not in self._pending:
            self._pending[intent.rollout] = intent
            self._write()

    def pending(self) -> Sequence[Intent]:
        """As ``Spool.pending``."""
        return tuple(self._pending.values())

    def remove(self, rollout: str) -> None:
        """As ``Spool.remove``."""
        if self._pending.pop(rollout, None) is not None:
            self._write()

    def _write(self) -> None:
        content = b"".join(_line(intent) for intent in self._pending.values())
        try:
            try:
                _replace(self._path, content)
            except OSError:
                # On a full disk there is the room that was kept for just this.
                if not self._reserve.exists():
                    raise
                self._reserve.unlink()
                _replace(self._path, content)
        except OSError as error:
            log.critical("aborts cannot be kept in %s: %s; they would not outlive this process", self._path, error)
        self._keep_room()

    def _keep_room(self) -> None:
        with suppress(OSError):  # there is none now; the next write tries again
            if not self._reserve.exists():
                self._reserve.write_bytes(bytes(_ROOM))
                self._reserve.chmod(0o600)


def _line(intent: Intent) -> bytes:
    line: dict[str, object] = {
        "rollout": intent.rollout,
        "actor": intent.actor,
        "event": codec.EVENT.dump(intent.event),
    }
    return to_json(line) + b"\n"


def _read(path: Path) -> list[Intent]:
    """What was kept. A line that cannot be read (torn by a crash, edited) is named in the log and left out."""
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    intents: list[Intent] = []
    for number, line in enumerate(lines, 1):
        intent = _intent(line)
        if intent is None:
            log.error("%s, line %d, is no abort and is left out", path, number)
        else:
            intents.append(intent)
    return intents


def _intent(line: bytes) -> Intent | None:
    try:
        kept = from_json(line)
        event = codec.EVENT.load(kept["event"])
        return Intent(str(kept["rollout"]), event, str(kept["actor"])) if isinstance(event, AbortStarted) else None
    except (ValueError, KeyError, TypeError, Corrupt):
        return None


def _replace(path: Path, content: bytes) -> None:
    """Write the file so that it is there whole, also after a power cut."""
    new = path.with_name(path.name + ".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError:
        new.unlink(missing_ok=True)
        raise
