"""What follows from what was seen: each kind of step, gates, confirmation, giving up. Stories told by rehearsal."""

from dataclasses import replace
from typing import Any

import pytest

from croupier.core.gates import ClassicRule, Counts, Gate, HardStop, Objective, RatioSli, Reading, Silence, Verdict
from croupier.core.gates.sli import Group
from croupier.core.rollout import commands
from croupier.core.rollout import events as e
from croupier.core.rollout.decide import Evidence, decide, looks, rise_blocked
from croupier.core.rollout.machine import replay
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause, Hold
from croupier.core.rollout.rejudge import rejudge
from croupier.core.rollout.spec import Analysis, Pause, Plan, SetWeight, Step, Timing
from croupier.core.segments import AttributeMatch, Segment
from croupier.testing import Rehearsal

STAFF = Segment("staff", (AttributeMatch("employee", ("yes",)),))
EVERY = 10.0


def gate(name: str) -> Gate:
    return Gate(
        name,
        RatioSli(f"{name}_total", good=(("outcome", ("ok",)),)),
        objective=Objective(0.99),
        hard_stop=HardStop(failing=0.9),
        rule=ClassicRule(interval_s=EVERY, window_s=60),
    )


def plan(*steps: Step, guards: tuple[str, ...] = (), **more: Any) -> Plan:
    return Plan(steps=steps, guards=guards, gates=(gate("deposits"), gate("latency")), **more)


def counts(good: int, total: int = 100) -> Reading:
    return Reading(0.0, 0.0, {(): Counts(good, total)}, {(): Counts(100, 100)})


GOOD, BAD, DEAD, FEW = counts(100), counts(90), counts(0), counts(3, 3)
DOWN = Silence("metrics are unreachable")


def kinds(events: tuple[e.Event, ...]) -> list[str]:
    return [event.type for event in events]


def started(*steps: Step, **more: Any) -> Rehearsal:
    """A rollout whose first steps have been taken and served, as far as nothing outside is needed."""
    story = Rehearsal(plan(*steps, **more))
    story.settle()
    return story


# --- beginning --------------------------------------------------------------------------------------------------------


def test_nothing_begins_before_the_canary_is_ready() -> None:
    story = Rehearsal(plan(SetWeight(500), Pause()), ready=False)
    assert story.tick(after=60) == ()
    story.ready = True
    assert kinds(story.tick(after=1)) == ["step_started"]
    assert story.state.weight_bp == 500


def test_a_canary_that_is_not_ready_in_time_is_given_up() -> None:
    story = Rehearsal(plan(SetWeight(500), timing=Timing(progress_deadline_s=600)), ready=False)
    assert story.tick(after=599) == ()
    (event,) = story.tick(after=1)
    assert isinstance(event, e.AbortStarted)
    assert (event.cause, event.reason) == (Cause.DEADLINE, "1.1.0 was not ready within 600 s")


def test_the_deadline_is_met_by_being_ready_at_it() -> None:
    story = Rehearsal(plan(SetWeight(500)), ready=False)
    story.ready = True
    assert kinds(story.tick(after=600)) == ["step_started"]


def test_the_deadline_counts_for_the_beginning_only() -> None:
    story = started(SetWeight(500), Pause())
    story.ready = False
    assert story.tick(after=10_000) == ()


@pytest.mark.parametrize("seen", ["nothing", "what was before"])
def test_a_weight_that_is_never_confirmed_is_given_up(seen: str) -> None:
    """No gate looks before that: whoever has the canary by then has nobody who guards them."""
    story = started(SetWeight(500), Pause(60), SetWeight(2_500), Pause())
    assert kinds(story.tick(after=60)) == ["step_started"]
    if seen == "nothing":
        story.served = None
    assert story.tick(after=599) == ()
    (event,) = story.tick(after=1)
    assert isinstance(event, e.AbortStarted)
    why = "the data plane was not seen to serve 25 % within 600 s, and no gate looks before that"
    assert (event.cause, event.reason) == (Cause.DEADLINE, why)
    assert story.state.phase is Phase.ABORTING


