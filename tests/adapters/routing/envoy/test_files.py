import errno
from pathlib import Path
from typing import IO

import pytest

from croupier.adapters.routing.envoy import files
from croupier.adapters.routing.envoy.files import Resources, open_private, read_resources, write_resources
from croupier.errors import Transient


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rds.json"
    for version in ("1", "2"):
        content = Resources(version=version, resources=({"name": "ä"},))
        write_resources(path, content)
        assert read_resources(path) == content
        assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".rds.json.reserve", "rds.json"]


def test_a_full_disk_gives_the_room_that_was_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rds.json"
    write_resources(path, Resources(version="1", resources=()))
    reserve = tmp_path / ".rds.json.reserve"
    assert reserve.stat().st_blocks > 0

    def opened(name: Path, mode: str) -> IO[bytes]:
        """A disk on which only the reserve is left."""
        if reserve.exists():
            raise OSError(errno.ENOSPC, "No space left on device")
        return open_private(name, mode)

    monkeypatch.setattr(files, "open_private", opened)
    moved = Resources(version="2", resources=())
    write_resources(path, moved)
    assert read_resources(path) == moved


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"version_info": "1"}', '{"version_info": 1, "resources": 3}'])
def test_what_we_cannot_have_written_is_nothing(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rds.json"
    path.write_text(text)
    assert read_resources(path) is None


def test_a_folder_that_takes_nothing_is_transient(tmp_path: Path) -> None:
    with pytest.raises(Transient, match="cannot be written"):
        write_resources(tmp_path / "missing" / "rds.json", Resources("1", ()))
