"""What a process knows of the flags before it has heard from the control plane: a bootstrap file, the last known good.

Read at start-up, where nothing may raise: trouble is a line in the log and a sentence in the client's status. The last
known good is written by a chore, in one step, so that a crash leaves the old one.
"""

import json
import logging
import os
import stat
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from glob import escape
from hashlib import sha256
from pathlib import Path
from typing import Final

from platformdirs import user_cache_path

from croupier.core.flags.snapshot import Snapshot, decode, encoded_lines
from croupier.errors import Corrupt, Rejected
from croupier.sdk.rules import read_rules

LARGEST: Final = 512 * 1024 * 1024
"""Bytes of a file, or of a server's answer, that may be flags, unless ``FlagClient`` is told otherwise."""
_LEFT_S: Final = 3600.0
"""Nobody writes for so long."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Known:
    """``source`` is ``bootstrap``, ``cache`` or ``nothing``; ``troubles`` are the files that could not be used."""

    snapshot: Snapshot
    source: str
    troubles: tuple[str, ...] = ()


def default_cache(url: str, environment: str) -> Path:
    """Where the last known good of this server and environment is kept: in the user's cache folder."""
    name = sha256(f"{url.rstrip('/')} {environment}".encode()).hexdigest()[:16]
    return user_cache_path("croupier") / "flags" / f"{name}.flags"


def read_known(environment: str, bootstrap: Path | None, cache: Path | None, largest: int = LARGEST) -> Known:
    """The newer of both files; of different records the cache, since it came from the server. Never raises."""
    troubles: list[str] = []
    first = None if bootstrap is None else _read(bootstrap, environment, largest, troubles)
    last = None
    if cache is not None:
        last = _read(cache, environment, largest, troubles, missing_is_fine=True)
    if last is not None and not (first and first.lineage == last.lineage and first.version > last.version):
        return Known(last, "cache", tuple(troubles))
    if first is not None:
        return Known(first, "bootstrap", tuple(troubles))
    return Known(Snapshot(environment), "nothing", tuple(troubles))


def read_file(path: Path, environment: str, largest: int = LARGEST) -> Snapshot:
    """The snapshot in this file, or the flags that it declares (JSON as ``from_rules`` takes it). Raises ``Corrupt``,
    ``Rejected`` and ``OSError``.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):  # a pipe would keep the start waiting
        raise Corrupt("it is no file.")
    if found.st_size > largest:
        raise Corrupt(f"it is larger than {largest:,} bytes.")
    data = path.read_bytes()
    try:
        declared = json.loads(data)
    except (ValueError, RecursionError):
        return _of(environment, data)
    if isinstance(declared, dict) and "format" in declared:  # a snapshot without flags is a header alone
        return _of(environment, data)
    return read_rules(declared, environment)


def _of(environment: str, data: bytes) -> Snapshot:
    found = decode(data)
    if found.environment != environment:
        raise Corrupt(f"it is of the environment {found.environment}, not {environment}.")
    return found


def _read(
    path: Path, environment: str, largest: int, troubles: list[str], *, missing_is_fine: bool = False
) -> Snapshot | None:
    try:
        return read_file(path, environment, largest)
    except FileNotFoundError as error:
        if missing_is_fine:
            return None
        trouble = f"{path} is not used: {error}"
    except (Corrupt, Rejected, OSError) as error:
        trouble = f"{path} is not used: {error}"
    except Exception as error:  # noqa: BLE001 -- start-up never raises, whatever a file holds
        trouble = f"{path} is not used: {type(error).__name__}: {error}"
    _log.warning("flags: %s", trouble)
    troubles.append(trouble)
    return None


def write_cache(path: Path, snapshot: Snapshot) -> None:
    """Replace the last known good, in one step. Another process of the same service may have done it already."""
    if path.exists() and not path.is_file():
        raise OSError(f"{path} is no file")  # a pipe would never open, and a device must not be replaced
    lines = encoded_lines(snapshot)
    header = next(lines)
    with suppress(OSError), path.open("rb") as kept:
        if kept.read(len(header)) == header:
            return
    path.parent.mkdir(parents=True, exist_ok=True)
    _clear(path)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(header)
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _clear(path: Path) -> None:
    """Remove what writers left who were killed long ago."""
    for left in path.parent.glob(f".{escape(path.name)}.*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _LEFT_S:
                left.unlink()