def test_a_weight_that_is_confirmed_late_is_confirmed() -> None:
    story = started(SetWeight(500), Pause(60), SetWeight(2_500), Pause())
    story.tick(after=60)
    story.serve()
    assert kinds(story.tick(after=10_000)) == ["weight_confirmed", "step_started", "paused"]


def test_who_has_nothing_to_go_back_to_waits_for_the_data_plane() -> None:
    story = Rehearsal(plan(), stable=None)
    assert kinds(story.tick()) == ["promotion_started"]
    story.served = None
    assert story.tick(after=10_000) == ()


def test_the_first_deployment_serves_at_once_but_only_when_ready() -> None:
    story = Rehearsal(plan(SetWeight(500), Pause(), guards=("deposits",)), stable=None, ready=False)
    assert story.tick() == ()
    story.ready = True
    assert kinds(story.settle()) == ["promotion_started", "weight_confirmed", "promoted"]
    assert story.state.phase is Phase.SUCCEEDED


def test_a_plan_without_steps_promotes() -> None:
    story = Rehearsal(plan())
    assert kinds(story.settle()) == ["promotion_started", "weight_confirmed", "promoted"]


# --- weights ----------------------------------------------------------------------------------------------------------


def test_nothing_follows_a_weight_until_the_data_plane_serves_it() -> None:
    story = Rehearsal(plan(SetWeight(500), Pause()))
    story.tick()
    assert story.tick(after=100) == ()
    story.served = None
    assert story.tick(after=100) == ()
    story.serve()
    assert kinds(story.tick(after=1)) == ["weight_confirmed", "step_started", "paused"]


def test_serving_another_weight_is_no_confirmation() -> None:
    story = Rehearsal(plan(SetWeight(500), SetWeight(1_000)))
    story.tick()
    story.serve()
    assert kinds(story.tick()) == ["weight_confirmed", "step_started"]
    assert story.tick(after=60) == ()  # still serves 5 %
    assert (story.state.weight_bp, story.state.confirmed_bp) == (1_000, None)


def test_without_gates_weights_rise_as_fast_as_they_are_served() -> None:
    story = started(SetWeight(500), SetWeight(2_500), SetWeight(10_000))
    assert story.state.phase is Phase.SUCCEEDED
    confirmed = [event.weight_bp for event in story.events if isinstance(event, e.WeightConfirmed)]
    assert confirmed == [500, 2_500, 10_000]


def test_a_weight_never_rises_for_a_canary_that_is_not_ready() -> None:
    story = started(SetWeight(500), Pause(60), SetWeight(1_000))
    story.ready = False
    assert story.tick(after=60) == ()
    story.ready = True
    assert kinds(story.tick(after=1)) == ["step_started"]


def test_a_weight_may_fall_without_any_ones_leave() -> None:
    story = started(SetWeight(500), Pause(60), SetWeight(100), Pause(), guards=("deposits",))
    story.ready = False
    assert kinds(story.tick({"deposits": DOWN}, after=60)) == ["gate_judged", "step_started"]
    assert story.state.weight_bp == 100


def test_a_weight_of_zero_is_confirmed_like_any_other() -> None:
    story = Rehearsal(plan(Pause(30), SetWeight(500), Pause()))
    story.served = None
    assert kinds(story.tick()) == ["step_started"]
    assert story.tick(after=60) == ()
    story.serve()
    assert kinds(story.tick()) == ["weight_confirmed", "step_started"]


def test_all_of_a_segment_is_not_yet_everybody() -> None:
    story = started(SetWeight(10_000), guards=("deposits",), segment=STAFF)
    assert story.state.phase is Phase.PROGRESSING
    assert story.tick(after=600) == ()
    assert kinds(story.tick({"deposits": GOOD}, after=1)) == ["gate_judged", "promotion_started"]
    assert story.tick(after=60) == ()  # the data plane still serves the segment only
    assert kinds(story.settle()) == ["weight_confirmed", "promoted"]


