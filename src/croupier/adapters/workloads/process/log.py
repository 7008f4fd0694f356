"""A process writes its output straight to a file, so that it needs no living control plane; this keeps the file small.

The bound is kept by whoever supervises: while no control plane runs, a log may grow beyond it and is cut afterwards.
"""

import os
import re
import shutil
from pathlib import Path

_TAIL_BYTES = 16 * 1024
_LINE_LENGTH = 300
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


def size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def trim(path: Path, most: int) -> bool:
    """Move a log larger than ``most`` bytes to ``.1`` and begin anew; whether it did.

    The process keeps its file open (for appending), so the content is copied and the file emptied. What it writes in
    between is lost.
    """
    if size(path) <= most:
        return False
    kept = path.with_name(path.name + ".1")
    with path.open("rb") as source, kept.open("wb") as target:
        # After an unattended time it may be far larger than the bound: its end is what matters.
        source.seek(max(0, size(path) - most))
        shutil.copyfileobj(source, target)
    kept.chmod(0o600)
    os.truncate(path, 0)
    return True


def tail(path: Path, since: int, lines: int) -> str:
    """The last lines that were written after byte ``since``, as one text that is safe to show; empty when there are
    none.
    """
    try:
        with path.open("rb") as source:
            end = source.seek(0, os.SEEK_END)
            # A log shorter than where the process began was cut in the meantime: all of it is this process's.
            source.seek(max(since if since <= end else 0, end - _TAIL_BYTES))
            text = source.read(_TAIL_BYTES).decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(_shown(line) for line in text.splitlines()[-lines:])


def _shown(line: str) -> str:
    """Without what would act on a terminal, and not endlessly long."""
    plain = "".join(char for char in _COLOUR.sub("", line) if char.isprintable() or char == "\t").rstrip()
    return plain if len(plain) <= _LINE_LENGTH else plain[:_LINE_LENGTH] + " …"


def prune(folder: Path, most: int) -> None:
    """Remove the oldest logs beyond ``most`` files."""
    files = sorted(folder.glob("*.log*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in files[most:]:
        path.unlink(missing_ok=True)
