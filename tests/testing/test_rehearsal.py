from croupier.core.gates import Counts, Gate, Objective, RatioSli, Reading
from croupier.core.rollout import commands
from croupier.core.rollout.machine import replay
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.spec import Pause, Plan, SetWeight
from croupier.testing import Rehearsal

GATE = Gate("deposits", RatioSli("deposits_total", good=()), objective=Objective(0.99))
PLAN = Plan(steps=(SetWeight(500), Pause(60)), guards=("deposits",), gates=(GATE,))


def test_a_plan_can_be_rehearsed_without_anything_outside() -> None:
    story = Rehearsal(PLAN, now=0.0)
    story.settle()
    assert (story.state.weight_bp, story.due()) == (500, ())
    story.now += 60
    assert story.due() == ("deposits",)
    story.tick({"deposits": Reading(0.0, 60.0, {(): Counts(100, 100)}, None)})
    assert story.state.phase is Phase.PROMOTING
    story.command(commands.abort, reason="changed my mind")
    story.settle()
    assert replay(story.events) == story.state
    assert story.state.weight_bp == 0
