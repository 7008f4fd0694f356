"""One environment's flags, asked: what they answer and why, whatever the rules and the context."""

import itertools
import threading
import tracemalloc
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.flags.strategies import CONDITIONS, KNOWN, Hostile, flags

from croupier.core.flags import events as e
from croupier.core.flags.line import flag_line, segment_line
from croupier.core.flags.model import Bucketing, Flag, Override, Prerequisite, Rule, Share, ValueType
from croupier.core.flags.outcome import Outcome, Reason
from croupier.core.flags.ruleset import Ruleset
from croupier.core.flags.snapshot import Delta, decode, encode, snapshot
from croupier.core.flags.state import FlagState, declare, evolve
from croupier.core.flags.write import write_flag
from croupier.core.segments import BUCKETS, AttributeMatch, Segment, bucket

VIP = Segment("vip", (AttributeMatch("tier", ("gold",)),))
COLOURS = {"off": "", "blue": "b", "green": "g"}


def state_of(flag: Flag, version: int = 1) -> FlagState:
    return declare(e.FlagDeclared(write_flag(flag), ""), version=version, actor="a", at=0)


def line(flag: Flag, version: int = 1, environment: str = "production") -> str:
    return flag_line(state_of(flag, version), environment)


def ruleset(*what: Flag | Segment | str, version: int = 1, now: float = 0) -> Ruleset:
    lines = [
        each if isinstance(each, str) else segment_line(each, 1) if isinstance(each, Segment) else line(each)
        for each in what
    ]
    return Ruleset(snapshot("production", "home", version, lines), lambda: now)


def delta(version: int, *lines: str) -> Delta:
    return Delta("production", "home", version - 1, version, 0, lines)


def told(outcome: Outcome) -> tuple[Any, ...]:
    return outcome.variant, outcome.reason.value, outcome.rule, outcome.detail


def flag(*rules: Rule, **more: Any) -> Flag:
    return Flag("f", rules=rules, **more)


P1, P2 = 4905, 7836
"""Buckets of p1 and p2 for the salt payments_v2."""
SALT = Bucketing(salt="payments_v2")
DE = "market == 'DE'"


