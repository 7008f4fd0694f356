"""A made-up population has somebody for every rule."""

from typing import Any

import pytest

from croupier.core.flags.model import Bucketing, Flag, Override, Rule
from croupier.core.flags.sample import sample
from croupier.core.segments import AttributeMatch, Segment

VIP = Segment("vip", (AttributeMatch("user.tier", ("gold", "platinum")),))


def made(*conditions: str, **more: Any) -> list[dict[str, Any]]:
    flag = Flag("f", rules=tuple(Rule(condition) for condition in conditions), **more)
    return sample([flag], {"vip": VIP}, size=300)


def values(people: list[dict[str, Any]], *path: str) -> set[Any]:
    found = set()
    for context in people:
        value: Any = context
        for name in path:
            value = value.get(name, {})
        found.add(repr(value))
    return found


def test_everybody_has_a_key_of_their_own() -> None:
    people = made("")
    assert len({context["targetingKey"] for context in people}) == 300
    assert set(people[0]) == {"targetingKey"}


@pytest.mark.parametrize(
    "condition, path, found",
    [
        ("market in ['DE', 'SE']", ["market"], {"'DE'", "'SE'", "'something else'", "{}"}),
        ("user.isEmployee", ["user", "isEmployee"], {"True", "False", "{}"}),
        ("has(vip)", ["vip"], {"True", "False", "{}"}),
        ("level > 3", ["level"], {"2", "3", "4", "'something else'", "{}"}),
        ("app.startsWith('ios')", ["app"], {"'ios'", "'something else'", "{}"}),
        ("segment('vip')", ["user", "tier"], {"'gold'", "'platinum'", "'something else'", "{}"}),
        ("segment('nobody')", ["user", "tier"], {"{}"}),
        ("brand == 'X' ? vip : market == 'DE'", ["market"], {"'DE'", "'something else'", "{}"}),
    ],
)
def test_every_value_that_is_asked_for_is_there(condition: str, path: list[str], found: set[str]) -> None:
    assert values(made(condition), *path) == found


def test_attributes_vary_by_themselves() -> None:
    people = made("market == 'DE' && vip")
    assert len({(repr(context.get("market")), repr(context.get("vip"))) for context in people}) == 9


def test_the_same_rules_give_the_same_people() -> None:
    assert made("market == 'DE'") == made("market == 'DE'")
    flag = Flag("f", rules=(Rule("market == 'DE'"),))
    assert sample([flag], {}, size=9, seed="a") != sample([flag], {}, size=9, seed="b")


def test_players_are_known_by_what_the_flag_knows_them_by() -> None:
    rule = Rule("session == 'x'", bucketing=Bucketing(by="session"))
    people = sample(
        [Flag("f", bucketing=Bucketing(by="account.id"), environments={"test": Override(rules=(rule,))})], {}, size=2
    )
    assert people[1] == {"targetingKey": "player-1", "account": {"id": "player-1"}, "session": "player-1"}


def test_an_attribute_may_be_read_both_as_a_value_and_as_an_object() -> None:
    people = made("user == 'x' || user.vip")
    assert {type(context.get("user")) for context in people} >= {dict, str}


def test_the_player_s_own_key_is_never_replaced() -> None:
    people = made("account == 'x'", bucketing=Bucketing(by="account.id"))
    assert {repr(context["account"]) for context in people} >= {"{'id': 'player-7'}"}
    assert {type(context["account"]) for context in people} == {dict}
