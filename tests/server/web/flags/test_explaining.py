"""The form that asks a flag about a player."""

from typing import Any

import pytest

from croupier.core.flags.read import read_flag
from croupier.errors import Rejected
from croupier.server.auth import Role
from croupier.server.web.flags.explaining import Question, context_of, value_of


@pytest.mark.parametrize(
    "text,value",
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("3", 3),
        ("-0.5", -0.5),
        ("DE", "DE"),
        ('"3"', "3"),
        ('"', '"'),
        ("007", "007"),
        ("1e5", "1e5"),
        ("9" * 17, "9" * 17),
    ],
)
def test_values(text: str, value: Any) -> None:
    found = value_of(text)
    assert (found, type(found)) == (value, type(value))


def test_a_context_is_put_together() -> None:
    flag = read_flag({"feature": "f", "bucketing": {"by": "user.id"}})
    question = Question(
        name=["user.id", "user.isEmployee", "market", "brand"],
        value=["12", "true", "", " X "],
        more='{"user": {"tier": "gold"}, "limits": [1]}',
    )
    assert context_of(question, flag) == {
        "user": {"tier": "gold", "id": "12", "isEmployee": True},
        "limits": [1],
        "brand": "X",
    }


@pytest.mark.parametrize("more", ["{", "[]", "3", "[" * 10_000, '{"user": 3}'])
def test_what_is_no_context(more: str) -> None:
    with pytest.raises(Rejected):
        context_of(Question(name=["user.id"], value=["1"], more=more), read_flag({"feature": "f"}))


@pytest.fixture
async def viewer(flagged: Any, visit: Any) -> Any:
    return await visit.sign_in(Role.VIEWER)


async def ask(visit: Any, key: str = "payments_v2", **context: Any) -> Any:
    page = (await visit.get("/flags/payments_v2")).text
    csrf = page.split('name="csrf" value="')[1].split('"')[0]
    form = {"csrf": csrf, "name": list(context), "value": list(context.values())}
    return await visit.post(f"/flags/{key}/explain", form)


async def test_every_rule_says_what_it_did(viewer: Any) -> None:
    page = (await ask(viewer, targetingKey="player-1", market="DE", brand="X")).text
    assert "The player’s bucket is" in page
    assert "market in [&#39;DE&#39;,&#39;SE&#39;]" in page
    assert "user is missing" in page
    assert 'value="player-1"' in page  # what was filled in stays


async def test_an_employee_is_taken_by_name(viewer: Any) -> None:
    page = (await ask(viewer, **{"targetingKey": "p", "brand": "X", "user.isEmployee": "true"})).text
    assert "targeting match, by staff" in page
    assert "took" in page


async def test_what_it_needs_is_said(flagged: Any, declared: Any, viewer: Any) -> None:
    await declared({"feature": "wheel", "rules": [{}], "prerequisites": [{"flag": "dark_table"}]})
    page = (await ask(viewer, "wheel")).text
    assert "must be on; it is off" in page
    assert "not met" in page


async def test_mistakes_are_said(viewer: Any) -> None:
    page = (await viewer.get("/flags/payments_v2")).text
    csrf = page.split('name="csrf" value="')[1].split('"')[0]
    wrong = await viewer.post("/flags/payments_v2/explain", {"csrf": csrf, "more": "{"})
    assert wrong.status_code == 422
    assert "no JSON (line 1, column 2)" in wrong.text
    nowhere = await viewer.post("/flags/payments_v2/explain", {"csrf": csrf, "environment": "moon"})
    assert nowhere.status_code == 404
    assert (await viewer.post("/flags/payments_v2/explain", {"csrf": "x"})).status_code == 403
    assert (await viewer.post("/flags/nope/explain", {"csrf": csrf})).status_code == 404


async def test_the_form_alone(viewer: Any) -> None:
    page = await viewer.get("/flags/payments_v2/explain")
    assert page.status_code == 200
    assert 'placeholder="missing"' in page.text
    assert (await viewer.get("/flags/nope/explain")).status_code == 404
