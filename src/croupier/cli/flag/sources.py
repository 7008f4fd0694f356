"""The text of a source tree, file by file, for those who look for flags in it. Called by ``flag refs`` and ``stale``.

What no person wrote is left out: what Git ignores, hidden directories (.git, .venv), what package managers and builds
put there, binary files, and files too large for code. What was left out for its size is told.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from croupier.cli.flag.gitignore import Ignored
from croupier.errors import Rejected

MAX_FILE_BYTES: Final = 1024 * 1024
MAX_FILES: Final = 100_000
EXCLUDED: Final = (
    "node_modules", "bower_components", "vendor", "venv", "env", "site-packages", "__pycache__", "build", "dist",
    "target", "coverage", "htmlcov",
)  # fmt: skip
"""Directories that hold other people's code, or what was made from this."""
_SNIFFED: Final = 8_192


@dataclass(slots=True)
class Tree:
    """The files below ``roots``, which may be files. ``too_large`` fills while ``texts`` is read."""

    roots: tuple[Path, ...]
    exclude: tuple[str, ...] = ()
    """Patterns like ``*.md`` or ``fixtures``: for names of files and directories."""
    too_large: list[Path] = field(default_factory=list)
    files: int = 0

    def texts(self) -> Iterator[tuple[str, str]]:
        """Path and text, in order of the paths. Raises ``Rejected`` for a root that is not there."""
        for root in self.roots:
            if not root.exists():
                raise Rejected(f"There is no {root}.", hint="Name a file or a directory.")
            for path in self._below(root) if root.is_dir() else (root,):
                text = self._text(path)
                if text is not None:
                    yield str(path), text

    def _below(self, root: Path) -> Iterator[Path]:
        top = root.resolve()
        ignored = {top: Ignored.in_root(top)}
        for folder, folders, names in os.walk(top, followlinks=False):
            here = Path(folder)
            rules = ignored.pop(here)
            folders[:] = sorted(
                name
                for name in folders
                if not self._is_left_out(here, name) and not rules.leaves_out(here / name, folder=True)
            )
            ignored |= {here / name: rules.in_folder(here / name) for name in folders}
            for name in sorted(names):
                if not self._matches(name) and not rules.leaves_out(here / name, folder=False):
                    yield root / (here / name).relative_to(top)

    def _is_left_out(self, folder: Path, name: str) -> bool:
        environment = (folder / name / "pyvenv.cfg").exists()
        return name.startswith(".") or name in EXCLUDED or environment or self._matches(name)

    def _matches(self, name: str) -> bool:
        return any(Path(name).match(pattern) for pattern in self.exclude)

    def _text(self, path: Path) -> str | None:
        """The file's text; ``None`` for what is none, or cannot be read."""
        try:
            if not path.is_file() or path.is_symlink():
                return None
            with path.open("rb") as file:
                content = file.read(_SNIFFED)
                if b"\0" in content:
                    return None
                content += file.read(MAX_FILE_BYTES + 1 - len(content))
        except OSError:
            return None
        if len(content) > MAX_FILE_BYTES:
            self.too_large.append(path)
            return None
        self.files += 1
        if self.files > MAX_FILES:
            raise Rejected(f"There are more than {MAX_FILES:,} files.", hint="Name a smaller directory, or --exclude.")
        return content.decode("utf-8", "replace")
