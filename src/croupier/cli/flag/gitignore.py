"""What a source tree's ``.gitignore`` files leave out. Called by ``sources`` as it goes down the tree.

Of Git's rules: the nearest file that says something of a path decides, and the files above the tree count as far as
the repository goes. ``.git/info/exclude`` and a user's own file are not read.
"""

from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec

_NAME = ".gitignore"
_MAX_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Ignored:
    """What is left out in one folder; ``files`` come from the outermost to its own, each with its folder."""

    files: tuple[tuple[Path, GitIgnoreSpec], ...] = ()

    @classmethod
    def in_root(cls, root: Path) -> "Ignored":
        """For a tree that may be part of a repository."""
        root = root.resolve()
        above: list[Path] = []
        for folder in (root, *root.parents):
            above.append(folder)
            if (folder / ".git").exists():
                break
        else:
            above = [root]
        found = cls()
        for folder in reversed(above):
            found = found.in_folder(folder)
        return found

    def in_folder(self, folder: Path) -> "Ignored":
        """With what the folder says itself."""
        try:
            with (folder / _NAME).open(encoding="utf-8", errors="replace") as file:
                lines = file.read(_MAX_BYTES).splitlines()
        except OSError:
            return self
        return Ignored((*self.files, (folder, GitIgnoreSpec.from_lines(lines))))

    def leaves_out(self, path: Path, *, folder: bool) -> bool:
        """Whether Git ignores the path, if it does not ignore the folder that it is in."""
        for base, spec in reversed(self.files):
            said = spec.check_file(path.relative_to(base).as_posix() + "/" * folder).include
            if said is not None:
                return said
        return False