def test_at_100_percent_a_canary_becomes_stable_only_when_its_guards_pass() -> None:
    story = started(SetWeight(10_000), guards=("deposits",))
    assert story.state.phase is Phase.PROGRESSING
    assert kinds(story.tick({"deposits": FEW}, after=60)) == ["gate_judged"]
    assert kinds(story.tick({"deposits": GOOD}, after=60)) == ["gate_judged", "promotion_started", "promoted"]


# --- pauses -----------------------------------------------------------------------------------------------------------


def test_a_timed_pause_ends_when_its_time_has_passed() -> None:
    story = started(SetWeight(500), Pause(60), SetWeight(1_000), Pause())
    assert story.tick(after=59.9) == ()
    assert kinds(story.tick(after=0.1)) == ["step_started"]


def test_a_timed_pause_counts_from_the_confirmed_weight() -> None:
    story = Rehearsal(plan(SetWeight(500), Pause(60), SetWeight(1_000)))
    story.tick()
    assert story.tick(after=599) == ()
    story.serve()
    assert kinds(story.tick(after=1)) == ["weight_confirmed", "step_started"]
    assert story.tick(after=59) == ()


def test_a_timed_pause_never_ends_early_because_the_clock_was_set_back() -> None:
    story = started(SetWeight(500), Pause(60), SetWeight(1_000))
    assert kinds(story.tick(after=-3_600)) == ["weight_confirmed"]
    assert story.tick(after=59) == ()


def test_an_open_pause_waits_for_a_person() -> None:
    story = started(SetWeight(500), Pause(), SetWeight(1_000), Pause())
    assert (story.state.phase, story.state.hold) == (Phase.PAUSED, Hold.STEP)
    assert story.tick(after=100_000) == ()
    assert kinds(story.command(commands.resume)) == ["step_started"]
    assert (story.state.phase, story.state.weight_bp) == (Phase.PROGRESSING, 1_000)


def test_a_last_open_pause_stands_before_the_promotion() -> None:
    story = started(SetWeight(5_000), Pause())
    assert kinds(story.command(commands.promote)) == ["promotion_started"]
    assert kinds(story.settle()) == ["weight_confirmed", "promoted"]


# --- gates ------------------------------------------------------------------------------------------------------------


def test_gates_look_only_at_a_confirmed_weight() -> None:
    story = Rehearsal(plan(SetWeight(500), Pause(), guards=("deposits",)))
    assert story.due() == ()
    story.tick()
    story.now += 100
    assert story.due() == ()
    story.settle()
    assert story.due() == ()
    story.now += EVERY
    assert story.due() == ("deposits",)


def test_gates_look_at_nobody_never() -> None:
    story = started(Pause(1_000), SetWeight(500), guards=("deposits",))
    assert story.state.confirmed_bp == 0
    story.now += 100
    assert story.due() == ()


def test_gates_of_an_ended_rollout_rest() -> None:
    story = started(SetWeight(500), guards=())
    assert story.state.phase is Phase.SUCCEEDED
    assert looks(story.state, story.now + 1_000) == ()


def test_a_look_reads_no_further_back_than_the_present_weight() -> None:
    story = started(SetWeight(500), Pause(), guards=("deposits",))
    (look,) = looks(story.state, story.now + 15)
    assert (look.gate.name, look.since, look.until) == ("deposits", story.now, story.now + 15)
    (later,) = looks(story.state, story.now + 100)
    assert later.since == story.now + 40


def test_looks_that_were_not_recorded_count() -> None:
    story = started(SetWeight(500), Pause(), guards=("deposits", "latency"))
    now = story.now + 100
    assert [look.gate.name for look in looks(story.state, now, {"deposits": now - 5})] == ["latency"]


def test_only_what_guards_is_asked() -> None:
    story = started(SetWeight(500), Pause(60), Analysis(("latency",)), Pause(), guards=("deposits",))
    story.now += 30
    assert story.due() == ("deposits",)
    story.tick({"deposits": GOOD}, after=30)
    assert story.state.current_step == Analysis(("latency",))
    story.now += EVERY
    assert story.due() == ("deposits", "latency")


