"""How gates are asked at a step: bounds of the step, and a warm-up in which only hard stops count."""

from dataclasses import replace

import pytest

from croupier.adapters.store import codec
from croupier.core.gates import (
    ClassicRule,
    Comparison,
    Counts,
    Gate,
    HardStop,
    KillFlag,
    Objective,
    OnGroupFail,
    RatioSli,
    Reading,
    SequentialRule,
    Silence,
    Verdict,
)
from croupier.core.gates.sli import Group
from croupier.core.rollout import commands
from croupier.core.rollout import events as e
from croupier.core.rollout.asking import asked, next_weight, overtaken, stretch, warm_at, watching_since
from croupier.core.rollout.decide import looks
from croupier.core.rollout.machine import replay
from croupier.core.rollout.reasons import Cause
from croupier.core.rollout.redecide import redecide
from croupier.core.rollout.rejudge import rejudge
from croupier.core.rollout.spec import Analysis, Pause, Plan, SetSegment, SetWeight, Step
from croupier.core.segments import AttributeMatch, Segment
from croupier.testing import Rehearsal

SLI = RatioSli("requests_total", good=(("code", ("200",)),))
RULE = SequentialRule(dwell=6, patience=60, harm=20)
EVIDENCE = Gate("evidence", SLI, comparison=Comparison(), rule=RULE)
CLASSIC = Gate("classic", SLI, objective=Objective(0.99), rule=ClassicRule(interval_s=10.0))
WARM = replace(EVIDENCE, name="warm", warmup_s=30.0, hard_stop=HardStop(failing=0.5), by=("psp",))
EVERYBODY: Group = ()


def started(*steps: Step, gates: tuple[Gate, ...], guards: tuple[str, ...] = ()) -> Rehearsal:
    story = Rehearsal(Plan((SetWeight(500), *steps), guards, gates))
    story.settle()
    return story


def sample(story: Rehearsal, bad: int = 0, total: int = 500) -> dict[str, Reading]:
    """What the source says of the gates that are due, over the span that each asks for."""
    canary, baseline = Counts(total - bad, total), Counts(1_999, 2_000)
    return {
        look.gate.name: Reading(look.since, look.until, {EVERYBODY: canary}, {EVERYBODY: baseline})
        for look in looks(story.state, story.now)
    }


def watch(story: Rehearsal, times: int, bad: int = 0) -> list[e.Event]:
    out: list[e.Event] = []
    for _ in range(times):
        story.now += 10.0
        out += story.tick(sample(story, bad))
    return out


# --- bounds of a step -------------------------------------------------------------------------------------------------


def test_a_step_bounds_the_gates_that_it_asks_and_only_their_passing() -> None:
    step = Analysis(("evidence", "classic"), harm=5, dwell=80)
    story = started(step, gates=(EVIDENCE, CLASSIC, WARM), guards=("warm",))
    bounded = replace(EVIDENCE, rule=replace(RULE, harm=5, dwell=80, patience=80))
    assert asked(story.state, "evidence") == bounded
    assert asked(story.state, "classic") is CLASSIC
    assert asked(story.state, "warm") is WARM
    patient = started(Analysis(("evidence",), patience=7), gates=(EVIDENCE,))
    assert asked(patient.state, "evidence").rule == replace(RULE, patience=7)
    assert asked(started(gates=(EVIDENCE,), guards=("evidence",)).state, "evidence") is EVIDENCE


@pytest.mark.parametrize("dwell", [2, 12])
def test_a_step_ends_after_its_own_dwell(dwell: int) -> None:
    story = started(Analysis(("evidence",), dwell=dwell), SetWeight(5_000), gates=(EVIDENCE,))
    assert not any(isinstance(event, e.StepStarted) for event in watch(story, dwell - 1))
    assert any(isinstance(event, e.StepStarted) for event in watch(story, 1))
    assert all(verdict.agrees for verdict in rejudge(story.events))


def test_the_next_weight_is_the_next_higher_one() -> None:
    story = started(Analysis(("evidence",)), SetWeight(100), SetWeight(2_500), gates=(EVIDENCE,))
    assert next_weight(story.state) == 2_500
    assert next_weight(started(gates=(EVIDENCE,)).state) == 10_000


def test_the_next_share_of_a_segment_counts_as_if_everybody_were_in_it() -> None:
    staff = Segment("staff", (AttributeMatch("employee", ("yes",)),))
    asks = Analysis(("evidence",))
    story = started(asks, SetSegment(staff, 500), SetSegment(staff, 5_000), SetWeight(1_000), gates=(EVIDENCE,))
    assert next_weight(story.state) == 5_000


