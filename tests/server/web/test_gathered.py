"""What the pages say of a gate that gathers evidence: counts since its first look, odds and how far they have come."""

import re
from typing import Any

import pytest
from playwright.async_api import expect
from tests.server.conftest import shop
from tests.server.web.conftest import PHONE

from croupier.core.gates import Counts

SLI = {"ratio": {"metric": "shop_requests_total", "good": {"outcome": "ok"}}}


@pytest.fixture
async def gathering(world: Any) -> Any:
    """A rollout that was given up on the evidence of its gate."""
    gate = {"sequential": {"interval": "100ms"}, "comparison": {"maxRatio": 1.1}}
    documents = shop()
    documents[1]["spec"] = {"sli": SLI, **gate}
    assert (await world.post("/apply", {"documents": documents})).status_code == 200
    await world.post("/rollouts", {"service": "shop", "version": "1.0.0"})
    await world.until("/rollouts/shop-1", lambda rollout: rollout["phase"] == "succeeded")
    world.counters.canary = Counts(970, 1_000)
    await world.post("/rollouts", {"service": "shop", "version": "1.1.0"})
    await world.until("/rollouts/shop-2", lambda rollout: rollout["phase"] == "aborted")
    return world


async def test_the_api_tells_what_is_held_against_each_group(gathering: Any) -> None:
    gate = (await gathering.get("/rollouts/shop-2")).json()["gates"][0]
    (whole,) = gate["evidence"]
    looks = whole["canary"]["total"] // 1_000
    assert looks >= 4
    assert whole["canary"] == {"good": 970 * looks, "total": 1_000 * looks}
    assert whole["baseline"] == {"good": 1_000 * looks, "total": 1_000 * looks}
    assert whole["group"] == {}
    assert whole["needed"] == pytest.approx(1 / gate["budget"]["held"])
    assert whole["odds"] >= whole["needed"]
    assert gate["budget"]["used"] == 1


async def test_a_page_in_words_of_evidence(gathering: Any, visit: Any) -> None:
    await visit.sign_in()
    page = (await visit.get("/rollouts/shop-2")).text
    part = page[page.index('id="gate-ok"') : page.index("The chart as numbers")]
    assert "Streak" not in part
    assert "Counts since the gate began to look" in part
    assert re.search(r"[\d,]+ to 1", part)
    assert "100 needed<" in part
    assert re.search(
        "<b[^>]*>100\u202f%</b> of the way to blaming the release; errs in 1\u202f% of rollouts at most", part
    )
    link = re.search(r'href="(/journal/\d+)">evidence', page)
    assert link is not None
    entry = (await visit.get(link[1])).text
    assert "Counts since the gate began to look" in entry
    assert "Streak" not in entry


@pytest.mark.browser
@pytest.mark.usefixtures("with_scripts")
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_fits_a_phone(gathering: Any, site: Any, looks: Any, scheme: str) -> None:
    async with site.open("/", color_scheme=scheme, viewport=PHONE) as page:
        await looks.fit_a_phone(page, "/rollouts/shop-2")
        await expect(page.locator("#gate-ok .against .harm")).to_be_visible()
        table = page.locator("#evidence-ok .scroll")
        assert await table.evaluate("(box) => box.scrollWidth <= box.clientWidth")
