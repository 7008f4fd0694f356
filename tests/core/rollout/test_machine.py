"""Every cell of the machine's table: what each event does in each phase, and that all other events are refused."""

from dataclasses import replace
from typing import Any, get_args

import pytest

from croupier.core.gates import Gate, GateState, Objective, RatioSli
from croupier.core.rollout import events as e
from croupier.core.rollout.machine import MOVES, create, evolve, replay
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause, Hold
from croupier.core.rollout.shadow.report import ShadowReport
from croupier.core.rollout.smoked import Occasion
from croupier.core.rollout.spec import Analysis, Pause, Plan, SetWeight
from croupier.core.rollout.state import Abort, RolloutState
from croupier.core.segments import AttributeMatch, Segment
from croupier.errors import Corrupt

T = 1_000.0
GATE = Gate("deposits", RatioSli("deposits_total", good=(("outcome", ("ok",)),)), objective=Objective(0.99))
PLAN = Plan(
    steps=(SetWeight(500), Pause(60), Analysis(("deposits",)), SetWeight(5_000), SetWeight(10_000)),
    guards=("deposits",),
    gates=(GATE,),
)
CREATED = e.Created("shop-1", "shop", "1.0.0", "1.1.0", "sha256:0", PLAN, T)
PASSED = GateState("deposits", passed_at=T, judged_at=T)
SWEDES = Segment("market=SE", (AttributeMatch("market", ("SE",)),))
GAVE_UP = Abort(Cause.PERSON, "enough", T)


def _calendar(phase: Phase) -> dict[str, Phase]:
    return dict.fromkeys(("frozen", "thawed", "freeze_overridden"), phase)


# Phase -> event -> the phase that follows. Written out once more, so that nobody changes the table by accident.
TABLE: dict[Phase, dict[str, Phase]] = {
    Phase.PENDING: {
        **_calendar(Phase.PENDING),
        "step_started": Phase.PROGRESSING,
        "promotion_started": Phase.PROMOTING,
        "paused": Phase.PAUSED,
        "segment_held": Phase.PENDING,
        "segment_released": Phase.PENDING,
        "gate_judged": Phase.PENDING,
        "gate_waived": Phase.PENDING,
        "abort_started": Phase.ABORTING,
        "superseded": Phase.SUPERSEDED,
    },
    Phase.PROGRESSING: {
        **_calendar(Phase.PROGRESSING),
        "flag_turned": Phase.PROGRESSING,
        "flag_seen": Phase.PROGRESSING,
        "step_started": Phase.PROGRESSING,
        "weight_confirmed": Phase.PROGRESSING,
        "paused": Phase.PAUSED,
        "promotion_started": Phase.PROMOTING,
        "gate_judged": Phase.PROGRESSING,
        "gate_waived": Phase.PROGRESSING,
        "smoke_finished": Phase.PROGRESSING,
        "group_acted": Phase.PROGRESSING,
        "group_set_aside": Phase.PROGRESSING,
        "group_watched": Phase.PROGRESSING,
        "shadow_compared": Phase.PROGRESSING,
        "segment_held": Phase.PROGRESSING,
        "segment_released": Phase.PROGRESSING,
        "abort_started": Phase.ABORTING,
        "superseded": Phase.SUPERSEDED,
    },
    Phase.PAUSED: {
        **_calendar(Phase.PAUSED),
        "approved": Phase.PAUSED,
        "weight_confirmed": Phase.PAUSED,
        "resumed": Phase.PROGRESSING,
        "step_started": Phase.PROGRESSING,
        "promotion_started": Phase.PROMOTING,
        "gate_judged": Phase.PAUSED,
        "gate_waived": Phase.PAUSED,
        "smoke_finished": Phase.PAUSED,
        "group_acted": Phase.PAUSED,
        "group_set_aside": Phase.PAUSED,
        "group_watched": Phase.PAUSED,
        "segment_held": Phase.PAUSED,
        "segment_released": Phase.PAUSED,
        "abort_started": Phase.ABORTING,
        "superseded": Phase.SUPERSEDED,
    },
    Phase.PROMOTING: {
        "weight_confirmed": Phase.PROMOTING,
        "promoted": Phase.SUCCEEDED,
        "smoke_finished": Phase.PROMOTING,
        "gate_judged": Phase.PROMOTING,
        "gate_waived": Phase.PROMOTING,
        "abort_started": Phase.ABORTING,
        "superseded": Phase.SUPERSEDED,
    },
    Phase.ABORTING: {
        "flag_back": Phase.ABORTING,
        "flag_left": Phase.ABORTING,
        "rounds_moved": Phase.ABORTING,
        "drain_cut": Phase.ABORTING,
        "aborted": Phase.ABORTED,
        "superseded": Phase.SUPERSEDED,
    },
    Phase.ABORTED: {"drain_cut": Phase.ABORTED, "retried": Phase.PENDING},
    Phase.SUCCEEDED: {"abort_started": Phase.ABORTING},
    Phase.SUPERSEDED: {},
}

