"""Copies and differences on the page of a rollout: in words, and on a phone."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from playwright.async_api import expect
from tests.server.api.test_shadow import Told, begun
from tests.server.web.conftest import PHONE

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("with_scripts")]


@pytest.fixture
async def world(opened: Any, settings: Any) -> AsyncIterator[Any]:
    """A control plane whose comparisons find three differences."""
    async with opened(settings, wrap=lambda ports: replace(ports, comparer=Told())) as one:
        yield one


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_differences_are_shown_and_fit_a_phone(world: Any, site: Any, looks: Any, scheme: str) -> None:
    await begun(world, compare={"maxDifferences": "1%", "atLeast": 100}, **{"for": "300ms"})
    await world.until("/rollouts/shop-2", lambda rollout: rollout["hold"] == "differences")
    async with site.open("/rollouts/shop-2", viewport=PHONE, color_scheme=scheme) as page:
        await expect(page.locator(".hero")).to_contain_text("3 of 200 answers differ (1.5 %), in 1 field")
        await expect(page.locator(".hero table")).to_contain_text("$.price")
        await expect(page.locator("#do-promote")).to_be_visible()
        await expect(page.locator("#do-resume")).to_have_count(0)  # it would be refused
        await looks.fit_a_phone(page, "/rollouts/shop-2")
