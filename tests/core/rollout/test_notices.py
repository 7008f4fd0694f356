"""What people are told of a rollout, once each, under names that stay the same."""

from dataclasses import replace
from typing import Any

import pytest

from croupier.core.gates import (
    ClassicRule,
    Comparison,
    Counts,
    Gate,
    GateState,
    Judgement,
    Objective,
    RatioSli,
    Reading,
    SequentialRule,
    Silence,
    Verdict,
)
from croupier.core.rollout import commands
from croupier.core.rollout import events as e
from croupier.core.rollout.notices import Kind, Notice, Patience, happened, lasting
from croupier.core.rollout.reasons import Cause, Hold
from croupier.core.rollout.spec import Analysis, Pause, Plan, SetWeight
from croupier.testing import Rehearsal

SLI = RatioSli("requests_total", good=(("code", ("200",)),))
GATE = Gate("errors", SLI, objective=Objective(0.99), rule=ClassicRule(interval_s=10.0, consecutive=1))
PLAN = Plan((SetWeight(500), Analysis(("errors",)), SetWeight(5_000), Pause(600.0)), (), (GATE,))
GOOD = Reading(0.0, 0.0, {(): Counts(1_000, 1_000)}, {(): Counts(1_000, 1_000)})
BAD = Reading(0.0, 0.0, {(): Counts(500, 1_000)}, {(): Counts(1_000, 1_000)})
SILENCE = Silence("the metric source is unreachable")
NONE: frozenset[str] = frozenset()


def started(plan: Plan = PLAN) -> Rehearsal:
    story = Rehearsal(plan)
    story.settle()
    return story


def told(story: Rehearsal, *events: e.Event, actor: str = "croupier") -> list[Notice]:
    return happened(events, story.state, actor, "entry", NONE)[0]


@pytest.mark.parametrize(
    "event, kind, words",
    [
        (e.Retried("1", 2, 5.0), Kind.STARTED, "started again from the first step, attempt 2"),
        (e.Promoted(5.0), Kind.PROMOTED, "serves everybody"),
        (e.Paused(Hold.PERSON, 5.0), Kind.PAUSED, "paused by a person"),
        (e.Paused(Hold.STEP, 5.0), Kind.WAITING, "waiting for a person"),
        (e.Paused(Hold.NO_DATA, 5.0, "errors", "no data"), Kind.WAITING, "waiting for a person: no data"),
        (e.Resumed(5.0), Kind.RESUMED, "resumed"),
        (e.AbortStarted(Cause.GATE, "gate errors: bad", 5.0, "errors"), Kind.ABORTING, "given up: gate errors: bad"),
        (e.Aborted(5.0), Kind.ABORTED, "nobody is sent to the canary"),
        (e.Superseded("payments-9", 5.0), Kind.SUPERSEDED, "superseded by payments-9"),
        (e.StepStarted(1, 5.0), None, ""),
        (e.WeightConfirmed(500, 5.0), None, ""),
        (e.PromotionStarted(5.0), None, ""),
        (e.GateWaived("errors", 5.0), None, ""),
    ],
)
def test_what_is_told_of_events(event: Any, kind: Kind | None, words: str) -> None:
    story = started()
    found = told(story, event, actor="anna")
    assert [one.kind for one in found] == ([kind] if kind else [])
    for one in found:
        assert words in one.summary
        assert (one.at, one.actor, one.service, one.version) == (5.0, "anna", story.state.service, story.state.canary)
        assert one.rollout == story.state.id
        assert one.gate == getattr(event, "gate", None)


def test_a_start_is_told_with_who_serves() -> None:
    story = started()
    (created,) = [event for event in story.events if isinstance(event, e.Created)]
    (notice,) = told(story, created)
    assert notice.kind is Kind.STARTED
    assert "serves now" in notice.summary


def test_a_name_is_of_the_entry_and_the_same_again() -> None:
    story = started()
    events = (e.Resumed(1.0), e.Promoted(1.0))
    first, second = happened(events, story.state, "a", "entry 1", NONE)[0]
    assert [first, second] == happened(events, story.state, "a", "entry 1", NONE)[0]
    (other,) = happened(events[:1], story.state, "a", "entry 2", NONE)[0]
    elsewhere = replace(story.state, created_at=story.state.created_at + 1)
    (another,) = happened(events[:1], elsewhere, "a", "entry 1", NONE)[0]
    assert len({first.id, second.id, other.id, another.id}) == 4


