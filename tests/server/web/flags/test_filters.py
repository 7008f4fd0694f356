"""The filters of the flags' list on a phone, where there are several environments."""

from pathlib import Path
from typing import Any

import pytest
from tests.server.web.conftest import PHONE

from croupier.server.settings import Settings

_CUT = """() => [...document.querySelectorAll(".filters select")].filter((list) => {
  const room = list.getBoundingClientRect().width;
  list.style.width = "max-content";
  const wanted = list.getBoundingClientRect().width;
  list.style.width = "";
  return wanted > room;
}).map((list) => list.id)"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state_dir=tmp_path, tick_s=0.02, environments="production,staging")


@pytest.mark.browser
@pytest.mark.usefixtures("with_scripts")
async def test_no_choice_is_cut_off(world: Any, site: Any) -> None:
    async with site.open("/flags", viewport=PHONE) as page:
        assert await page.locator(".filters select").count() == 3
        assert await page.evaluate(_CUT) == []
