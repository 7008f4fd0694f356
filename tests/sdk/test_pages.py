"""What the pages about the SDK show works as it stands."""

import re
from pathlib import Path

import pytest
from openfeature import api
from tests.sdk.plane import TOKEN, Plane

from croupier.sdk import FlagClient

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
ADDRESS = "http://127.0.0.1:8700"


def test_samples_of_the_sdk_run_though_nobody_listens(
    free_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(HOW_TO / "use-flags.md", f"http://127.0.0.1:{free_port}", tmp_path, monkeypatch)


def test_samples_of_openfeature_run(plane: Plane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They wait until flags are known."""
    monkeypatch.setenv("CROUPIER_TOKEN", TOKEN)
    run(HOW_TO / "use-flags-with-openfeature.md", plane.url, tmp_path, monkeypatch)


def run(page: Path, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a page's samples one after the other, as a reader would."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    samples = re.findall(r"^```python\n(.*?)^```", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    assert samples
    names: dict[str, object] = {}
    try:
        for number, sample in enumerate(samples):
            text = re.sub(r'"/(var|tmp)/', f'"{tmp_path}/', sample.replace(ADDRESS, url))
            exec(compile(text, f"{page.name}, sample {number + 1}", "exec"), names)  # noqa: S102 -- our own pages
    finally:
        api.shutdown()
        for value in names.values():
            if isinstance(value, FlagClient):
                value.close()
