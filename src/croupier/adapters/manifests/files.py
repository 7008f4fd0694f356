"""Reading files and directories within limits. Never reads more than it must to refuse.

Follows no link out of the directory that was named, opens nothing but regular files, and reports instead of raising.
JSON is everybody's: below a directory, what is clearly somebody else's (a package.json) is passed over.
"""

import codecs
import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from croupier.adapters.manifests.located import Located
from croupier.errors import Problem

MAX_FILE_BYTES: Final = 1024 * 1024
MAX_JSON_BYTES: Final = 32 * 1024 * 1024
"""Of a file of flags; other JSON may be as large as YAML."""
MAX_FILES: Final = 1_000
MAX_TOTAL_BYTES: Final = 64 * 1024 * 1024
MAX_ENTRIES: Final = 20_000
"""Entries of directories looked at, of any kind."""
SUFFIXES: Final = (".yaml", ".yml", ".json")
_OURS: Final = re.compile(rb'"apiVersion"\s*:\s*"croupier|"feature"\s*:')
"""Looked for in the text, so that a document with a mistake in its JSON is not passed over."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file's text, or why there is none: a problem, or that it holds no document of ours (``foreign``)."""

    file: str
    text: str | None
    problem: Located | None = None
    foreign: bool = False


def read_sources(paths: Iterable[Path], *, ours: re.Pattern[bytes] = _OURS) -> Iterator[Source]:
    """The files at these paths, directories with everything below them in order of their names. Below a directory,
    JSON without the sign ``ours`` is somebody else's.
    """
    seen: set[Path] = set()
    total = 0
    for file, named in _files(paths):
        if isinstance(file, Source):
            yield file
            continue
        real = _real(file)
        if real in seen:
            continue
        if not named and file.suffix == ".json" and _is_foreign(file, ours):
            yield Source(str(file), None, foreign=True)
            continue
        seen.add(real)
        if len(seen) > MAX_FILES:
            yield _refused(file, f"there are more than {MAX_FILES} files.", "Name a directory with fewer files.")
            return
        source, size = _read(file)
        total += size
        if total > MAX_TOTAL_BYTES:
            yield _refused(file, f"the files hold more than {MAX_TOTAL_BYTES >> 20} MiB.", "Name fewer files.")
            return
        yield source


def _files(paths: Iterable[Path]) -> Iterator[tuple[Path | Source, bool]]:
    """The files, and whether each was named itself."""
    for path in paths:
        if path.is_dir():
            found = list(_below(path))
            yield from ((file, False) for file in found)
            if not found:
                none = _refused(path, "there is no .yaml, .yml or .json file in this directory.", "Name another one.")
                yield none, False
        else:
            yield path, True


def _below(root: Path) -> Iterator[Path | Source]:
    """Files below a directory. Hidden ones are left out (.git, a mounted volume's ..data), and what npm installed."""
    inside = root.resolve()
    entries = 0
    unreadable: list[OSError] = []
    for folder, folders, names in os.walk(root, onerror=unreadable.append, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "node_modules")
        entries += len(folders) + len(names)
        if entries > MAX_ENTRIES:
            yield _refused(root, f"there are more than {MAX_ENTRIES} entries below it.", "Name a smaller directory.")
            return
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in sorted([*names, *links]):
            path = Path(folder) / name
            wanted = name.endswith(SUFFIXES) and not name.startswith(".")
            if path.is_symlink() and (wanted or name in links) and not _real(path).is_relative_to(inside):
                yield _refused(path, "this link leads out of the directory.", "Copy the file, or name it by itself.")
            elif wanted and name not in links:
                yield path
    for error in unreadable:  # what is in there would be missed without a word
        yield _refused(Path(error.filename), f"it cannot be read: {error.strerror}.", "Check its permissions.")


def _real(path: Path) -> Path:
    """The path without links; itself where it has none (a link to itself, a character that no path can have)."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):
        return path


def _is_foreign(path: Path, ours: re.Pattern[bytes]) -> bool:
    """Whether the file can be read and holds no sign of a document, as far as a file of ours may reach."""
    try:
        with _open(path) as file:
            return stat.S_ISREG(os.fstat(file.fileno()).st_mode) and not ours.search(file.read(MAX_FILE_BYTES))
    except (OSError, ValueError):
        return False


def _open(path: Path) -> IO[bytes]:
    # O_NONBLOCK: opening a named pipe must not wait for its other end.
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")


def _read(path: Path) -> tuple[Source, int]:
    try:
        with _open(path) as file:
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode):
                return _refused(path, "this is no regular file.", "Name a file or a directory."), 0
            most = MAX_JSON_BYTES if path.suffix == ".json" else MAX_FILE_BYTES
            if state.st_size > most:
                return _too_large(path, state.st_size, most), 0
            content = file.read(most + 1)
    except FileNotFoundError:
        return _refused(path, "there is no such file.", "Check the path."), 0
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return _refused(path, f"the file cannot be read: {reason}.", "Check its permissions."), 0
    if len(content) > most:  # it grew, or its size is not known (procfs)
        return _too_large(path, len(content), most), 0
    text, problem = decoded(content, str(path))
    return Source(str(path), text, problem), len(content)


def decoded(content: bytes, file: str) -> tuple[str | None, Located | None]:
    """The text of a file's bytes, which must be UTF-8."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return None, Located(file, 1, 1, Problem("the file is UTF-16, not UTF-8.", hint="Save it as UTF-8."))
    try:
        return content.removeprefix(codecs.BOM_UTF8).decode("utf-8"), None
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, start = before.count(b"\n") + 1, before.rfind(b"\n") + 1
        column = len(before[start:].decode("utf-8", "replace")) + 1
        problem = Problem(f"the byte 0x{content[error.start]:02x} is no UTF-8.", hint="Save the file as UTF-8.")
        return None, Located(file, line, column, problem)


def _too_large(path: Path, size: int, most: int) -> Source:
    shown = f"{size / 1024 / 1024:.1f} MiB"
    return _refused(path, f"the file is too large ({shown}; at most {most >> 20} MiB).", "Split it into smaller files.")


def _refused(path: Path, message: str, hint: str) -> Source:
    return Source(str(path), None, Located(str(path), 0, 0, Problem(message, hint=hint)))
