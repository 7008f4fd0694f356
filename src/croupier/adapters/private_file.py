"""Replaces a file that nobody but its owner may read: a reader, and a crash, find the old content or the new one.

The one piece that several kinds of adapters share; the server keeps its secrets by it.
"""

import os
from contextlib import suppress
from pathlib import Path


def replace_private(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write the file (mode 0600) in one step. ``durable``: also a power cut finds one of the two; without, nobody waits
    for the disk. Raises ``OSError`` where it cannot be written; the file is as it was then.
    """
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)  # of a crash; whose it was and who may read it says nothing about this one
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        new.replace(path)
        if durable:
            _sync(path.parent)
    except OSError:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise


def _sync(folder: Path) -> None:
    """A rename is on disk when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