SAMPLES: dict[str, e.Event] = {
    "created": CREATED,
    "step_started": e.StepStarted(1, T),
    "weight_confirmed": e.WeightConfirmed(500, T),
    "gate_judged": e.GateJudged(PASSED, T),
    "gate_waived": e.GateWaived("deposits", T),
    "paused": e.Paused(Hold.PERSON, T),
    "resumed": e.Resumed(T),
    "promotion_started": e.PromotionStarted(T),
    "promoted": e.Promoted(T),
    "group_acted": e.GroupActed("deposits", (("psp", "x"),), ("psp_x",), None, "it fails", T),
    "group_set_aside": e.GroupSetAside("deposits", (("psp", "x"),), T),
    "group_watched": e.GroupWatched("deposits", (("psp", "x"),), T),
    "shadow_compared": e.ShadowCompared(ShadowReport(0, 10, 1), T),
    "segment_held": e.SegmentHeld(SWEDES, "a bad translation", T),
    "segment_released": e.SegmentReleased(SWEDES, T),
    "smoke_finished": e.SmokeFinished(Occasion.SWITCH, "5 %", (), T),
    "abort_started": e.AbortStarted(Cause.PERSON, "enough", T),
    "flag_turned": e.FlagTurned("new-cashier", 0, {}, {}, "sha256:f", 7, T),
    "flag_seen": e.FlagSeen("new-cashier", 2, (), 0, T),
    "flag_back": e.FlagBack("new-cashier", {}, "sha256:f", T),
    "flag_left": e.FlagLeft("new-cashier", "somebody changed it", T),
    "rounds_moved": e.RoundsMoved("1.1.0", 2, ("r-1", "r-2"), "it must not happen", T),
    "drain_cut": e.DrainCut("it must not happen", T),
    "aborted": e.Aborted(T),
    "frozen": e.Frozen((e.Freeze("sports/final", T + 60, "frozen by sports/final"),), T),
    "thawed": e.Thawed(T),
    "freeze_overridden": e.FreezeOverridden("sports/final", T, T + 60, T),
    "superseded": e.Superseded("shop-2", T),
    "retried": e.Retried("1.0.0", 2, T),
    "approved": e.Approved("boris", "operator", "sha256:1", -1, T),
}


def at(phase: Phase, **changed: Any) -> RolloutState:
    """A state in the phase, with everything else as it would be there."""
    usual: dict[Phase, dict[str, Any]] = {
        Phase.PENDING: {},
        Phase.PROGRESSING: {"step": 0, "weight_bp": 500, "step_started_at": T},
        Phase.PAUSED: {"step": 0, "weight_bp": 500, "step_started_at": T, "hold": Hold.PERSON},
        Phase.PROMOTING: {"step": len(PLAN.steps), "weight_bp": 10_000, "step_started_at": T},
        Phase.SUCCEEDED: {"step": len(PLAN.steps), "weight_bp": 10_000, "ended_at": T},
        Phase.ABORTING: {"step": 0, "abort": GAVE_UP},
        Phase.ABORTED: {"step": 0, "abort": replace(GAVE_UP, zero_at=T), "ended_at": T, "confirmed_bp": 0},
        Phase.SUPERSEDED: {"step": 0, "superseded_by": "shop-2", "ended_at": T},
    }
    return replace(create(CREATED), phase=phase, **{**usual[phase], **changed})


