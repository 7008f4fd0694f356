"""Numbers as people read them."""

from typing import Any

import pytest

from croupier.server.web.dress import percent, share


@pytest.mark.parametrize("value, text", [(5, "5\u202f%"), (0.25, "0.25\u202f%"), (100.0, "100\u202f%")])
def test_percent(value: float, text: str) -> None:
    assert percent(value) == text


@pytest.mark.parametrize(
    "good, total, text",
    [(0, 0, "–"), (1, 1, "100\u202f%"), (0, 7, "0\u202f%"), (9_961, 10_000, "99.61\u202f%"), (1, 3, "33.33\u202f%")],
)
def test_a_share_keeps_the_digits_that_matter(good: int, total: int, text: str) -> None:
    assert share(good, total) == text


def test_almost_all_is_not_all() -> None:
    assert share(99_999, 100_000) == "99.99\u202f%"


BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize("path", ["/nothing", "/rollouts", "/api/v1/nothing", "/static/nothing.css"])
async def test_people_get_a_page_where_there_is_nothing(visit: Any, path: str) -> None:
    answer = await visit.get(path, headers=BROWSER)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "style-src 'self'" in answer.headers["content-security-policy"]
    assert 'href="/"' in answer.text
    told = await visit.get(path)
    assert (told.status_code, told.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize(
    "path, back", [("/flags/nope", "flags"), ("/presets/nope", "presets"), ("/rollouts/x", "rollouts")]
)
async def test_what_is_not_there_leads_back_to_its_list(visit: Any, path: str, back: str) -> None:
    await visit.sign_in()
    answer = await visit.get(path)
    assert answer.status_code == 404
    assert f'<a href="/{back if back != "rollouts" else ""}">Back to the {back}</a>' in answer.text


async def test_people_get_a_page_for_a_method_that_there_is_not(visit: Any) -> None:
    answer = await visit.client.post("/rollouts/shop-1", headers=BROWSER)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert "POST is not possible here." in answer.text
