"""What the options of ``flag set`` make of a declaration."""

from typing import Any

import pytest

from croupier.cli.flag.edit import Wishes, edited, read_share
from croupier.errors import Rejected

FLAG: dict[str, Any] = {
    "feature": "f",
    "rules": [{"if": "market == 'DE'", "rollout": 0.25}, {"name": "staff", "if": "user.isEmployee", "rollout": 1.0}],
}


def rules(wishes: Wishes, flag: dict[str, Any] = FLAG) -> Any:
    return edited(flag, wishes)["rules"]


def test_only_what_is_wished_changes() -> None:
    assert edited(FLAG, Wishes()) == FLAG
    assert edited(FLAG, Wishes(enabled=False, default="on")) == {**FLAG, "enabled": False, "default": "on"}
    assert edited(FLAG, Wishes(fields={"owner": "payments"})) == {**FLAG, "owner": "payments"}
    assert edited({"feature": "g"}, Wishes(enabled=True)) == {"feature": "g", "enabled": True}


@pytest.mark.parametrize(
    "wishes, index, rule",
    [
        (Wishes(condition=" market == 'DE' ", rollout=0.5), 0, {"if": "market == 'DE'", "rollout": 0.5}),
        (Wishes(rule="1", rollout=0.5), 0, {"if": "market == 'DE'", "rollout": 0.5}),
        (Wishes(rule="staff", condition="vip"), 1, {"name": "staff", "if": "vip", "rollout": 1.0}),
        (Wishes(rule="2", variant="off"), 1, {**FLAG["rules"][1], "variant": "off"}),
        (Wishes(condition="vip", rollout=0.1), 2, {"if": "vip", "rollout": 0.1}),
        (Wishes(rule="new", rollout=0.1), 2, {"name": "new", "rollout": 0.1}),
        (Wishes(rule="new", condition="vip", variant="on"), 2, {"name": "new", "if": "vip", "variant": "on"}),
    ],
)
def test_the_rule_that_is_meant(wishes: Wishes, index: int, rule: dict[str, Any]) -> None:
    found = rules(wishes)
    assert found.pop(index) == rule
    assert found == [each for n, each in enumerate(FLAG["rules"]) if n != index]


def test_a_flag_without_rules_and_with_one() -> None:
    assert rules(Wishes(rollout=0.25), {"feature": "g"}) == [{"rollout": 0.25}]
    one = {"feature": "g", "rules": [{"variants": {"a": 1, "b": 1}, "rollout": 0.1}]}
    assert rules(Wishes(rollout=0.25), one) == [{"variants": {"a": 1, "b": 1}, "rollout": 0.25}]
    assert rules(Wishes(variant="a"), one) == [{"variant": "a", "rollout": 0.1}]
    assert one["rules"] == [{"variants": {"a": 1, "b": 1}, "rollout": 0.1}]


def test_a_rule_is_removed() -> None:
    assert rules(Wishes(remove_rule="staff")) == FLAG["rules"][:1]
    assert rules(Wishes(remove_rule="1")) == FLAG["rules"][1:]


def test_one_environment_is_changed_alone() -> None:
    assert edited(FLAG, Wishes(enabled=False, environment="staging")) == {
        **FLAG,
        "environments": {"staging": {"enabled": False}},
    }
    # Rules of an environment take the place of all: it starts with what is in force there now.
    changed = edited(FLAG, Wishes(rule="staff", rollout=0.5, environment="staging"))
    assert changed["rules"] == FLAG["rules"]
    assert [rule["rollout"] for rule in changed["environments"]["staging"]["rules"]] == [0.25, 0.5]
    again = edited(changed, Wishes(remove_rule="1", environment="staging"))
    assert [rule["name"] for rule in again["environments"]["staging"]["rules"]] == ["staff"]


@pytest.mark.parametrize(
    "wishes, said",
    [
        (Wishes(rollout=0.5), "The flag has 2 rules: which one? Add --rule: 1, staff."),
        (Wishes(remove_rule="other"), "There is no rule 'other'. Rules: 1, staff."),
        (Wishes(rule="3", rollout=0.5), "There is no rule '3'. Rules: 1, staff."),
    ],
)
def test_a_rule_that_is_not_clear(wishes: Wishes, said: str) -> None:
    with pytest.raises(Rejected) as refused:
        edited(FLAG, wishes)
    assert str(refused.value) == said


@pytest.mark.parametrize(
    "text, share", [("25%", 0.25), ("0.25", 0.25), ("1", 1), ("0.3 %", 0.003), ("0", 0), ("7%", 0.07)]
)
def test_a_share(text: str, share: float) -> None:
    assert read_share(text) == share


@pytest.mark.parametrize("text", ["25", "101%", "-1", "many", "%", "nan"])
def test_what_is_no_share(text: str) -> None:
    with pytest.raises(Rejected):
        read_share(text)
