"""flagd's definitions imported: compared with flagd's own evaluator, player by player, and with its testbed."""

import json
from copy import deepcopy
from random import Random
from typing import Any, Literal

import pytest
from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext
from tests.adapters.imports.asking import NOW, people, ruleset_of

from croupier.adapters.imports import Fate, import_flagd
from croupier.errors import Rejected

COLOURS = {"red": "r", "blue": "b", "green": "g"}
Version = Literal[1, 2, 3]


def definition(
    targeting: Any, variants: dict[str, Any] | None = None, default: Any = "red", **more: Any
) -> dict[str, Any]:
    flag = {"state": "ENABLED", "variants": variants or COLOURS, "defaultVariant": default, "targeting": targeting}
    return {"flags": {"f": {**flag, **more.pop("flag", {})}}, **more}


def var(name: str) -> dict[str, str]:
    return {"var": name}


PEOPLE = people(800)


def compare(given: dict[str, Any], contexts: list[dict[str, Any]]) -> set[str | None]:
    imported = import_flagd(given, fractional=3)
    assert [flag.key for flag in imported.flags] == ["f"], imported.notes
    rules = ruleset_of(imported.flags)
    core = FlagdCore()
    core.set_flags(deepcopy(given))
    met = set()
    for context in contexts:
        rest = {name: value for name, value in context.items() if name != "targetingKey"}
        theirs = core.resolve_string_value("f", "?", EvaluationContext(context.get("targetingKey"), rest))
        outcome = rules.outcome("f", context)
        assert outcome.variant == theirs.variant, (context, outcome)
        met.add(outcome.variant)
    return met


DE = {"==": [var("market"), "DE"]}
SHARES = {"fractional": [["red", 25], ["blue", 25], ["green", 50]]}
TIME = int(NOW)


@pytest.mark.parametrize(
    "targeting",
    [
        None,
        {},
        SHARES,
        {"fractional": [["blue"], ["green", 3], ["red", -5]]},
        {"fractional": [["blue", 1]]},
        {"fractional": [{"cat": [var("$flagd.flagKey"), var("user.name")]}, ["red", 25], ["blue", 75]]},
        {"fractional": [{"cat": ["a-", var("$flagd.flagKey"), "-b", var("targetingKey")]}, ["red", 1], ["blue", 1]]},
        {"fractional": [var("market"), ["red", 50], ["blue", 50]]},
        {"if": [DE, SHARES, "green"]},
        {"if": [DE, "blue"]},
        {"if": [{"!": [False]}, "green"]},
        {"if": [{"or": [DE, True]}, "green"]},
        {"if": [{"!": [True]}, "green", {"if": [{"and": [DE, True]}, "blue"]}]},
        {"if": [DE, "blue", {"in": [var("market"), ["SE", "MT"]]}, SHARES, None]},
        {"if": [DE, {"if": [{"var": "user.vip"}, "green", SHARES]}, "blue"]},
        {"if": [{"and": [DE, {"!": [var("user.vip")]}]}, "green", "blue"]},
        {"if": [{"or": [DE, {"!!": [var("user.vip")]}, {">": [var("level"), 7]}]}, "green"]},
        {"if": [{"!=": [var("market"), "DE"]}, "green"]},
        {"if": [{"!==": [var("market"), "DE"]}, "green"]},
        {"if": [{"===": ["DE", var("market")]}, "green"]},
        {"if": [{"==": [var("market"), None]}, "green"]},
        {"if": [{"!=": [var("market"), None]}, "green"]},
        {"if": [{"and": [{"!==": [var("level"), None]}, {"<": [var("level"), 4]}]}, "green"]},
        {"if": [{">=": [var("level"), 4]}, "green"]},
        {"if": [{"and": [var("level"), {"<": [1, var("level"), 6]}]}, "green"]},
        {"if": [{"and": [var("level"), {"<=": [1, var("level"), 6]}]}, "green"]},
        {"if": [{"<": [5, var("level")]}, "green"]},
        {"if": [{"in": ["E", var("market")]}, "green"]},
        {"if": [{"in": ["vip", var("tags")]}, "green"]},
        {"if": [{"starts_with": [var("market"), "D"]}, "green"]},
        {"if": [{"ends_with": [var("market"), "E"]}, "green"]},
        *({"if": [{"and": [var("app"), {"sem_ver": [var("app"), operator, "2.0.0"]}]}, "green"]}
          for operator in ("=", "!=", "<", "<=", ">", ">=", "^", "~")),
        {"if": [{"<": [var("$flagd.timestamp"), 4_000_000_000]}, "green"]},
        {"if": [{">": [var("$flagd.timestamp"), 4_000_000_000]}, "green"]},
        {"if": [{"if": [DE, var("user.vip"), {"==": [var("level"), 3]}]}, "green"]},
        {"if": [True, "green", "blue"]},
        {"if": [False, "green", "blue"]},
        {"if": [DE, "green", var("user.vip"), "blue", {"fractional": [["red", 1], ["green", 1]]}]},
    ],
)  # fmt: skip
def test_everybody_keeps_what_they_have(targeting: Any) -> None:
    compare(definition(targeting), PEOPLE)


