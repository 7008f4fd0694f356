"""Flags in a real browser, on a real control plane with a make-believe outside."""

import re
from typing import Any

import pytest
from playwright.async_api import expect
from tests.server.web.conftest import PHONE

from croupier.core.flags.preset import read_preset
from croupier.errors import Transient

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("with_scripts")]


async def prepare(world: Any) -> None:
    """A preset, of another author."""
    preset = {"name": "evo-off", "description": "No games", "changes": [{"flag": "provider_evo", "kill": True}]}
    await world.context.flags.presets.put(read_preset(preset), actor="anna")


async def test_flags_are_searched_followed_and_killed_without_a_reload(flagged: Any, declared: Any, site: Any) -> None:
    async with site.open("/flags") as page:
        await page.evaluate("window.stays = true")
        await page.fill("#q", "pay")
        await expect(page.locator("tbody tr")).to_have_count(1)
        await page.select_option("#state", "killed")
        await expect(page.locator("#live")).to_contain_text("No flag is like that")
        await expect(page).to_have_url(re.compile(r"/flags\?q=pay&state=killed$"))
        await page.fill("#q", "")
        await flagged.context.flags.changes.kill("provider_evo", actor="carol", reason="rounds do not settle")
        await expect(page.locator("#row-provider_evo .badge")).to_have_text("killed")
        await page.select_option("#state", "")
        assert await page.evaluate("window.stays")

        await page.click("#row-payments_v2 a")
        await page.evaluate("window.stays = true")
        await expect(page.locator(".hero .now")).to_contain_text("on for 25")
        await page.fill("#field-1", "player-7")
        await page.fill("#field-3", "DE")
        await page.click(".question button")
        await expect(page.locator("#answer")).to_contain_text("of the first 25 %")
        await declared({"feature": "payments_v2", "owner": "payments", "rules": [{}]}, actor="bert")
        await expect(page.locator(".hero .now")).to_contain_text("on for everybody")
        await expect(page.locator("#field-1")).to_have_value("player-7")
        await expect(page.locator("#answer")).to_contain_text("of the first 25 %")

        await page.focus("#do-kill")
        await page.keyboard.press("Space")
        await expect(page.locator("#ask")).to_be_visible()
        await page.keyboard.press("Enter")  # without a reason nothing is sent
        await expect(page.locator("#ask")).to_be_visible()
        assert flagged.context.flags.book.state("payments_v2").killed is None
        await page.keyboard.type("deposits fail")
        await page.keyboard.press("Enter")
        await expect(page.locator(".head .badge")).to_have_text("killed")
        await expect(page.locator(".events")).to_contain_text("“deposits fail”")
        await page.goto("/")
        await expect(page.locator("#killed-payments_v2")).to_contain_text("deposits fail")


async def test_a_kill_says_that_it_waits_for_its_record(
    flagged: Any, site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(*_: Any, **__: Any) -> Any:
        raise Transient("The database is gone.")

    async with site.open("/flags/payments_v2") as page:
        for method in ("commit", "flags", "latest"):
            monkeypatch.setattr(type(flagged.store), method, gone)
        await page.click("#do-kill")
        await page.fill("#reason", "in the dark")
        await page.keyboard.press("Enter")
        await expect(page.locator(".head .badge")).to_have_text("killed")
        await expect(page.locator("[role=alert]")).to_contain_text("acted on, not yet recorded")
        monkeypatch.undo()
        await expect(page.locator("[role=alert]")).to_have_count(0)
        await expect(page.locator(".events")).to_contain_text("“in the dark”")


async def test_without_scripts_everything_can_be_done(flagged: Any, site: Any) -> None:
    await prepare(flagged)
    async with site.open("/", java_script_enabled=False) as page:
        await page.click("nav >> text=Flags")
        await page.fill("#q", "pay")
        await page.click(".filters button")
        await expect(page.locator("tbody tr")).to_have_count(1)
        await page.click("#row-payments_v2 a")
        await page.fill("#field-3", "DE")
        await page.click(".question button")
        await expect(page.locator("#answer")).to_contain_text("targetingKey or user is missing")
        await page.click("text=Back to the flag")
        await page.click("#do-kill")
        await page.fill("#reason", "deposits fail")
        await page.click("#question button")
        await expect(page.locator(".head .badge")).to_have_text("killed")
        await page.click("#do-restore")
        await page.click("#question button")
        await expect(page.locator(".head .badge")).to_have_text("partly on")
        await page.click(".actions >> text=Edit")
        text = await page.input_value("#text")
        await page.fill("#text", text.replace("0.25", "0.5"))
        await page.click("button[value=preview]")
        await expect(page.locator("#preview")).to_contain_text("gain")
        await page.click("button[value=save]")
        await expect(page.locator(".hero .now")).to_contain_text("50")
        await page.click("nav >> text=Presets")
        await page.click("text=evo-off")
        await page.click("#do-approve")
        await page.click("#question button")
        await page.click("#do-apply")
        await page.fill("#reason", "rounds do not settle")
        await page.click("#question button")
        await expect(page.locator(".head .badge")).to_have_text("in force")
        await page.click("#do-undo")
        await page.click("#question button")
        await expect(page.locator(".head .badge")).to_have_text("approved")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_fits_a_phone_and_can_be_read(flagged: Any, site: Any, looks: Any, scheme: str) -> None:
    await prepare(flagged)
    flags, now = flagged.context.flags, flagged.context.ports.clock.now()
    for number in range(3):
        position = f"{flags.book.lineage}:{min(number, 1)}"
        flags.propagation.acknowledge(f"web-{number}", "production", position, "0" * 64, held_s=0.0, now=now)
    await flags.changes.kill("provider_evo", actor="carol", reason="rounds do not settle")
    paths = ("", "/payments_v2", "/provider_evo", "/payments_v2/history", "/payments_v2/edit", "/payments_v2/kill")
    async with site.open("/", color_scheme=scheme, viewport=PHONE) as page:
        await looks.fit_a_phone(page, "/", "/presets", "/presets/evo-off", *(f"/flags{path}" for path in paths))
        await page.goto("/flags/payments_v2/edit")
        await page.click("button[value=preview]")
        assert await looks.poor_contrast(page) == []
        await page.goto("/flags/payments_v2")
        await looks.keep_in_sight(page, "#do-kill")
