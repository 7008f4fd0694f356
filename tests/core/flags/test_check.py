"""Whether a flag makes sense, with the place and the reason."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from tests.core.flags.strategies import flags

from croupier.core.flags.check import LARGEST, Surroundings, advise, check, misplaced
from croupier.core.flags.model import Bucketing, Flag, FlagType, OnExpiry, Override, Prerequisite, Rule, Share
from croupier.core.flags.read import read_flag

GOOD = Flag("f", owner="ann", expires_at=1000.0)
THEME = Flag("theme", variants={"off": "", "dark": "d"})
AROUND = Surroundings(flags={"theme": THEME, "g": Flag("g")}, segments=("vip",), environments=("production", "test"))
ISSUE = read_flag(
    {
        "feature": "payments_v2",
        "rules": [
            {"if": "market in ['DE','SE']", "rollout": 0.25},
            {"if": "brand == 'X' && user.isEmployee", "rollout": 1.0},
        ],
        "kill_switch": False,
    }
)


def test_the_issue_s_own_flag_is_right_once_it_is_complete() -> None:
    flag = replace(ISSUE, owner="ann", expires_at=1000.0)
    assert check(flag, AROUND) == ()
    assert advise(flag, AROUND, 0) == ()


def rule(condition: str = "", **more: Any) -> dict[str, Any]:
    return {"rules": (Rule(condition, **more),)}


@pytest.mark.parametrize(
    "changes, told",
    [
        ({}, None),
        (rule("segment('vip') && market == 'DE'"), None),
        ({"prerequisites": (Prerequisite("theme", ("dark", "off")),)}, None),
        ({"owner": ""}, "owner: a release flag needs an owner. Write who answers for it: a person or a team."),
        ({"expires_at": None}, "expires_at: a release flag needs an expiry. Write until when it is needed."),
        ({"type": FlagType.EXPERIMENT, "owner": ""}, "owner: an experiment needs an owner."),
        ({"type": FlagType.OPS, "owner": "", "expires_at": None}, None),
        ({"type": FlagType.OPS}, None),
        ({"type": FlagType.PERMISSION, "owner": "", "expires_at": None}, None),
        ({"type": FlagType.PERMISSION}, "expires_at: a permission flag does not expire. Remove it, or make the flag"),
        (rule("market = 'DE'"), "rules[0].if: column 8: A single = compares nothing. Write ==."),
        (rule("market in ['DE'"), "rules[0].if: column 16: ] is missing. Close it with ]."),
        (rule("segment('vips')"), "rules[0].if: column 1: there is no segment 'vips'. Known are vip."),
        (
            {"environments": {"test": Override(rules=(Rule(), Rule("vip and")))}},
            "environments.test.rules[1].if: column 5: and is no operator. Write &&.",
        ),
        ({"environments": {"test": Override(enabled=False)}}, None),
        ({"bucketing": Bucketing("md4")}, "bucketing.algorithm: there is no bucketing algorithm 'md4'. Known are "),
        (rule(bucketing=Bucketing("")), "rules[0].bucketing.algorithm: there is no bucketing algorithm ''."),
        (rule(bucketing=Bucketing()), None),
        (
            {"prerequisites": (Prerequisite("gone", ("on",)),)},
            "prerequisites[0].flag: there is no flag 'gone'. Declare it first, or together.",
        ),
        (
            {"prerequisites": (Prerequisite("g", ("on",)), Prerequisite("theme", ("dark", "on")))},
            "prerequisites[1].variants[1]: flag 'theme' has no variant 'on'. Its variants are off, dark.",
        ),
        ({"prerequisites": (Prerequisite("f", ("on",)),)}, "prerequisites: it requires itself: f -> f."),
        ({"description": "x" * LARGEST}, "the declaration has "),
    ],
)
def test_check(changes: dict[str, Any], told: str | None) -> None:
    problems = [str(problem) for problem in check(replace(GOOD, **changes), AROUND)]
    if told is None:
        assert problems == []
    else:
        assert len(problems) == 1
        assert problems[0].startswith(told)


def test_a_segment_where_there_are_none() -> None:
    (problem,) = check(replace(GOOD, **rule("segment('vip')")), Surroundings())
    assert problem.hint == "Declare it."


def needing(key: str, *others: str) -> Flag:
    return replace(GOOD, key=key, prerequisites=tuple(Prerequisite(other, ("on",)) for other in others))


def test_a_circle_through_others() -> None:
    around = Surroundings(flags={"g": needing("g", "h"), "h": needing("h", "f")})
    (problem,) = check(needing("f", "g"), around)
    assert str(problem) == "prerequisites: it requires itself: f -> g -> h -> f. Remove a prerequisite."


def test_a_chain_that_becomes_too_long_for_another() -> None:
    names = [f"c{number}" for number in range(16)]
    chain = {name: needing(name, after) for name, after in zip(names, [*names[1:], "f"], strict=True)}
    last = Flag("g")
    assert check(replace(GOOD, prerequisites=()), Surroundings(flags=chain)) == ()
    (problem,) = check(needing("f", "g"), Surroundings(flags={**chain, "g": last}))
    assert problem.message.startswith("of flag 'c0': more than 16 flags require one another in a row: c0 -> c1")


def test_a_chain_that_branches_is_walked_once() -> None:
    around = Surroundings(flags={"g": Flag("g"), "h": needing("h", "f"), "i": needing("i", "f", "h")})
    assert check(needing("f", "g"), around) == ()


def test_a_variant_that_another_flag_requires_stays() -> None:
    around = Surroundings(flags={"g": needing("g", "f"), "h": needing("h", "g"), "f": needing("f", "f")})
    told = [str(problem) for problem in check(replace(GOOD, variants={"off": False, "yes": True}), around)]
    assert told == ["variants: flag 'g' requires the variant 'on'. Keep it, or change 'g' too."]


@pytest.mark.parametrize(
    "changes, told",
    [
        ({}, []),
        (rule("market > 3"), ["rules[0].if: column 8: market is a string, 3 is a number: > can never be decided."]),
        (rule("markt == 'DE'"), ["rules[0].if: column 1: no attribute markt is known: did you mean market?"]),
        (rule("market = "), []),
        (
            {"rules": (Rule(), Rule("vip"))},
            ["rules[1]: nobody gets here: rule 1 takes them all. Remove it, or move it up."],
        ),
        ({"rules": (Rule("true"), Rule("vip"))}, ["rules[1]: nobody gets here: rule 1 takes them all. Remove it, or"]),
        ({"rules": (Rule("vip"), Rule("a"), Rule("vip", 5))}, ["rules[2]: nobody gets here: rule 1 takes them all."]),
        ({"rules": (Rule("vip", 5), Rule("vip"))}, []),
        (rule(rollout=0), ["rules[0].rollout: a rollout of 0 takes nobody. Raise it, or remove the rule."]),
        (rule(serve=(Share("on", 1), Share("off", 0))), ["rules[0].variants: nobody gets 'off': its weight is 0."]),
        ({"rules": (Rule("a", name="x"), Rule("b", name="x"))}, ["rules[1].name: two rules are named 'x'. Answers"]),
        ({"environments": {"test": Override()}}, []),
        (
            {"environments": {"tset": Override()}},
            ["environments.tset: there is no environment 'tset'. Did you mean 'test'?"],
        ),
        ({"expires_at": -1.0}, ["expires_at: this is in the past: the flag counts as expired at once. Write a later"]),
        (
            {"type": FlagType.OPS, "expires_at": None, "on_expiry": OnExpiry.REVERT},
            ["on_expiry: the flag never expires, so it never returns to its safe variant."],
        ),
    ],
)
def test_advise(changes: dict[str, Any], told: list[str]) -> None:
    problems = [str(problem) for problem in advise(replace(GOOD, **changes), AROUND, 0)]
    assert len(problems) == len(told)
    for problem, words in zip(problems, told, strict=True):
        assert problem.startswith(words)


def test_a_new_environment_must_exist_and_one_that_was_there_may_stay() -> None:
    there = replace(GOOD, environments={"test": Override()})
    gone = replace(GOOD, environments={"test": Override(), "moon": Override()})
    assert misplaced(there, AROUND, None) == ()
    (problem,) = misplaced(gone, AROUND, there)
    assert str(problem) == "environments.moon: there is no environment 'moon'. There are: production, test."
    assert misplaced(gone, AROUND, None) == (problem,)
    assert misplaced(replace(gone, description="x"), AROUND, gone) == ()


@given(flags())
def test_any_flag_is_judged(flag: Flag) -> None:
    for problem in (*check(flag, AROUND), *advise(flag, AROUND, 0)):
        assert str(problem).encode()
