"""Text from outside that would like to be more than text: names, reasons, metric labels, health reports, versions."""

import re
from typing import Any

import pytest
from tests.server.web.hostile import EVIL, harmless

from croupier.control.ports import Health, Query, WorkloadStatus
from croupier.core.gates import Counts, Reading, Silence
from croupier.server.auth import Role, mint

PAGES = ["/", "/rollouts/shop-2", "/rollouts/shop-2/retry", "/rollouts/shop-2/history"]


@pytest.fixture
async def infected(world: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A shop whose every text comes from an enemy."""

    async def read(query: Query) -> Reading | Silence:
        groups = {(): Counts(1_000, 1_000), (("psp", EVIL),): Counts(500, 1_000), ((EVIL, EVIL),): Counts(5, 5)}
        return Reading(query.since, query.until, groups, groups)

    await world.declare()
    monkeypatch.setattr(world.counters, "read", read)
    token, world.tokens[Role.ADMIN] = mint(EVIL, Role.ADMIN, 0.0)
    await world.admit(token)
    await world.post("/rollouts", {"service": "shop", "version": "1.1.0", "reason": EVIL})
    await world.until("/rollouts/shop-2", lambda rollout: rollout["hold"] == "step" and rollout["gates"][0]["findings"])
    observe = world.context.ports.workloads.observe

    async def sick() -> Any:
        return {
            key: WorkloadStatus(Health.UNREADY, status.endpoints, EVIL) for key, status in (await observe()).items()
        }

    monkeypatch.setattr(world.context.ports.workloads, "observe", sick)
    await world.post("/rollouts/shop-2/abort", {"reason": EVIL})
    await world.until("/rollouts/shop-2", lambda rollout: rollout["phase"] == "aborted")
    return world


async def test_nothing_becomes_markup(infected: Any, visit: Any) -> None:
    await visit.sign_in()
    newest = (await infected.get("/journal", params={"newest": "true", "limit": 1})).json()["items"][0]["seq"]
    seen = ""
    for path in [*PAGES, f"/journal/{newest}"]:
        page = await visit.get(path)
        assert page.status_code == 200, page.text
        seen += page.text
        harmless(page.text)
    assert seen.count("&lt;img src=x") > 5  # it is there, as text


async def test_addresses_are_only_text_too(infected: Any, visit: Any) -> None:
    await visit.sign_in()
    for path in ("/rollouts/<img src=x onerror=alert(1)>", "/rollouts/shop-2/<img src=x>", "/login"):
        page = await visit.get(path, params={"next": EVIL, "ticket": EVIL})
        assert page.headers["content-type"].startswith("text/html")
        harmless(page.text)


@pytest.mark.browser
async def test_a_browser_runs_none_of_it(infected: Any, site: Any) -> None:
    async with site.open("/") as page:
        for path in PAGES:
            await page.goto(path)
            if path == "/rollouts/shop-2":
                await page.locator("#evidence-ok").evaluate("(item) => { item.open = true; }")
                await page.locator("#link", has_text="live").wait_for()
                await page.click("#do-retry")
                await page.locator("#ask").wait_for()
            assert await page.evaluate("window.pwned") is None
            assert await page.locator("img").count() == 0


async def test_every_answer_is_armed(shop: Any, visit: Any) -> None:
    for path in ("/login", "/", "/rollouts/nope"):
        answer = await visit.get(path)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none';")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "same-origin"
    await visit.sign_in()
    for path in ("/", "/rollouts/shop-2"):
        page = await visit.get(path)
        assert "http" not in re.sub(r'meta http-equiv|xmlns="[^"]+"', "", page.text)  # nothing comes from elsewhere
