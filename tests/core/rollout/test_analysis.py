"""Rollouts whose gates measure values: when they begin, what ends them, and that the record gives the same again."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.gates import MEASURED, AnalysisRule, Gate, Measured, MeasuredSli, Verdict
from croupier.core.gates.analysis.measurement import Measurement, measured
from croupier.core.gates.analysis.model import Metric, PrometheusQuery
from croupier.core.gates.analysis.verdict import due
from croupier.core.rollout import events as e
from croupier.core.rollout.commands import pause, resume
from croupier.core.rollout.decide import looks
from croupier.core.rollout.explain import describe_gate
from croupier.core.rollout.explain_gate import explain_gate
from croupier.core.rollout.gate_words import describe_story
from croupier.core.rollout.outlook.outlook import look_ahead
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.prove import prove
from croupier.core.rollout.reasons import Cause, Hold
from croupier.core.rollout.rejudge import rejudge
from croupier.core.rollout.resolve import resolve
from croupier.core.rollout.spec import Analysis, Asked, Pause, Resort, RolloutSpec, SetWeight, Undecided
from croupier.errors import Rejected
from croupier.testing import Rehearsal

ASK = PrometheusQuery("errors")
RATE = Metric("rate", ASK, "result[0] < 0.05", interval_s=10.0, failure_limit=1)
DOUBTFUL = replace(RATE, failure="result[0] > 0.2", failure_limit=0)
STEPS: tuple[Asked, ...] = (SetWeight(1_000), Analysis(("values",)), SetWeight(5_000), Pause(30.0))


def gate(*metrics: Metric, **rule: Any) -> Gate:
    return Gate("values", MeasuredSli(), rule=AnalysisRule(metrics, **rule), source=MEASURED)


def story(asked: Gate, steps: tuple[Asked, ...] = STEPS, *, guards: bool = False, **spec: Any) -> Rehearsal:
    rollout = RolloutSpec("shop", "shop", steps, ("values",) if guards else (), **spec)
    begun = Rehearsal(resolve(rollout, [asked], []))
    begun.settle()
    return begun


def play(told: Rehearsal, value: float | Callable[[float], float | None] | None, seconds: float) -> None:
    """So many seconds, a tick each; ``None`` is an error."""
    for _ in range(int(seconds)):
        told.now += 1.0
        said = {}
        for look in looks(told.state, told.now):
            rule = look.gate.rule
            assert isinstance(rule, AnalysisRule)
            taken = []
            for metric in due(rule, told.state.gate_state("values").analysis, look.since, look.until):
                found = value(told.now) if callable(value) else value
                error = Measurement(metric.name, told.now, error="no answer")
                taken.append(error if found is None else measured(metric.name, told.now, [found]))
            said["values"] = Measured(tuple(taken))
        told.tick(said)
        told.settle()


def last(told: Rehearsal) -> Verdict:
    latest = told.state.gate_state("values").latest
    assert latest is not None
    return latest.verdict


def test_an_analysis_begins_with_its_step() -> None:
    counted = gate(replace(RATE, count=2, initial_delay_s=5.0))
    told = story(counted, (SetWeight(1_000), Pause(60.0), Analysis(("values",)), Analysis(("values",))))
    play(told, 0.01, 61)
    assert told.state.step == 2
    assert told.state.gate_state("values").analysis is None
    play(told, 0.01, 3)
    assert told.state.gate_state("values").analysis is None  # its delay counts from the step on
    play(told, 0.01, 12)
    assert told.state.step == 3
    assert told.state.gate_state("values").analysis is None  # the next step asks anew
    play(told, 0.01, 17)
    assert told.state.phase is Phase.SUCCEEDED


def test_a_guard_goes_on_over_steps_that_ask_it() -> None:
    told = story(gate(RATE), guards=True)
    play(told, lambda now: 0.1 if now % 100 < 12 else 0.01, 11)
    failed = told.state.gate_state("values").analysis
    assert failed is not None
    play(told, 0.01, 15)
    now = told.state.gate_state("values").analysis
    assert now is not None
    assert now.began == failed.began


def test_failures_take_it_back_and_name_their_beginning() -> None:
    told = story(gate(RATE))
    play(told, 0.5, 60)
    assert told.state.phase is Phase.ABORTED
    abort = told.state.abort
    assert abort is not None
    assert (abort.cause, abort.gate) == (Cause.GATE, "values")
    assert abort.harm_since is not None
    assert abort.at - abort.harm_since == 10.0


def test_an_outage_holds_or_fails_as_asked() -> None:
    told = story(gate(RATE))
    play(told, None, 600)
    assert (told.state.phase, last(told)) == (Phase.PROGRESSING, Verdict.NO_DATA)
    play(told, 0.01, 100)
    assert told.state.phase is Phase.SUCCEEDED
    argo = story(gate(replace(RATE, count=5), compat="argo"))
    play(argo, None, 60)
    assert argo.state.phase is Phase.ABORTED
    patient = story(gate(RATE), on_no_data=Undecided(Resort.ABORT, 60.0))
    play(patient, None, 100)
    assert patient.state.abort is not None
    assert patient.state.abort.cause is Cause.NO_DATA


def test_what_ends_inconclusive_waits_for_a_person_at_once() -> None:
    told = story(gate(DOUBTFUL))
    play(told, 0.1, 2)
    assert (told.state.phase, told.state.hold) == (Phase.PAUSED, Hold.INCONCLUSIVE)
    play(told, 0.01, 100)
    assert told.state.phase is Phase.PAUSED  # nothing is measured any more
    told.command(resume)
    assert told.state.gate_state("values").analysis is None
    play(told, 0.01, 100)
    assert told.events[-1].type == "promoted"


def test_resuming_keeps_what_is_not_over() -> None:
    told = story(gate(RATE), (SetWeight(1_000), Pause(), Analysis(("values",))), guards=True)
    play(told, 0.01, 5)
    before = told.state.gate_state("values").analysis
    assert told.state.phase is Phase.PAUSED
    told.command(resume)
    assert told.state.gate_state("values").analysis == before is not None


@pytest.mark.parametrize("compat", ["croupier", "argo"])
def test_a_dry_run_in_doubt_begins_nothing_again(compat: Any) -> None:
    """Argo Rollouts: a dry run does not impact the rollout, even if it comes out as inconclusive."""
    doubtful = replace(DOUBTFUL, name="doubtful", failure="result[0] > 0.5", dry_run=True)
    told = story(gate(RATE, doubtful, compat=compat), (SetWeight(1_000), Pause(300.0)), guards=True)
    play(told, 0.1, 5)
    before = told.state.gate_state("values").analysis
    assert before is not None
    failed, doubted = before.metrics
    assert (failed.failed, doubted.inconclusive, doubted.phase) == (1, 1, "inconclusive")
    told.command(pause)
    told.command(resume)
    assert told.state.gate_state("values").analysis == before
    play(told, 0.1, 15)
    assert told.state.phase is Phase.ABORTED  # the failure of before the pause still counts
    assert all(item.agrees for item in rejudge(told.events))


def test_a_rollout_that_goes_back_in_doubt_still_does() -> None:
    told = story(gate(DOUBTFUL), on_inconclusive=Undecided(Resort.ABORT, 30.0))
    play(told, 0.1, 29)
    assert told.state.phase is Phase.PROGRESSING
    play(told, 0.1, 10)
    assert told.state.abort is not None
    assert told.state.abort.cause is Cause.INCONCLUSIVE


def test_it_is_proven_able_to_turn_red() -> None:
    plan = story(gate(replace(RATE, failure_limit=3))).state.plan
    found = prove(plan, "values")
    assert found.red_after_s == pytest.approx(30.0, abs=1.0)
    assert found.looks == 4
    with pytest.raises(Rejected, match="can never fail"):
        story(gate(replace(RATE, success="result == result or true")))
    # After everything was measured once, nobody looks any more; the first look is the one that counts.
    once = story(gate(replace(RATE, interval_s=None, failure_limit=0))).state.plan
    assert prove(once, "values").red_after_s == 0.0
    # A failure within the limit does not hold in Argo Rollouts: such a step is left before the second one.
    with pytest.raises(Rejected, match=r"cannot turn red here.*Write a count"):
        story(gate(RATE, compat="argo"))


@given(
    st.lists(st.sampled_from([0.01, 0.1, 0.5, None]), min_size=1, max_size=25), st.sampled_from(["croupier", "argo"])
)
def test_the_record_gives_the_same_verdicts(values: list[float | None], compat: Any) -> None:
    asked = gate(replace(DOUBTFUL, failure_limit=2, inconclusive_limit=2), compat=compat)
    told = story(asked, guards=True)
    for value in values:
        play(told, value, 10)
    again = list(rejudge(told.events))
    assert again
    assert all(item.agrees for item in again)


def test_a_measurement_that_was_changed_is_found() -> None:
    told = story(gate(RATE))
    play(told, 0.5, 60)
    index, event = next((i, each) for i, each in enumerate(told.events) if isinstance(each, e.GateJudged))
    latest = event.state.latest
    assert latest is not None
    softened = replace(latest, taken=(measured("rate", latest.at, [0.01]),))
    told.events[index] = replace(event, state=replace(event.state, latest=softened))
    [first, *_] = rejudge(told.events)
    assert not first.agrees
    assert not first.same_evidence


def test_it_is_explained() -> None:
    told = story(gate(RATE, replace(RATE, name="quiet", dry_run=True)))
    play(told, 0.5, 2)
    assert describe_gate(told.state.plan.gate("values")).startswith("rate: result[0] < 0.05, every 10 s, 1 may fail")
    told_of = describe_story(explain_gate(told.events, "values", lambda: 0.5))
    assert "rate is [0.5], failed; 1 measured, 1 failed (1 may)" in told_of
    assert "rate, the last 1: [0.5] failed" in told_of
    assert any(line.endswith("(dry run)") for line in told_of)


def test_a_plan_knows_how_long_it_takes() -> None:
    plan = story(gate(replace(RATE, count=4, initial_delay_s=20.0))).state.plan
    found = look_ahead(plan, {}, lambda: lambda: 0.5)
    assert [each.usual_s for each in found.stages][:1] == [50.0]