@pytest.mark.parametrize(
    "declared, context, answer",
    [
        (flag(), {}, ("off", "STATIC", None, "")),
        (flag(default="on"), {}, ("on", "STATIC", None, "")),
        (flag(Rule()), {}, ("on", "TARGETING_MATCH", "rule 1", "")),
        (flag(Rule(DE)), {"market": "DE"}, ("on", "TARGETING_MATCH", "rule 1", "")),
        (flag(Rule(DE, name="germany")), {"market": "DE"}, ("on", "TARGETING_MATCH", "germany", "")),
        (flag(Rule(DE)), {"market": "SE"}, ("off", "DEFAULT", None, "")),
        (flag(Rule(DE)), {}, ("off", "DEFAULT", None, "rule 1: market is missing")),
        (flag(Rule(DE), Rule("true")), {}, ("on", "TARGETING_MATCH", "rule 2", "rule 1: market is missing")),
        (flag(Rule(DE), Rule("vip")), {"market": "SE", "vip": True}, ("on", "TARGETING_MATCH", "rule 2", "")),
        (flag(Rule(DE), Rule("vip")), {"market": "SE", "vip": False}, ("off", "DEFAULT", None, "")),
        (flag(Rule("vip"), Rule(DE, name="de")), {},
         ("off", "DEFAULT", None, "rule 1: vip is missing; de: market is missing")),
        (flag(Rule(rollout=P1 + 1), bucketing=SALT), {"user": "p1"}, ("on", "SPLIT", "rule 1", "")),
        (flag(Rule(rollout=P1), bucketing=SALT), {"user": "p1"},
         ("off", "SPLIT", "rule 1", "outside of the 49.05 % of rule 1")),
        (flag(Rule(rollout=P1), Rule("true", P2), bucketing=SALT), {"user": "p1"}, ("on", "SPLIT", "rule 2", "")),
        (flag(Rule(rollout=P1), Rule("false"), bucketing=SALT), {"user": "p1"},
         ("off", "SPLIT", "rule 1", "outside of the 49.05 % of rule 1")),
        (flag(Rule(rollout=5000)), {}, ("off", "DEFAULT", None, "rule 1: targetingKey or user is missing")),
        (flag(Rule(rollout=5000)), {"user": "\ud800"}, ("off", "DEFAULT", None, "rule 1: no usable targeting key")),
        (flag(Rule(rollout=0), Rule("vip")), {"user": "p1"},
         ("off", "SPLIT", "rule 1", "outside of the 0 % of rule 1; rule 2: vip is missing")),
        (flag(Rule("segment('vip')")), {"tier": "gold"}, ("on", "TARGETING_MATCH", "rule 1", "")),
        (flag(Rule("segment('vip')")), {"tier": "tin"}, ("off", "DEFAULT", None, "")),
        (flag(Rule("segment('x')")), {}, ("off", "DEFAULT", None, "rule 1: segment('x'): there is no segment 'x'")),
        (flag(Rule("now >= timestamp('1970-01-01T00:01:40Z')")), {}, ("on", "TARGETING_MATCH", "rule 1", "")),
        (flag(Rule(), enabled=False), {}, ("off", "DISABLED", None, "not enabled")),
        (flag(Rule(), kill_switch=True), {}, ("off", "DISABLED", None, "killed: declared with kill_switch: true")),
        (flag(Rule(), environments={"production": Override(default="on", rules=())}), {}, ("on", "STATIC", None, "")),
    ],
)  # fmt: skip
def test_answers(declared: Flag, context: Mapping[str, Any], answer: tuple[Any, ...]) -> None:
    rules = ruleset(declared, VIP, now=100)
    for _ in range(2):
        assert told(rules.outcome("f", context)) == answer
    assert told(rules.runs["f"].answer(rules.runs["f"], context)) == answer
    assert rules.outcome("f", context) is rules.outcome("f", context)


def test_variants_by_weight() -> None:
    shares = (Share("blue", 1), Share("green", 1))
    rules = ruleset(flag(Rule(serve=shares), value_type=ValueType.STRING, variants=COLOURS))
    found = {rules.outcome("f", {"user": f"p{number}"}).value for number in range(50)}
    assert found == {"b", "g"}
    assert rules.outcome("f", {"user": "p1"}).reason is Reason.SPLIT


def test_who_is_in_says_nothing_about_which_variant() -> None:
    """Two hashes: the players of a small share have all variants among them."""
    shares = (Share("blue", 1), Share("green", 1))
    rules = ruleset(flag(Rule(rollout=2000, serve=shares), value_type=ValueType.STRING, variants=COLOURS))
    answers = [rules.outcome("f", {"user": f"p{number}"}) for number in range(5000)]
    counts = {colour: sum(answer.variant == colour for answer in answers) for colour in COLOURS}
    assert counts["off"] == pytest.approx(4000, rel=0.05)
    assert counts["blue"] == pytest.approx(500, rel=0.15)
    assert counts["green"] == pytest.approx(500, rel=0.15)


def test_a_rule_s_own_bucketing() -> None:
    rule = Rule(rollout=P1 + 1, bucketing=Bucketing(salt="payments_v2", by="session"))
    rules = ruleset(flag(rule))
    assert rules.outcome("f", {"session": "p1", "user": "p2"}).variant == "on"
    assert rules.outcome("f", {"session": "p2", "user": "p1"}).variant == "off"


def test_the_bucket_that_people_read() -> None:
    rules = ruleset(flag(Rule(rollout=100), bucketing=SALT), Flag("plain"))
    assert rules.compiled("f").bucket_of({"user": "p1"}) == P1
    assert rules.compiled("f").bucket_of({}) is None
    assert rules.compiled("plain").bucket_of({"user": "p1"}) is None
    assert rules.compiled("nothing").bucket_of({"user": "p1"}) is None


