import os
from pathlib import Path

import pytest

from croupier.adapters.private_file import replace_private


@pytest.mark.parametrize("durable", [True, False])
def test_the_file_is_whole_and_its_owners(tmp_path: Path, durable: bool) -> None:
    file = tmp_path / "token"
    leftover = tmp_path / ".token.new"
    leftover.write_text("half of some")
    leftover.chmod(0o644)
    for content in (b"old", b"newer and longer", b""):
        replace_private(file, content, durable=durable)
        assert (file.read_bytes(), file.stat().st_mode & 0o777) == (content, 0o600)
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_in_the_way_leads_nowhere(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("theirs")
    (tmp_path / ".token.new").symlink_to(other)
    replace_private(tmp_path / "token", b"ours")
    assert other.read_text() == "theirs"


def test_what_fails_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "token"
    replace_private(file, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        replace_private(file, b"new")
    monkeypatch.undo()
    assert (file.read_bytes(), list(tmp_path.iterdir())) == (b"old", [file])
