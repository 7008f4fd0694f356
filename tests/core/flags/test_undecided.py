"""A rule that cannot be decided does not match, and says why: quickly for contexts of a kind that was seen before."""

from typing import Any

import pytest
from tests.core.flags.test_ruleset import delta, flag, line, ruleset

from croupier.core.flags.model import Rule
from croupier.core.flags.ruleset import Ruleset


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError


class Raising:
    """An attribute that cannot be read."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    @property
    def vip(self) -> bool:
        raise self._error


def rules() -> Ruleset:
    return ruleset(flag(Rule("user.vip"), Rule("market == 'DE' || brand == 'X'", rollout=5000)))


@pytest.mark.parametrize(
    "context, detail",
    [
        ({}, "rule 1: user is missing; rule 2: market is missing"),
        ({"user": {"id": "p1"}}, "rule 1: user.vip is missing; rule 2: market is missing"),
        ({"user": {"vip": False}, "market": "SE"}, "rule 2: brand is missing"),
        ({"user": {"vip": False}, "brand": "X"}, "rule 2: targetingKey or user is missing"),
    ],
)
def test_the_words_are_the_contexts_own(context: dict[str, Any], detail: str) -> None:
    asked = rules()
    for before in ({}, {"market": "SE"}, {"brand": "Y"}, {"user": {"vip": 3}}):
        asked.outcome("f", before)
    assert asked.outcome("f", context).detail == detail
    assert asked.outcome("f", dict(context)) is asked.outcome("f", context)


def test_equal_words_are_one_outcome() -> None:
    asked = rules()
    first = asked.outcome("f", {})
    assert asked.outcome("f", {"other": 1}) is first


@pytest.mark.parametrize("error", [Unspeakable(), ValueError("p1")])
def test_errors_of_a_context_are_answers(error: Exception) -> None:
    outcome = rules().outcome("f", {"user": Raising(error), "market": "SE", "brand": "Y"})
    assert outcome.variant == "off"
    assert "p1" not in outcome.detail


class Grudging(dict[str, Any]):
    """A context that lets nobody look for the key."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def get(self, key: object, default: object = None) -> Any:
        raise self._error


def test_errors_of_a_context_s_own_are_answers_and_few() -> None:
    asked = ruleset(flag(Rule(rollout=5000)))
    errors = [Unspeakable(), *(ValueError(str(number)) for number in range(400))]
    answers = {asked.outcome("f", Grudging(error)) for error in errors}
    assert [answer.detail for answer in answers] == ["rule 1: no usable targeting key"]


def test_what_was_compiled_can_be_forgotten() -> None:
    asked = rules()
    first = asked.compiled("f")
    asked.forget_compiled()
    assert asked.runs == {}
    assert asked.compiled("f") is not first


def test_only_what_changed_is_compiled_again() -> None:
    asked = ruleset(flag(Rule("a")), line(flag(default="on")).replace("f\t", "g\t"))
    asked.outcome("f", {})
    kept = asked.compiled("g")
    assert asked.follow(delta(2, line(flag(), 2))) == {"f"}
    assert asked.compiled("g") is kept
    assert asked.follow(delta(3, line(flag(), 3), line(flag(), 3).replace("f\t", "h\t"))) == set()
