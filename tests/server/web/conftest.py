"""The page as browsers see it: a control plane on a real port, and a Chromium that looks at it."""

import asyncio
import re
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import uvicorn
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from croupier.server.auth import Role

CHROMIUM = next((found for name in ("chromium", "chromium-browser") if (found := shutil.which(name))), None)
ARGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage")


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
        hidden = dict(re.findall(r'<input type="hidden" name="(csrf|seen)" value="([^"]*)"', _question(page.text)))
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
        context.set_default_timeout(10_000)
        await self._sign_in(context, role)
        page = await context.new_page()
        heard: list[str] = []
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on("console", lambda said: heard.append(said.text) if said.type in ("error", "warning") else None)
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


@asynccontextmanager
async def listening(app: Any) -> AsyncIterator[str]:
    """Serve an application that runs already."""
    config = uvicorn.Config(
        app, lifespan="off", log_config=None, ws="none", loop="asyncio", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # Not serve(): it would take the signals of the test run.
        task = asyncio.create_task(server._serve(sockets=[listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            app.state.context.streams.close()
            server.should_exit = True
            await task


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
