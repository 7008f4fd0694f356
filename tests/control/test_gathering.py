"""What the loop knows when it decides, above all where a metric source is slow, silent or broken."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.control import conftest

from croupier.control.rollouts import Ask
from croupier.core.gates import Counts, HardStop, RatioSli, Reading
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.reasons import Cause
from croupier.core.rollout.rejudge import rejudge
from croupier.core.rollout.spec import Pause, SetWeight

BORIS = Ask("boris", "harm")
PUSHED = replace(conftest.GATE, name="pushed", sli=RatioSli("pushed_total", good=(("outcome", ("ok",)),)))


async def test_an_abort_does_not_wait_for_a_metric_source(shop: Any) -> None:
    rollout = await shop.roll_out()
    shop.a.happenings.silent.add("read")
    before = shop.a.happenings.count("read")
    await shop.wait(10.0)
    async with shop.looping():
        async with asyncio.timeout(120):
            while shop.a.happenings.count("read") == before:
                await asyncio.sleep(0.002)
        await shop.a.rollouts.abort(rollout, BORIS)
        await shop.until(rollout, "aborted")


async def test_metrics_out_of_reach_hold_and_are_said(shop: Any) -> None:
    rollout = await shop.roll_out()
    shop.metrics.unreachable = True
    await shop.turn(10)
    found = await shop.state(rollout)
    assert found.phase is Phase.PAUSED
    latest = found.gate_state("ok").latest
    assert latest
    assert (latest.verdict, latest.reason) == ("no_data", "the metric source does not answer")


def huge(said: Reading) -> Reading:
    return replace(said, canary={(): Counts(10**16, 10**16)})


def infinite(said: Reading) -> Reading:
    raise OverflowError("cannot convert float infinity to integer")


@pytest.mark.parametrize("source", [huge, infinite])
@pytest.mark.parametrize("guards", [("ok", "pushed"), ("pushed", "ok")])
async def test_one_gates_broken_source_keeps_no_other_gate_from_its_rollback(
    bare: Any, source: Callable[[Reading], Reading], guards: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    await bare.declare(PUSHED)
    await bare.open(guards=guards)
    rollout = await bare.roll_out()
    read = bare.metrics.read

    async def broken(query: Any) -> Any:
        said = await read(query)
        return source(said) if query.sli.metric == "pushed_total" and isinstance(said, Reading) else said

    bare.metrics.read = broken
    bare.metrics.break_version("1.1.0", 1.0)
    await bare.turn(20)
    found = await bare.state(rollout)
    assert found.phase is Phase.ABORTED
    assert found.abort.gate == "ok"
    assert found.gate_state("pushed").latest.verdict == "no_data"
    assert caplog.text.count("the metric source failed; its gate sees nothing") == (source is infinite)


class Hanging:
    """A source whose answers about one metric come when it is ``over``."""

    def __init__(self, shop: Any, metric: str) -> None:
        self.read, self.metric, self.asked = shop.metrics.read, metric, 0
        self.over, self.spoils = asyncio.Event(), False
        shop.metrics.read = self.hang

    async def hang(self, query: Any) -> Any:
        answer = await self.read(query)
        if query.sli.metric == self.metric:
            self.asked += 1
            if self.spoils:
                whole = answer.canary[()].total
                answer = replace(answer, canary={(): Counts(0, whole)})
            await self.over.wait()
        return answer


@pytest.fixture
async def hanging(bare: Any, monkeypatch: pytest.MonkeyPatch) -> Hanging:
    """One of two guards is asked, and its source hangs."""
    monkeypatch.setattr("croupier.control.under_way.ANSWER_PATIENCE_S", 0.01)
    steps = (SetWeight(2_000), Pause(30.0), SetWeight(5_000), Pause())
    await bare.declare(PUSHED)
    await bare.open(guards=("ok", "pushed"), steps=steps)
    await bare.a.rollouts.start("shop", "1.1.0", BORIS)
    return Hanging(bare, "pushed_total")


@pytest.mark.usefixtures("hanging")
async def test_a_gate_stops_a_canary_whatever_source_hangs(bare: Any) -> None:
    bare.metrics.break_version("1.1.0", 1.0)
    async with asyncio.timeout(120):
        await bare.turn(12)
    found = await bare.state("shop-2")
    assert (found.phase, found.abort.gate) == (Phase.ABORTED, "ok")
    assert not found.gate_state("pushed").latest


async def test_a_hard_stop_is_heard_though_the_weight_moved_while_it_was_asked_for(
    bare: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person goes on with a gate's last pass, and its answer that was under way is a hard stop."""
    monkeypatch.setattr("croupier.control.under_way.ANSWER_PATIENCE_S", 0.01)
    await bare.declare(replace(PUSHED, hard_stop=HardStop(failing=0.5)))
    await bare.open(guards=("ok", "pushed"), steps=(SetWeight(2_000), Pause(), SetWeight(5_000), Pause()))
    await bare.a.rollouts.start("shop", "1.1.0", BORIS)
    source = Hanging(bare, "pushed_total")
    source.over.set()
    await bare.turn(12)
    passed = await bare.state("shop-2")
    assert all(passed.gate_state(name).passed_at is not None for name in ("ok", "pushed"))
    source.over.clear()
    source.spoils = True
    before = source.asked
    while source.asked == before:
        await bare.turn(1)
    source.spoils = False
    await bare.a.rollouts.promote("shop-2", BORIS)
    await bare.turn(2)
    moved = await bare.state("shop-2")
    assert (moved.confirmed_bp, moved.abort) == (5_000, None)
    source.over.set()
    async with bare.looping(), asyncio.timeout(120):
        while (await bare.state("shop-2")).phase is not Phase.ABORTED:
            await asyncio.sleep(0.002)
    abort = (await bare.state("shop-2")).abort
    assert (abort.gate, abort.cause) == ("pushed", Cause.HARD_STOP)
    assert all(again.agrees for again in rejudge(await bare.store.history("shop-2")))


