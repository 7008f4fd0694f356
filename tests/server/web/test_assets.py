"""The page's own files: only these, kept by browsers for ever."""

from typing import Any

import pytest

from croupier.server.web import assets


async def test_files_are_open_and_immutable(visit: Any) -> None:
    for name in ("page.css", "page.js", "icon.svg"):
        answer = await visit.get(assets.address(name))
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "name",
    ["../assets.py", "..%2fassets.py", "%2e%2e/session.py", "/etc/passwd", "vendor/../../assets.py", "page.css%00", ""],
)
async def test_nothing_else_can_be_asked_for(visit: Any, name: str) -> None:
    answer = await visit.get(f"/static/{name}")
    assert answer.status_code == 404
    assert "import" not in answer.text


def test_an_address_changes_with_the_content() -> None:
    assert assets.address("page.css").endswith(assets.assets()["page.css"].digest)
