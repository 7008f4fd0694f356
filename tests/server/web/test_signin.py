"""Signing in and out over HTTP: what gets in, what does not, and what the answers give away."""

import re
from typing import Any

import pytest

from croupier.server.auth import Role

WRONG = ["", "x", "crp_0123456789ab_" + "x" * 43, "crp_", "é" * 50]


@pytest.mark.parametrize("path", ["/", "/rollouts/shop-1", "/rollouts/shop-1/abort", "/journal/1"])
async def test_who_is_not_signed_in_is_asked_to(visit: Any, path: str) -> None:
    answer = await visit.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login?next=")
    page = await visit.get(answer.headers["location"])
    assert page.status_code == 200
    assert f'name="next" value="{path}"' in page.text


async def test_parts_of_pages_are_told_to_go_there(visit: Any) -> None:
    current = {"HX-Request": "true", "HX-Current-URL": "http://localhost/rollouts/shop-1"}
    answer = await visit.get("/rollouts/shop-1", headers=current)
    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/login?next=%2Frollouts%2Fshop-1")
    for path in ("/events", "/rollouts/shop-1/events", "/rollouts/shop-1/charts"):
        assert (await visit.get(path, headers={"Accept": "text/event-stream"})).status_code == 401


async def test_a_token_opens_a_session(world: Any, visit: Any) -> None:
    answer = await visit.post("/login", {"token": f" {world.tokens[Role.VIEWER]}\n", "next": "/rollouts/shop-1"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/rollouts/shop-1")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Secure" not in cookie
    page = await visit.get("/")
    assert page.status_code == 200
    assert "<b>viewer</b>" in page.text


async def test_behind_tls_the_cookie_is_for_tls(world: Any, visit: Any) -> None:
    answer = await visit.post("/login", {"token": world.tokens[Role.VIEWER]}, origin="https://localhost")
    assert "Secure" in answer.headers["set-cookie"]


async def test_every_wrong_token_gets_the_same_answer(visit: Any) -> None:
    answers = [await visit.post("/login", {"token": token}) for token in WRONG]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert not any("set-cookie" in answer.headers for answer in answers)


async def test_who_fails_too_often_waits_and_a_right_token_does_not(world: Any, visit: Any) -> None:
    answers = [await visit.post("/login", {"token": "x"}) for _ in range(25)]
    assert answers[-1].status_code == 429
    assert "Try again in" in answers[-1].text
    await visit.sign_in()


@pytest.mark.parametrize(
    "where", ["//evil.example", "/\\evil.example", "https://evil.example/", "javascript:alert(1)", "/x\r\nA: b", ""]
)
async def test_signing_in_leads_nowhere_else(world: Any, visit: Any, where: str) -> None:
    page = await visit.get("/login", params={"next": where})
    assert 'name="next" value="/"' in page.text
    answer = await visit.post("/login", {"token": world.tokens[Role.VIEWER], "next": where})
    assert answer.headers["location"] == "/"


async def test_nobody_is_signed_in_from_another_site(world: Any, visit: Any) -> None:
    for origin in ("https://evil.example", "http://localhost:9999", "null", None):
        answer = await visit.post("/login", {"token": world.tokens[Role.VIEWER]}, origin=origin)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


async def test_signing_out_ends_copies_too(visit: Any) -> None:
    await visit.sign_in()
    copy = dict(visit.client.cookies)
    page = await visit.get("/")
    csrf = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert csrf is not None
    assert (await visit.post("/logout", {"csrf": "wrong"})).status_code == 403
    assert (await visit.post("/logout", {"csrf": csrf[1]})).status_code == 303
    visit.client.cookies.update(copy)
    assert (await visit.get("/")).status_code == 303


async def test_a_revoked_token_ends_its_sessions(world: Any, visit: Any) -> None:
    await visit.sign_in(Role.VIEWER)
    listed = (await world.get("/tokens")).json()["items"]
    token = next(item["id"] for item in listed if item["name"] == "viewer")
    await world.client.delete(f"/api/v1/tokens/{token}", headers=world.auth())
    assert (await visit.get("/")).status_code == 303


async def test_a_link_asks_first_and_works_once(world: Any, visit: Any) -> None:
    made = await world.client.post("/login/tickets", headers=world.auth(Role.OPERATOR))
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    path = made.json()["url"].removeprefix("http://localhost")
    for _ in range(2):  # a preview of the link uses nothing up
        page = await visit.get(path)
        assert "signs you in once" in page.text
    ticket = path.partition("ticket=")[2]
    assert (await visit.post("/login", {"ticket": ticket})).status_code == 303
    assert "<b>operator</b>" in (await visit.get("/")).text
    again = await visit.post("/login", {"ticket": ticket})
    assert again.status_code == 401
    assert "used already" in again.text


async def test_an_applications_token_opens_no_page(world: Any, visit: Any) -> None:
    token = world.tokens[Role.CLIENT]
    assert (await visit.post("/login", {"token": token})).status_code == 401
    assert (await world.client.post("/login/tickets", headers=world.auth(Role.CLIENT))).status_code == 403


async def test_links_need_a_token(world: Any) -> None:
    assert (await world.client.post("/login/tickets")).status_code == 401