def test_what_is_due_of_a_segments_players_nobody_knows() -> None:
    """A silent sample is no answer there: at a weight of everybody's it would be one, where few events are due."""
    staff = Segment("staff", (AttributeMatch("employee", ("yes",)),))
    few = {EVERYBODY: Counts(0, 0)}, {EVERYBODY: Counts(20, 20)}
    told = []
    for step in (SetWeight(100), SetSegment(staff, 100)):
        story = Rehearsal(Plan((step, Pause()), ("evidence",), (EVIDENCE,)))
        story.settle()
        for _ in range(8):
            story.now += 10.0
            due = looks(story.state, story.now)
            story.tick({look.gate.name: Reading(look.since, look.until, *few) for look in due})
        evidence = story.state.gate_state("evidence").evidence
        told.append(evidence.samples if evidence is not None else None)
    assert told == [5, 0]


# --- warm-up ----------------------------------------------------------------------------------------------------------


def test_what_a_cold_canary_does_is_not_held_against_it() -> None:
    story = started(Analysis(("warm",)), gates=(WARM,))
    watch(story, 2, bad=200)  # 40 % slow: cold caches
    remembered = story.state.gate_state("warm")
    assert remembered.latest is not None
    assert remembered.latest.verdict is Verdict.INCONCLUSIVE
    assert remembered.latest.reason.startswith("the canary warms up: ")
    assert remembered.evidence is None
    watch(story, 1)
    after = story.state.gate_state("warm").evidence
    assert after is None or after.trials[0].canary.bad == 0
    watch(story, 9)
    evidence = story.state.gate_state("warm").evidence
    assert evidence is not None
    assert evidence.trials[0].canary.bad == 0
    assert evidence.trials[0].canary.total > 0
    assert all(verdict.agrees for verdict in rejudge(story.events))
    assert replay(story.events) == story.state


def test_a_hard_stop_counts_from_the_first_second() -> None:
    story = started(Analysis(("warm",)), gates=(WARM,))
    (given_up,) = [event for event in watch(story, 1, bad=400) if isinstance(event, e.AbortStarted)]
    assert given_up.cause is Cause.HARD_STOP
    assert "hard stop: 20.00 % of 500 good" in given_up.reason
    assert all(verdict.agrees for verdict in rejudge(story.events))


def test_a_cold_canary_without_players_is_not_doubted() -> None:
    story = started(Analysis(("warm",)), gates=(WARM,))
    story.now += 10.0
    (look,) = looks(story.state, story.now)
    story.tick({"warm": Reading(look.since, look.until, {}, {EVERYBODY: Counts(5, 5)})})
    latest = story.state.gate_state("warm").latest
    assert latest is not None
    assert latest.verdict is Verdict.NO_DATA


def test_a_silent_source_is_silent_to_a_cold_canary_too() -> None:
    story = started(Analysis(("warm",)), gates=(WARM,))
    story.tick({"warm": Silence("away")}, after=10.0)
    latest = story.state.gate_state("warm").latest
    assert latest is not None
    assert latest.verdict is Verdict.NO_DATA


def test_a_warm_up_is_had_once_and_a_clock_set_back_does_not_make_it_longer() -> None:
    story = started(gates=(WARM,), guards=("warm",))
    first = story.state.exposed_at
    assert first == story.state.confirmed_at
    assert warm_at(story.state, WARM) == (first or 0.0) + 30.0
    assert watching_since(story.state, WARM, story.now) == first
    assert watching_since(story.state, WARM, story.now + 60.0) == (first or 0.0) + 30.0
    story.now -= 3_600.0
    story.settle()
    assert story.state.exposed_at == story.now
    story.now += 100.0
    story.settle()
    assert story.state.exposed_at == story.now - 100.0


def test_without_a_warm_up_nothing_is_remembered_of_it() -> None:
    story = started(gates=(EVIDENCE,), guards=("evidence",))
    assert story.state.exposed_at is None
    assert warm_at(story.state, EVIDENCE) is None


# --- answers that come late -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gate", [CLASSIC, EVIDENCE], ids=lambda gate: gate.name)
def test_an_answer_may_come_late_while_nothing_else_happens(gate: Gate) -> None:
    story = started(Pause(3_600.0), gates=(gate,), guards=(gate.name,))
    watch(story, 3)
    about = stretch(story.state, gate, story.now)
    assert stretch(story.state, gate, story.now + 20.0) == about


def test_what_was_asked_before_evidence_was_counted_is_not_counted_again() -> None:
    story = started(Pause(3_600.0), gates=(EVIDENCE,), guards=("evidence",))
    about = stretch(story.state, EVIDENCE, story.now)
    watch(story, 1)
    assert stretch(story.state, EVIDENCE, story.now) != about


