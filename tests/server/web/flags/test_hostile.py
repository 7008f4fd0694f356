"""Text from outside that would like to be more than text: whatever a flag, a preset or a client may be called."""

import json
from typing import Any

import pytest
from tests.server.web.hostile import EVIL, harmless

from croupier.core.flags.preset import read_preset
from croupier.core.flags.read import read_flag
from croupier.server.auth import Role, mint

PAGES = [
    "/", "/flags", "/flags/bad", "/flags/bad/history", "/flags/bad/edit", "/flags/bad/restore", "/presets",
    "/presets/worse", "/presets/worse/approve",
]  # fmt: skip


@pytest.fixture
async def infected(world: Any) -> Any:
    """Flags whose every text comes from an enemy."""
    flags, now = world.context.flags, world.context.ports.clock.now()
    token, world.tokens[Role.ADMIN] = mint(EVIL, Role.ADMIN, 0.0)
    await world.admit(token)
    declared = {
        "feature": "bad",
        "description": EVIL,
        "owner": EVIL,
        "tags": [EVIL],
        "variants": {"on": EVIL, "off": "</textarea>"},
        "rules": [{"name": EVIL, "if": f"market == {json.dumps(EVIL)} || brand == '</textarea><script>'"}],
        "bucketing": {"salt": EVIL, "by": "user"},
    }
    await flags.changes.declare([read_flag(declared)], actor=EVIL, reason=EVIL)
    await flags.changes.declare([read_flag({**declared, "description": f"{EVIL} 2"})], actor=EVIL, reason=EVIL)
    await flags.changes.kill("bad", actor=EVIL, reason=EVIL)
    preset = {"name": "worse", "description": EVIL, "changes": [{"flag": "bad", "rules": [{"name": f"{EVIL}3"}]}]}
    await flags.presets.put(read_preset(preset), actor="anna", reason=EVIL)
    for version in (1, 2):
        flags.propagation.acknowledge(
            EVIL, "production", f"{flags.book.lineage}:{version}", EVIL, held_s=0.0, now=now, sdk=EVIL
        )
    return world


async def test_nothing_becomes_markup(infected: Any, visit: Any) -> None:
    await visit.sign_in()
    seen = ""
    for path in PAGES:
        page = await visit.get(path)
        assert page.status_code == 200, (path, page.text)
        harmless(page.text)
        seen += page.text
    assert seen.count("&lt;img src=x") > 30  # it is there, as text


async def test_what_is_sent_comes_back_as_text(infected: Any, visit: Any) -> None:
    await visit.sign_in()
    page = (await visit.get("/flags/bad")).text
    csrf = page.split('name="csrf" value="')[1].split('"')[0]
    forms: list[tuple[str, dict[str, Any]]] = [
        ("/flags/bad/explain", {"name": [EVIL, "market"], "value": [EVIL, EVIL], "more": EVIL}),
        ("/flags/bad/explain", {"name": ["market", "user"], "value": [EVIL, EVIL], "environment": EVIL}),
        ("/flags/bad/explain", {"name": ["market", "user"], "value": [EVIL, EVIL]}),
        ("/flags/bad/edit", {"text": f"</textarea>{EVIL}", "reason": EVIL}),
        ("/flags/bad/edit", {"text": json.dumps({EVIL: 1, "owner": EVIL, "rules": [{"if": EVIL}]}), "seen": 9}),
        ("/flags/bad/edit", {"text": json.dumps({"owner": EVIL, "variants": {EVIL: 1}})}),
        ("/flags/bad/restore", {"reason": EVIL, "seen": EVIL}),
        ("/flags/bad/renew", {"until": EVIL[:20], "reason": EVIL}),
        ("/presets/worse/approve", {"reason": EVIL, "seen": EVIL[:100]}),
        ("/presets/worse/apply", {"reason": EVIL}),
    ]
    for path, form in forms:
        answer = await visit.post(path, {"csrf": csrf, **form})
        assert answer.headers["content-type"].startswith("text/html"), (path, answer.text)
        harmless(answer.text)


async def test_addresses_are_only_text_too(infected: Any, visit: Any) -> None:
    await visit.sign_in()
    for path in ("/flags/<img src=x>", "/flags/bad/<img src=x>", "/presets/<img src=x>", "/flags"):
        for params in (
            {"q": EVIL, "after": EVIL},
            {"type": EVIL[:20]},
            {"state": EVIL[:20]},
            {"environment": EVIL[:60]},
        ):
            page = await visit.get(path, params=params)
            assert page.headers["content-type"].startswith("text/html")
            harmless(page.text)


@pytest.mark.browser
async def test_a_browser_runs_none_of_it(infected: Any, site: Any) -> None:
    async with site.open("/") as page:
        for path in PAGES:
            await page.goto(path)
            if path == "/flags/bad":
                await page.locator("#link", has_text="live").wait_for()
                await page.fill("#field-1", EVIL)
                await page.click(".question button")
                await page.locator("#answer", has_text="killed").wait_for()
                await page.click("#do-restore")
                await page.locator("#ask").wait_for()
            assert await page.evaluate("window.pwned") is None
            assert await page.locator("img").count() == 0
