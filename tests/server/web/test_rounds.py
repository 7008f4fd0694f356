"""Open rounds on a rollout's page: those that drain, and those that an abort moved."""

from typing import Any

import pytest
from playwright.async_api import expect
from tests.server.conftest import document, shop
from tests.server.web.conftest import PHONE

PATH = "/rollouts/shop-2"


@pytest.fixture
async def games(world: Any) -> Any:
    """A rollout at 20 % with two rounds open on its canary."""
    await world.declare()
    spec = {"routes": [{"prefix": "/shop"}], "process": {"command": ["shop", "{port}"]}}
    service = document("Service", "shop", {**spec, "affinity": {"header": "x-round-id"}})
    answer = await world.post("/apply", {"documents": [service, *shop()[1:]]})
    assert answer.status_code == 200, answer.text
    await world.roll_out()
    rounds = [{"id": f"r-{number}@1.1.0", "player": "anna"} for number in (1, 2)]
    answer = await world.post("/services/shop/pins", {"client": "a", "version": "1.1.0", "opened": rounds})
    assert answer.status_code == 200, answer.text
    await world.until(PATH, lambda rollout: rollout["openRounds"])
    return world


async def test_rounds_that_drain_are_shown_with_their_time(games: Any, site: Any) -> None:
    await games.post(f"{PATH}/abort", {"reason": "enough"})
    await games.until(PATH, lambda rollout: any(each["drains"] for each in rollout["openRounds"]))
    async with site.open(PATH, viewport=PHONE) as page:
        text = page.get_by_text("2 open rounds end on 1.1.0, which was left; they move")
        await expect(text).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


async def test_rounds_that_were_moved_are_listed(games: Any, site: Any) -> None:
    await games.post(f"{PATH}/abort", {"reason": "wrong paytable", "now": True})
    await games.until(PATH, lambda rollout: rollout["moved"])
    for options in ({"viewport": PHONE}, {"color_scheme": "dark"}):
        async with site.open(PATH, **options) as page:
            told = page.locator("p.acted", has_text="2 open rounds of 1.1.0 went on elsewhere")
            await expect(told).to_be_visible()
            await page.get_by_text("Which rounds").click()
            await expect(page.get_by_text("r-1@1.1.0, r-2@1.1.0")).to_be_visible()
            if not options.get("color_scheme"):
                assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