def test_thousands_of_players() -> None:
    assert compare(definition({"if": [DE, SHARES, "green"]}), people(10_000, 2)) == {"red", "blue", "green"}


def test_true_and_false_are_variants_too() -> None:
    switches = {"true": "yes", "false": "no"}
    assert compare(definition(DE, switches, False), PEOPLE) == {"true", "false"}
    compare(
        definition({"if": [DE, True, SHARES | {"fractional": [["true", 1], ["false", 1]]}]}, switches, "false"), PEOPLE
    )


def test_evaluators_are_written_into_the_rules() -> None:
    given = definition({"if": [{"$ref": "north"}, "green"]}, **{"$evaluators": {"north": {"or": [{"$ref": "se"}, DE]},
                       "se": {"==": [var("market"), "SE"]}}})  # fmt: skip
    imported = import_flagd(given, fractional=2)
    assert imported.flags[0].rules[0].condition == "has(market) && market == 'SE' || has(market) && market == 'DE'"


@pytest.mark.parametrize("version", [1, 2])
def test_the_testbed_s_players_keep_what_they_have(version: Version) -> None:
    """From flagd's testbed: custom-ops.json, and evaluator/gherkin's fractional-v1 and fractional-v2."""
    suits = {name: name for name in ("clubs", "diamonds", "hearts", "spades", "wild")}
    parts = [[name, 25] for name in suits][:4]
    targeting = {"fractional": [{"cat": [var("$flagd.flagKey"), var("user.name")]}, *parts]}
    flag = {"state": "ENABLED", "variants": suits, "defaultVariant": "wild", "targeting": targeting}
    rules = ruleset_of(import_flagd({"flags": {"fractional-flag": flag}}, fractional=version).flags)
    answers = {
        name: rules.outcome("fractional-flag", {"user": {"name": name}}).variant
        for name in ("jack", "queen", "ten", "nine", "3")
    }
    expected = {
        1: {"jack": "spades", "queen": "clubs", "ten": "diamonds", "nine": "hearts", "3": "diamonds"},
        2: {"jack": "hearts", "queen": "spades", "ten": "clubs", "nine": "diamonds", "3": "clubs"},
    }
    assert answers == expected[version]


def test_what_the_report_says() -> None:
    flags = {
        "a": definition(SHARES)["flags"]["f"],
        "b": definition(None)["flags"]["f"],
        "c": definition(SHARES, flag={"state": "DISABLED"})["flags"]["f"],
        "d": definition(None, {"yes": True, "no": False}, "yes", flag={"state": "DISABLED"})["flags"]["f"],
        "e": 3,
    }
    imported = import_flagd({"flags": flags}, fractional=2)
    assert [(note.flag, note.fate.value, note.text) for note in imported.notes] == [
        ("a", "kept", "players are dealt by flagd.2 (murmur3), as before."),
        ("b", "kept", "no shares in it."),
        ("c", "changed", "it is disabled, where flagd answers the code's default and now 'red' is answered."),
        ("d", "changed", "it is disabled, where flagd answers the code's default and now 'no' is answered."),
        ("e", "left out", "the flag is no object."),
    ]
    assert [flag.bucketing.algorithm for flag in imported.flags] == ["flagd.2"] * 4


def test_a_daemon_takes_a_list() -> None:
    flag = definition(SHARES)["flags"]["f"]
    (found,) = import_flagd({"flags": [{**flag, "key": "f"}, 3]}, fractional=1).flags
    assert found == import_flagd({"flags": {"f": flag}}, fractional=1).flags[0]


def _nested(depth: int) -> Any:
    return {"!": [_nested(depth - 1)]} if depth else DE


def _doubled(depth: int) -> Any:
    """Said as conditions it doubles with each level."""
    return {"if": [_doubled(depth - 1), DE, {"!": [DE]}]} if depth else DE


def _branched(depth: int) -> Any:
    return {"if": [DE, _branched(depth - 1)]} if depth else "blue"


