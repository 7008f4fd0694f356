"""What the pages say, asked without a browser."""

import re
from typing import Any

import pytest


@pytest.fixture
async def shopper(shop: Any, visit: Any) -> Any:
    """Somebody who is signed in, at a shop whose rollout waits for a person."""
    return await visit.sign_in()


async def test_an_empty_control_plane_says_what_to_do(world: Any, visit: Any) -> None:
    await visit.sign_in()
    page = await visit.get("/")
    assert "croupier apply DIR" in page.text
    assert "croupier rollout start" in page.text


async def test_the_start_page_lists_services_and_rollouts(shopper: Any) -> None:
    page = (await shopper.get("/")).text
    assert 'id="service-shop"' in page
    assert page.index('id="row-shop-2"') < page.index('id="row-shop-1"')
    assert "waiting for a person at 20 %" in page


async def test_older_rollouts_are_pages_away(world: Any, visit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from croupier.server.web import read

    monkeypatch.setattr(read, "PAGE", 1)
    await world.declare()
    await world.roll_out()
    await visit.sign_in()
    first = (await visit.get("/")).text
    assert 'id="row-shop-1"' not in first
    older = re.search(r'href="(/\?cursor=[^"]+)" rel="next"', first)
    assert older is not None
    second = (await visit.get(older[1])).text
    assert 'id="row-shop-1"' in second
    assert 'id="row-shop-2"' not in second
    wrong = await visit.get("/", params={"cursor": "x"})
    assert (wrong.status_code, wrong.headers["content-type"]) == (422, "text/html; charset=utf-8")


async def test_a_live_part_is_the_same_without_its_frame(shopper: Any) -> None:
    whole = (await shopper.get("/rollouts/shop-2")).text
    part = (await shopper.get("/rollouts/shop-2", headers={"HX-Request": "true"})).text
    assert "<!doctype html>" in whole
    assert part.startswith('<div id="live"')
    assert 'id="gate-ok"' in part
    assert "<svg viewBox" not in part  # drawn once, then uPlot's business


async def test_a_live_part_travels_small_and_has_no_secret(shopper: Any) -> None:
    """What is compressed may not hold a secret, or its length would tell of it."""
    part = await shopper.get("/rollouts/shop-2", headers={"HX-Request": "true", "Accept-Encoding": "gzip"})
    assert part.headers["content-encoding"] == "gzip"
    assert int(part.headers["content-length"]) < len(part.text) / 3
    assert "Accept-Encoding" in part.headers["vary"]
    assert "csrf" not in part.text
    plain = await shopper.get("/rollouts/shop-2", headers={"HX-Request": "true", "Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    whole = await shopper.get("/rollouts/shop-2", headers={"Accept-Encoding": "gzip"})
    assert "csrf" in whole.text
    assert "content-encoding" not in whole.headers


async def test_only_new_points_are_sent(shopper: Any) -> None:
    everything = (await shopper.get("/rollouts/shop-2/charts")).json()
    points = everything["gates"]["ok"]["canary"]["points"]
    assert everything["gates"]["ok"]["objective"] == 0.99
    assert [mark[1] for mark in everything["gates"]["ok"]["marks"]] == [20.0]
    newest = points[-1][0]
    later = (await shopper.get("/rollouts/shop-2/charts", params={"after": newest})).json()
    assert all(at > newest for at, _ in later["gates"]["ok"]["canary"]["points"])
    for wrong in ("nan", "-1", "x"):
        assert (await shopper.get("/rollouts/shop-2/charts", params={"after": wrong})).status_code == 422


async def test_a_verdict_leads_to_its_evidence(shop: Any, shopper: Any) -> None:
    page = (await shopper.get("/rollouts/shop-2")).text
    link = re.search(r'href="(/journal/\d+)">evidence', page)
    assert link is not None
    entry = (await shopper.get(link[1])).text
    assert "Evidence of ok" in entry
    assert "1000/1000" in entry
    assert (await shopper.get("/journal/999999")).status_code == 404


async def test_the_history_reads_from_the_beginning(shopper: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from croupier.server.web import pages

    monkeypatch.setattr(pages, "ENTRIES", 1)
    page = (await shopper.get("/rollouts/shop-2/history")).text
    assert "asked for" in page
    later = re.search(r'href="([^"]+)" rel="next"', page)
    assert later is not None
    assert "step 1 began" in (await shopper.get(later[1])).text


async def test_a_rollout_that_ended_is_summed_up(shop: Any, shopper: Any) -> None:
    await shop.post("/rollouts/shop-2/abort", {"reason": "enough"})
    await shop.until("/rollouts/shop-2", lambda rollout: rollout["phase"] == "aborted")
    page = (await shopper.get("/rollouts/shop-2")).text
    assert "Exposed for" in page
    assert re.search(r"at up to 20.%", page)
    assert "Decision to zero" in page
    assert "http-equiv" not in page  # nothing will change: no refresh
