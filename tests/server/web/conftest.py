"""The page as browsers see it: a control plane on a real port, and a Chromium that looks at it."""

import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright, expect
from tests.server.listening import listening

from croupier.server.auth import Role
from croupier.server.web import assets

CHROMIUM = next((found for name in ("chromium", "chromium-browser") if (found := shutil.which(name))), None)
PHONE = {"width": 360, "height": 740}
ARGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage")
PATIENCE_MS = 120_000
"""Playwright's own 5 s are too few for a browser on a busy machine."""
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture
async def shop(world: Any) -> Any:
    """A rollout that waits for a person at 20 %, its gate content."""
    await world.declare()
    await world.roll_out()
    await world.until("/rollouts/shop-2", _content)
    return world


def _content(rollout: Any) -> bool:
    return bool(rollout["hold"] == "step" and rollout["gates"][0]["verdict"] == "pass")


@dataclass
class Visit:
    """A person with a cookie but no browser: what they get, and forms that they fill in."""

    world: Any
    client: httpx.AsyncClient

    async def get(self, path: str, **kwargs: Any) -> httpx.Response:
        return await self.client.get(path, **kwargs)

    async def sign_in(self, role: Role = Role.ADMIN) -> "Visit":
        answer = await self.post("/login", {"token": self.world.tokens[role]})
        assert answer.status_code == 303, answer.text
        return self

    async def post(self, path: str, form: dict[str, Any], origin: str | None = "http://localhost") -> httpx.Response:
        headers = {} if origin is None else {"Origin": origin}
        return await self.client.post(path, data=form, headers=headers)

    async def submit(self, path: str, **changed: Any) -> httpx.Response:
        """Open a form and send it with everything that it holds, changed as told."""
        page = await self.get(path)
        assert page.status_code == 200, page.text
        hidden = dict(
            re.findall(r'<input type="hidden" name="(csrf|seen|digest)" value="([^"]*)"', _question(page.text))
        )
        return await self.post(path, {**hidden, **changed})


def _question(text: str) -> str:
    return text[text.index('id="question"') :]


@pytest.fixture
async def visit(world: Any) -> AsyncIterator[Visit]:
    """Somebody who is not signed in yet."""
    transport = httpx.ASGITransport(world.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield Visit(world, client)


@dataclass
class Site:
    """A control plane that listens, and a browser."""

    world: Any
    url: str
    browser: Browser

    @asynccontextmanager
    async def open(
        self, path: str = "/", role: Role = Role.ADMIN, *, complaints: bool = False, **options: Any
    ) -> AsyncIterator[Page]:
        """A page in a window of its own, signed in. What its console complains about fails the test, unless
        ``complaints`` are meant to be there.
        """
        context = await self.browser.new_context(base_url=self.url, **options)
        context.set_default_timeout(PATIENCE_MS)
        await self._sign_in(context, role)
        page = await context.new_page()
        heard: list[str] = []
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on("console", lambda said: heard.append(said.text) if _is_complaint(said) else None)
        await page.goto(path)
        try:
            yield page
            assert complaints or not heard
        finally:
            await context.close()

    async def _sign_in(self, context: BrowserContext, role: Role) -> None:
        page = await context.new_page()
        await page.goto("/login")
        await page.fill("#token", self.world.tokens[role])
        await page.click("main button")
        await page.wait_for_url("**/")
        await page.close()


@pytest.fixture
async def site(world: Any) -> AsyncIterator[Site]:
    if CHROMIUM is None:
        pytest.skip("there is no chromium; Debian's package is called chromium")
    async with listening(world.app) as url, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGS))
        try:
            yield Site(world, url, browser)
        finally:
            await browser.close()
            world.context.streams.close()


@pytest.fixture
def with_scripts() -> None:
    if not assets.lively():
        pytest.skip("the page's scripts are not built; scripts/build_assets.py does it")


class Looks:
    """What can be said of a page's looks."""

    async def open_everything(self, page: Page) -> None:
        await page.evaluate("document.querySelectorAll('details').forEach((item) => { item.open = true; })")

    async def fit_a_phone(self, page: Page, *paths: str) -> None:
        """Every page, with all that it can open: nothing beside the screen, nothing hard to read."""
        for path in paths:
            await page.goto(path)
            await self.open_everything(page)
            width = await page.evaluate("document.documentElement.scrollWidth")
            assert width <= PHONE["width"], (path, width)
            assert await self.poor_contrast(page) == [], path

    async def keep_in_sight(self, page: Page, button: str) -> None:
        """What stops something is on the screen without scrolling, and asks before it does so."""
        box = await page.locator(button).bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= PHONE["height"]
        await page.click(button)
        await expect(page.locator("#ask")).to_be_visible()
        assert await self.poor_contrast(page) == []

    async def poor_contrast(self, page: Page) -> list[str]:
        """The texts that are hard to read."""
        found: list[str] = await page.evaluate(_CONTRAST)
        return found


@pytest.fixture
def looks() -> Looks:
    return Looks()


# Text whose contrast with what is behind it is below WCAG AA (4.5, large text 3).
_CONTRAST = r"""() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const found = rgba(getComputedStyle(at).backgroundColor);
      if (found[3] > 0.99) return found;
    }
    return rgba("white");
  };
  const poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim();
    const element = walker.currentNode.parentElement;
    const style = getComputedStyle(element);
    if (!text || !element.checkVisibility() || element.closest(".hidden, .skip, .plot")) continue;
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const [a, b] = [light(rgba(style.color)), light(behind(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < (large ? 3 : 4.5)) poor.push(`${ratio.toFixed(2)} ${text.slice(0, 30)}`);
  }
  return poor;
}"""


def _is_complaint(said: ConsoleMessage) -> bool:
    """htmx calls it an error when a newer request takes the place of one under way: that is as it should be."""
    replaced = said.text.startswith(("htmx:sendAbort", "htmx:afterRequest"))
    return said.type in ("error", "warning") and not replaced
