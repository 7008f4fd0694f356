"""The two files that Envoy watches, replaced whole: a reader sees the old content or the new, never half of one.

Called by the router and, before the first start, by the supervisor.
"""

import contextlib
import errno
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, cast

from croupier.adapters.private_file import replace_private
from croupier.adapters.routing.envoy.bootstrap import Json
from croupier.adapters.routing.envoy.routes import canonical
from croupier.errors import Transient

_LEAST_ROOM: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Resources:
    """Content of one file. ``version`` comes back from Envoy when it has taken it."""

    version: str
    resources: tuple[Json, ...]

    def same(self, resources: tuple[Json, ...]) -> bool:
        return canonical(self.resources) == canonical(resources)


def read_resources(path: Path) -> Resources | None:
    """``None`` when there is no file, or none that we could have written."""
    try:
        content = json.loads(path.read_bytes())
        return Resources(version=str(content["version_info"]), resources=tuple(content["resources"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_resources(path: Path, content: Resources) -> None:
    """Replace the file by a rename in its folder: Envoy notices nothing else.

    Not synced to disk: an abort must not wait for a slow disk, and after a power cut the control plane applies anew.
    Raises ``Transient`` when it cannot be written.
    """
    text = canonical({"version_info": content.version, "resources": content.resources})
    try:
        _replace_with_reserve(path, text)
    except OSError as error:
        raise Transient(
            f"{path} cannot be written: {error.strerror}.",
            hint="Envoy serves on as before; make room or mend the disk.",
        ) from error


def _replace_with_reserve(path: Path, text: str) -> None:
    """Where the disk is full take the room that was kept for that: players must get away from a canary then, too."""
    reserve = path.with_name(f".{path.name}.reserve")
    try:
        replace_private(path, text.encode(), durable=False)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT) or not reserve.exists():
            raise
        reserve.unlink()
        replace_private(path, text.encode(), durable=False)
    _keep_room(reserve, len(text.encode()))


def _keep_room(reserve: Path, size: int) -> None:
    """Take room on the disk for the next content, which may be larger than the ``size`` bytes of this one."""
    wanted = max(_LEAST_ROOM, 4 * size)
    with contextlib.suppress(OSError):  # there is none now; the next write tries again
        if not reserve.exists() or reserve.stat().st_size < wanted:
            with open_private(reserve, "wb") as file:
                os.posix_fallocate(file.fileno(), 0, wanted)


def open_private(path: Path, mode: str) -> IO[bytes]:
    """Open a file that nobody else may read. A ``mode`` for bytes."""
    return cast(IO[bytes], open(path, mode, opener=lambda name, flags: os.open(name, flags, 0o600)))
