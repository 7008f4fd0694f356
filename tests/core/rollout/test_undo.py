"""The way back after a promotion: when it is possible, what it does at once, and that nothing keeps it waiting."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.rollout import commands
from croupier.core.rollout import events as e
from croupier.core.rollout.explain import describe_event
from croupier.core.rollout.headline import explain
from croupier.core.rollout.machine import replay
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause
from croupier.core.rollout.spec import Pause, Plan, SetWeight, Timing
from croupier.core.rollout.state import routes, versions_needed
from croupier.core.rollout.undo import kept_until, undo
from croupier.errors import Rejected
from croupier.testing import Rehearsal

PLAN = Plan((SetWeight(10_000),), (), (), timing=Timing(keep_stable_s=3600.0))


def promoted(*, stable: str | None = "1.0.0") -> Rehearsal:
    told = Rehearsal(PLAN, stable=stable)
    told.settle()
    assert told.state.phase is Phase.SUCCEEDED
    return told


@given(st.floats(0, 3599), st.booleans(), st.none() | st.just("it crashes"))
def test_while_it_is_kept_one_push_takes_everybody_back(after: float, ready: bool, failure: str | None) -> None:
    told = promoted()
    told.now += after
    told.ready, told.failure = ready, failure
    (event,) = told.command(undo, reason="deposits fail")
    assert isinstance(event, e.AbortStarted)
    assert event.cause is Cause.UNDO
    assert routes(told.state).versions == ("1.0.0",)  # before anything was confirmed or looked at
    assert versions_needed(told.state) == ("1.0.0",)
    told.settle()
    assert told.state.phase is Phase.ABORTED
    assert told.state.abort is not None
    assert told.state.abort.zero_at == told.now
    assert replay(told.events) == told.state
    assert told.command(undo, reason="again") == ()


def test_it_is_done_when_nobody_is_sent_there_any_more_and_not_before() -> None:
    told = promoted()
    told.command(undo, reason="why not")
    assert told.tick() == ()
    assert told.state.phase.value == "aborting"
    assert told.command(undo, reason="again") == ()
    told.settle()
    assert told.state.phase.value == "aborted"


def test_what_is_in_progress_is_aborted() -> None:
    told = Rehearsal(replace(PLAN, steps=(SetWeight(10_000), Pause())))
    told.settle()
    told.command(undo, reason="enough")
    assert told.state.abort is not None
    assert told.state.abort.cause is Cause.PERSON


def test_what_is_gone_is_said() -> None:
    told = promoted()
    with pytest.raises(Rejected, match=r"cannot be undone: 1\.0\.0 does not run any more"):
        told.command(undo, reason="late", gone="does not run any more")
    told.now += 3600.0
    with pytest.raises(
        Rejected, match=r"kept for 3600 s after the promotion, and is gone\. .*rollout start shop 1\.0\.0"
    ):
        told.command(undo, reason="late")
    first = promoted(stable=None)
    with pytest.raises(Rejected, match="nothing served before it"):
        first.command(undo, reason="late")
    begun = Rehearsal(PLAN)
    begun.command(commands.supersede, by="shop-2")
    with pytest.raises(Rejected, match="superseded by shop-2"):
        begun.command(undo, reason="late")


def test_it_is_said_for_how_long_and_what_happened() -> None:
    told = promoted()
    until = kept_until(told.state)
    assert until == told.now + 3600.0
    assert "1.0.0 is kept for 1 h more (rollout undo)" in explain(told.state, told.now)
    assert "kept" not in explain(told.state, until)
    (event,) = told.command(undo, reason="deposits fail")
    assert describe_event(event) == "taken back after its promotion: deposits fail"
    assert kept_until(told.state) is None


def test_it_may_be_tried_again() -> None:
    told = promoted()
    told.command(undo, reason="deposits fail")
    told.settle()
    told.command(commands.retry, stable="1.0.0")
    told.settle()
    assert told.state.phase is Phase.SUCCEEDED


def test_what_is_back_already_is_not_taken_back_again() -> None:
    told = promoted()
    told.command(undo, reason="deposits fail")
    told.settle()
    assert told.command(undo, reason="deposits fail") == ()
