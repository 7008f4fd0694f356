"""Blue and green on the page: who serves, what is previewed, and the buttons there and back."""

from typing import Any

import pytest
from playwright.async_api import expect
from tests.server.api.test_blue_green import opened_shop
from tests.server.web.conftest import PHONE


@pytest.fixture
async def waiting(world: Any) -> Any:
    """Green runs, and a person is to switch."""
    await opened_shop(world, autoPromotionEnabled=False)
    await world.post("/rollouts", {"service": "shop", "version": "1.1.0"})
    await world.until("/rollouts/shop-2", lambda rollout: rollout["hold"] == "step")
    return world


async def test_an_undo_needs_a_reason_and_goes_back(waiting: Any, visit: Any) -> None:
    await visit.sign_in()
    assert "Switch to 1.1.0" in (await visit.get("/rollouts/shop-2")).text
    await visit.submit("/rollouts/shop-2/promote")
    await waiting.until("/rollouts/shop-2", lambda rollout: rollout["phase"] == "succeeded")
    page = (await visit.get("/rollouts/shop-2")).text
    assert "Back to 1.0.0" in page
    assert "kept for" in page
    refused = await visit.submit("/rollouts/shop-2/undo")
    assert (refused.status_code, "needs a reason" in refused.text) == (422, True)
    assert (await visit.submit("/rollouts/shop-2/undo", reason="orders are lost")).status_code == 303
    ended = await waiting.until("/rollouts/shop-2", lambda rollout: rollout["phase"] == "aborted")
    assert ended["abort"]["cause"] == "undo"
    gone = await visit.get("/rollouts/shop-2/undo")
    assert "not possible while it is aborted" in gone.text


@pytest.mark.browser
@pytest.mark.usefixtures("with_scripts")
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_fits_a_phone(waiting: Any, site: Any, looks: Any, scheme: str) -> None:
    async with site.open("/rollouts/shop-2", color_scheme=scheme, viewport=PHONE) as page:
        await expect(page.locator(".stacks .green")).to_contain_text("previewed: nobody has it yet")
        await looks.fit_a_phone(page, "/rollouts/shop-2", "/rollouts/shop-2/promote")
