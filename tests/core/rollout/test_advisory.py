"""An advisory gate is judged, shown and recorded; it stops nothing and keeps nothing waiting."""

from croupier.core.gates import Counts, Gate, HardStop, Objective, RatioSli, Reading, SequentialRule, Verdict
from croupier.core.gates.check import check_gate
from croupier.core.gates.edition import EDITION
from croupier.core.gates.model import ClassicRule, Comparison
from croupier.core.rollout import events as e
from croupier.core.rollout.decide import Evidence, binding, decide, guarding, rise_blocked
from croupier.core.rollout.explain import describe_gate
from croupier.core.rollout.headline import explain
from croupier.core.rollout.machine import create, evolve
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.resolve import resolve
from croupier.core.rollout.spec import Analysis, Pause, Plan, RolloutSpec, SetWeight
from croupier.core.rollout.state import RolloutState, routes

SLI = RatioSli("deposits_total", good=(("outcome", ("credited",)),))
ADVICE = Gate("advice", SLI, objective=Objective(0.99), rule=ClassicRule(10, 60, 1), advisory=True)
BAD = Reading(0, 10, {(): Counts(0, 1_000)}, {(): Counts(1_000, 1_000)})


def played(plan: Plan, until: float) -> RolloutState:
    """The rollout after so many seconds in which everything of the canary was bad."""
    state, now = create(e.Created("r", "payments", "1", "2", "", plan, 0.0)), 0.0
    while now <= until:
        said = {ADVICE.name: BAD} if now and now % 10 == 0 else {}
        for event in decide(state, Evidence(True, None, routes(state), said), now):
            state = evolve(state, event)
        now += 1
    return state


def test_what_it_says_is_recorded_and_stops_nothing() -> None:
    plan = Plan((SetWeight(500), Pause(30), SetWeight(5_000), Pause(30)), ("advice",), (ADVICE,), edition=EDITION)
    state = played(plan, 25)
    latest = state.gate_state("advice").latest
    assert latest is not None
    assert latest.verdict is Verdict.FAIL
    assert guarding(state) == ("advice",)
    assert binding(state) == ()
    assert rise_blocked(state) is None
    assert played(plan, 100).phase is Phase.SUCCEEDED


def test_an_analysis_does_not_wait_for_it() -> None:
    plan = Plan((SetWeight(500), Analysis(("advice",)), Pause()), (), (ADVICE,))
    state = played(plan, 5)
    assert state.phase is Phase.PAUSED
    assert "advice" not in explain(state, 5)


def test_it_says_of_itself_that_it_is_advisory() -> None:
    assert describe_gate(ADVICE).endswith("; advisory, it stops nothing")


def test_its_hard_stop_would_never_act() -> None:
    gate = Gate("advice", SLI, hard_stop=HardStop(events=1), advisory=True)
    assert [problem.path for problem in check_gate(gate)] == [("spec", "hardStop")]


def test_it_takes_no_part_of_the_budget_and_needs_no_proof() -> None:
    rule = SequentialRule(samples=1_000)
    advice = Gate("advice", SLI, comparison=Comparison(), rule=rule, advisory=True)
    bound = Gate("bound", SLI, comparison=Comparison(), rule=SequentialRule())
    spec = RolloutSpec("p", "p", (SetWeight(500), Pause(60)), ("advice", "bound"), false_rollbacks=0.1)
    plan = resolve(spec, [advice, bound], [])
    assert plan.gate("bound").rule == SequentialRule(budget=0.1)
