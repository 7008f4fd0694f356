"""The key of visitors' cookies."""

import json
import sys
from pathlib import Path

import pytest

from croupier.errors import Rejected
from croupier.sdk.visitors import Visitors
from croupier.server.visitors import ensure_key


def test_it_is_made_once_and_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "visitors.key"
    ensure_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.read_text()
    ensure_key(path)
    assert path.read_text() == before
    (key,) = json.loads(before)["keys"]
    assert (key["crv"], key["alg"], key["use"]) == ("Ed25519", "EdDSA", "sig")
    assert Visitors(path).read(Visitors(path).new()) is not None


def test_without_the_library_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jwt.algorithms", None)
    with pytest.raises(Rejected, match=r"croupier\[server,edge\]"):
        ensure_key(tmp_path / "visitors.key")
