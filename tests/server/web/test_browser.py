"""The page in a real browser, on a real control plane with a make-believe outside."""

import re
from typing import Any

import pytest
from playwright.async_api import expect
from tests.server.web.conftest import PHONE

from croupier.core.gates import Counts
from croupier.server.auth import Role
from croupier.server.web import dress

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("with_scripts")]


async def test_a_rollout_is_followed_and_aborted_without_a_reload(world: Any, site: Any) -> None:
    await world.declare()
    async with site.open("/") as page:
        await page.evaluate("window.stays = true")
        await expect(page.locator("#service-shop")).to_contain_text("stable")
        await world.roll_out()
        await expect(page.locator("#row-shop-2")).to_contain_text("waiting for a person")
        assert await page.evaluate("window.stays")

        await page.click("#row-shop-2 a")
        await page.evaluate("window.stays = true")
        await expect(page.locator(".hero .now")).to_contain_text("waiting for a person at 20")
        await expect(page.locator("#gate-ok .badge").first).to_have_text("pass")
        await expect(page.locator("#gate-ok .plot canvas")).to_be_visible()
        await expect(page.locator("#gate-ok .drawing")).to_be_hidden()

        await page.click("#evidence-ok summary")
        await page.click("#do-promote")
        await page.fill("#reason", "half a sentence")
        await page.focus("#ask [data-close]")
        world.counters.canary = Counts(900, 1_000)
        await expect(page.locator("#gate-ok .badge").first).to_have_text("fail")
        await expect(page.locator(".head .badge")).to_have_text("aborted")
        await expect(page.locator("#reason")).to_have_value("half a sentence")
        assert await page.evaluate("document.activeElement.dataset.close !== undefined")
        assert await page.evaluate("document.querySelector('#evidence-ok').open")
        await page.keyboard.press("Escape")
        await expect(page.locator("#ask")).to_be_hidden()

        world.counters.canary = Counts(1_000, 1_000)
        await page.click("#do-retry")
        await page.click("#ask button")
        await expect(page.locator(".hero .now")).to_contain_text("waiting for a person at 20")

        await page.focus("#do-abort")
        await page.keyboard.press("Space")
        await page.fill("#reason", "it smells")
        await page.keyboard.press("Enter")
        await expect(page.locator(".head .badge")).to_have_text("aborted")
        await expect(page.locator(".events")).to_contain_text("“it smells”")
        assert world.edge.table.services[0].routes.weight_of("1.1.0") == 0


async def test_without_scripts_everything_can_be_done(shop: Any, site: Any) -> None:
    async with site.open("/", java_script_enabled=False) as page:
        await page.click("#row-shop-2 a")
        await expect(page.locator("#gate-ok .drawing svg")).to_be_visible()
        assert await page.locator("noscript meta[http-equiv=refresh]").count() == 1
        await page.click("#do-promote")
        await page.fill("#reason", "looks fine")
        await page.click("#question button")
        await page.wait_for_url("**/rollouts/shop-2")
        await expect(page.locator(".events")).to_contain_text("“looks fine”")
        await page.click("text=All of it, from the beginning")
        await page.click("text=entry >> nth=0")
        await expect(page.locator("h1")).to_contain_text("Journal entry")
        await page.click("text=Sign out")
        await page.goto("/rollouts/shop-2")
        await expect(page.locator("h1")).to_have_text("Sign in")


async def test_without_the_libraries_it_refreshes_itself(shop: Any, site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(dress._environment().globals, "lively", False)
    async with site.open("/rollouts/shop-2") as page:
        assert await page.locator("script").count() == 1
        assert await page.locator("meta[http-equiv=refresh]").count() == 1
        await expect(page.locator("#gate-ok .drawing svg")).to_be_visible()
        await page.click("#do-abort")
        await page.click("#question button")
        await expect(page.locator(".head .badge")).to_have_text(re.compile("abort"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_fits_a_phone_and_can_be_read(shop: Any, site: Any, looks: Any, scheme: str) -> None:
    async with site.open("/", color_scheme=scheme, viewport=PHONE) as page:
        paths = ("", "/promote", "/history")
        await looks.fit_a_phone(page, "/", *(f"/rollouts/shop-2{path}" for path in paths), "/journal/1")
        await page.goto("/rollouts/shop-2")
        await looks.keep_in_sight(page, "#do-abort")


async def test_the_links_of_a_history_stay_whole_on_a_phone(shop: Any, site: Any) -> None:
    async with site.open("/rollouts/shop-2/history?looks=1&after=0", viewport=PHONE) as page:
        links = page.locator(".pager a, .events .quiet a")
        tall = "links => links.filter((link) => link.getBoundingClientRect().height > 30).map((link) => link.innerText)"
        assert await links.count() > 2
        assert await links.evaluate_all(tall) == []


async def test_a_viewer_sees_no_buttons(shop: Any, site: Any) -> None:
    async with site.open("/rollouts/shop-2", role=Role.VIEWER) as page:
        await expect(page.locator(".hero .now")).to_contain_text("waiting for a person")
        assert await page.locator(".actions, .button").count() == 0


async def test_a_lost_server_is_said_and_found_again(shop: Any, site: Any) -> None:
    async with site.open("/rollouts/shop-2", complaints=True) as page:
        await expect(page.locator("#link")).to_have_text("live")
        await page.route("**/rollouts/shop-2", lambda route: route.abort())
        await expect(page.locator("#link")).to_contain_text("connection lost")
        await expect(page.locator(".hero .now")).to_contain_text("waiting for a person")
        await page.unroute("**/rollouts/shop-2")
        await expect(page.locator("#link")).to_have_text("live")


async def test_one_single_look_is_a_dot(world: Any, site: Any) -> None:
    await world.declare()
    started = await world.roll_out()
    gate, at = started["gates"][0]["name"], world.context.ports.clock.now()
    looks = f"""{{"attempt": 1, "gates": {{"{gate}": {{"unit": "share", "objective": 0.99, "marks": [],
        "canary": {{"points": [[{at}, 0.995]]}}, "baseline": {{"points": []}}}}}}}}"""
    async with site.open("/") as page:
        await page.route("**/rollouts/shop-2/charts*", lambda route: route.fulfill(body=looks))
        await page.goto("/rollouts/shop-2")
        await page.wait_for_function(
            """() => {
                const canvas = document.querySelector(".plot canvas");
                if (!canvas) return false;
                const [left, right] = [0.45, 0.55].map((part) => Math.round(canvas.width * part));
                const seen = canvas.getContext("2d").getImageData(left, 0, right - left, canvas.height).data;
                const ask = document.createElement("canvas").getContext("2d");
                ask.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--canary");
                ask.fillRect(0, 0, 1, 1);
                const colour = ask.getImageData(0, 0, 1, 1).data.join();
                for (let at = 0; at < seen.length; at += 4) if (seen.slice(at, at + 4).join() === colour) return true;
                return false;
            }"""
        )