async def test_a_source_that_hangs_keeps_no_other_rollout_waiting(bare: Any, hanging: Hanging) -> None:
    await bare.turn(5)
    bar = await bare.start_bar()
    async with asyncio.timeout(120):
        await bare.turn(3)
    assert (await bare.state(bar)).phase is Phase.SUCCEEDED
    assert hanging.asked == 1


async def test_a_late_answer_is_heard_at_once_and_only_then_the_share_rises(bare: Any, hanging: Hanging) -> None:
    await bare.turn(12)
    waiting = await bare.state("shop-2")
    assert (waiting.weight_bp, hanging.asked) == (2_000, 1)
    async with bare.looping():
        hanging.over.set()
        async with asyncio.timeout(120):
            while (await bare.state("shop-2")).weight_bp == 2_000:
                await asyncio.sleep(0.002)
    judged = [each for each in await bare.store.history("shop-2") if each.type == "gate_judged"]
    first = next(each.state.latest for each in judged if each.state.gate == "pushed")
    assert first.until < first.at
    assert all(again.agrees for again in rejudge(await bare.store.history("shop-2")))


async def test_a_source_that_hangs_after_a_pass_holds_the_weight(
    bare: Any, hanging: Hanging, caplog: pytest.LogCaptureFixture
) -> None:
    """Its last pass counts for two intervals, as long as that of a source which answers in time."""
    hanging.over.set()
    await bare.turn(5)
    passed = (await bare.state("shop-2")).gate_state("pushed").passed_at
    assert passed
    assert bare.clock.now() - passed < 2 * conftest.RULE.interval_s
    hanging.over.clear()
    await bare.turn(12)
    held = await bare.state("shop-2")
    assert (held.weight_bp, held.gate_state("pushed").passed_at) == (2_000, passed)
    assert bare.a.reconciler.awaited("shop-2") == {"pushed"}
    assert caplog.text.count("shop-2: the share waits for gate pushed: its metric source embedded is slow") == 1
    hanging.over.set()
    async with asyncio.timeout(120):
        while (await bare.state("shop-2")).weight_bp == 2_000:
            await bare.turn(after=0.0)
    assert bare.a.reconciler.awaited("shop-2") == set()


async def test_who_only_stands_by_knows_of_no_overdue_answer(bare: Any, hanging: Hanging) -> None:
    await bare.turn(8)
    assert hanging.asked == 1
    assert bare.a.reconciler.awaited("shop-2") == {"pushed"}
    await bare.turn(site=bare.site("b"), after=11.0)
    await bare.turn()
    assert bare.a.reconciler.awaited("shop-2") == set()
    assert bare.a.reconciler.awaited("shop-99") == set()


@pytest.mark.parametrize("seed", range(3))
async def test_many_gates_of_slow_sources_rise_within_a_few_intervals(
    bare: Any, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """There is hardly a moment at which none of them is being asked."""
    monkeypatch.setattr("croupier.control.under_way.ANSWER_PATIENCE_S", 0.002)
    names = [f"slow-{number}" for number in range(10)]
    await bare.declare(*(replace(conftest.GATE, name=each) for each in names))
    await bare.open(guards=names, steps=(SetWeight(2_000), Pause(15.0), SetWeight(5_000), Pause()))
    rng, read = random.Random(seed), bare.metrics.read

    async def slowly(query: Any) -> Any:
        answer = await read(query)
        await bare.clock.sleep(rng.uniform(2.0, 6.0))
        return answer

    await bare.a.rollouts.start("shop", "1.1.0", BORIS)
    bare.metrics.read = slowly
    began = bare.clock.now()
    while (await bare.state("shop-2")).weight_bp < 5_000:
        await bare.turn(after=0.5)
        assert bare.clock.now() - began < 15.0 + 10 * conftest.RULE.interval_s
    assert all(again.agrees for again in rejudge(await bare.store.history("shop-2")))


async def test_an_answer_from_before_another_site_took_over_promotes_nobody(bare: Any, hanging: Hanging) -> None:
    """It came while this site stood by: what it says is ten minutes old, however good it is."""
    await bare.turn(8)
    assert hanging.asked == 1
    await bare.turn(site=bare.site("b"), after=11.0)
    under_way = bare.a.reconciler._gathering._gates["shop-2"].under_way
    hanging.over.set()
    async with asyncio.timeout(120):
        await under_way.answered.wait()
    hanging.over.clear()
    await bare.wait(600.0)
    await bare.turn(2)
    found = await bare.state("shop-2")
    assert (found.weight_bp, found.gate_state("ok").passed_at is not None) == (2_000, True)
    assert not found.gate_state("pushed").latest
