"""Sessions ended early: remembered as long as it matters, whatever happens to the file."""

import json
import stat
from pathlib import Path

import pytest

from croupier.server.web.ended import Ended


def test_names_are_kept_as_long_as_they_matter(tmp_path: Path) -> None:
    ended = Ended(tmp_path / "ended")
    ended.add("old", until=10.0, now=0.0)
    ended.add("new", until=20.0, now=9.0)
    assert {"old", "new"} == set(json.loads(ended.file.read_text()))
    ended.add("newest", until=30.0, now=10.0)
    again = Ended(ended.file)
    assert [name in again for name in ("old", "new", "newest", "other")] == [False, True, True, False]
    assert stat.S_IMODE(ended.file.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", ["", "[]", "nonsense", '{"a": "b"}', '{"a": null}'])
def test_a_file_that_cannot_be_read_is_said(tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "ended").write_text(content)
    ended = Ended(tmp_path / "ended")
    assert "it is not known who signed out" in caplog.text
    ended.add("new", until=20.0, now=9.0)
    assert "new" in Ended(ended.file)


def test_a_disk_that_refuses_is_said_and_this_process_remembers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ended = Ended(tmp_path / "no such folder" / "ended")
    ended.add("new", until=20.0, now=9.0)
    assert "a sign-out was not written down" in caplog.text
    assert "new" in ended
