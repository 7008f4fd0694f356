"""The calendar's page: what it says, and how it looks on a phone and in the dark."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.server.conftest import document
from tests.server.web.conftest import PHONE


def at(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M")


async def declared(world: Any) -> None:
    freezes = [
        {"name": "Cup final", "from": at(-1), "to": at(2), "why": "the cup", "scope": {"services": "shop"}},
        {"name": "Jackpot <b>", "from": at(24), "to": at(80), "scope": {"markets": ["SE", "NO"]}},
    ]
    freezes += [{"name": f"match {n}", "from": at(100), "to": at(100.5)} for n in range(8)]
    windows = [{"name": "hours", "from": at(-1), "to": at(7), "repeat": "FREQ=DAILY;COUNT=3"}]
    calendar = document("Calendar", "sports", {"freezes": freezes, "windows": windows})
    assert (await world.post("/apply", {"documents": [calendar]})).status_code == 200


async def test_it_says_what_is_closed_and_who_waits(world: Any, visit: Any) -> None:
    await world.declare()
    await visit.sign_in()
    empty = (await visit.get("/calendar")).text
    assert "Nothing is closed." in empty
    assert 'href="/calendar"' in empty
    await world.until("/rollouts/shop-1", lambda rollout: rollout["phase"] == "succeeded")
    await declared(world)
    await world.post("/rollouts", {"service": "shop", "version": "1.1.0"})
    await world.until("/rollouts/shop-2", lambda rollout: rollout["frozen"])
    page = (await visit.get("/calendar")).text
    assert "<b>Cup final</b> lasts until" in page
    assert "1 rollout waiting" in page
    assert "frozen by sports/Cup final, until" in page
    assert "Jackpot &lt;b&gt;" in page
    assert "market SE, NO" in page
    assert len(re.findall(r'class="day[ "]', page)) == 28
    assert "and 2 more" in page or "and 3 more" in page
    assert page.count('aria-current="date"') == 1
    assert (await visit.get("/calendar?weeks=0")).status_code == 422
    shown = (await visit.get("/rollouts/shop-2")).text
    assert "frozen by sports/Cup final until" in shown


@pytest.mark.browser
@pytest.mark.usefixtures("with_scripts")
@pytest.mark.parametrize("scheme, viewport", [("light", {"width": 1280, "height": 900}), ("dark", PHONE)])
async def test_it_fits_every_screen(world: Any, site: Any, scheme: str, viewport: dict[str, int]) -> None:
    await world.declare()
    await declared(world)
    async with site.open("/calendar", color_scheme=scheme, viewport=viewport) as page:
        await page.get_by_text("Cup final", exact=True).first.wait_for()
        wide = await page.evaluate("document.documentElement.scrollWidth")
        assert wide <= viewport["width"], "nothing sticks out to the side"