@pytest.mark.parametrize("said", [FEW, BAD, DOWN, counts(0, 0)])
def test_doubt_and_silence_hold_the_weight_and_give_nothing_up(said: Reading | Silence) -> None:
    story = started(SetWeight(500), Pause(5), SetWeight(1_000), guards=("deposits",))
    assert kinds(story.tick({"deposits": said}, after=EVERY)) == ["gate_judged"]
    assert story.tick(after=600) == ()
    assert (story.state.phase, story.state.weight_bp) == (Phase.PROGRESSING, 500)
    assert kinds(story.tick({"deposits": GOOD}, after=1)) == ["gate_judged", "step_started"]


def test_silence_never_gives_up_however_long_it_lasts() -> None:
    story = started(SetWeight(500), Pause(5), SetWeight(1_000), guards=("deposits",))
    for _ in range(50):
        story.tick({"deposits": DOWN}, after=EVERY)
    assert story.state.phase is Phase.PROGRESSING
    assert rise_blocked(story.state) == "gate deposits no_data: metrics are unreachable"


def test_a_pass_counts_for_no_rise_while_the_gate_is_asked_again() -> None:
    """A source that hangs since the last pass is missing data, which promotes nobody."""
    story = started(SetWeight(500), Pause(EVERY), SetWeight(5_000), guards=("deposits",))
    story.tick({"deposits": GOOD})
    story.awaited = frozenset({"deposits"})
    assert kinds(story.tick(after=EVERY)) == []
    story.awaited = frozenset({"latency"})
    assert kinds(story.tick()) == ["step_started"]  # that one guards nothing here


def test_what_is_known_gives_up_whatever_is_still_asked() -> None:
    story = started(SetWeight(500), Pause(), guards=("deposits", "latency"))
    story.awaited = frozenset({"latency"})
    assert kinds(story.tick({"deposits": DEAD}, after=EVERY)) == ["gate_judged", "abort_started"]


def test_a_pass_of_the_weight_before_does_not_count() -> None:
    story = started(SetWeight(500), SetWeight(1_000), SetWeight(2_000), guards=("deposits",))
    story.tick({"deposits": GOOD}, after=EVERY)
    assert story.state.weight_bp == 1_000
    story.settle()
    assert story.tick(after=600) == ()
    assert story.state.weight_bp == 1_000


def test_what_is_said_while_the_weight_is_unconfirmed_is_not_heard() -> None:
    story = Rehearsal(plan(SetWeight(500), SetWeight(1_000), guards=("deposits",)))
    story.tick()
    assert story.tick({"deposits": GOOD}, after=EVERY) == ()
    story.serve()
    assert kinds(story.tick({"deposits": GOOD})) == ["weight_confirmed"]


def test_violations_in_a_row_give_up() -> None:
    story = started(SetWeight(500), Pause(), guards=("deposits",))
    story.tick({"deposits": BAD}, after=EVERY)
    story.tick({"deposits": BAD}, after=EVERY)
    judged, given_up = story.tick({"deposits": BAD}, after=EVERY)
    assert isinstance(judged, e.GateJudged)
    assert isinstance(given_up, e.AbortStarted)
    assert (given_up.cause, given_up.gate) == (Cause.GATE, "deposits")
    assert given_up.reason.startswith("gate deposits: 90.00 % of 100 good")
    assert given_up.harm_since == 0.0
    assert (story.state.phase, story.state.weight_bp) == (Phase.ABORTING, 0)


def test_a_hard_stop_gives_up_at_the_first_look() -> None:
    story = started(SetWeight(500), Pause(), guards=("deposits",))
    given_up = story.tick({"deposits": DEAD}, after=EVERY)[-1]
    assert isinstance(given_up, e.AbortStarted)
    assert given_up.cause is Cause.HARD_STOP


