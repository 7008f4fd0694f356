"""An answer, shared by everybody who gets it."""

import pytest

from croupier.core.flags.outcome import Failed, Outcome, Reason


def test_what_could_be_changed_is_given_as_a_copy() -> None:
    outcome = Outcome({"limits": [1]}, "a", Reason.STATIC)
    mine = outcome.fresh_value()
    mine["limits"].append(2)
    assert outcome.fresh_value() == {"limits": [1]}
    assert Outcome(5, "a", Reason.STATIC).fresh_value() == 5


def test_it_can_be_read() -> None:
    outcome = Outcome(True, "on", Reason.SPLIT, rule="rule 1", version=3, detail="outside of the 25 %")
    assert repr(outcome) == "<on=True SPLIT, outside of the 25 %, rule rule 1, v3>"
    assert repr(Failed("X", "no")) == "<None=None ERROR, no, rule None, v0>"


def test_only_a_failed_one_has_an_error() -> None:
    assert Outcome(True, "on", Reason.STATIC).error is None
    assert Failed("X", "").error == "X"


def test_a_value_that_cannot_be_copied_is_refused_at_once() -> None:
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(ValueError, match="nested"):
        Outcome(deep, "a", Reason.STATIC)
