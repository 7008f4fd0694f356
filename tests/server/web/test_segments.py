"""The buttons of single segments: who is held, why, and that what is refused loses nothing that was typed."""

from typing import Any

from playwright.async_api import expect
from tests.server.api.test_segments import begun, content
from tests.server.web.conftest import PHONE

from croupier.server.auth import Role

PATH = "/rollouts/shop-2"


async def test_a_segment_is_held_and_released(world: Any, visit: Any) -> None:
    await begun(world)
    await visit.sign_in(Role.OPERATOR)
    answer = await visit.submit(f"{PATH}/segments/hold", segment="se", reason="a bad translation")
    assert answer.status_code == 303, answer.text
    page = (await visit.get(PATH)).text
    assert "se held on 1.0.0 by a person: a bad translation" in page
    assert "held: nobody of it now" in page
    assert f'href="{PATH}/segments/release?segment=se"' in page
    await world.until(PATH, content)
    assert (await visit.submit(f"{PATH}/segments/release?segment=se", segment="se")).status_code == 303
    assert (await world.get(PATH)).json()["held"] == []


async def test_who_is_held_by_values(world: Any, visit: Any) -> None:
    await begun(world)
    await visit.sign_in(Role.OPERATOR)
    answer = await visit.submit(f"{PATH}/segments/hold", segment="se", match="market=DK,NO", reason="a law")
    assert answer.status_code == 303, answer.text
    assert (await world.get(PATH)).json()["held"][0]["match"] == {"market": ["DK", "NO"]}


async def test_what_speaks_against_it_is_said_on_the_form(world: Any, visit: Any) -> None:
    await begun(world)
    await visit.sign_in(Role.OPERATOR)
    refused = await visit.submit(f"{PATH}/segments/hold", segment="se", match="Sweden", reason="<b>")
    assert refused.status_code == 422
    assert "&#39;Sweden&#39; is no value of an attribute. Write for example market=SE, or market=SE,DK." in refused.text
    assert 'value="&lt;b&gt;"' in refused.text
    without = await visit.submit(f"{PATH}/segments/hold", segment="se")
    assert "Holding a segment needs a reason." in without.text
    nobody = await visit.get(f"{PATH}/segments/release")
    assert "No segment is held." in nobody.text
    forged = await visit.post(f"{PATH}/segments/hold", {"csrf": "x", "segment": "se", "reason": "x"})
    assert forged.status_code == 403


async def test_what_is_over_can_hold_nobody(world: Any, visit: Any) -> None:
    await begun(world)
    await visit.sign_in(Role.OPERATOR)
    await world.post(f"{PATH}/abort", {"reason": "enough"})
    await world.until(PATH, lambda rollout: rollout["phase"] == "aborted")
    assert "That is not possible while it is aborted." in (await visit.get(f"{PATH}/segments/hold")).text
    assert "segments/hold" not in (await visit.get(PATH)).text


async def test_who_only_looks_is_not_asked(world: Any, visit: Any) -> None:
    await begun(world)
    await visit.sign_in(Role.VIEWER)
    assert (await visit.get(f"{PATH}/segments/hold")).status_code == 403
    assert "segments/hold" not in (await visit.get(PATH)).text


async def test_in_a_browser_on_a_phone(world: Any, site: Any, looks: Any, with_scripts: None) -> None:
    await begun(world, guards=["ok"], onFail="hold")
    async with site.open(PATH, role=Role.OPERATOR, viewport=PHONE) as page:
        await page.click("#do-hold")
        await expect(page.locator("#ask")).to_be_visible()
        await page.fill("#ask #reason", "a bad translation")
        await page.click("#ask button.primary")
        await expect(page.locator(".acted")).to_contain_text("se held on 1.0.0 by a person: a bad translation")
        await looks.fit_a_phone(page, PATH, f"{PATH}/segments/hold", f"{PATH}/segments/release?segment=se")