def test_one_failing_gate_outranks_another_that_passes() -> None:
    story = started(SetWeight(500), SetWeight(1_000), guards=("latency", "deposits"))
    assert story.tick({"latency": GOOD, "deposits": DEAD}, after=EVERY)[-1].type == "abort_started"


def test_an_analysis_waits_for_a_pass_that_was_given_since_it_began() -> None:
    story = started(SetWeight(500), Pause(60), Analysis(("deposits",)), SetWeight(1_000), guards=("deposits",))
    story.tick({"deposits": GOOD}, after=EVERY)
    assert kinds(story.tick(after=60)) == ["step_started"]
    assert rise_blocked(story.state) == "gate deposits has not looked again yet"
    assert story.tick(after=EVERY) == ()
    assert kinds(story.tick({"deposits": GOOD}, after=0.1)) == ["gate_judged", "step_started"]
    assert story.state.weight_bp == 1_000


def test_a_pass_in_the_same_breath_as_the_analysis_begins_is_too_old() -> None:
    story = started(SetWeight(500), Pause(10), Analysis(("deposits",)), SetWeight(1_000), guards=("deposits",))
    assert kinds(story.tick({"deposits": GOOD}, after=EVERY)) == ["gate_judged", "step_started"]
    assert story.state.current_step == Analysis(("deposits",))


def test_an_old_pass_does_not_count_for_an_analysis_though_the_clock_was_set_back() -> None:
    story = started(SetWeight(500), Pause(10), Analysis(("deposits",)), SetWeight(1_000), guards=("deposits",))
    story.tick({"deposits": GOOD}, after=9)
    story.now -= 3_600
    story.tick()
    story.tick(after=3_700)
    assert story.state.current_step == Analysis(("deposits",))
    story.now -= 7_200
    assert kinds(story.tick()) == ["weight_confirmed"]
    assert story.state.weight_bp == 500


def test_a_clock_set_back_confirms_anew_so_that_gates_see() -> None:
    story = started(SetWeight(500), Pause(), guards=("deposits",))
    story.tick({"deposits": GOOD}, after=EVERY)
    story.now -= 3_600
    assert story.due() == ()
    story.served = None
    assert story.tick() == ()  # not while the data plane is out of sight
    story.serve()
    assert kinds(story.tick()) == ["weight_confirmed"]
    assert story.tick() == ()
    assert story.due() == ()  # the first interval has to pass again
    story.now += EVERY
    assert story.due() == ("deposits",)


def test_an_analysis_of_several_gates_waits_for_all_of_them() -> None:
    story = started(SetWeight(500), Analysis(("deposits", "latency")), Pause())
    assert kinds(story.tick({"deposits": GOOD, "latency": FEW}, after=EVERY)) == ["gate_judged", "gate_judged"]
    assert kinds(story.tick({"latency": GOOD}, after=EVERY)) == ["gate_judged", "step_started", "paused"]


def test_an_analysis_fails_like_any_gate() -> None:
    story = started(SetWeight(500), Analysis(("latency",)), Pause())
    assert story.tick({"latency": DEAD}, after=EVERY)[-1].type == "abort_started"


def test_a_waived_gate_neither_holds_nor_gives_up() -> None:
    story = started(SetWeight(500), Analysis(("deposits",)), SetWeight(1_000), guards=("latency",))
    story.tick({"deposits": GOOD, "latency": BAD}, after=EVERY)
    assert story.state.weight_bp == 500
    assert kinds(story.command(commands.promote, waive=("latency",))) == ["gate_waived", "step_started"]
    assert story.state.weight_bp == 1_000
    story.settle()
    assert story.state.phase is Phase.SUCCEEDED


def test_a_waived_analysis_is_over() -> None:
    story = started(SetWeight(500), Analysis(("deposits", "latency")), Pause())
    story.state = replace(story.state, waived=("deposits", "latency"))
    assert kinds(story.tick()) == ["step_started", "paused"]


def test_what_a_waived_gate_says_is_not_recorded() -> None:
    story = started(SetWeight(500), Pause(), guards=("latency",))
    story.state = replace(story.state, waived=("latency",))
    assert story.tick({"latency": DEAD}, after=EVERY) == ()