def test_the_table_covers_every_phase_and_every_event() -> None:
    assert set(MOVES) == set(Phase) == set(TABLE)
    assert {kind.__dataclass_fields__["type"].default for kind in get_args(e.Event)} == set(SAMPLES)
    assert {event for moves in MOVES.values() for event in moves} == set(SAMPLES) - {"created"}


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("kind", list(SAMPLES))
def test_each_cell(phase: Phase, kind: str) -> None:
    state, event = at(phase), SAMPLES[kind]
    if kind in TABLE[phase]:
        assert evolve(state, event).phase is TABLE[phase][kind]
    else:
        with pytest.raises(Corrupt, match=f"'{kind}' cannot happen in phase '{phase}'"):
            evolve(state, event)


def test_ended_phases_are_the_inactive_ones() -> None:
    assert {phase for phase in Phase if not phase.active} == {Phase.SUCCEEDED, Phase.ABORTED, Phase.SUPERSEDED}
    for phase, moves in MOVES.items():
        assert phase.active == ("superseded" in moves)


def test_creation() -> None:
    state = create(CREATED)
    assert (state.phase, state.step, state.weight_bp, state.attempt) == (Phase.PENDING, -1, 0, 1)
    assert (state.created_at, state.started_at, state.salt) == (T, T, "shop-1.1")


def test_a_weight_step_must_be_confirmed_and_judged_anew() -> None:
    state = at(Phase.PROGRESSING, confirmed_bp=500, confirmed_at=T, gates=(replace(PASSED, streaks=(((), 1),)),))
    after = evolve(state, e.StepStarted(3, T + 5))
    assert (after.step, after.step_started_at, after.weight_bp) == (3, T + 5, 5_000)
    assert (after.confirmed_bp, after.confirmed_at) == (None, None)
    assert after.gates[0].passed_at is None
    assert after.gates[0].streaks == (((), 1),)


def test_a_pause_step_changes_neither_weight_nor_opinions() -> None:
    state = at(Phase.PROGRESSING, confirmed_bp=500, confirmed_at=T, gates=(PASSED,))
    after = evolve(state, e.StepStarted(1, T + 5))
    assert (after.weight_bp, after.confirmed_bp, after.confirmed_at, after.gates) == (500, 500, T, (PASSED,))


def test_an_analysis_step_asks_its_gates_anew_and_no_others() -> None:
    other = replace(PASSED, gate="latency")
    state = at(Phase.PROGRESSING, step=1, confirmed_bp=500, confirmed_at=T, gates=(PASSED, other))
    after = evolve(state, e.StepStarted(2, T + 5))
    assert after.confirmed_bp == 500
    assert [gate.passed_at for gate in after.gates] == [None, T]


def test_promotion_is_a_new_weight() -> None:
    state = at(Phase.PROGRESSING, step=3, weight_bp=5_000, confirmed_bp=5_000, confirmed_at=T, gates=(PASSED,))
    after = evolve(state, e.PromotionStarted(T + 5))
    assert (after.step, after.weight_bp, after.confirmed_bp) == (len(PLAN.steps), 10_000, None)
    assert after.current_step is None
    assert after.gates[0].passed_at is None


def test_promotion_from_a_confirmed_hundred_percent_is_confirmed_already() -> None:
    state = at(Phase.PROGRESSING, step=4, weight_bp=10_000, confirmed_bp=10_000, confirmed_at=T)
    assert evolve(state, e.PromotionStarted(T + 5)).confirmed_bp == 10_000


def test_promotion_out_of_a_segment_is_a_new_weight_even_from_a_hundred_percent() -> None:
    segment = Segment("staff", (AttributeMatch("employee", ("yes",)),))
    state = at(
        Phase.PROGRESSING,
        plan=replace(PLAN, segment=segment),
        step=4,
        weight_bp=10_000,
        confirmed_bp=10_000,
        confirmed_at=T,
        gates=(PASSED,),
    )
    after = evolve(state, e.PromotionStarted(T + 5))
    assert (after.confirmed_bp, after.gates[0].passed_at) == (None, None)


