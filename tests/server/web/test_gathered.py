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


async def test_evidence_is_drawn_over_time_with_its_numbers(gathering: Any, visit: Any) -> None:
    await visit.sign_in()
    for headers in ({}, {"HX-Request": "true"}):
        page = (await visit.get("/rollouts/shop-2", headers=headers)).text
        part = page[page.index('id="gate-ok"') : page.index("Sample by sample")]
        assert 'class="way1" d="M0 ' in part
        assert 'class="band canary"' in part
        assert re.search(r"truly 9\d[.\d]*\u202f% to 9\d[.\d]*\u202f%", part)
        assert "Evidence against it, of all samples" in part
    whole = (await visit.get("/rollouts/shop-2")).text
    assert "Good share, last sample" in whole


async def test_looks_that_changed_nothing_are_folded_away(gathering: Any, visit: Any) -> None:
    await visit.sign_in()
    page = (await visit.get("/rollouts/shop-2")).text
    happened = page[page.index('id="history"') :]
    looks = re.search(r"(\d+) looks? of gates that gather evidence changed no verdict", happened)
    assert looks is not None
    shown = happened.count("gate ok ")
    assert shown <= 3, "not looked yet, in doubt, fail"
    every = (await visit.get("/rollouts/shop-2?looks=1")).text
    assert every[every.index('id="history"') :].count("gate ok ") == shown + int(looks[1])
    assert 'hx-get="/rollouts/shop-2?looks=1"' in every, "a live page goes on as it was asked for"
    told = (await visit.get("/rollouts/shop-2/history")).text
    assert told.count("gate ok ") == shown
    assert (await visit.get("/rollouts/shop-2/history?looks=1")).text.count("gate ok ") == shown + int(looks[1])


async def test_the_evidence_of_an_earlier_attempt_can_be_reached(gathering: Any, visit: Any) -> None:
    gathering.counters.canary = Counts(1_000, 1_000)
    await gathering.post("/rollouts/shop-2/retry")
    await gathering.until("/rollouts/shop-2", lambda rollout: rollout["gates"][0]["verdict"] == "pass")
    await visit.sign_in()
    now = (await visit.get("/rollouts/shop-2")).text
    assert 'href="/rollouts/shop-2?attempt=1"' in now
    before = (await visit.get("/rollouts/shop-2?attempt=1")).text
    assert "This is attempt 1, as it ended" in before
    assert "than permitted" in before
    assert 'class="band canary"' in before
    assert 'id="live"' not in before, "nothing of it changes any more"
    assert 'id="do-' not in before
    assert "asked for" in before
    assert "started again" not in before[before.index('id="history"') :]
    assert (await visit.get("/rollouts/shop-2?attempt=2")).status_code == 200
    missing = await visit.get("/rollouts/shop-2?attempt=3")
    assert missing.status_code == 404
    assert "It is at attempt 2." in missing.text


@pytest.mark.browser
@pytest.mark.usefixtures("with_scripts")
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_fits_a_phone(gathering: Any, site: Any, looks: Any, scheme: str) -> None:
    async with site.open("/", color_scheme=scheme, viewport=PHONE) as page:
        await looks.fit_a_phone(page, "/rollouts/shop-2")
        await expect(page.locator("#gate-ok .against .harm")).to_be_visible()
        await expect(page.locator("#gate-ok .evolution svg").first).to_be_visible()
        await expect(page.locator("#samples-ok .plot canvas")).to_be_visible()
        table = page.locator("#evidence-ok .scroll")
        assert await table.evaluate("(box) => box.scrollWidth <= box.clientWidth")
