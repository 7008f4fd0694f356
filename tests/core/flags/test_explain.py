"""Why a flag answers what it answers: every rule has its verdict, and they agree with the answer."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.flags.strategies import Hostile, flags
from tests.core.flags.test_ruleset import VIP, ruleset

from croupier.core.flags.explain import Explanation, Required, Trace, Verdict, explain
from croupier.core.flags.model import Bucketing, Flag, Prerequisite, Rule, Share
from croupier.core.flags.outcome import Reason
from croupier.core.segments import bucket

COLOURS = {"off": "", "blue": "b", "green": "g"}
GERMAN = Rule("market == 'DE'", rollout=2_500, name="germans")
INSIDE = next(f"p{n}" for n in range(1_000) if bucket("f", f"p{n}") < 2_500)
OUTSIDE = next(f"p{n}" for n in range(1_000) if bucket("f", f"p{n}") >= 2_500)


def told(flag: Flag, context: Any, *others: Flag) -> Explanation:
    return explain(ruleset(flag, VIP, *others), flag.key, context)


def test_each_rule_has_its_verdict() -> None:
    flag = Flag("f", rules=(Rule("vip"), Rule("market == 'SE'"), GERMAN, Rule()))
    found = told(flag, {"market": "DE", "user": OUTSIDE})
    place = bucket("f", OUTSIDE)
    assert found.rules == (
        Trace("rule 1", "vip", 10_000, Verdict.UNDECIDED, "vip is missing"),
        Trace("rule 2", "market == 'SE'", 10_000, Verdict.NOT_MATCHED, "the condition does not hold"),
        Trace(
            "germans",
            "market == 'DE'",
            2_500,
            Verdict.OUTSIDE,
            f"the condition holds, and bucket {place} is outside of the first 25 %",
            place,
        ),
        Trace("rule 4", "", 10_000, Verdict.TOOK, "it is for everybody"),
    )
    assert (found.outcome.variant, found.outcome.rule, found.bucket) == ("on", "rule 4", place)
    taken = told(flag, {"market": "DE", "user": INSIDE})
    assert [trace.verdict for trace in taken.rules][2:] == [Verdict.TOOK, Verdict.NOT_REACHED]
    assert taken.rules[2].why == f"the condition holds, and bucket {bucket('f', INSIDE)} is inside of the first 25 %"
    assert taken.rules[3].why == "decided before"


def test_variants_by_weight_show_the_bucket() -> None:
    serve = (Share("blue", 1), Share("green", 1))
    flag = Flag("f", variants=COLOURS, rules=(Rule("", serve=serve),))
    (trace,) = told(flag, {"user": "p1"}).rules
    assert trace.why == "it is for everybody; the bucket decides the variant"
    assert trace.bucket == bucket("f", "p1")
    (undecided,) = told(flag, {}).rules
    assert (undecided.verdict, undecided.why) == (Verdict.UNDECIDED, "targetingKey or user is missing")
    (hostile,) = told(Flag("f", rules=(GERMAN,), bucketing=Bucketing(by="a.b")), {"market": "DE", "a": Hostile()}).rules
    assert hostile.verdict is Verdict.UNDECIDED


def test_what_another_flag_decides() -> None:
    needs = (Prerequisite("g", ("on",)),)
    flag = Flag("f", rules=(Rule(),), prerequisites=needs)
    found = told(flag, {}, Flag("g"))
    assert found.requires == (Required("g", ("on",), "off", met=False),)
    assert [trace.verdict for trace in found.rules] == [Verdict.NOT_REACHED]
    met = told(flag, {}, Flag("g", rules=(Rule(),)))
    assert met.requires == (Required("g", ("on",), "on", met=True),)
    assert [trace.verdict for trace in met.rules] == [Verdict.TOOK]


@pytest.mark.parametrize("flag", [Flag("f"), Flag("f", enabled=False, rules=(GERMAN,))])
def test_a_flag_without_rules_in_force(flag: Flag) -> None:
    assert told(flag, {}).rules == ()


@pytest.mark.parametrize("rest", [None, "1\t{", "1\t[]", "1\tnull"])
def test_what_cannot_be_explained(rest: str | None) -> None:
    lines = [] if rest is None else [f"f\t{rest}"]
    found = explain(ruleset(*lines), "f", {})
    assert (found.outcome.reason, found.rules) == (Reason.ERROR, ())


def test_the_players_place_is_not_known_in_every_algorithm(monkeypatch: pytest.MonkeyPatch) -> None:
    from croupier.core.flags.bucketing import ALGORITHMS

    other = next((name for name in ALGORITHMS if name != "croupier.1"), None)
    if other is None:
        monkeypatch.setattr("croupier.core.flags.explain.ALGORITHMS", {"other.1": ALGORITHMS["croupier.1"]})
        monkeypatch.setattr("croupier.core.flags.evaluate.ALGORITHMS", {"other.1": ALGORITHMS["croupier.1"]})
        other = "other.1"
    flag = Flag("f", rules=(Rule("", rollout=9_999),), bucketing=Bucketing(algorithm=other))
    (trace,) = told(flag, {"user": "p1"}).rules
    assert (trace.bucket, trace.why.split(" is ")[1]) == (None, "for everybody, and the player")


@given(
    flags(),
    st.dictionaries(
        st.sampled_from(["market", "brand", "user", "vip", "level"]), st.sampled_from(["DE", "X", 5, True, "p1"])
    ),
)
def test_the_verdicts_agree_with_the_answer(flag: Flag, context: dict[str, Any]) -> None:
    flag = replace(flag, prerequisites=())
    found = told(flag, context)
    took = [trace.rule for trace in found.rules if trace.verdict is Verdict.TOOK]
    if took:
        assert [found.outcome.rule] == took
        assert found.outcome.reason in (Reason.TARGETING_MATCH, Reason.SPLIT)
    else:
        assert found.outcome.reason is not Reason.TARGETING_MATCH
        outside = [trace.rule for trace in found.rules if trace.verdict is Verdict.OUTSIDE]
        assert found.outcome.rule == (outside[-1] if outside else None)