def test_gates_go_on_watching_a_paused_rollout() -> None:
    story = started(SetWeight(500), Pause(), guards=("deposits",))
    assert story.tick({"deposits": DEAD}, after=EVERY)[-1].type == "abort_started"


def test_gates_go_on_watching_a_promotion() -> None:
    story = started(SetWeight(500), guards=("deposits",))
    story.tick({"deposits": GOOD}, after=EVERY)
    assert story.state.phase is Phase.PROMOTING
    story.state = replace(story.state, confirmed_bp=10_000, confirmed_at=story.now)
    story.served = None
    assert story.tick({"deposits": DEAD})[-1].type == "abort_started"


def test_looks_that_say_the_same_are_not_recorded_again_and_again() -> None:
    story = started(SetWeight(500), Pause(), guards=("deposits",))
    recorded = [len(story.tick({"deposits": GOOD}, after=EVERY)) for _ in range(13)]
    assert recorded == [1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1]


def test_the_record_keeps_the_groups_that_matter() -> None:
    story = started(SetWeight(500), Pause(), guards=("deposits",))
    groups: dict[Group, Counts] = {(("psp", f"psp-{n:03}"),): Counts(100 + n, 100 + n) for n in range(50)}
    bad: Group = (("psp", "trustly"),)
    (event,) = story.tick(
        {"deposits": Reading(0.0, 0.0, {(): Counts(9_990, 10_000), bad: Counts(80, 100), **groups}, None)}
    )
    assert isinstance(event, e.GateJudged)
    assert event.state.latest is not None
    kept = [finding.group for finding in event.state.latest.findings]
    assert len(kept) == 20
    assert kept[:3] == [(), bad, (("psp", "psp-049"),)]


# --- giving up --------------------------------------------------------------------------------------------------------


def in_phase(phase: Phase) -> Rehearsal:
    story = Rehearsal(plan(SetWeight(500), Pause(60), SetWeight(5_000)), ready=phase is not Phase.PENDING)
    story.settle()
    if phase is Phase.PAUSED:
        story.command(commands.pause)
    if phase is Phase.PROMOTING:
        story.command(commands.promote, full=True)
    assert story.state.phase is phase
    return story


@pytest.mark.parametrize("phase", [Phase.PENDING, Phase.PROGRESSING, Phase.PAUSED, Phase.PROMOTING])
def test_a_canary_that_cannot_run_is_given_up_in_every_active_phase(phase: Phase) -> None:
    story = in_phase(phase)
    story.failure = "exit status 1, 5 times in a row"
    (event,) = story.tick()
    assert isinstance(event, e.AbortStarted)
    assert (event.cause, event.reason) == (
        Cause.WORKLOAD,
        "1.1.0 cannot run: exit status 1, 5 times in a row",
    )
    assert story.state.weight_bp == 0


@pytest.mark.parametrize("phase", [Phase.PENDING, Phase.PROGRESSING, Phase.PAUSED, Phase.PROMOTING])
def test_an_abort_is_over_when_the_data_plane_sends_nobody_there(phase: Phase) -> None:
    story = in_phase(phase)
    before = story.served
    story.command(commands.abort, reason="enough")
    assert story.state.weight_bp == 0
    story.served = None
    assert story.tick(after=10) == ()  # not seen is not zero
    if phase is not Phase.PENDING:
        story.served = before
        if phase is not Phase.PROMOTING:
            assert story.tick(after=10) == ()
    story.serve()
    assert kinds(story.tick(after=10)) == ["aborted"]
    assert story.state.phase is Phase.ABORTED


def test_an_abort_waits_for_nothing_that_it_leaves() -> None:
    story = in_phase(Phase.PROGRESSING)
    story.command(commands.abort, reason="enough")
    story.ready, story.failure = False, "crashed"
    story.serve()
    assert kinds(story.tick({"deposits": DOWN})) == ["aborted"]


