"""What a rollout waits for, in one line."""

from dataclasses import replace
from typing import Any

import pytest
from tests.core.rollout.test_evidence import ERRORS, LOGINS, started, watch

from croupier.core.gates import Counts, Gate, GateState, Judgement, Objective, RatioSli, Reading, Silence, Verdict
from croupier.core.gates.sli import Group
from croupier.core.rollout.headline import explain
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause, Hold
from croupier.core.rollout.resolve import resolve
from croupier.core.rollout.spec import Analysis, Pause, Plan, Resort, RolloutSpec, SetWeight, Timing, Undecided
from croupier.core.rollout.standing import said_so_far, stance, standing
from croupier.core.rollout.state import Abort, RolloutState
from croupier.testing import Rehearsal

SLI = RatioSli("deposits_total", (("outcome", ("ok",)),))
GATE = Gate("slo", SLI, objective=Objective(0.99))
STEPS = (SetWeight(500), Pause(60.0), Analysis(("slo",)), SetWeight(5_000), Pause())
PLAN = Plan(STEPS, ("slo",), (GATE,), timing=Timing(progress_deadline_s=100.0))
START = RolloutState("shop-2", "shop", "1.0.0", "1.1.0", "sha256:0", PLAN, Phase.PENDING, 0.0, 0.0)


def at(step: int, weight_bp: int = 500, phase: Phase = Phase.PROGRESSING, **changes: Any) -> RolloutState:
    moved = replace(START, phase=phase, step=step, step_started_at=10.0, weight_bp=weight_bp)
    return replace(moved, **{"confirmed_bp": weight_bp, "confirmed_at": 10.0, **changes})


def said(verdict: Verdict, reason: str = "why", passed_at: float | None = None) -> tuple[GateState, ...]:
    latest = Judgement("slo", verdict, 20.0, 10.0, 20.0, reason)
    return (GateState("slo", judged_at=20.0, passed_at=passed_at, latest=latest),)


PASSED = said(Verdict.PASS, passed_at=20.0)
ABORT = Abort(Cause.PERSON, "smells", 20.0)


@pytest.mark.parametrize(
    "state,sentence",
    [
        (START, "waiting for 1.1.0 to become ready; given up in 1 min 15 s"),
        (at(0, confirmed_bp=None), "waiting for the data plane to confirm 5 %"),
        (at(0, gates=PASSED), "going on as soon as 1.1.0 is ready"),
        (at(1, gates=PASSED), "waiting 45 s more at 5 %"),
        (at(1, step_started_at=-40.0, gates=PASSED), "going on as soon as 1.1.0 is ready"),
        (at(2), "waiting for gate slo to pass: it has not looked yet"),
        (
            at(2, gates=said(Verdict.INCONCLUSIVE, "3 of 20")),
            "waiting for gate slo to pass: it says inconclusive (3 of 20)",
        ),
        (at(2, gates=said(Verdict.NO_DATA, "gone")), "waiting for gate slo to pass: it says no data (gone)"),
        (at(2, gates=said(Verdict.PASS)), "waiting for gate slo to pass: it has to look again here"),
        (at(2, waived=("slo",)), "going on as soon as 1.1.0 is ready"),
        (at(3, 5_000), "going on as soon as 1.1.0 is ready"),
        (at(4, 5_000, gates=PASSED), "waiting for a person at 50 %: promote it to go on"),
        (at(4, 5_000), "waiting for a person at 50 %: promote it to go on; gate slo has not looked yet"),
        (at(1, phase=Phase.PAUSED, hold=Hold.PERSON), "paused by a person at 5 %: resume it to go on"),
        (
            at(5, 10_000, Phase.PROMOTING, confirmed_bp=None),
            "waiting for the data plane to confirm that 1.1.0 serves everybody",
        ),
        (at(5, 10_000, Phase.PROMOTING), "making 1.1.0 the stable version"),
        (at(5, 10_000, Phase.SUCCEEDED), "done: 1.1.0 serves everybody"),
        (
            at(1, 0, Phase.ABORTING, abort=ABORT),
            "taking every player off 1.1.0: waiting for the data plane to confirm it",
        ),
        (at(1, 0, Phase.ABORTED, abort=ABORT), "given up: smells; everybody is on 1.0.0"),
        (at(1, 0, Phase.ABORTED, abort=ABORT, stable=None), "given up: smells; nothing serves"),
        (at(1, 0, Phase.SUPERSEDED, superseded_by="shop-3"), "superseded by shop-3"),
    ],
)
def test_what_it_waits_for(state: RolloutState, sentence: str) -> None:
    assert explain(state, 25.0) == sentence


