"""The list of flags and a flag's page, as the server renders them."""

import re
from collections.abc import Sequence
from typing import Any

import pytest

from croupier.errors import Transient
from croupier.server.auth import Role
from croupier.server.web.flags import pages


@pytest.fixture
async def reader(flagged: Any, visit: Any) -> Any:
    """A viewer who sees the four flags."""
    return await visit.sign_in(Role.VIEWER)


def keys(text: str) -> list[str]:
    return re.findall(r'<tr id="row-([^"]+)"', text)


async def test_an_empty_list_says_what_to_do(world: Any, visit: Any) -> None:
    await visit.sign_in()
    assert "croupier flag apply" in (await visit.get("/flags")).text


async def test_the_list_says_who_gets_what(reader: Any) -> None:
    page = (await reader.get("/flags")).text
    assert keys(page) == ["dark_table", "new_lobby", "payments_v2", "provider_evo"]
    assert "25\u202f% of DE, SE; brand X and user.isEmployee" in page
    assert "4 flags" in page


FILTERS: Sequence[tuple[dict[str, str], list[str]]] = [
    ({"q": "deposit FLOW"}, ["payments_v2"]),
    ({"q": "psp"}, ["payments_v2"]),
    ({"q": "lobby"}, ["dark_table", "new_lobby"]),
    ({"q": "lobby nothing"}, []),
    ({"type": "ops"}, ["provider_evo"]),
    ({"state": "on"}, ["new_lobby", "provider_evo"]),
    ({"state": "partly"}, ["payments_v2"]),
    ({"state": "off", "q": "dark"}, ["dark_table"]),
    ({"state": "killed"}, []),
    ({"state": "expired"}, []),
    ({"state": "debt"}, []),
    ({"state": "archived"}, []),
    ({"environment": "production", "state": "on", "type": "ops"}, ["provider_evo"]),
]


async def test_filters(reader: Any) -> None:
    for asked, found in FILTERS:
        page = await reader.get("/flags", params=asked)
        assert keys(page.text) == found, asked
        assert found or "No flag is like that" in page.text


async def test_what_cannot_be_asked_for(reader: Any) -> None:
    for asked in ({"type": "x"}, {"state": "x"}, {"environment": "x"}, {"q": "x" * 300}, {"after": "x" * 200}):
        page = await reader.get("/flags", params=asked)
        assert (page.status_code, page.headers["content-type"]) == (422, "text/html; charset=utf-8"), asked


async def test_a_long_list_has_pages(reader: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PAGE", 2)
    first = (await reader.get("/flags", params={"q": "a"})).text
    assert keys(first) == ["dark_table", "payments_v2"]
    monkeypatch.setattr(pages, "PAGE", 3)
    first = (await reader.get("/flags")).text
    assert "1–3 of 4 flags" in first
    following = re.search(r'href="([^"]+)" rel="next"', first)
    assert following is not None
    second = (await reader.get(following[1])).text
    assert keys(second) == ["provider_evo"]
    assert 'rel="next"' not in second
    assert "From the beginning" in second


async def test_a_live_part_is_the_same_without_its_frame(reader: Any) -> None:
    for path in ("/flags?state=on", "/flags/payments_v2"):
        whole = (await reader.get(path)).text
        part = (await reader.get(path, headers={"HX-Request": "true"})).text
        assert "<!doctype html>" in whole
        assert part.strip().startswith('<div id="live"')
        assert part.strip() in whole


async def test_a_flag_in_words_and_in_cel(reader: Any) -> None:
    page = (await reader.get("/flags/payments_v2")).text
    assert "on for 25\u202f% of DE, SE; brand X and user.isEmployee" in page
    assert "market in [&#39;DE&#39;,&#39;SE&#39;]" in page
    assert "off</b> for everybody else" in page
    assert "anna" in page
    assert "everybody else" not in (await reader.get("/flags/new_lobby")).text


async def test_the_history_tells_what_changed(flagged: Any, declared: Any, payments: Any, reader: Any) -> None:
    payments["rules"][0]["rollout"] = 0.5
    await declared(payments, actor="bert", reason="it went well")
    payments |= {"description": "Deposits", "owner": "psp"}
    await declared(payments, actor="bert")
    await flagged.context.flags.changes.kill("payments_v2", actor="carol", reason="deposits fail")
    await flagged.context.flags.changes.restore("payments_v2", actor="carol")
    for path in ("/flags/payments_v2", "/flags/payments_v2/history"):
        page = (await reader.get(path)).text
        assert "rollout 25 % → 50 %" in page
        assert "“it went well”" in page
        assert "2 changes" in page
        assert "owner: payments → psp" in page
        assert "killed: it answers its safe value everywhere" in page
        assert "“deposits fail”" in page
        assert "restored: a kill is undone" in page
    link = re.search(r"/journal/\d+", (await reader.get("/flags/payments_v2")).text)
    assert link is not None
    assert "payments_v2" in (await reader.get(link[0])).text


async def test_a_long_history_has_pages(flagged: Any, reader: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "ENTRIES", 1)
    await flagged.context.flags.changes.kill("new_lobby", actor="carol", reason="x")
    first = (await reader.get("/flags/new_lobby/history")).text
    following = re.search(r'href="([^"]+)" rel="next"', first)
    assert following is not None
    assert "killed" in (await reader.get(following[1])).text


async def test_nothing_is_found_where_there_is_nothing(reader: Any) -> None:
    for path in ("/flags/nope", "/flags/<script>", "/flags/payments_v2/nope"):
        page = await reader.get(path)
        assert page.status_code in (404, 422)
        assert page.headers["content-type"].startswith("text/html")


async def test_pages_come_from_memory_while_the_database_is_down(
    flagged: Any, reader: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(*_: Any, **__: Any) -> Any:
        raise Transient("The database is gone.")

    monkeypatch.setattr(type(flagged.store), "latest", gone)
    page = await reader.get("/flags/payments_v2")
    assert page.status_code == 200
    assert "kill works" in page.text
    assert (await reader.get("/flags")).status_code == 200
