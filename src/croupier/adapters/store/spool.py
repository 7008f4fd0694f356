"""``Spool`` and ``KillSpool`` as small files of JSON lines: what waits for the store, kept where no database is needed.

Made by ``server.app``. The whole file is written anew and renamed into place, so a crash leaves the old one or the new
one. Acting matters more than keeping: a disk that refuses is said in the log, and what was to be kept stands in memory.
"""

import logging
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from pydantic_core import from_json, to_json

from croupier.adapters.private_file import replace_private
from croupier.adapters.store import codec
from croupier.control.ports import Intent, KillIntent
from croupier.core.rollout.events import AbortStarted, SegmentHeld
from croupier.errors import Corrupt

log = logging.getLogger("croupier.store")

T = TypeVar("T")

_ROOM: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class _Kind(Generic[T]):
    """What a file keeps: its word, the key by which there is one of each, and a line of it as JSON and back."""

    word: str
    key: Callable[[T], Hashable]
    write: Callable[[T], Mapping[str, object]]
    read: Callable[[Mapping[str, Any]], T | None]


class _File(Generic[T]):
    """Values in memory, and on disk at ``path`` (mode 0600). One process at a time."""

    def __init__(self, path: Path, kind: _Kind[T]) -> None:
        self._path = path
        self._kind = kind
        self._pending = {kind.key(value): value for value in _read(path, kind)}
        self._reserve = path.with_name(path.name + ".reserve")
        self._keep_room()

    def add(self, value: T) -> None:
        """As ``Spool.add``."""
        key = self._kind.key(value)
        if key not in self._pending:
            self._pending[key] = value
            self._write()

    def pending(self) -> Sequence[T]:
        """As ``Spool.pending``."""
        return tuple(self._pending.values())

    def remove(self, key: Hashable) -> None:
        """As ``Spool.remove``; a kill is its own key."""
        if self._pending.pop(key, None) is not None:
            self._write()

    def _write(self) -> None:
        content = b"".join(to_json(self._kind.write(value)) + b"\n" for value in self._pending.values())
        try:
            try:
                replace_private(self._path, content)
            except OSError:
                # On a full disk there is the room that was kept for just this.
                if not self._reserve.exists():
                    raise
                self._reserve.unlink()
                replace_private(self._path, content)
        except OSError as error:
            text = "%ss cannot be kept in %s: %s; they would not outlive this process"
            log.critical(text, self._kind.word, self._path, error)
        self._keep_room()

    def _keep_room(self) -> None:
        with suppress(OSError):  # there is none now; the next write tries again
            if not self._reserve.exists():
                self._reserve.write_bytes(bytes(_ROOM))
                self._reserve.chmod(0o600)


class FileSpool(_File[Intent]):
    """The aborts, and the holds of single segments, that wait."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, _Kind("abort", lambda intent: intent.key, _abort_line, _abort))


class FileKillSpool(_File[KillIntent]):
    """The kills of flags that wait: one line each, several of a flag."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, _Kind("kill", lambda intent: intent, asdict, _kill))


def _read(path: Path, kind: _Kind[T]) -> list[T]:
    """What was kept. A line that cannot be read (torn by a crash, edited) is named in the log and left out."""
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    values: list[T] = []
    for number, line in enumerate(lines, 1):
        try:
            value = kind.read(from_json(line))
        except (ValueError, KeyError, TypeError, Corrupt):
            value = None
        if value is None:
            log.error("%s, line %d, is no %s and is left out", path, number, kind.word)
        else:
            values.append(value)
    return values


def _abort_line(intent: Intent) -> Mapping[str, object]:
    return {"rollout": intent.rollout, "actor": intent.actor, "event": codec.EVENT.dump(intent.event)}


def _abort(kept: Mapping[str, Any]) -> Intent | None:
    event = codec.EVENT.load(kept["event"])
    if not isinstance(event, AbortStarted | SegmentHeld):
        return None
    return Intent(str(kept["rollout"]), event, str(kept["actor"]))


def _kill(kept: Mapping[str, Any]) -> KillIntent:
    return KillIntent(str(kept["flag"]), str(kept["actor"]), str(kept["reason"]), float(kept["at"]))