def test_confirmation_is_kept_with_its_time() -> None:
    after = evolve(at(Phase.PROGRESSING), e.WeightConfirmed(500, T + 3))
    assert (after.confirmed_bp, after.confirmed_at) == (500, T + 3)


def test_judgements_are_kept_by_gate_in_the_order_of_names() -> None:
    state = at(Phase.PROGRESSING)
    for name in ("wallet", "auth", "deposits", "auth"):
        state = evolve(state, e.GateJudged(GateState(name, judged_at=T), T))
    assert [gate.gate for gate in state.gates] == ["auth", "deposits", "wallet"]
    assert state.gate_state("auth").judged_at == T
    assert state.gate_state("unknown") == GateState("unknown")


def test_a_waived_gate_is_remembered() -> None:
    assert evolve(at(Phase.PAUSED), e.GateWaived("deposits", T)).waived == ("deposits",)


@pytest.mark.parametrize("hold", list(Hold))
def test_pausing_says_who_holds_and_going_on_forgets_it(hold: Hold) -> None:
    paused = evolve(at(Phase.PROGRESSING), e.Paused(hold, T))
    assert paused.hold is hold
    for event in (e.Resumed(T), e.StepStarted(1, T), e.PromotionStarted(T), e.Superseded("shop-2", T)):
        assert evolve(paused, event).hold is None
    assert evolve(paused, e.AbortStarted(Cause.PERSON, "enough", T)).hold is None


def test_giving_up_wants_zero_at_once_and_says_why() -> None:
    state = at(Phase.PROGRESSING, confirmed_bp=500, confirmed_at=T)
    after = evolve(state, e.AbortStarted(Cause.GATE, "deposits fail", T + 9, "deposits", T + 2))
    assert (after.weight_bp, after.confirmed_bp, after.confirmed_at) == (0, None, None)
    assert after.abort == Abort(Cause.GATE, "deposits fail", T + 9, "deposits", T + 2)


def test_aborted_knows_when_the_share_was_zero() -> None:
    after = evolve(at(Phase.ABORTING), e.Aborted(T + 1))
    assert after.abort is not None
    assert (after.confirmed_bp, after.ended_at, after.abort.zero_at) == (0, T + 1, T + 1)


def test_aborted_without_a_reason_is_corrupt() -> None:
    with pytest.raises(Corrupt, match="without having been given up"):
        evolve(at(Phase.ABORTING, abort=None), e.Aborted(T))


def test_superseded_knows_by_whom() -> None:
    after = evolve(at(Phase.PROGRESSING), e.Superseded("shop-2", T + 1))
    assert (after.weight_bp, after.superseded_by, after.ended_at) == (0, "shop-2", T + 1)


def test_a_retry_starts_afresh_with_other_players_first() -> None:
    state = at(Phase.ABORTED, gates=(PASSED,), waived=("deposits",))
    after = evolve(state, e.Retried("1.0.1", 2, T + 60, 7))
    plan = replace(state.plan, edition=7)
    assert after == replace(
        create(CREATED), stable="1.0.1", attempt=2, started_at=T + 60, plan=plan
    )  # gates, waivers, abort and end are gone; the creation's time stays
    assert after.salt == "shop-1.2"


def test_promoted_has_an_end() -> None:
    assert evolve(at(Phase.PROMOTING), e.Promoted(T + 1)).ended_at == T + 1


def test_created_twice_is_corrupt_even_if_the_table_let_it_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MOVES[Phase.PENDING], "created", None)
    with pytest.raises(Corrupt, match="created twice"):
        evolve(at(Phase.PENDING), CREATED)


def test_replay_rebuilds_the_state() -> None:
    history: list[e.Event] = [
        CREATED,
        e.StepStarted(0, T + 1),
        e.WeightConfirmed(500, T + 2),
        e.Paused(Hold.PERSON, T),
    ]
    state = create(CREATED)
    for event in history[1:]:
        state = evolve(state, event)
    assert replay(history) == state


@pytest.mark.parametrize("history", [[], [e.Resumed(T)]])
def test_replay_needs_the_beginning(history: list[e.Event]) -> None:
    with pytest.raises(Corrupt, match="starts with 'created'"):
        replay(history)
