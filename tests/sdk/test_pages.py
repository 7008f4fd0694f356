"""What the pages about the SDK show works as it stands."""

import re
from pathlib import Path

import pytest
from openfeature import api

from croupier.sdk import FlagClient

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [DOCS / "how-to" / "use-flags.md", DOCS / "how-to" / "use-flags-with-openfeature.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_samples_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other, as a reader would; nobody listens at the address, which must not matter."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    samples = re.findall(r"^```python\n(.*?)^```", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    assert samples
    names: dict[str, object] = {}
    try:
        for number, sample in enumerate(samples):
            text = re.sub(r'"/(var|tmp)/', f'"{tmp_path}/', sample)
            exec(compile(text, f"{page.name}, sample {number + 1}", "exec"), names)  # noqa: S102 -- our own pages
    finally:
        api.shutdown()
        for value in names.values():
            if isinstance(value, FlagClient):
                value.close()
