"""What people ask for, in every phase: what it does, that it is done already, or why it cannot be done."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from croupier.core.gates import Counts, Gate, Objective, RatioSli, Reading
from croupier.core.gates.edition import EDITION
from croupier.core.rollout import commands
from croupier.core.rollout import events as e
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause, Hold
from croupier.core.rollout.spec import Analysis, Pause, Plan, SetWeight, Step
from croupier.core.rollout.state import RolloutState
from croupier.errors import Conflict, Rejected
from croupier.testing import Rehearsal

T = 5_000.0
GATES = tuple(Gate(name, RatioSli("x_total", good=()), objective=Objective(0.99)) for name in ("deposits", "latency"))
GOOD = Reading(0.0, 0.0, {(): Counts(100, 100)}, None)
FEW = Reading(0.0, 0.0, {(): Counts(1, 1)}, None)


def story_of(*steps: Step, guards: tuple[str, ...] = (), **more: Any) -> Rehearsal:
    story = Rehearsal(Plan(steps=steps, guards=guards, gates=GATES), **more)
    story.settle()
    return story


def in_phase(phase: Phase) -> RolloutState:
    """A rollout in the phase, arrived at by the usual way; PAUSED by a person."""
    story = story_of(SetWeight(500), Pause(60), SetWeight(5_000), ready=phase is not Phase.PENDING)
    match phase:
        case Phase.PAUSED:
            story.command(commands.pause)
        case Phase.PROMOTING:
            story.command(commands.promote, full=True)
        case Phase.SUCCEEDED:
            story.command(commands.promote, full=True)
            story.settle()
        case Phase.ABORTING:
            story.command(commands.abort, reason="enough")
        case Phase.ABORTED:
            story.command(commands.abort, reason="enough")
            story.settle()
        case Phase.SUPERSEDED:
            story.command(commands.supersede, by="shop-2")
        case _:
            pass
    assert story.state.phase is phase
    return story.state


ASK: dict[str, Callable[[RolloutState], tuple[e.Event, ...]]] = {
    "promote": lambda state: commands.promote(state, T),
    "promote full": lambda state: commands.promote(state, T, full=True),
    "pause": lambda state: commands.pause(state, T),
    "resume": lambda state: commands.resume(state, T),
    "abort": lambda state: commands.abort(state, T, reason="enough"),
    "retry": lambda state: commands.retry(state, T, stable="1.0.0"),
    "supersede": lambda state: commands.supersede(state, T, by="shop-2"),
}

GIVE_UP = e.AbortStarted(Cause.PERSON, "enough", T)
OVERTAKEN = e.Superseded("shop-2", T)
# An event: this is what follows. (): it is so already. A text: it is refused, and these words say why.
ANSWERS: dict[str, dict[Phase, e.Event | tuple[()] | str]] = {
    "promote": {
        Phase.PENDING: "has not begun: 1.1.0 is not ready yet",
        Phase.PROGRESSING: e.StepStarted(2, T),
        Phase.PAUSED: e.Resumed(T),
        Phase.PROMOTING: (),
        Phase.ABORTING: "being aborted and cannot be promoted",
        Phase.ABORTED: "is over (aborted) and cannot be promoted",
        Phase.SUCCEEDED: "is over (succeeded) and cannot be promoted",
        Phase.SUPERSEDED: "is over (superseded) and cannot be promoted",
    },
    "promote full": {
        Phase.PENDING: "has not begun",
        Phase.PROGRESSING: e.PromotionStarted(T),
        Phase.PAUSED: e.PromotionStarted(T),
        Phase.PROMOTING: (),
        Phase.ABORTING: "being aborted",
        Phase.ABORTED: "is over",
        Phase.SUCCEEDED: "is over",
        Phase.SUPERSEDED: "is over",
    },
    "pause": {
        Phase.PENDING: e.Paused(Hold.PERSON, T),
        Phase.PROGRESSING: e.Paused(Hold.PERSON, T),
        Phase.PAUSED: (),
        Phase.PROMOTING: "is promoting and cannot be paused. It can be aborted.",
        Phase.ABORTING: "is aborting and cannot be paused",
        Phase.ABORTED: "is over (aborted) and cannot be paused",
        Phase.SUCCEEDED: "is over",
        Phase.SUPERSEDED: "is over",
    },
    "resume": {
        Phase.PENDING: (),
        Phase.PROGRESSING: (),
        Phase.PAUSED: e.Resumed(T),
        Phase.PROMOTING: (),
        Phase.ABORTING: (),
        Phase.ABORTED: "is over (aborted) and cannot be resumed",
        Phase.SUCCEEDED: "is over",
        Phase.SUPERSEDED: "is over",
    },
    "abort": {
        Phase.PENDING: GIVE_UP,
        Phase.PROGRESSING: GIVE_UP,
        Phase.PAUSED: GIVE_UP,
        Phase.PROMOTING: GIVE_UP,
        Phase.ABORTING: (),
        Phase.ABORTED: (),
        Phase.SUCCEEDED: "To go back: croupier rollout undo shop-1",
        Phase.SUPERSEDED: (),
    },
    "retry": {
        Phase.PENDING: "is pending; only an aborted rollout can be retried",
        Phase.PROGRESSING: "is progressing; only",
        Phase.PAUSED: "is paused; only",
        Phase.PROMOTING: "is promoting; only",
        Phase.ABORTING: "is aborting; only",
        Phase.ABORTED: e.Retried("1.0.0", 2, T, EDITION),
        Phase.SUCCEEDED: "is succeeded; only",
        Phase.SUPERSEDED: "is superseded; only",
    },
    "supersede": {
        Phase.PENDING: OVERTAKEN,
        Phase.PROGRESSING: OVERTAKEN,
        Phase.PAUSED: OVERTAKEN,
        Phase.PROMOTING: OVERTAKEN,
        Phase.ABORTING: OVERTAKEN,
        Phase.ABORTED: "is over (aborted) and cannot be superseded",
        Phase.SUCCEEDED: "is over",
        Phase.SUPERSEDED: "is over",
    },
}


@pytest.mark.parametrize("what", list(ASK))
@pytest.mark.parametrize("phase", list(Phase))
def test_each_command_in_each_phase(what: str, phase: Phase) -> None:
    state, answer = in_phase(phase), ANSWERS[what][phase]
    if isinstance(answer, str):
        with pytest.raises(Rejected) as refused:
            ASK[what](state)
        assert answer in str(refused.value)
        assert "shop-1" in str(refused.value)
    else:
        assert ASK[what](state) == (() if answer == () else (answer,))


def test_promote_leaves_a_pause_that_a_step_asked_for() -> None:
    story = story_of(SetWeight(500), Pause(), Pause(60), SetWeight(1_000))
    assert story.command(commands.promote) == (e.StepStarted(2, story.now),)
    assert story.state.phase is Phase.PROGRESSING


def test_resume_leaves_a_pause_that_a_step_asked_for() -> None:
    story = story_of(SetWeight(500), Pause(), SetWeight(1_000))
    assert story.command(commands.resume) == (e.StepStarted(2, story.now),)


def test_resume_of_a_step_is_refused_like_a_promotion_while_a_gate_does_not_pass() -> None:
    story = story_of(SetWeight(500), Pause(), SetWeight(1_000), guards=("deposits",))
    with pytest.raises(Rejected, match="gate deposits has not looked yet"):
        story.command(commands.resume)


def test_a_person_pausing_in_a_step_goes_on_in_that_step() -> None:
    story = story_of(SetWeight(500), Pause(60), SetWeight(1_000))
    story.command(commands.pause)
    assert story.tick(after=600) == ()
    story.command(commands.resume)
    assert (story.state.phase, story.state.step) == (Phase.PROGRESSING, 1)


def test_a_person_may_pause_before_the_canary_is_ready() -> None:
    story = story_of(SetWeight(500), ready=False)
    story.command(commands.pause)
    story.ready = True
    assert story.settle() == ()
    with pytest.raises(Rejected, match="has not begun"):
        story.command(commands.promote)
    story.command(commands.resume)
    assert [event.type for event in story.tick()] == ["step_started"]


def test_a_first_deployment_may_be_paused_before_it_begins() -> None:
    story = story_of(SetWeight(500), ready=False, stable=None)
    story.command(commands.pause)
    story.ready = True
    assert story.settle() == ()
    story.command(commands.resume)
    story.settle()
    assert story.state.phase is Phase.SUCCEEDED


def test_promotion_is_refused_until_the_weight_is_confirmed() -> None:
    story = Rehearsal(Plan(steps=(SetWeight(500), SetWeight(1_000)), guards=(), gates=()))
    story.tick()
    with pytest.raises(Rejected, match="has not confirmed 5 % yet"):
        story.command(commands.promote)


@pytest.mark.parametrize("full", [False, True])
def test_promotion_is_refused_while_a_gate_does_not_pass(full: bool) -> None:
    story = story_of(SetWeight(500), Pause(), SetWeight(1_000), guards=("deposits", "latency"))
    with pytest.raises(Rejected, match=r"gate deposits has not looked yet. Wait for it, or .*--waive GATE"):
        story.command(commands.promote, full=full)
    story.tick({"deposits": GOOD, "latency": FEW}, after=10)
    with pytest.raises(Rejected, match="gate latency inconclusive: 1 of the 20"):
        story.command(commands.promote, full=full)
    story.tick({"latency": GOOD}, after=10)
    assert len(story.command(commands.promote, full=full)) == 1


def test_what_does_not_raise_the_share_needs_no_gate() -> None:
    story = story_of(SetWeight(500), Pause(60), Pause(600), SetWeight(1_000), guards=("deposits",))
    assert story.command(commands.promote) == (e.StepStarted(2, story.now),)


def test_an_analysis_is_not_skipped_even_where_the_share_does_not_rise() -> None:
    story = story_of(SetWeight(500), Analysis(("latency",)), Pause(), SetWeight(1_000))
    with pytest.raises(Rejected, match="gate latency has not looked yet"):
        story.command(commands.promote)
    waived = story.command(commands.promote, waive=("latency",))
    assert waived == (e.GateWaived("latency", story.now), e.StepStarted(2, story.now))


def test_waiving_takes_out_the_named_gates_only() -> None:
    story = story_of(SetWeight(500), Pause(), SetWeight(1_000), guards=("deposits", "latency"))
    with pytest.raises(Rejected, match="gate latency"):
        story.command(commands.promote, waive=("deposits",))
    assert not story.state.waived  # refused is refused: nothing is half done
    decided = story.command(commands.promote, waive=("latency", "deposits", "latency"))
    assert [event.type for event in decided] == ["gate_waived", "gate_waived", "step_started"]
    assert story.state.waived == ("latency", "deposits")
    story.settle()
    assert story.state.phase is Phase.SUCCEEDED


def test_waiving_what_is_waived_is_no_event() -> None:
    story = story_of(SetWeight(500), Pause(), SetWeight(1_000), Pause(), guards=("deposits",))
    story.command(commands.promote, waive=("deposits",))
    story.settle()
    assert [event.type for event in story.command(commands.promote, waive=("deposits",))] == ["promotion_started"]


def test_a_gate_can_still_be_waived_while_everybody_moves() -> None:
    state = in_phase(Phase.PROMOTING)
    assert commands.promote(state, T, waive=("deposits",)) == (e.GateWaived("deposits", T),)


def test_waiving_an_unknown_gate_names_the_known_ones() -> None:
    story = story_of(SetWeight(500), Pause())
    with pytest.raises(Rejected, match=r"has no gate wallet, x. Its gates: deposits, latency\."):
        story.command(commands.promote, waive=("wallet", "deposits", "x"))
    bare = Rehearsal(Plan(steps=(SetWeight(500), Pause()), guards=(), gates=()))
    bare.settle()
    with pytest.raises(Rejected, match="Its gates: none"):
        bare.command(commands.promote, waive=("wallet",))


def test_a_person_going_on_may_waive_too() -> None:
    story = story_of(SetWeight(500), Pause(60), SetWeight(1_000), guards=("deposits",))
    story.command(commands.pause)
    decided = story.command(commands.promote, waive=("deposits",))
    assert decided == (e.GateWaived("deposits", story.now), e.Resumed(story.now))


def test_a_retry_is_against_what_is_stable_now() -> None:
    state = in_phase(Phase.ABORTED)
    assert commands.retry(state, T, stable="1.0.5") == (e.Retried("1.0.5", 2, T, EDITION),)
    assert commands.retry(replace(state, attempt=4), T, stable=None) == (e.Retried(None, 5, T, EDITION),)
    with pytest.raises(Rejected, match=r"1\.1\.0 is the stable version of shop already"):
        commands.retry(state, T, stable="1.1.0")


def test_after_a_retry_every_step_is_taken_again() -> None:
    story = story_of(SetWeight(500), Pause(), SetWeight(1_000), guards=("deposits",))
    story.command(commands.promote, waive=("deposits",))
    story.command(commands.abort, reason="enough")
    story.settle()
    story.command(commands.retry, stable="1.0.0")
    assert (story.state.phase, story.state.waived, story.state.attempt) == (Phase.PENDING, (), 2)
    story.settle()
    assert (story.state.phase, story.state.weight_bp) == (Phase.PAUSED, 500)
    with pytest.raises(Rejected, match="gate deposits"):  # a waiver was for one attempt
        story.command(commands.promote)


def test_an_abort_of_a_first_deployment_that_succeeded_has_nowhere_to_go_back_to() -> None:
    story = story_of(SetWeight(500), stable=None)
    with pytest.raises(Rejected, match="rollout start shop VERSION"):
        story.command(commands.abort, reason="enough")


def test_no_promotion_gives_players_to_a_canary_that_is_not_ready() -> None:
    """What the loop would wait for, a person cannot skip."""
    at_a_pause = story_of(SetWeight(500), Pause(), SetWeight(5_000)).state
    for ask in (commands.promote, commands.resume):
        with pytest.raises(Conflict, match=r"shop-1 cannot be promoted: 1\.1\.0 is not ready: exit status 1"):
            ask(at_a_pause, T, unready="exit status 1")
    with pytest.raises(Conflict):
        commands.promote(at_a_pause, T, full=True, unready="it is starting")


def test_a_step_that_gives_the_canary_no_more_players_needs_no_ready_one() -> None:
    falling = story_of(SetWeight(5_000), Pause(), SetWeight(500), Pause()).state
    assert commands.promote(falling, T, unready="hangs") == (e.StepStarted(2, T),)
    paused = in_phase(Phase.PAUSED)
    assert commands.resume(paused, T, unready="hangs") == (e.Resumed(T),)  # the loop waits by itself
