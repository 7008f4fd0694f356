"""The page's scripts: fetched once, left alone when fresh, and missing without harm where there is no Node."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import build_assets

ROOT = Path(__file__).parents[2]


def test_a_fresh_folder_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "vendor"
    target.mkdir()
    (target / "page.js").write_text("1")
    (target / build_assets.STAMP).write_text(build_assets._fingerprint({"some/page.js": "page.js"}))
    monkeypatch.setenv("PATH", str(tmp_path))  # nothing could be fetched
    assert build_assets.build(target, {"some/page.js": "page.js"}) is False
    assert (target / "page.js").read_text() == "1"


def test_without_node_it_says_so_and_keeps_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "vendor"
    target.mkdir()
    (target / "old.js").write_text("1")
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'scripts')!r}); import build_assets; from pathlib import Path; "
        f"build_assets.build(Path({str(target)!r}))"
    )
    # -S: no site-packages, so no Node from a wheel either.
    run = subprocess.run(
        [sys.executable, "-S", "-c", program],
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert run.returncode == 1
    assert "there is no npm on the PATH" in run.stderr
    assert [path.name for path in target.iterdir()] == ["old.js"]