@pytest.mark.parametrize(
    "targeting, words",
    [
        ({"if": [{"+": [1, 2]}, "green"]}, "its targeting uses '+' in a way that conditions cannot say."),
        ({"if": [{"some": [var("tags"), DE]}, "green"]}, "its targeting uses 'some'"),
        ({"if": [{"==": [var("a"), var("b")]}, "green"]}, "its targeting compares with a list, an object or a second"),
        ({"if": [{"==": [1, 2]}, "green"]}, "its targeting computes what it compares."),
        ({"if": [{"<": [var("a"), "x"]}, "green"]}, "its targeting compares the size of something else than numbers."),
        ({"if": [{"<": [var("$flagd.timestamp"), 1e300]}, "green"]}, "its targeting names a time that does not exist."),
        ({"if": [{"in": [var("a"), var("b")]}, "green"]}, "its targeting uses 'in' between other things"),
        ({"if": [{"sem_ver": [var("a"), "=", "1"]}, "green"]}, "its targeting compares with the version '1', which is"),
        ({"if": [{"sem_ver": [var("a"), "?", "1.0.0"]}, "green"]}, "its targeting compares versions by '?'."),
        ({"if": [var("a-b"), "green"]}, "conditions cannot name the attribute 'a-b'."),
        ({"if": ["DE", "green"]}, "its targeting compares with 'DE'."),
        ({"if": [_nested(100), "green"]}, "its targeting is nested too deeply."),
        ({"if": [_nested(60), "green"]}, "its targeting is nested too deeply."),
        ({"if": [_nested(40), "green"]}, None),
        ({"if": [_doubled(40), "green"]}, "a condition of it has more than 500 parts."),
        ({"if": [{"$ref": "e24"}, "green"]}, "its targeting has more than 100,000 parts."),
        (_branched(12), None),
        (_branched(14), None),
        ("blue", "its targeting is no object."),
        (_branched(31), "its targeting is nested too deeply."),
        ({"if": [DE, "pink"]}, "its targeting answers 'pink', which is no variant."),
        ({"if": [DE, ["red"]]}, "its targeting answers ['red'], which is no variant."),
        ({"a": 1, "b": 2}, "its targeting compares with"),
        ({"if": [{"$ref": "x"}, "green"]}, "there is no evaluator 'x'."),
        ({"$ref": "x"}, "there is no evaluator 'x'."),
        ({"fractional": [["pink", 1]]}, "its fractional serves 'pink', which is no variant."),
        ({"fractional": [["red", 0]]}, "its fractional weights are nothing, or too large."),
        ({"fractional": [["red", 2**31]]}, "its fractional weights are nothing, or too large."),
        ({"fractional": [["red", {"+": [1, 2]}]]}, "a weight of its fractional is computed."),
        ({"fractional": [["red", 1, 2]]}, "a part of its fractional is no variant with a weight."),
        ({"fractional": [{"cat": [var("a"), "x"]}, ["red", 1]]}, "its fractional hashes something else than constants"),
        ({"fractional": [{"cat": [var("a"), var("b")]}, ["red", 1]]}, "its fractional hashes something else"),
        ({"fractional": [var("$flagd.flagKey"), ["red", 1]]}, "its fractional hashes something else"),
        ({"fractional": [{"cat": []}, ["red", 1]]}, "its fractional hashes something else"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_left_out(targeting: Any, words: str | None) -> None:
    evaluators = {f"e{number}": {"and": [{"$ref": f"e{number - 1}"}] * 4} for number in range(1, 25)} | {"e0": DE}
    imported = import_flagd({**definition(targeting), "$evaluators": evaluators}, fractional=3)
    (note,) = imported.notes
    if words is None:
        assert note.fate is Fate.KEPT
    else:
        assert (note.fate, note.text[: len(words)]) == (Fate.LEFT_OUT, words)
        assert imported.flags == ()


@pytest.mark.parametrize("default", [None, ""])
def test_the_code_s_default_cannot_be_said(default: Any) -> None:
    imported = import_flagd(definition(SHARES, default=default), fractional=3)
    assert imported.notes[0].text == "it has no default variant: the code's default answers."


@pytest.mark.parametrize("data", [None, [], {}, {"flags": 3}])
def test_no_definition(data: Any) -> None:
    with pytest.raises(Rejected, match="no flagd definition"):
        import_flagd(data, fractional=3)


def test_whatever_is_given_there_is_a_report() -> None:
    random = Random(3)
    given = json.dumps(definition({"if": [DE, SHARES, {"in": [var("market"), ["SE"]]}, "green", None]}))
    for _ in range(500):
        at = random.randrange(len(given))
        noise = given[:at] + random.choice(['"', "[", "]", "{", "}", "1", "null", ",", ""]) + given[at + 1 :]
        try:
            data = json.loads(noise)
        except ValueError:
            continue
        if isinstance(data, dict) and isinstance(data.get("flags"), dict | list):
            imported = import_flagd(data, fractional=3)
            assert len(imported.notes) >= len(imported.flags)