def test_a_gate_that_holds_the_next_step_is_named() -> None:
    state = at(0, gates=said(Verdict.INCONCLUSIVE, "3 of 20"))
    raised = replace(state, plan=replace(PLAN, steps=(SetWeight(500), SetWeight(5_000))))
    assert explain(raised, 25.0) == "holding at 5 %: gate slo says inconclusive (3 of 20)"
    waiting = replace(raised, plan=replace(PLAN, steps=(Pause(60.0), SetWeight(5_000))))
    assert explain(waiting, 25.0) == "waiting 45 s more at 5 %; gate slo says inconclusive (3 of 20)"


def test_several_gates_are_named_and_not_quoted() -> None:
    gates = tuple(replace(GATE, name=name) for name in "abcdef")
    plan = replace(PLAN, gates=gates, guards=(), steps=(SetWeight(500), Analysis(("a", "b", "c"))))
    assert explain(replace(at(1), plan=plan), 25.0) == "waiting for the gates a, b and c to pass"
    guarded = replace(plan, guards=tuple("abcdef"), steps=(SetWeight(500), SetWeight(5_000)))
    assert explain(replace(at(0), plan=guarded), 25.0) == "holding at 5 %: the gates a, b, c and 3 more have to pass"


def test_what_blinds_several_gates_is_said_once() -> None:
    names = ("a", "b")
    gates = tuple(replace(GATE, name=name) for name in names)
    plan = replace(PLAN, gates=gates, guards=names, steps=(Analysis(names),))

    def waits(*verdicts: Verdict) -> str:
        known = zip(names, verdicts, strict=False)
        return explain(
            replace(
                at(0),
                plan=plan,
                gates=tuple(replace(said(verdict, f"{name} is away")[0], gate=name) for name, verdict in known),
            ),
            25.0,
        )

    both = "waiting for the gates a and b to pass"
    assert waits(Verdict.NO_DATA, Verdict.NO_DATA) == f"{both}, and none has data (a: a is away)"
    assert waits(Verdict.NO_DATA, Verdict.INCONCLUSIVE) == both
    assert waits(Verdict.NO_DATA) == both
    assert waits() == both


def empty(rehearsal: Any, samples: int = 1) -> None:
    """Samples in which the canary had nothing, and of few events none was due."""
    for _ in range(samples):
        rehearsal.now += 10.0
        none: dict[Group, Counts] = {(): Counts(0, 0)}
        few: dict[Group, Counts] = {(): Counts(2, 2)}
        rehearsal.tick({"errors": Reading(rehearsal.now - 10.0, rehearsal.now, none, few)})


def test_an_empty_sample_leaves_the_evidence_in_sight() -> None:
    rehearsal = started(ERRORS)
    watch(rehearsal, 2, 500, samples=3)
    before = explain(rehearsal.state, rehearsal.now)
    assert before == "waiting for gate errors to pass: it gathers evidence: 21 % of the way to blaming the release"
    empty(rehearsal)
    [gate] = rehearsal.state.gates
    assert gate.latest is not None
    assert gate.latest.verdict is Verdict.NO_DATA, "that is recorded as it was"
    assert explain(rehearsal.state, rehearsal.now) == before
    empty(rehearsal, 6)
    assert explain(rehearsal.state, rehearsal.now) == before, "few were due"
    empty(rehearsal, 50)
    said = explain(rehearsal.state, rehearsal.now)
    assert "it says no data (" in said, "so long is no chance"
    assert said.endswith("), 21 % of the way to blaming the release"), "and the evidence stands"


def test_a_source_that_is_silent_hides_behind_no_evidence() -> None:
    rehearsal = started(ERRORS)
    watch(rehearsal, 2, 500, samples=3)
    rehearsal.now += 10.0
    rehearsal.tick({"errors": Silence("away")})
    assert explain(rehearsal.state, rehearsal.now).endswith(
        "says no data (away), 21 % of the way to blaming the release"
    )
    clean = started(ERRORS)
    watch(clean, 0, 500, samples=3)
    clean.now += 10.0
    clean.tick({"errors": Silence("away")})
    assert explain(clean.state, clean.now).endswith("it says no data (away)")