def test_an_aborted_first_deployment_leaves_nobody_served() -> None:
    story = Rehearsal(plan(SetWeight(500)), stable=None)
    story.tick()
    story.serve()
    story.command(commands.abort, reason="enough")
    assert story.tick() == ()  # the data plane still serves it, as the default
    story.serve()
    assert kinds(story.tick()) == ["aborted"]
    assert story.served is not None
    assert story.served.versions == ()


@pytest.mark.parametrize("phase", [Phase.SUCCEEDED, Phase.ABORTED, Phase.SUPERSEDED])
def test_what_is_over_is_left_alone(phase: Phase) -> None:
    story = started(SetWeight(500), Pause())
    ended = replace(story.state, phase=phase)
    failing = Evidence(False, "crashed", None, {"deposits": DEAD})
    assert decide(ended, failing, story.now + 1_000) == ()


# --- words ------------------------------------------------------------------------------------------------------------


def test_why_a_share_may_not_rise() -> None:
    story = Rehearsal(plan(SetWeight(25), Pause(), guards=("deposits",)))
    assert rise_blocked(story.state) is None
    story.tick()
    assert rise_blocked(story.state) == "the data plane has not confirmed 0.25 % yet"
    story.settle()
    assert rise_blocked(story.state) == "gate deposits has not looked yet"
    story.tick({"deposits": FEW}, after=EVERY)
    blocked = rise_blocked(story.state)
    assert blocked == "gate deposits inconclusive: 3 of the 20 canary events needed for an opinion"
    story.tick({"deposits": GOOD}, after=EVERY)
    assert rise_blocked(story.state) is None


def test_a_whole_story_replays() -> None:
    story = started(SetWeight(500), Pause(30), Analysis(("deposits",)), SetWeight(5_000), Pause(), guards=("latency",))
    for _ in range(6):
        story.tick(dict.fromkeys(story.due(), GOOD), after=EVERY)
        story.serve()
    story.settle()
    story.tick(dict.fromkeys(story.due(), GOOD), after=EVERY)
    story.command(commands.resume)
    story.settle()
    assert story.state.phase is Phase.SUCCEEDED
    assert replay(story.events) == story.state
    latest = story.state.gate_state("latency").latest
    assert latest is not None
    assert latest.verdict is Verdict.PASS


# --- what cannot be judged or written down ----------------------------------------------------------------------------


@pytest.mark.parametrize("beyond", [2**53, 10**400])
@pytest.mark.parametrize("broken,sound", [("deposits", "latency"), ("latency", "deposits")])
def test_counts_beyond_any_counter_are_not_seen_and_hide_no_hard_stop(beyond: int, broken: str, sound: str) -> None:
    story = started(SetWeight(500), Analysis(("deposits", "latency")))
    events = story.tick({broken: counts(beyond - 1, beyond), sound: DEAD}, after=EVERY)
    assert kinds(events) == ["gate_judged", "gate_judged", "abort_started"]
    latest = story.state.gate_state(broken).latest
    assert latest is not None
    assert latest.verdict is Verdict.NO_DATA
    assert story.state.abort is not None
    assert story.state.abort.gate == sound
    assert all(verdict.agrees for verdict in rejudge(story.events))


def test_counts_that_no_formula_takes_are_not_seen_and_hide_no_hard_stop() -> None:
    first, second = (
        replace(gate(name), hard_stop=HardStop(failing=0.9, drop=0.15)) for name in ("deposits", "latency")
    )
    story = Rehearsal(replace(plan(SetWeight(500), Pause(), guards=("deposits", "latency")), gates=(first, second)))
    story.settle()
    story.tick({"deposits": counts(10**400, 10**400), "latency": DEAD}, after=EVERY)
    latest = story.state.gate_state("deposits").latest
    assert latest is not None
    assert latest.verdict is Verdict.NO_DATA
    assert "cannot be judged: OverflowError" in latest.reason
    assert story.state.abort is not None
    assert story.state.abort.gate == "latency"
    assert all(verdict.agrees for verdict in rejudge(story.events))