def test_what_was_asked_of_a_cold_canary_is_not_held_against_a_warm_one() -> None:
    story = started(Pause(3_600.0), gates=(WARM,), guards=("warm",))
    cold = stretch(story.state, WARM, story.now + 29.0)
    assert stretch(story.state, WARM, story.now + 30.0) != cold


def test_what_was_asked_before_the_analysis_began_is_no_pass_of_it() -> None:
    story = started(Pause(10.0), Analysis(("classic",)), gates=(CLASSIC,), guards=("classic",))
    before = stretch(story.state, CLASSIC, story.now)
    story.tick(after=10.0)
    assert isinstance(story.state.current_step, Analysis)
    assert stretch(story.state, CLASSIC, story.now) != before


def overtaken_story(bad: int) -> tuple[Rehearsal, Reading]:
    """A person moved the weight while a gate's question was under way; its answer comes after."""
    gate = replace(EVIDENCE, hard_stop=HardStop(failing=0.5))
    story = started(Pause(), SetWeight(5_000), Pause(), gates=(gate,), guards=("evidence",))
    watch(story, 6)
    story.now += 10.0
    late = sample(story, bad)["evidence"]
    story.command(commands.promote)
    story.settle()
    story.now += 5.0
    found = overtaken(story.state, "evidence", late, story.now)
    assert found is not None
    return story, found


def test_a_hard_stop_in_an_answer_that_something_has_overtaken_counts() -> None:
    story, late = overtaken_story(bad=400)
    before = story.state.gate_state("evidence")
    assert [event.type for event in story.tick({"evidence": late})] == ["gate_judged", "abort_started"]
    assert story.state.abort is not None
    assert story.state.abort.cause is Cause.HARD_STOP
    assert story.state.gate_state("evidence").evidence == before.evidence
    written = [codec.EVENT.load(codec.EVENT.dump(event)) for event in story.events]
    again = list(rejudge(written))
    assert all(verdict.agrees for verdict in again)
    assert again[-1].recorded is Verdict.FAIL


@pytest.mark.parametrize("bad", [0, 100])
def test_nothing_else_in_it_does(bad: int) -> None:
    """Not even as a look: the gate has neither passed nor doubted at this weight."""
    story, late = overtaken_story(bad)
    before = story.state
    assert story.tick({"evidence": late}) == ()
    assert story.state == before


def test_what_is_asked_for_again_is_not_overtaken() -> None:
    story = started(Pause(10.0), Pause(), gates=(EVIDENCE,), guards=("evidence",))
    story.now += 10.0
    said = sample(story)["evidence"]
    story.tick()
    assert story.state.step == 2, "another step of the same weight"
    assert overtaken(story.state, "evidence", said, story.now) is None
    assert overtaken(story.state, "evidence", Silence("away"), story.now) is None


def test_a_group_that_was_set_aside_is_not_in_it() -> None:
    """Two gates: one acts on a group while the other's answer is under way."""
    kill = OnGroupFail((KillFlag("psp_{psp}"),))
    quick = replace(CLASSIC, name="quick", by=("psp",), hard_stop=HardStop(failing=0.5), on_group_fail=kill)
    story = started(Pause(), gates=(quick, replace(quick, name="slow")), guards=("quick", "slow"))
    story.now += 10.0
    broken: Group = (("psp", "kestrel"),)
    well: Group = (("psp", "tarn"),)
    [_, look] = looks(story.state, story.now)

    def reading(failing: Group) -> Reading:
        arms = {group: Counts(10 if group == failing else 100, 100) for group in (broken, well)}
        fine = {group: Counts(100, 100) for group in (broken, well)}
        return Reading(look.since, look.until, {(): Counts(110, 200), **arms}, {(): Counts(200, 200), **fine})

    story.tick({"quick": reading(broken)})
    assert [acted.group for acted in story.state.acted] == [broken]
    story.killed = frozenset({"psp_kestrel"})
    story.now += 2.0
    story.settle()
    state = story.state
    for failing in (broken, well):
        late = overtaken(story.state, "slow", reading(failing), story.now)
        assert late is not None
        story.tick({"slow": late})
        assert (story.state == state) is (failing == broken)
    assert [acted.group for acted in story.state.acted] == [broken, well]
    assert all(verdict.agrees for verdict in rejudge(story.events))
    assert all(decided.agrees for decided in redecide(story.events))


def test_hard_stops_of_another_edition_may_come_late_too() -> None:
    story = started(Pause(3_600.0), gates=(EVIDENCE,), guards=("evidence",))
    strange = replace(story.state, plan=replace(story.state.plan, edition=99))
    assert stretch(strange, EVIDENCE, story.now + 90.0) == stretch(strange, EVIDENCE, story.now + 120.0)
