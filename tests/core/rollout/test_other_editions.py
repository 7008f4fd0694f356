"""Rollouts that began with an arithmetic that this program has not: they hold, hard stops act, and nobody pretends."""

from dataclasses import replace
from typing import Final

import pytest

from croupier.core.gates import (
    BurnRule,
    ClassicRule,
    Comparison,
    Counts,
    Gate,
    HardStop,
    Objective,
    PopulationRule,
    RatioSli,
    Reading,
    SequentialRule,
    Verdict,
)
from croupier.core.gates.edition import EDITION
from croupier.core.gates.model import Rule
from croupier.core.gates.sli import Group
from croupier.core.rollout import events as e
from croupier.core.rollout.commands import promote, retry
from croupier.core.rollout.decide import looks
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause, Hold
from croupier.core.rollout.rejudge import rejudge
from croupier.core.rollout.resolve import resolve
from croupier.core.rollout.spec import Pause, Plan, Resort, RolloutSpec, SetWeight, Undecided
from croupier.errors import Rejected
from croupier.testing import Rehearsal

ERRORS: Final = Gate(
    "errors",
    RatioSli("requests_total", good=(("code", ("200",)),)),
    objective=Objective(0.99),
    comparison=Comparison(),
    hard_stop=HardStop(failing=0.5, samples=20),
    rule=SequentialRule(dwell=2),
)
STEPS: Final = (SetWeight(500), Pause(60.0), SetWeight(5_000), Pause(60.0))
RULES: Final = (SequentialRule(dwell=2), ClassicRule(), BurnRule(min_samples=1), PopulationRule(samples=1))


def upgraded(edition: int | None, rule: Rule = ERRORS.rule, waits: Undecided | None = None) -> Rehearsal:
    """A rollout that three looks found good, and then a program that knows nothing of its edition."""
    gate = replace(ERRORS, rule=rule)
    if isinstance(rule, PopulationRule):
        gate = replace(gate, objective=None, comparison=None, hard_stop=None)
    spec = RolloutSpec("shop", "shop", STEPS, ("errors",))
    spec = spec if waits is None else replace(spec, on_inconclusive=waits)
    story = Rehearsal(resolve(spec, [gate], []))
    story.settle()
    watch(story, 3)
    assert story.state.weight_bp == 500
    story.state = replace(story.state, plan=replace(story.state.plan, edition=edition))
    created = story.events[0]
    assert isinstance(created, e.Created)
    story.events[0] = replace(created, plan=replace(created.plan, edition=edition))
    return story


def watch(story: Rehearsal, times: int, bad: int = 0) -> None:
    for _ in range(times):
        story.now += 10.0
        ours: dict[Group, Counts] = {(): Counts(100 - bad, 100)}
        theirs: dict[Group, Counts] = {(): Counts(1_900, 1_900)}
        story.tick(
            {look.gate.name: Reading(look.since, look.until, ours, theirs) for look in looks(story.state, story.now)}
        )
        story.settle()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)
@pytest.mark.parametrize("edition", [None, 99])
def test_it_holds_and_says_why(edition: int | None, rule: Rule) -> None:
    story = upgraded(edition, rule)
    before = story.state.gate_state("errors")
    watch(story, 20)
    assert (story.state.phase, story.state.weight_bp) == (Phase.PROGRESSING, 500)
    after = story.state.gate_state("errors")
    assert after.latest is not None
    assert after.latest.verdict is Verdict.INCONCLUSIVE
    assert after.passed_at is None
    assert "so only hard stops count: abort and retry it" in after.latest.reason
    assert ("edition 99" if edition else "were noted") in after.latest.reason
    assert (after.evidence, after.population) == (before.evidence, before.population), "nothing is mixed into it"
    with pytest.raises(Rejected, match="abort and retry it"):
        story.command(promote)


def test_hard_stops_act_on_what_was_counted_lately() -> None:
    story = upgraded(99)
    watch(story, 20)
    assert [look.until - look.since for look in looks(story.state, story.now + 10.0)] == [60.0]
    watch(story, 1, bad=49)
    assert story.state.phase is Phase.PROGRESSING
    watch(story, 1, bad=50)
    assert story.state.abort is not None
    assert story.state.abort.cause is Cause.HARD_STOP


def test_the_span_begins_with_the_weight() -> None:
    story = upgraded(99, ClassicRule())
    story.state = replace(story.state, confirmed_at=story.now - 20.0)
    assert [look.since for look in looks(story.state, story.now + 10.0)] == [story.now - 20.0]


def test_no_events_are_no_data_still() -> None:
    story = upgraded(99)
    story.now += 10.0
    story.tick({"errors": Reading(story.now - 10, story.now, {(): Counts(0, 0)}, {(): Counts(9, 9)})})
    latest = story.state.gate_state("errors").latest
    assert latest is not None
    assert latest.verdict is Verdict.NO_DATA
    assert "edition 99" in latest.reason


def test_what_the_rollout_says_of_doubt_is_done() -> None:
    story = upgraded(99, waits=Undecided(Resort.PAUSE, 90.0))
    watch(story, 20)
    assert (story.state.phase, story.state.hold) == (Phase.PAUSED, Hold.INCONCLUSIVE)


def test_a_waived_gate_holds_nobody() -> None:
    story = upgraded(99)
    story.command(promote, waive=("errors",))
    assert story.state.weight_bp == 5_000


def test_a_retry_is_judged_by_the_present_edition() -> None:
    story = upgraded(99)
    watch(story, 1, bad=90)
    story.settle()
    assert story.state.abort is not None
    story.command(retry, stable="1.0.0")
    assert story.state.plan.edition == EDITION
    story.settle()
    watch(story, 20)
    assert story.state.phase is Phase.SUCCEEDED
    retried = next(event for event in story.events if isinstance(event, e.Retried))
    assert retried.edition == EDITION


@pytest.mark.parametrize("edition, says", [(None, "began before editions"), (99, "began with edition 99")])
def test_the_record_is_not_judged_by_another_arithmetic(edition: int | None, says: str) -> None:
    story = upgraded(edition)
    with pytest.raises(Rejected, match=f"the verdicts of shop-1 cannot be made again: it {says}") as refused:
        list(rejudge(story.events))
    assert "'croupier --version' names the editions" in refused.value.hint


def test_a_rollout_without_verdicts_has_nothing_to_be_judged() -> None:
    story = Rehearsal(Plan((SetWeight(500), Pause(1.0)), (), (), edition=99))
    story.settle()
    assert list(rejudge(story.events)) == []
