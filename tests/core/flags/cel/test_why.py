from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from croupier.core.flags.cel.parser import parse
from croupier.core.flags.cel.reading import Test
from croupier.core.flags.cel.why import why


@dataclass
class User:
    vip: bool = True


CONTEXT: dict[str, Any] = {
    "market": 3,
    "brand": "X",
    "user": {"age": 30, "roles": ["vip"]},
    "person": User(),
    "born": datetime(2000, 1, 1),  # noqa: DTZ001 - that it has no time zone is the point
}


@pytest.mark.parametrize(
    "text, words",
    [
        ("user.isEmployee", "user.isEmployee is missing"),
        ("nowhere.at.all == 1", "nowhere is missing"),
        ("user.address.city == 'x'", "user.address is missing"),
        ("market > 'DE'", "market is a number, compared with a string"),
        ("brand == 'X' && user.isEmployee", "user.isEmployee is missing"),
        ("brand == 'X' && nothing == 1 && user.isEmployee", "nothing is missing"),
        ("nothing == 1 || brand == 'Y'", "nothing is missing"),
        ("!user.vip", "user.vip is missing"),
        ("!brand", "brand is a string, not true or false"),
        ("brand && true", "brand is a string, not true or false"),
        ("'x' || brand == 'Y'", "'x' is a string, not true or false"),
        ("brand", "brand is a string, not true or false"),
        ("market + 1", "market + 1 is a number, not true or false"),
        ("brand ? true : false", "brand is a string, not true or false"),
        ("brand == 'X' ? nothing : true", "nothing is missing"),
        ("brand == 'Y' ? true : nothing.x", "nothing is missing"),
        ("nothing ? true : false", "nothing is missing"),
        ("brand == 'X' ? 1 : 2", "brand == 'X' ? 1 : 2 is a number, not true or false"),
        ("has(nothing.x)", "nothing is missing"),
        ("has(brand.x)", "has(brand.x): a string has no fields"),
        ("brand.x == 1", "brand.x cannot be read: a string has no fields"),
        ("user.age.x", "user.age.x cannot be read: a number has no fields"),
        ("user.roles[3] == 'x'", "user.roles[3] is missing"),
        ("user['vip'] == 'x'", "user['vip'] is missing"),
        ("market / 0 == 1", "market / 0: a number is divided by zero"),
        ("market + 'x' == 'y'", "market + 'x': + does not work on a number and a string"),
        ("person == 'x'", "person == 'x': an object (User) cannot be compared, only its fields"),
        ("brand < person", "brand < person: < does not work on a string and an object"),
        ("[1] < [2]", "[1] < [2]: < does not work on a list and a list"),
        (
            "brand in brand",
            "brand in brand: in looks into a list or a map, not into a string: write text.contains(part)",
        ),
        ("market.startsWith('x')", "market.startsWith('x'): startsWith does not work on a number and a string"),
        ("timestamp(brand) < now", "timestamp(brand): the text is no timestamp such as 2026-12-01T08:30:00Z"),
        ("born < now", "born cannot be read: the datetime has no time zone"),
        ("segment('vips')", "segment('vips'): segment 'vips' cannot be asked for here"),
        ("[user.vip, 1] == [1, 2]", "user.vip is missing"),
        ("brand == 'X'", "it can be decided"),
        ("nothing == 1 || brand == 'X'", "it can be decided"),
        ("now > timestamp('1960-01-01T00:00:00Z')", "it can be decided"),
    ],
)
def test_words(text: str, words: str) -> None:
    assert why(parse(text), CONTEXT) == words


def test_words_use_the_given_clock_and_segments() -> None:
    def segment(name: str) -> Test:
        return lambda context: context["vip"]

    assert why(parse("segment('vips')"), {"vip": True}, segment=segment) == "it can be decided"
    assert why(parse("segment('vips')"), {}, segment=segment) == "segment('vips'): KeyError"
    assert why(parse("1 / (int(now) - 5) == 0"), {}, now=lambda: 5.0).endswith("a number is divided by zero")


def test_words_never_tell_a_value() -> None:
    for text in ("secret > 1", "timestamp(secret) < now", "int(secret) == 1", "secret.a", "secret"):
        assert "Schmidt" not in why(parse(text), {"secret": "Schmidt"})


def test_there_are_words_for_a_context_that_is_none() -> None:
    assert why(parse("market == 'DE'"), None) == "market cannot be read: TypeError"  # type: ignore[arg-type]
    assert why(None, {}) == "it cannot be decided (KeyError)"  # type: ignore[arg-type]