def test_a_killed_flag_answers_its_safe_variant_whatever_else_is_so() -> None:
    declared = flag(Rule(), Rule("vip"), safe="on", default="on", enabled=False)
    state = evolve(state_of(declared), e.FlagKilled("it burns"), version=2, actor="a", at=0)
    rules = ruleset(flag_line(state, "production"))
    outcome = rules.outcome("f", {"vip": Hostile()})
    assert (outcome.value, outcome.version) == (True, 2)
    assert told(outcome) == ("on", "DISABLED", None, "killed: it burns")


# --- prerequisites ----------------------------------------------------------------------------------------------------


def needing(*needs: tuple[str, tuple[str, ...]], key: str = "f") -> Flag:
    return Flag(key, rules=(Rule(DE),), prerequisites=tuple(Prerequisite(*need) for need in needs))


@pytest.mark.parametrize(
    "others, answer",
    [
        ([Flag("g", default="on")], ("on", "TARGETING_MATCH", "rule 1", "")),
        ([Flag("g")], ("off", "DISABLED", None, "needs g")),
        ([], ("off", "DISABLED", None, "needs g")),
        ([needing(("f", ("on",)), key="g")], ("off", "DISABLED", None, "needs g")),
    ],
)
def test_what_a_flag_needs(others: list[Flag], answer: tuple[Any, ...]) -> None:
    rules = ruleset(needing(("g", ("on",))), *others)
    got = rules.outcome("f", {"market": "DE"})
    if others and others[0].prerequisites:  # a circle: neither can be used
        assert got.error == "PARSE_ERROR"
        assert "requires itself: f -> g -> f" in got.detail
    else:
        assert told(got) == answer


def test_one_of_several_variants_will_do() -> None:
    rules = ruleset(needing(("g", ("blue", "on"))), Flag("g", default="on"))
    assert rules.outcome("f", {"market": "DE"}).variant == "on"


def test_a_requirement_that_changes_is_looked_at_again() -> None:
    rules = ruleset(needing(("g", ("on",))), Flag("g", default="on"))
    assert rules.outcome("f", {"market": "DE"}).variant == "on"
    rules.follow(delta(2, line(Flag("g"), 2)))
    assert told(rules.outcome("f", {"market": "DE"})) == ("off", "DISABLED", None, "needs g")
    rules.follow(delta(3, line(needing(("f", ("on",)), key="g"), 3)))
    assert rules.outcome("f", {"market": "DE"}).error == "PARSE_ERROR"


# --- changes ----------------------------------------------------------------------------------------------------------


def test_a_change_retires_that_flag_alone() -> None:
    rules = ruleset(Flag("f"), Flag("g"))
    rules.outcome("f", {})
    other = rules.compiled("g")
    assert rules.follow(delta(2, line(Flag("f", default="on"), 2))) == {"f"}
    assert rules.outcome("f", {}).variant == "on"
    assert rules.compiled("g") is other
    assert set(rules.runs) == {"f", "g"}


def test_a_whole_replaces_and_a_tombstone_removes() -> None:
    rules = ruleset(Flag("f"), Flag("g"))
    rules.outcome("f", {})
    assert rules.replace(snapshot("production", "home", 5, [line(Flag("f", default="on"), 5)])) == {"f"}
    assert rules.outcome("f", {}).variant == "on"
    assert rules.outcome("g", {}).error == "FLAG_NOT_FOUND"
    rules.follow(delta(6, "f\t6\t"))
    assert rules.outcome("f", {}).error == "FLAG_NOT_FOUND"


def test_a_segment_s_change_is_seen_at_once_by_flags_in_use() -> None:
    rules = ruleset(flag(Rule("segment('vip')")), VIP)
    assert rules.outcome("f", {"tier": "gold"}).variant == "on"
    rules.follow(delta(2, segment_line(Segment("vip", (AttributeMatch("tier", ("tin",)),)), 2)))
    assert rules.outcome("f", {"tier": "gold"}).variant == "off"
    assert rules.outcome("f", {"tier": "tin"}).variant == "on"


