"""The state directory: private, and one control plane's."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from croupier.errors import Conflict, Rejected
from croupier.server.home import taken, write_secret


def test_it_is_made_private(tmp_path: Path) -> None:
    home = tmp_path / "a" / "b"
    with taken(home):
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
    home.chmod(0o755)
    with taken(home):
        assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_one_at_a_time_and_free_again(tmp_path: Path) -> None:
    with taken(tmp_path), pytest.raises(Conflict, match=f"process {os.getpid()}"), taken(tmp_path):
        pass
    with taken(tmp_path):
        pass


def test_it_is_free_when_its_holder_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from croupier.server.home import taken\n"
        "with taken(Path(sys.argv[1])):\n    print('taken', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "taken\n"
        with pytest.raises(Conflict, match=str(child.pid)), taken(tmp_path):
            pass
        child.kill()
        child.wait()
    with taken(tmp_path):
        pass


def test_not_in_a_shared_place(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    with pytest.raises(Rejected, match="shared"), taken(shared):
        pass


def test_not_where_a_file_is(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(Rejected, match="cannot be used: File exists"), taken(file):
        pass


def test_a_secret_is_the_owners_from_its_first_byte(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("old")
    file.chmod(0o644)
    write_secret(file, "new")
    assert file.read_text() == "new\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_not_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()  # root may write where nobody may, so a mode would prove nothing
    with pytest.raises(Rejected, match=r"cannot be used: Is a directory.*CROUPIER_STATE_DIR"), taken(tmp_path):
        pass
