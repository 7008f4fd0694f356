"""Experiments in a real browser: on a phone, in the dark, live, and without scripts."""

from typing import Any

import pytest
from playwright.async_api import expect
from tests.server.api.test_experiments import EXPERIMENT, FLAG, report, tell
from tests.server.web.conftest import PHONE


@pytest.fixture
async def running(world: Any) -> Any:
    """A run in which 100 players a variant were counted."""
    assert (await world.post("/apply", {"documents": [EXPERIMENT, FLAG]})).status_code == 200
    run = (await world.post("/experiments/lobby-order/start")).json()["id"]
    await tell(world, report(run, 100, {"classic": 10, "recent": 15}))
    return run


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_fits_a_phone_and_can_be_read(running: Any, site: Any, looks: Any, scheme: str) -> None:
    async with site.open("/", color_scheme=scheme, viewport=PHONE) as page:
        await looks.fit_a_phone(page, "/experiments", "/experiments/lobby-order", "/experiments/lobby-order/stop")
        await page.goto("/experiments/lobby-order")
        await looks.keep_in_sight(page, "#do-stop")


async def test_a_result_that_comes_is_seen_without_a_reload(world: Any, running: Any, site: Any) -> None:
    async with site.open("/experiments/lobby-order") as page:
        await expect(page.locator(".hero .now")).to_contain_text("Not yet")
        await tell(world, report(running, 400, {"classic": 40, "recent": 160}))
        await expect(page.locator(".hero .now")).to_contain_text("recent is better than classic")


async def test_without_scripts_it_is_stopped_and_started(running: Any, site: Any) -> None:
    async with site.open("/experiments/lobby-order", java_script_enabled=False) as page:
        await page.click("#do-stop")
        await page.click("#question button")
        await expect(page.locator(".head .badge")).to_have_text("stopped")
        await page.click("#do-start")
        await page.click("#question button")
        await expect(page.locator(".head .badge")).to_have_text("running")
