"""Smoke checks beside the loop: started by what is recorded, ended by an abort, run again by a successor."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import pytest

from croupier.control.ports import NoSmoke, VersionKey
from croupier.control.smoking import SmokeRuns
from croupier.core.rollout.spec import Pause, RolloutSpec, SetWeight, Smoke
from croupier.core.smoke import CheckResult, Outcome, SmokeCheck
from croupier.errors import Transient

MONEY, LIMITS = SmokeCheck("money"), SmokeCheck("limits")
STEPS = (Smoke(("money", "limits")), SetWeight(2_000), Pause())


@dataclass
class Runner:
    """Answers as it is told; ``hangs`` never does. Remembers what it was asked, and who was cancelled."""

    says: dict[str, CheckResult | Exception] = field(default_factory=dict)
    hangs: bool = False
    asked: list[tuple[str, VersionKey]] = field(default_factory=list)
    others: list[tuple[VersionKey, ...]] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)

    async def run(self, check: SmokeCheck, key: VersionKey, others: Sequence[VersionKey] = ()) -> CheckResult:
        self.asked.append((check.name, key))
        self.others.append(tuple(others))
        if self.hangs:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled.append(check.name)
                raise
        said = self.says.get(check.name, CheckResult(check.name, Outcome.PASSED))
        if isinstance(said, Exception):
            raise said
        return said


def give(shop: Any, runner: Any, site: Any = None) -> None:
    loop = (site or shop.a).reconciler
    loop.ports = replace(loop.ports, smoke=runner)
    loop._gathering._smokes = SmokeRuns(loop.ports, loop._gathering.answered)


async def begun(shop: Any, runner: Any, **spec: Any) -> str:
    give(shop, runner)
    await shop.declare(MONEY, LIMITS, replace(RolloutSpec("shop", "shop", STEPS), **spec))
    outcome = await shop.a.rollouts.start("shop", "1.1.0", await ask())
    await shop.turn(4)
    return str(outcome.rollout.value.id)


async def ask() -> Any:
    from tests.control.conftest import ANNA

    return ANNA


async def test_the_checks_run_before_any_player_and_let_the_rollout_go_on(shop: Any) -> None:
    runner = Runner()
    rollout = await begun(shop, runner)
    state = await shop.state(rollout)
    assert (state.confirmed_bp, state.smokes[0].passed) == (2_000, True)
    assert runner.asked == [("money", shop.key("1.1.0")), ("limits", shop.key("1.1.0"))]
    events = await shop.events(rollout)
    assert events[:5] == ["created", "step_started", "weight_confirmed", "smoke_finished", "step_started"]


async def test_the_first_failure_goes_back_and_nobody_was_touched(shop: Any) -> None:
    runner = Runner({"money": CheckResult("money", Outcome.FAILED, "it paid")})
    rollout = await begun(shop, runner)
    state = await shop.state(rollout)
    assert (state.phase, state.abort.reason) == ("aborted", "smoke check money failed: it paid")
    assert [name for name, _ in runner.asked] == ["money"], "the rest would change nothing"
    assert shop.served.weight_of("1.1.0") == 0
    assert not [event for event in await shop.store.history(rollout) if getattr(event, "weight_bp", 0)]


async def test_what_cannot_be_run_says_nothing_and_is_tried_again(shop: Any, caplog: Any) -> None:
    runner = Runner({"money": Transient("the edge cannot be reached.")})
    rollout = await begun(shop, runner)
    await shop.turn(5)
    assert (await shop.state(rollout)).phase == "progressing"
    assert len(runner.asked) > 2
    assert caplog.text.count("smoke check money could not be run: the edge cannot be reached.") == 1
    runner.says["money"] = RuntimeError("a mistake of ours")
    await shop.turn(5)
    assert (await shop.state(rollout)).phase == "progressing"
    runner.says.clear()
    await shop.turn(20)
    assert (await shop.state(rollout)).confirmed_bp == 2_000


async def test_what_can_never_be_run_is_tried_less_and_less_often_and_then_a_person_is_asked(shop: Any) -> None:
    runner = Runner({"money": Transient("the edge cannot be reached.")})
    rollout = await begun(shop, runner)
    times: list[float] = []
    while (await shop.state(rollout)).phase == "progressing":
        before = len(runner.asked)
        await shop.turn(after=1.0)
        times += [shop.clock.now()] * (len(runner.asked) - before)
    gaps = [round(later - earlier) for earlier, later in pairwise(times)]
    assert gaps == [10, 20, 40, 80][-len(gaps) :]
    paused = await shop.state(rollout)
    assert (paused.phase, paused.hold, len(runner.asked)) == ("paused", "no_data", 6)
    events = await shop.store.history(rollout)
    assert events[-1].reason == "smoke check money could not be run, 6 times: the edge cannot be reached."
    await shop.turn(10, after=100.0)
    assert len(runner.asked) == 6, "nothing is tried while a person is asked"
    await shop.a.rollouts.resume(rollout, await ask())
    runner.says["money"] = RuntimeError("a mistake of ours")
    await shop.turn(10, after=30.0)
    paused = await shop.state(rollout)
    assert (paused.phase, len(runner.asked)) == ("paused", 12)
    assert "6 times: a mistake in this program (RuntimeError)" in (await shop.store.history(rollout))[-1].reason
    runner.says.clear()
    await shop.a.rollouts.resume(rollout, await ask())
    await shop.turn(4)
    assert (await shop.state(rollout)).confirmed_bp == 2_000


async def test_where_nobody_can_be_asked_it_is_tried_every_five_minutes(shop: Any) -> None:
    runner = Runner()
    rollout = await begun(shop, runner, steps=(SetWeight(2_000), Pause(10.0)), smoke=Smoke(("money",)))
    runner.says["money"] = Transient("the edge cannot be reached.")
    await shop.turn(100, after=10.0)
    assert (await shop.state(rollout)).phase == "promoting"
    tries = len(runner.asked)
    await shop.turn(60, after=10.0)
    assert len(runner.asked) == tries + 2
    runner.says.clear()
    await shop.turn(32, after=10.0)
    assert (await shop.state(rollout)).phase == "succeeded"


async def test_no_abort_waits_for_a_check_and_it_is_ended(shop: Any) -> None:
    runner = Runner(hangs=True)
    rollout = await begun(shop, runner)
    assert (await shop.state(rollout)).phase == "progressing"
    await shop.a.rollouts.abort(rollout, await ask())
    await shop.turn(2)
    assert (await shop.state(rollout)).phase == "aborted"
    assert runner.cancelled == ["money"]


async def test_after_every_switch_and_at_the_promotion(shop: Any) -> None:
    runner = Runner()
    rollout = await begun(shop, runner, steps=(SetWeight(2_000), SetWeight(5_000)), smoke=Smoke(("money",)))
    await shop.turn(8)
    assert (await shop.state(rollout)).phase == "succeeded"
    assert [name for name, _ in runner.asked] == ["money"] * 3
    shown = [event.exposure for event in await shop.store.history(rollout) if event.type == "smoke_finished"]
    assert shown == ["20 %", "50 %", "100 %"]


async def test_who_takes_over_runs_them_again(shop: Any) -> None:
    runner, second = Runner(hangs=True), Runner()
    rollout = await begun(shop, runner)
    successor = shop.site("b")
    give(shop, second, successor)
    await shop.clock.advance(60.0)  # the first one's lease is over
    await shop.turn(4, site=successor)
    assert (await shop.state(rollout)).confirmed_bp == 2_000
    assert [name for name, _ in second.asked] == ["money", "limits"]
    await shop.turn(1)
    await asyncio.sleep(0)
    assert runner.cancelled == ["money"], "who only stands by runs nothing"


async def test_a_failure_takes_players_back_without_the_store(shop: Any) -> None:
    runner = Runner(hangs=True)
    rollout = await begun(shop, runner, steps=(SetWeight(2_000), Pause()), smoke=Smoke(("money",)))
    await shop.turn(1)
    assert shop.served.weight_of("1.1.0") == 2_000
    give(shop, Runner({"money": CheckResult("money", Outcome.FAILED, "it paid")}))
    shop.a.down = True
    await shop.turn(3)
    assert shop.served.weight_of("1.1.0") == 0
    shop.a.down = False
    await shop.turn(2)
    assert (await shop.state(rollout)).abort.reason == "smoke check money failed: it paid"


async def test_the_loop_ends_what_runs(shop: Any) -> None:
    runner = Runner(hangs=True)
    give(shop, runner)
    await shop.declare(MONEY, LIMITS, RolloutSpec("shop", "shop", STEPS))
    async with shop.looping(interval_s=0.01):
        await shop.a.rollouts.start("shop", "1.1.0", await ask())
        while not runner.asked:
            await shop.clock.advance(0.02)
            await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert runner.cancelled == ["money"]


async def test_without_a_runner_nothing_is_said() -> None:
    with pytest.raises(Transient, match="runs no smoke checks"):
        await NoSmoke().run(MONEY, VersionKey("shop", "1.1.0"))