def test_what_is_missing_to_a_pass() -> None:
    rehearsal = started(ERRORS)
    watch(rehearsal, 0, 500, samples=2)
    assert explain(rehearsal.state, rehearsal.now).endswith(
        "it gathers evidence: 2 of the 6 samples needed at this weight"
    )
    thin = started(ERRORS)
    watch(thin, 0, 10, samples=8)
    assert explain(thin.state, thin.now).endswith("it gathers evidence: too little yet to go on")


def test_an_incident_is_no_lack_of_evidence() -> None:
    rehearsal = started(ERRORS)
    for _ in range(6):
        rehearsal.now += 10.0
        both: dict[Group, Counts] = {(): Counts(300, 500)}
        rehearsal.tick({"errors": Reading(rehearsal.now - 10.0, rehearsal.now, both, both)})
    assert "likewise, so the release is not blamed" in explain(rehearsal.state, rehearsal.now)


def test_the_end_of_patience_is_told_through_empty_samples() -> None:
    rehearsal = started(ERRORS, LOGINS)
    policy = Undecided(Resort.PAUSE, 1_800.0)
    rehearsal.state = replace(rehearsal.state, plan=replace(rehearsal.state.plan, on_inconclusive=policy))
    watch(rehearsal, 2, 500, samples=3)
    assert "; waits for a person after " in explain(rehearsal.state, rehearsal.now)
    empty(rehearsal)
    assert "; waits for a person after " in explain(rehearsal.state, rehearsal.now)


def test_the_verdict_of_all_that_was_gathered() -> None:
    rehearsal = started(ERRORS)
    assert said_so_far(ERRORS, GateState("errors")) is None
    watch(rehearsal, 2, 500, samples=3)
    empty(rehearsal)
    [gate] = rehearsal.state.gates
    assert said_so_far(ERRORS, gate) is Verdict.INCONCLUSIVE
    empty(rehearsal, 60)
    [gate] = rehearsal.state.gates
    assert said_so_far(ERRORS, gate) is Verdict.NO_DATA


def test_what_would_pass_is_not_told_as_a_pass_while_nothing_is_heard() -> None:
    rehearsal = Rehearsal(resolve(RolloutSpec("shop", "shop", (SetWeight(500), Pause()), ("errors",)), [ERRORS], []))
    rehearsal.settle()
    watch(rehearsal, 0, 500, samples=7)
    assert rehearsal.state.gate_state("errors").passed_at is not None
    assert stance(rehearsal.state, "errors").startswith("says pass (100.00 % of 3500 good")
    rehearsal.now += 10.0
    none: dict[Group, Counts] = {(): Counts(0, 0)}
    due: dict[Group, Counts] = {(): Counts(2000, 2000)}
    rehearsal.tick({"errors": Reading(rehearsal.now - 10.0, rehearsal.now, none, due)})
    latest = rehearsal.state.gate_state("errors").latest
    assert latest is not None
    assert latest.verdict is Verdict.NO_DATA
    stands = standing(rehearsal.state, "errors")
    assert stands is not None
    assert stands.verdict is Verdict.INCONCLUSIVE


def test_who_owes_an_answer_is_named() -> None:
    owed = "gate slo passed before, and the next answer of its metric source (embedded) is overdue"
    raised = replace(at(0, gates=PASSED), plan=replace(PLAN, steps=(SetWeight(500), SetWeight(1_000))))
    assert explain(raised, 25.0, {"slo", "another"}) == f"holding at 5 %: {owed}"
    assert explain(at(1, gates=PASSED), 25.0, {"slo"}) == "waiting 45 s more at 5 %", "an analysis raises nothing"
    assert explain(raised, 25.0, {"another"}) == "going on as soon as 1.1.0 is ready"
    two = replace(raised.plan, guards=("slo", "b"), gates=(GATE, replace(GATE, name="b", source="prometheus")))
    both = replace(raised, plan=two, gates=(*PASSED, replace(PASSED[0], gate="b")))
    assert explain(both, 25.0, {"slo", "b"}) == (
        "holding at 5 %: the gates slo and b passed before, and the next answers of their metric sources (embedded and "
        "prometheus) are overdue"
    )
