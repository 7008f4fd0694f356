"""Gates that measure, in the loop: who is asked for what, and what comes of no answer."""

from dataclasses import replace
from typing import Any

import pytest
from tests.control.conftest import ANNA, Saying

from croupier.control.observe import GateMemory, ask_gates
from croupier.control.ports import NoMeasurer, Question
from croupier.core.gates import MEASURED, AnalysisRule, Gate, GateState, Measured, MeasuredSli, Measurement
from croupier.core.gates.analysis.measurement import measured
from croupier.core.gates.analysis.model import Arg, Metric, PrometheusQuery
from croupier.core.gates.analysis.run import MetricRun, Phase, Run
from croupier.core.rollout.spec import Pause, RolloutSpec, SetWeight
from croupier.errors import Rejected

RATE = Metric("rate", PrometheusQuery("errors"), "result < 0.05", interval_s=60.0, count=1, initial_delay_s=30.0)
ARGS = (Arg("who", "shop"),)
GATE = Gate("values", MeasuredSli(), rule=AnalysisRule((RATE,), ARGS, "argo"), source=MEASURED)
STEPS = (SetWeight(2_000), Pause())


async def rolled_out(shop: Any) -> Any:
    await shop.declare(GATE, RolloutSpec("shop", "shop", STEPS, ("values",)))
    return await shop.state(await shop.roll_out())


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
    ports = replace(shop.a.reconciler.ports, measurer=NoMeasurer())
    said = await ask_gates(ports, state, now, GateMemory(), [])
    assert said == {"values": Measured((Measurement("rate", now, error="this control plane measures nothing"),))}
    question = Question("r", "g", (), (), "shop", "2", None, 1.0)
    assert await NoMeasurer().measure(question) == Measured()
    assert await NoMeasurer().probe(question) == "this control plane measures nothing"


async def test_what_is_through_says_so_unasked(shop: Any) -> None:
    state = await rolled_out(shop)
    through = Run(0.0, (MetricRun("rate", Phase.SUCCESSFUL),))
    known = replace(state, gates=(GateState("values", analysis=through),))
    source = Saying(Measured())
    ports = replace(shop.a.reconciler.ports, measurer=source)
    assert await ask_gates(ports, known, shop.clock.now() + 1.0, GateMemory(), []) == {"values": Measured()}
    assert not source.asked


async def test_a_start_asks_whether_there_could_be_values_of_the_stable_version(shop: Any) -> None:
    await rolled_out(shop)
    [question] = shop.measurer.probed
    assert (question.gate, question.metrics, question.args) == ("values", (RATE,), ARGS)
    assert (question.service, question.canary, question.stable) == ("shop", "1.0.0", "1.0.0")


async def test_an_analysis_that_could_never_measure_is_refused_before_anybody_is_exposed(shop: Any) -> None:
    shop.measurer.why = "metric rate: argument token: the secret shop/token cannot be read"
    await shop.declare(GATE, RolloutSpec("shop", "shop", STEPS, ("values",)))
    with pytest.raises(Rejected, match=r"Gate values cannot judge shop: metric rate: argument token: .* be read\."):
        await shop.a.rollouts.start("shop", "1.1.0", ANNA)
    assert await shop.store.rollout("shop-2") is None


async def test_a_metric_that_decides_nothing_stops_no_start(shop: Any) -> None:
    tried = replace(RATE, name="tried", dry_run=True)
    gate = replace(GATE, rule=AnalysisRule((RATE, tried), ARGS))
    await shop.declare(gate, RolloutSpec("shop", "shop", STEPS, ("values",)))
    await shop.roll_out()
    assert shop.measurer.probed[0].metrics == (RATE,)