def test_what_is_compiled_can_be_forgotten() -> None:
    rules = ruleset(Flag("f"))
    first = rules.outcome("f", {})
    rules.forget_compiled()
    assert not rules.runs
    assert told(rules.outcome("f", {})) == told(first)


def test_a_flag_that_changes_while_it_is_compiled_is_compiled_again() -> None:
    rules = ruleset(Flag("f"))

    class Changing(dict[str, str]):
        """The first look finds the line as it was before somebody changed it."""

        def get(self, key: str, default: Any = None) -> Any:
            now = super().get(key, default)
            self[key] = new
            return now

    new = line(Flag("f", default="on"), 2).partition("\t")[2]
    rules.snapshot = replace(rules.snapshot, lines=Changing(rules.snapshot.lines))
    assert (rules.outcome("f", {}).variant, rules.outcome("f", {}).version) == ("on", 2)


def test_asking_while_it_changes_never_leaves_an_old_answer() -> None:
    rules = ruleset(Flag("f"))
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            rules.outcome("f", {})

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for version in range(2, 300):
            rules.follow(delta(version, line(Flag("f"), version)))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert rules.outcome("f", {}).version == 299


# --- what cannot be used ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["nothing", "", "segment/vip", "a\tb", "k" * 300])
def test_there_is_no_such_flag(key: str) -> None:
    outcome = ruleset(Flag("f"), VIP).outcome(key, {})
    assert (outcome.error, outcome.reason, outcome.variant) == ("FLAG_NOT_FOUND", Reason.ERROR, None)
    assert outcome.detail == f"there is no flag '{key[:128]}'"


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "[]",
        "{}",
        "3",
        '{"fixed":"on","why":"x"}',
        '{"variants":{},"fixed":"on","why":"x"}',
        '{"variants":{"on":true},"serve":"on","rules":[{"serve":"on"}]}',
        '{"variants":{"on":true},"serve":"on","by":["a"],"rules":[{"serve":"on"}]}',
        '{"variants":{"on":true},"serve":"on","by":["md4","","",""],"rules":[{"serve":"on","rollout":3}]}',
        '{"variants":{"on":true},"serve":"on","by":["croupier.1","","",""],"rules":[{"serve":"on","if":"1 +"}]}',
        '{"variants":{"on":true},"serve":"on","requires":[["g"]]}',
        '{"variants":{"on":true},"serve":"on","requires":3}',
        "[" * 50_000,
    ],
)
def test_a_line_that_cannot_be_used_is_an_answer_too(body: str) -> None:
    rules = ruleset(f"f\t1\t{body}", Flag("g"))
    outcome = rules.outcome("f", {})
    assert (outcome.error, outcome.reason, outcome.value) == ("PARSE_ERROR", Reason.ERROR, None)
    assert outcome.detail.startswith("the flag cannot be used by this client: ")
    assert rules.outcome("g", {}).variant == "off"


def test_words_for_what_is_undecided_are_bounded() -> None:
    many = " && ".join(f"has(a{n})" for n in range(3))
    rules = ruleset(flag(*(Rule(f"a{number} == 1 && {many}") for number in range(10))))
    answers = {rules.outcome("f", {f"a{bit}": 2 for bit in range(10) if number >> bit & 1}) for number in range(1024)}
    assert len(answers) <= 66
    assert any("some rules could not be decided" in answer.detail for answer in answers)


# --- whatever the rules and the context -------------------------------------------------------------------------------


def _not_of_itself(declared: Flag) -> bool:
    """One that requires itself is refused where it is declared, and answers with an error."""
    return all(each.flag != declared.key for each in declared.prerequisites)


