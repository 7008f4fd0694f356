"""Verdicts made again from their counts: the same, or somebody changed something."""

from dataclasses import replace

import pytest
from tests.core.rollout.test_evidence import ERRORS, LOGINS, started, watch

from croupier.core.gates import BurnRule, ClassicRule, Gate, GateState, HardStop, Objective, Reading, Silence, Verdict
from croupier.core.gates.sli import Counts, Group
from croupier.core.rollout import events as e
from croupier.core.rollout.rejudge import rejudge
from croupier.errors import Corrupt
from croupier.testing import Rehearsal

CLASSIC = replace(LOGINS, rule=ClassicRule())


@pytest.mark.parametrize("bad", [0, 3, 50])
@pytest.mark.parametrize("gates", [(ERRORS,), (ERRORS, LOGINS), (ERRORS, CLASSIC)], ids=["one", "two", "mixed"])
def test_every_verdict_comes_out_the_same(gates: tuple[Gate, ...], bad: int) -> None:
    story = started(*gates)
    watch(story, bad, 400, samples=30)
    again = list(rejudge(story.events))
    assert len(again) == sum(isinstance(event, e.GateJudged) for event in story.events) > 3
    assert all(item.agrees for item in again)


def test_silence_and_a_missing_baseline_too() -> None:
    story = started(ERRORS)
    for index in range(12):
        story.now += 10.0
        said = Reading(story.now - 10, story.now, {(): Counts(400, 400)}, None)
        story.tick({"errors": Silence("away") if index % 3 == 0 else said})
    again = list(rejudge(story.events))
    assert {item.recorded for item in again} >= {Verdict.NO_DATA, Verdict.INCONCLUSIVE}
    assert all(item.agrees for item in again)


def judged(story: Rehearsal) -> tuple[int, e.GateJudged]:
    return next((i, event) for i, event in reversed([*enumerate(story.events)]) if isinstance(event, e.GateJudged))


def test_counts_that_were_changed_are_found() -> None:
    story = started(ERRORS)
    watch(story, 50, 400, samples=30)
    index, event = judged(story)
    latest = event.state.latest
    assert latest is not None
    [finding] = latest.findings
    softened = replace(latest, findings=(replace(finding, canary=Counts(400, 400)),))
    story.events[index] = replace(event, state=replace(event.state, latest=softened))
    *before, last = rejudge(story.events)
    assert all(item.agrees for item in before)
    assert (last.recorded, last.agrees, last.same_evidence) == (Verdict.FAIL, False, False)


def test_a_history_that_breaks_is_said() -> None:
    story = started(ERRORS)
    with pytest.raises(Corrupt, match="starts with 'created'"):
        list(rejudge(story.events[1:]))
    with pytest.raises(Corrupt, match="without having looked"):
        list(rejudge([story.events[0], e.GateJudged(GateState("errors"), story.now)]))


@pytest.mark.parametrize("rule", [BurnRule(min_samples=50), ClassicRule(min_samples=50)], ids=lambda rule: rule.kind)
def test_a_hard_stop_in_a_small_group_among_many_comes_out_the_same(rule: BurnRule | ClassicRule) -> None:
    gate = replace(ERRORS, by=("psp",), objective=Objective(0.9), comparison=None, rule=rule)
    story = started(replace(gate, hard_stop=HardStop(failing=0.5, samples=20)))
    arm: dict[Group, Counts] = {(("psp", f"p{index}"),): Counts(100, 100) for index in range(40)}
    arm |= {(("psp", "small"),): Counts(0, 30), (): Counts(4_000, 4_030)}
    story.now += 100.0
    story.tick({"errors": Reading(story.now - 10, story.now, arm, {group: Counts(900, 900) for group in arm})})
    [again] = rejudge(story.events)
    assert (again.recorded, again.again) == (Verdict.FAIL, Verdict.FAIL)


def test_groups_that_appear_one_after_the_other_come_out_the_same() -> None:
    story = started(replace(ERRORS, by=("psp",)))
    groups: dict[Group, Counts] = {}
    for name in ("m", "z", "a", "k", "b", "y", "c"):
        groups[(("psp", name),)] = Counts(97, 100)
        story.now += 10.0
        whole = Counts(97 * len(groups), 100 * len(groups))
        arm = {(): whole, **dict(sorted(groups.items()))}
        story.tick({"errors": Reading(story.now - 10, story.now, arm, arm)})
    again = list(rejudge(story.events))
    assert len(again) == 7
    assert all(item.agrees for item in again)
