"""Which files of a source tree are read."""

from pathlib import Path

import pytest

from croupier.cli.flag.sources import MAX_FILE_BYTES, Tree
from croupier.errors import Rejected


def write(path: Path, content: str | bytes = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_what_people_wrote_is_read(tmp_path: Path) -> None:
    wanted = [write(tmp_path / name) for name in ("app.py", "pages/lobby.ts", "pages/lobby.test.ts")]
    for name in (".git/config", ".venv/x.py", "node_modules/a/b.js", "pages/node_modules/c.js", "dist/app.js"):
        write(tmp_path / name)
    write(tmp_path / "python3" / "pyvenv.cfg")
    write(tmp_path / "python3" / "lib" / "x.py")
    tree = Tree((tmp_path,))
    assert [path for path, _ in tree.texts()] == [str(path) for path in wanted[:1] + wanted[:0:-1]]
    assert tree.files == 3
    assert [path for path, _ in Tree((tmp_path,), exclude=("*.ts",)).texts()] == [str(wanted[0])]
    assert [path for path, _ in Tree((tmp_path,), exclude=("pages",)).texts()] == [str(wanted[0])]


def test_what_is_no_code_is_left_out(tmp_path: Path) -> None:
    write(tmp_path / "logo.png", b"\x89PNG\0\0")
    large = write(tmp_path / "data.csv", b"a" * (MAX_FILE_BYTES + 1))
    write(tmp_path / "latin.py", b"caf\xe9")
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "link.py").symlink_to(tmp_path / "latin.py")
    tree = Tree((tmp_path,))
    assert list(tree.texts()) == [(f"{tmp_path}/latin.py", "caf\N{REPLACEMENT CHARACTER}")]
    assert tree.too_large == [large]


def test_a_file_may_be_named(tmp_path: Path) -> None:
    file = write(tmp_path / "app.py", "code")
    assert list(Tree((file,)).texts()) == [(str(file), "code")]
    with pytest.raises(Rejected, match=r"There is no .*nowhere"):
        list(Tree((tmp_path / "nowhere",)).texts())


def test_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("croupier.cli.flag.sources.MAX_FILES", 1)
    for name in ("a", "b"):
        write(tmp_path / name)
    with pytest.raises(Rejected, match="more than 1 files"):
        list(Tree((tmp_path,)).texts())
