"""The page of a rollout that waits for somebody else: whom, for what, and the button that lets it go on."""

import re
from typing import Any

import pytest
from playwright.async_api import expect
from tests.server.api.test_approval import LESS, approve, declare, start
from tests.server.web.conftest import PHONE

from croupier.server.auth import Role

PATH = "/rollouts/shop-2"


async def waiting(world: Any) -> Any:
    await declare(world, LESS, disruption={"between": 0, "jump": 100})
    return (await start(world, reason="bonus week", role=Role.OPERATOR)).json()


async def test_somebody_else_approves_on_the_page(world: Any, visit: Any) -> None:
    await waiting(world)
    await visit.sign_in()
    page = (await visit.get(PATH)).text
    assert f'href="{PATH}/approve"' in page
    assert "Profile generic; less careful than it in:" in page
    asked = (await visit.get(f"{PATH}/approve")).text
    assert "You let 1.1.0 begin, for exactly this plan." in asked
    assert "gate api-p95 none, of the profile a guard" in asked
    answer = await visit.submit(f"{PATH}/approve", reason="looked at it")
    assert answer.status_code == 303, answer.text
    shown = await world.until(PATH, lambda rollout: rollout["hold"] == "step")
    assert [each["reason"] for each in shown["approval"]["given"]] == ["looked at it"]
    after = (await visit.get(PATH)).text
    assert "admin (admin) approved" in re.sub(r"<[^>]*>", "", after)


async def test_who_started_it_is_told_why_not(world: Any, visit: Any) -> None:
    await waiting(world)
    await visit.sign_in(Role.OPERATOR)
    page = (await visit.get(PATH)).text
    assert f'href="{PATH}/abort"' in page
    assert f'href="{PATH}/approve"' not in page
    assert "nobody has it yet" in page
    answer = await visit.submit(f"{PATH}/approve", reason="me")
    assert answer.status_code == 422
    assert "operator started shop-2: somebody else must approve it." in answer.text


async def test_a_form_of_before_approves_of_nothing_else(world: Any, visit: Any) -> None:
    await waiting(world)
    await visit.sign_in()
    answer = await visit.submit(f"{PATH}/approve", digest="sha256:0", reason="seen")
    assert answer.status_code == 409
    assert "shop-2 is not what you looked at." in answer.text
    assert (await world.get(PATH)).json()["hold"] == "approval"


async def test_an_approval_of_a_step_says_from_where(world: Any, visit: Any) -> None:
    await declare(world)
    await start(world)
    await world.until(PATH, lambda rollout: rollout["hold"] == "step" and rollout["gates"][0]["verdict"] == "pass")
    await world.post(f"{PATH}/promote")
    await world.until(PATH, lambda rollout: rollout["hold"] == "approval")
    await visit.sign_in()
    assert "You let 1.1.0 go on from 20 %, for exactly this plan." in (await visit.get(f"{PATH}/approve")).text


async def test_a_hotfix_is_marked(world: Any, visit: Any) -> None:
    await declare(world)
    await start(world, hotfix=True, reason="deposits fail")
    await visit.sign_in()
    assert "hotfix</span>" in (await visit.get(PATH)).text


@pytest.mark.browser
async def test_in_a_browser_on_a_phone(world: Any, site: Any, looks: Any, with_scripts: None) -> None:
    shown = await waiting(world)
    async with site.open(PATH, viewport=PHONE) as page:
        await expect(page.locator(".hero .now")).to_contain_text("waiting for an approval")
        await looks.keep_in_sight(page, "#do-approve")
        await expect(page.locator("#ask")).to_contain_text("for exactly this plan")
        await page.keyboard.press("Escape")
        await looks.fit_a_phone(page, PATH, f"{PATH}/approve")
        assert (await approve(world, shown)).status_code == 200
        await page.goto(PATH)
        await expect(page.locator(".hero")).to_contain_text("approved")
    async with site.open(f"{PATH}", viewport=PHONE, color_scheme="dark") as page:
        assert await looks.poor_contrast(page) == []
