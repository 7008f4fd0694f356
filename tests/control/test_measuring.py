"""Gates that measure, in the loop: who is asked for what, and what comes of no answer."""

from dataclasses import replace
from typing import Any

from croupier.control.observe import GateMemory, ask_gates
from croupier.control.ports import NoMeasurer, Question
from croupier.core.gates import MEASURED, AnalysisRule, Gate, GateState, Measured, MeasuredSli, Measurement
from croupier.core.gates.analysis.measurement import measured
from croupier.core.gates.analysis.model import Arg, Metric, PrometheusQuery
from croupier.core.gates.analysis.run import MetricRun, Phase, Run
from croupier.core.rollout.spec import Pause, RolloutSpec, SetWeight

RATE = Metric("rate", PrometheusQuery("errors"), "result < 0.05", interval_s=60.0, count=1, initial_delay_s=30.0)
ARGS = (Arg("who", "shop"),)
GATE = Gate("values", MeasuredSli(), rule=AnalysisRule((RATE,), ARGS, "argo"), source=MEASURED)
STEPS = (SetWeight(2_000), Pause())


async def rolled_out(shop: Any) -> Any:
    await shop.declare(GATE, RolloutSpec("shop", "shop", STEPS, ("values",)))
    return await shop.state(await shop.roll_out())


class Saying:
    def __init__(self, answer: Measured | Exception) -> None:
        self.answer = answer
        self.asked: list[Question] = []

    async def measure(self, question: Question) -> Measured:
        self.asked.append(question)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def test_what_is_due_is_measured(shop: Any) -> None:
    state = await rolled_out(shop)
    found = Measured((measured("rate", 1.0, 0.01),))
    source = Saying(found)
    ports = replace(shop.a.reconciler.ports, measurer=source)
    now = shop.clock.now() + 31.0
    assert await ask_gates(ports, state, now, GateMemory(), []) == {"values": found}
    [question] = source.asked
    assert (question.metrics, question.args, question.at) == ((RATE,), ARGS, now)
    assert (question.rollout, question.service, question.canary, question.stable) == (
        state.salt,
        "shop",
        state.canary,
        "1.0.0",
    )


async def test_what_is_under_way_is_no_answer(shop: Any) -> None:
    state = await rolled_out(shop)
    ports = replace(shop.a.reconciler.ports, measurer=Saying(Measured()))
    assert await ask_gates(ports, state, shop.clock.now() + 31.0, GateMemory(), []) == {}


async def test_a_surprise_is_an_error_of_this_gate_alone(shop: Any, caplog: Any) -> None:
    state = await rolled_out(shop)
    ports = replace(shop.a.reconciler.ports, measurer=Saying(RuntimeError("surprise")))
    now = shop.clock.now() + 31.0
    said = await ask_gates(ports, state, now, GateMemory(), [])
    error = "measuring failed: RuntimeError: surprise"
    assert said == {"values": Measured((Measurement("rate", now, error=error),))}
    assert "gate values failed" in caplog.text


async def test_without_a_measurer_there_are_errors_and_nobody_is_taken_back(shop: Any) -> None:
    state = await rolled_out(shop)
    now = shop.clock.now() + 31.0
    said = await ask_gates(shop.a.reconciler.ports, state, now, GateMemory(), [])
    assert said == {"values": Measured((Measurement("rate", now, error="this control plane measures nothing"),))}
    question = Question("r", "g", (), (), "shop", "2", None, 1.0)
    assert await NoMeasurer().measure(question) == Measured()


async def test_what_is_through_says_so_unasked(shop: Any) -> None:
    state = await rolled_out(shop)
    through = Run(0.0, (MetricRun("rate", Phase.SUCCESSFUL),))
    known = replace(state, gates=(GateState("values", analysis=through),))
    source = Saying(Measured())
    ports = replace(shop.a.reconciler.ports, measurer=source)
    assert await ask_gates(ports, known, shop.clock.now() + 1.0, GateMemory(), []) == {"values": Measured()}
    assert not source.asked