@settings(max_examples=300)
@given(flags(st.just("f")).filter(_not_of_itself), st.lists(KNOWN, max_size=4), st.sampled_from(["production", "test"]))
def test_every_question_has_an_answer(declared: Flag, contexts: list[dict[str, Any]], environment: str) -> None:
    rules = ruleset(line(declared, environment=environment), VIP)
    for context in contexts:
        outcome = rules.outcome("f", context)
        assert outcome.error is None
        assert outcome.value == declared.variants[outcome.variant or ""]
        assert rules.outcome("f", context) is outcome
        if declared.kill_switch:
            assert (outcome.variant, outcome.reason) == (declared.safe, Reason.DISABLED)
        assert "Hostile" not in outcome.detail


@given(CONDITIONS, st.integers(0, BUCKETS), st.integers(0, BUCKETS), st.lists(KNOWN, min_size=1, max_size=5))
def test_a_larger_rollout_takes_the_flag_from_nobody(
    condition: str, one: int, other: int, contexts: list[dict[str, Any]]
) -> None:
    smaller, larger = sorted((one, other))
    before, after = (ruleset(flag(Rule(condition, share)), VIP) for share in (smaller, larger))
    for context in contexts:
        if before.outcome("f", context).variant == "on":
            assert after.outcome("f", context).variant == "on"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_the_same_players_as_a_canary_with_the_same_salt(player: str) -> None:
    rules = ruleset(flag(Rule(rollout=2500), bucketing=Bucketing(salt="rollout-7")))
    assert (rules.outcome("f", {"user": player}).variant == "on") is (bucket("rollout-7", player) < 2500)


def test_another_environment_of_the_same_flag_has_the_same_players() -> None:
    declared = flag(Rule(rollout=1000), environments={"test": Override(rules=(Rule(rollout=5000),))})
    here, there = ruleset(declared), ruleset(line(declared, environment="test"))
    for number in range(300):
        if here.outcome("f", {"user": f"p{number}"}).variant == "on":
            assert there.outcome("f", {"user": f"p{number}"}).variant == "on"


def test_a_context_may_be_anything_that_has_get() -> None:
    class Lazy(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            return "DE" if key == "market" else default

    rules = ruleset(flag(Rule(DE)))
    assert rules.outcome("f", Lazy()).variant in {"on", "off"}
    assert rules.outcome("f", None).variant == "off"  # type: ignore[arg-type]


def test_a_context_that_fails_once_is_asked_again() -> None:
    class Fickle(dict[str, Any]):
        asked = 0

        def __getitem__(self, key: str) -> Any:
            self.asked += 1
            if self.asked == 1:
                raise OSError
            return super().__getitem__(key)

    assert told(ruleset(flag(Rule(DE))).outcome("f", Fickle(market="DE"))) == ("on", "TARGETING_MATCH", "rule 1", "")


def test_the_version_in_an_answer_is_the_flag_s() -> None:
    assert ruleset(line(replace(flag(Rule(DE)), key="f"), 9), version=12).outcome("f", {}).version == 9


def test_a_flag_that_is_asked_stays_small() -> None:
    """At most 1.5 KiB, its text included: there may be 50,000 in every process. (It is 1.2 to 1.35, by what the
    interpreter happens to have in store from earlier tests.)
    """
    count = 500

    def declared(number: int) -> Flag:
        rules = (Rule("market in ['DE','SE']", rollout=2500), Rule("brand == 'X' && isEmployee"))
        return Flag(f"flag_{number:05d}", rules=rules)

    def asked(lines: list[str]) -> Ruleset:
        rules = Ruleset(decode(encode(snapshot("production", "home", 5000, lines))), lambda: 0.0)
        for market, key in itertools.product(("DE", "SE", "FI"), tuple(rules.snapshot.lines)):
            rules.outcome(key, {"user": "p1", "market": market, "brand": "X", "isEmployee": True})
        return rules

    lines = [line(declared(number), 1000 + number) for number in range(count)]
    asked(lines[:1])  # what flags have in common
    tracemalloc.start()
    try:
        kept = asked(lines)
        size = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(kept.runs) == count
    assert size / count <= 1.5 * 1024