def test_a_gate_fails_once_however_often_it_says_so() -> None:
    state = started().state

    def judged(verdict: Verdict | None) -> e.GateJudged:
        latest = Judgement("errors", verdict, 1.0, 0.0, 1.0, "half is bad") if verdict else None
        return e.GateJudged(GateState("errors", latest=latest), 1.0)

    (notice,), known = happened((judged(Verdict.FAIL),), state, "croupier", "1", NONE)
    assert (notice.kind, notice.gate, notice.reason) == (Kind.GATE_FAILED, "errors", "half is bad")
    again, known = happened((judged(Verdict.FAIL),), state, "croupier", "2", known)
    assert not again
    nothing, known = happened((judged(Verdict.INCONCLUSIVE), judged(None)), state, "croupier", "3", known)
    assert (nothing, known) == ([], NONE)
    once_more, known = happened((judged(Verdict.FAIL),), state, "croupier", "4", known)
    assert len(once_more) == 1
    later = replace(state, attempt=2)
    assert len(happened((judged(Verdict.FAIL),), later, "croupier", "5", known)[0]) == 1


def test_blindness_is_told_when_it_lasts_and_when_it_is_over() -> None:
    story, patience = started(replace(PLAN, guards=("errors",))), Patience(blind_s=60.0)
    story.tick({"errors": SILENCE}, after=10.0)
    assert lasting([story.state], story.now + 59.0, patience, NONE) == ([], NONE)
    (notice,), known = lasting([story.state], story.now + 61.0, patience, NONE)
    assert notice.kind is Kind.GATE_BLIND
    assert "gate errors has had no data for 1 min 1 s, so it neither passes nor stops" in notice.summary
    assert notice.reason == "the metric source is unreachable"
    assert lasting([story.state], story.now + 300.0, patience, known) == ([], known)
    (same,), _ = lasting([story.state], story.now + 90.0, patience, NONE)
    assert same.id == notice.id
    story.tick({"errors": GOOD}, after=10.0)
    (seen,), after = lasting([story.state], story.now, patience, known)
    assert (seen.kind, after) == (Kind.GATE_SEES, NONE)
    assert "gate errors is not blind any more" in seen.summary


def test_a_gate_that_nobody_asks_any_more_is_not_blind() -> None:
    story, patience = started(), Patience(blind_s=60.0)
    story.tick({"errors": SILENCE}, after=10.0)
    _, known = lasting([story.state], story.now + 61.0, patience, NONE)
    story.command(commands.abort, reason="enough")
    (over,), after = lasting([story.state], story.now + 62.0, patience, known)
    assert after == NONE
    assert "does not guard the canary any more" in over.summary
    assert lasting([story.state], story.now + 99.0, patience, NONE) == ([], NONE)


def test_what_was_told_of_rollouts_that_are_over_is_forgotten() -> None:
    state = started().state
    known = frozenset({f"{state.id}/errors/failed.1", "other-7/errors/failed.1", "other-7/errors/blind.1.000"})
    assert lasting([state], 0.0, Patience(), known) == ([], frozenset({f"{state.id}/errors/failed.1"}))


def test_a_budget_that_is_nearly_used_is_told_once_an_attempt() -> None:
    gate = Gate("errors", SLI, comparison=Comparison(), rule=SequentialRule(interval_s=10.0))
    story = started(replace(PLAN, gates=(gate,)))
    suspicious = Reading(0.0, 0.0, {(): Counts(960, 1_000)}, {(): Counts(1_000, 1_000)})
    patience, known, found = Patience(budget=0.1), NONE, 0
    for _ in range(20):
        story.tick({"errors": suspicious}, after=10.0)
        new, known = lasting([story.state], story.now, patience, known)
        for one in new:
            found += 1
            assert (one.kind, one.gate) == (Kind.GATE_BUDGET, "errors")
            assert "of the way to blaming the canary" in one.summary
            (again,), _ = lasting([replace(story.state, attempt=2)], story.now, patience, known)
            assert again.id != one.id
    assert found == 1
