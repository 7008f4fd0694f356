"""Rollouts that move as one, side by side on the page of each: phone, desktop, dark."""

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect
from tests.server.api.test_together import begun
from tests.server.web.conftest import PHONE

from croupier.server.auth import Role

PATH = "/rollouts/cashier-2"


async def paused(world: Any) -> None:
    await begun(world)
    await world.until(PATH, lambda rollout: rollout["hold"] == "step")


async def test_members_stand_side_by_side(world: Any, visit: Any) -> None:
    await paused(world)
    await visit.sign_in(Role.VIEWER)
    page = (await visit.get(PATH)).text
    assert "Moves as one, in this order" in page
    assert page.index('<a href="/rollouts/wallet-2">wallet</a>') < page.index('scope="row">cashier')
    assert "flag new-cashier on for 20 % of the players" in page


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_in_a_browser(world: Any, site: Any, looks: Any, with_scripts: None, scheme: str) -> None:
    await paused(world)
    for name, size in (("phone", PHONE), ("desktop", {"width": 1280, "height": 900})):
        async with site.open(PATH, role=Role.OPERATOR, viewport=size, color_scheme=scheme) as page:
            await expect(page.locator(".members tbody tr")).to_have_count(2)
            await expect(page.locator(".members tr[aria-current] th")).to_have_text("cashier")
            assert await looks.poor_contrast(page) == []
            if size == PHONE:
                await looks.fit_a_phone(page, PATH)
            if folder := os.environ.get("SCREENSHOTS"):
                await page.screenshot(path=Path(folder) / f"together-{name}-{scheme}.png")
            await page.click(".members a")
            await expect(page).to_have_url(site.url + "/rollouts/wallet-2")
