"""What Git ignores is ignored: the same files are left as ``git ls-files`` lists."""

import shutil
import subprocess
from pathlib import Path

import pytest

from croupier.cli.flag.gitignore import Ignored
from croupier.cli.flag.sources import Tree

GIT = shutil.which("git")
FILES = (
    "app.py", "kept.gen.py", "model.gen.py", "out/main.py", "out/kept.gen.py", "app/out/main.py", "app/api.gen.py",
    "app/local.py", "app/sub/local.js", "app/sub/x.py", "docs/a/draft.md", "docs/draft.md", "notes.md", "a b.txt",
    "logs/keep/x.log", "logs/y.log", "#odd", "!odd", "deep/er/still/gone/x.py",
)  # fmt: skip
IGNORES = {
    ".gitignore": "*.gen.py\n/out/\n!kept.gen.py\n# a comment\n\\#odd\n\\!odd\na\\ b.txt\nlogs/*\n!logs/keep/\n"
    "deep/**/gone\n",
    "app/.gitignore": "local.*\n!api.gen.py\n",
    "docs/.gitignore": "/draft.md\n",
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for name, text in {**dict.fromkeys(FILES, "x"), **IGNORES}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def read(root: Path) -> set[str]:
    return {Path(path).relative_to(root).as_posix() for path, _ in Tree((root,)).texts()}


@pytest.mark.skipif(GIT is None, reason="there is no git to compare with")
def test_as_git_has_it(repository: Path) -> None:
    assert GIT is not None
    subprocess.run([GIT, "init", "-q", repository], check=True)
    listed = [
        GIT,
        "-C",
        str(repository),
        "-c",
        "core.excludesFile=",
        "ls-files",
        "-z",
        "--others",
        "--exclude-standard",
    ]
    said = subprocess.run(listed, check=True, capture_output=True, text=True).stdout
    assert read(repository) == set(said.split("\0")) - {""}
    below = {name.removeprefix("app/") for name in said.split("\0") if name.startswith("app/")}
    assert read(repository / "app") == below, "what the repository's own file says counts below it"


def test_without_a_repository_nothing_above_counts(repository: Path) -> None:
    (repository / "app" / "model.gen.py").write_text("x")
    assert "model.gen.py" in read(repository / "app")
    assert "model.gen.py" not in read(repository)


def test_a_file_that_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").mkdir()
    assert Ignored.in_root(tmp_path) == Ignored()
