"""What people write becomes a flag, with defaults; what is wrong is refused with its place and what to write."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.flags.model import (
    OFF,
    ON,
    Bucketing,
    Flag,
    FlagType,
    OnExpiry,
    Override,
    Prerequisite,
    Rule,
    Share,
    ValueType,
)
from croupier.core.flags.read import read_flag
from croupier.errors import Rejected

COLOURS = {"off": "", "blue": "b", "green": "g"}


def test_the_least_that_can_be_written() -> None:
    assert read_flag({"feature": "new_lobby"}) == Flag("new_lobby")


def test_the_issue_s_own_example() -> None:
    flag = read_flag(
        {
            "feature": "payments_v2",
            "rules": [
                {"if": "market in ['DE','SE']", "rollout": 0.25},
                {"if": "brand == 'X' && user.isEmployee", "rollout": 1.0},
            ],
            "kill_switch": False,
        }
    )
    assert flag == Flag(
        "payments_v2",
        rules=(Rule("market in ['DE','SE']", 2500), Rule("brand == 'X' && user.isEmployee", 10_000)),
    )


def test_everything_that_can_be_written() -> None:
    flag = read_flag(
        {
            "feature": "colour",
            "type": "experiment",
            "description": "Which colour sells?",
            "owner": "lobby",
            "tags": ["lobby", "q4"],
            "variants": COLOURS,
            "default": "blue",
            "safe": "green",
            "enabled": False,
            "rules": [
                {"name": "half", "rollout": 0.5, "variants": {"green": 30, "blue": 70}},
                {"variant": "blue", "bucketing": {"salt": "x", "variant_salt": "y", "by": "account.id"}},
            ],
            "prerequisites": [{"flag": "new_lobby"}, {"flag": "theme", "variants": ["dark", "light"]}],
            "environments": {"staging": {"enabled": True, "rules": [], "default": "green"}, "test": {}},
            "kill_switch": True,
            "bucketing": {"algorithm": "croupier.1", "salt": ""},
            "expires_at": 1_800_000_000,
            "on_expiry": "warn",
        }
    )
    assert flag == Flag(
        "colour",
        type=FlagType.EXPERIMENT,
        description="Which colour sells?",
        owner="lobby",
        tags=("lobby", "q4"),
        value_type=ValueType.STRING,
        variants=COLOURS,
        default="blue",
        safe="green",
        enabled=False,
        rules=(
            Rule("", 5000, (Share("blue", 70), Share("green", 30)), "half"),
            Rule(serve=(Share("blue", 1),), bucketing=Bucketing(salt="x", variant_salt="y", by="account.id")),
        ),
        prerequisites=(Prerequisite("new_lobby", (ON,)), Prerequisite("theme", ("dark", "light"))),
        environments={"staging": Override(True, (), "green"), "test": Override()},
        kill_switch=True,
        bucketing=Bucketing(salt=""),
        expires_at=1_800_000_000.0,
        on_expiry=OnExpiry.WARN,
    )


@pytest.mark.parametrize(
    "kind, on_expiry",
    [
        ("release", OnExpiry.WARN),
        ("ops", OnExpiry.WARN),
        ("permission", OnExpiry.WARN),
        ("experiment", OnExpiry.REVERT),
    ],
)
def test_what_an_expiry_does_depends_on_the_type(kind: str, on_expiry: OnExpiry) -> None:
    assert read_flag({"feature": "f", "type": kind}).on_expiry is on_expiry


@pytest.mark.parametrize(
    "written, kind, values",
    [
        ({"variants": {"off": 1, "x": 2}}, ValueType.INTEGER, {"off": 1, "x": 2}),
        ({"variants": {"off": 1, "x": 2.5}}, ValueType.NUMBER, {"off": 1.0, "x": 2.5}),
        ({"variants": {"off": 1, "x": 2}, "value_type": "number"}, ValueType.NUMBER, {"off": 1.0, "x": 2.0}),
        ({"variants": {"off": {}, "x": [1.0]}}, ValueType.OBJECT, {"off": {}, "x": [1]}),
    ],
)
def test_the_type_of_values(written: dict[str, Any], kind: ValueType, values: dict[str, Any]) -> None:
    flag = read_flag({"feature": "f", **written})
    assert (flag.value_type, flag.variants) == (kind, values)
    assert {type(value) for value in flag.variants.values()} == {type(value) for value in values.values()}


def test_a_flag_with_one_variant_serves_it() -> None:
    flag = read_flag({"feature": "f", "variants": {"limit": 100}, "off": "limit"})
    assert (flag.off, flag.default, flag.safe) == ("limit", "limit", "limit")


@pytest.mark.parametrize("variants", [{"blue": 7}, [{"variant": "blue", "weight": 7}]])
def test_a_single_part_has_no_weight(variants: Any) -> None:
    flag = read_flag({"feature": "f", "variants": COLOURS, "rules": [{"variants": variants}]})
    assert flag.rules[0].serve == (Share("blue", 1),)


@pytest.mark.parametrize(
    "data, field, words",
    [
        ([], "", "expected an object, found a list"),
        ({}, "feature", "a flag needs a key. Write letters"),
        ({"feature": "no spaces"}, "feature", "'no spaces' cannot be a flag's key"),
        ({"feature": "f" * 129}, "feature", "cannot be a flag's key"),
        ({"feature": "\ud800"}, "feature", "expected text"),
        ({"featre": "f", "feature": "f"}, "featre", "Did you mean 'feature'?"),
        ({"zzz": 1}, "zzz", "unknown field. Known are feature, type"),
        ({3: 1}, "3", "unknown field"),
        ({"\ud800": 1}, "\\ud800", "unknown field"),
        ({"type": "relase"}, "type", "'relase' is not known. Known are release, ops, experiment, permission."),
        ({"type": ["ops"]}, "type", "is not known"),
        ({"description": 3}, "description", "expected text, found the number 3"),
        ({"owner": None}, "owner", "expected text, found nothing"),
        ({"tags": "lobby"}, "tags", "expected a list, found the text 'lobby'"),
        ({"tags": [""]}, "tags[0]", "expected a word, found an empty text"),
        ({"tags": ["\ud800"]}, "tags[0]", "expected a word"),
        ({"enabled": "yes"}, "enabled", "expected true or false, found the text 'yes'"),
        ({"kill_switch": 1}, "kill_switch", "expected true or false, found the number 1"),
        ({"variants": {}}, "variants", "expected variants with their values, found an object"),
        ({"variants": {"off": 1, "a b": 2}}, "variants.a b", "cannot be a variant's name"),
        ({"variants": {"off": 1, 5: 2}}, "variants.5", "cannot be a variant's name"),
        ({"variants": {"a": 1}}, "off", "which variant answers while the flag is off? Write off: a"),
        ({"variants": {"off": None}}, "variants.off", "nothing cannot be a variant's value"),
        ({"variants": {"off": float("nan")}}, "variants.off", "cannot be a variant's value: nan is no JSON"),
        ({"variants": {"off": b""}}, "variants.off", "a bytes is no JSON value"),
        ({"variants": {"off": 1, "a": "x"}}, "variants", "variants differ in type: integer, string."),
        ({"variants": {"off": 1}, "value_type": "string"}, "value_type", "the variants are integer, not string."),
        ({"variants": {"off": 1.5}, "value_type": "integer"}, "value_type", "the variants are number, not integer."),
        ({"value_type": "text"}, "value_type", "'text' is not known. Known are boolean"),
        ({"default": "blue"}, "default", "there is no variant 'blue'. Variants are on, off."),
        ({"safe": "blue"}, "safe", "there is no variant 'blue'"),
        ({"off": "blue"}, "off", "there is no variant 'blue'"),
        ({"type": "ops", "variants": COLOURS}, "safe", "which variant is safe in an accident? One of off,"),
        ({"rules": {"if": "true"}}, "rules", "expected a list, found an object"),
        ({"rules": [3]}, "rules[0]", "expected an object, found the number 3"),
        ({"rules": [{"when": "x"}]}, "rules[0].when", "unknown field"),
        ({"rules": [{"if": 3}]}, "rules[0].if", "expected text"),
        ({"rules": [{"rollout": "25%"}]}, "rules[0].rollout", "expected a number from 0 to 1, found the text '25%'"),
        ({"rules": [{"rollout": True}]}, "rules[0].rollout", "found true or false"),
        ({"rules": [{"rollout": 25}]}, "rules[0].rollout", "Did you mean 0.25, which is 25 %?"),
        ({"rules": [{"rollout": -1}]}, "rules[0].rollout", "-1 is not between 0 and 1. 25 % is 0.25."),
        ({"rules": [{"rollout": float("nan")}]}, "rules[0].rollout", "nan is not between 0 and 1"),
        ({"rules": [{"rollout": 0.00005}]}, "rules[0].rollout", "5e-05 is finer than 0.0001."),
        ({"rules": [{"variant": "blue"}]}, "rules[0].variant", "there is no variant 'blue'"),
        ({"variants": COLOURS, "rules": [{}]}, "rules[0].variant", "which variant does the rule serve? One of off"),
        ({"rules": [{"variant": "on", "variants": {"on": 1}}]}, "rules[0].variant", "variant and variants together"),
        ({"rules": [{"variants": 3}]}, "rules[0].variants", "expected variants with their weights"),
        ({"rules": [{"variants": []}]}, "rules[0].variants", "expected variants with their weights, found a list"),
        ({"rules": [{"variants": {"blue": 1}}]}, "rules[0].variants.blue", "there is no variant"),
        ({"rules": [{"variants": {"on": 1.5, "off": 1}}]}, "rules[0].variants.on", "a weight is a whole number"),
        ({"rules": [{"variants": {"on": True}}]}, "rules[0].variants.on", "a weight is a whole number"),
        ({"rules": [{"variants": {"on": -1}}]}, "rules[0].variants.on", "a weight is a whole number"),
        ({"rules": [{"variants": {"on": 0, "off": 0}}]}, "rules[0].variants", "every weight is 0."),
        ({"rules": [{"variants": [{"variant": "on"}]}]}, "rules[0].variants[0]", "a weight is a whole number"),
        ({"rules": [{"variants": [{"variant": [], "weight": 1}]}]}, "rules[0].variants[0]", "there is no variant '[]'"),
        ({"rules": [{"bucketing": {"seed": 1}}]}, "rules[0].bucketing.seed", "unknown field"),
        ({"bucketing": {"salt": 1}}, "bucketing.salt", "expected text"),
        ({"prerequisites": [{}]}, "prerequisites[0].flag", "which flag is required?"),
        ({"prerequisites": [{"flag": "f", "variants": [1]}]}, "prerequisites[0].variants[0]", "expected a word"),
        ({"environments": []}, "environments", "expected environments by name, found a list"),
        ({"environments": {"": {}}}, "environments.", "cannot be an environment's name"),
        ({"environments": {4: {}}}, "environments.4", "cannot be an environment's name"),
        ({"environments": {"staging": {"default": []}}}, "environments.staging.default", "there is no variant"),
        ({"environments": {"staging": {"rules": 3}}}, "environments.staging.rules", "expected a list"),
        ({"expires_at": "soon"}, "expires_at", "expected seconds since 1970, found the text 'soon'"),
        ({"expires_at": True}, "expires_at", "expected seconds since 1970"),
        ({"expires_at": float("inf")}, "expires_at", "expected seconds since 1970"),
        ({"expires_at": 10**400}, "expires_at", "expected seconds since 1970"),
        ({"on_expiry": "delete"}, "on_expiry", "'delete' is not known. Known are warn, revert."),
    ],
)  # fmt: skip
def test_refused(data: Any, field: str, words: str) -> None:
    if isinstance(data, dict) and data:
        data = {"feature": "f", **data}
    with pytest.raises(Rejected) as caught:
        read_flag(data)
    told = [str(problem) for problem in caught.value.problems if problem.field == field]
    assert any(words in each for each in told), caught.value.problems


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(Rejected, match="The flag is wrong: feature") as caught:
        read_flag({"feature": "", "type": "x", "rules": [{"rollout": 2}, {"if": 1}]})
    assert [problem.field for problem in caught.value.problems] == [
        "feature",
        "type",
        "rules[0].rollout",
        "rules[1].if",
    ]


NOISE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(), inner, max_size=3),
    max_leaves=5,
)
_FIELDS = ["feature", "type", "variants", "off", "default", "safe", "rules", "environments", "prerequisites", "tags"]
_FIELDS += ["bucketing", "expires_at", "on_expiry", "value_type", "enabled", "kill_switch", "owner", "description"]
_PARTS = ["if", "rollout", "variant", "variants", "bucketing", "flag", "weight", "staging", "on", "off", "name"]


@given(
    st.dictionaries(
        st.sampled_from(_FIELDS),
        NOISE
        | st.dictionaries(st.sampled_from(_PARTS), NOISE)
        | st.lists(st.dictionaries(st.sampled_from(_PARTS), NOISE), max_size=2),
    )
)
def test_whatever_is_given_is_a_flag_or_refused(data: dict[str, Any]) -> None:
    try:
        flag = read_flag({"feature": "f", **data})
    except Rejected as error:
        words = [str(problem) for problem in error.problems]
    else:
        words = [flag.key]
    assert "".join(words).encode()


def test_off_is_the_default_everywhere() -> None:
    flag = read_flag({"feature": "f"})
    assert (flag.off, flag.default, flag.safe) == (OFF, OFF, OFF)
