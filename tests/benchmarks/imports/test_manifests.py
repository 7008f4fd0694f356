"""The figure of the imports: whatever is valid there is understood, each field has one line, and what is made of it is
valid here; what they refuse is refused for what its file says, with line and column.
"""

import re
import sys
from pathlib import Path

import pytest
from benchmarks.imports._counted import PROMISE, count_of
from benchmarks.imports.manifests import ROOT, given, main, rows
from tests.adapters.imports.manifests import CANARY


@pytest.mark.parametrize("tool, path", given(), ids=lambda each: each if isinstance(each, str) else each.stem)
def test_each_file_is_understood_or_refused_as_it_says(tool: str, path: Path) -> None:
    count = count_of(tool, path)
    assert count.is_whole, count
    if path.is_relative_to(ROOT / "refused"):
        assert re.match(r"[1-9]\d*:[1-9]\d* \S", count.promised), "its first line says where and why"
        assert count.made == 0
    else:
        assert not count.promised
        assert count.fields == count.said_once > 0


def test_a_mistake_and_a_wrong_promise_fall_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "canary.yaml"
    monkeypatch.setattr(sys, "argv", ["manifests", "flagger", str(file)])
    file.write_text(CANARY)
    assert main() == 0
    file.write_text(CANARY.replace("spec:", "spec:\n  provider: nonsense"))
    assert main() == 1
    said = capsys.readouterr()
    assert "5:3 spec.provider: 'nonsense' is not possible." in said.err
    assert "flagger/canary.yaml  FELL SHORT" in said.out
    file.write_text(f"{PROMISE}1:1 something else\n{CANARY}")
    assert main() == 1
    assert "promised '1:1 something else', found ()" in capsys.readouterr().err


def test_the_table_counts_what_is_valid_apart_from_what_is_not() -> None:
    counts = [count_of(tool, path) for tool, path in given() if path.stem in {"two_strategies", "ab_test"}]
    assert [(row[0], row[1], row[2], row[-1]) for row in rows(counts)[1:]] == [
        ("flagger/ab_test.yaml", "2", "2", "-"),
        ("flagger/two_strategies.yaml", "1", "0", "7:3"),
        ("flagger, 1 file, valid", "2", "2", "0 files"),
        ("flagger, 1 file, not valid", "1", "0", "1 file"),
    ]
