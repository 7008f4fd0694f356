"""An answer, shared by everybody who gets it."""

from croupier.core.flags.outcome import Outcome, Reason


def test_what_could_be_changed_is_given_as_a_copy() -> None:
    outcome = Outcome({"limits": [1]}, "a", Reason.STATIC)
    mine = outcome.fresh_value()
    mine["limits"].append(2)
    assert outcome.fresh_value() == {"limits": [1]}
    assert Outcome(5, "a", Reason.STATIC).fresh_value() == 5


def test_it_can_be_read() -> None:
    outcome = Outcome(True, "on", Reason.SPLIT, rule="rule 1", version=3, detail="outside of the 25 %")
    assert repr(outcome) == "<on=True SPLIT, outside of the 25 %, rule rule 1, v3>"
    assert repr(Outcome(None, None, Reason.ERROR, error="X")) == "<None=None ERROR, rule None, v0>"
