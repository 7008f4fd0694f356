"""``steps: auto`` with the real loop and store: weights by the traffic just before the start, evidence from then on."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from croupier.control.rollouts import Ask
from croupier.control.traffic import Serving, count_once, keep_counting, requests_per_s
from croupier.core.gates import ClassicRule, Comparison, Counts, Gate, RatioSli, Reading, SequentialRule
from croupier.core.rollout import events as e
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.rejudge import rejudge
from croupier.core.rollout.spec import Auto, Pace, RolloutSpec
from croupier.errors import Transient

ANNA = Ask("anna")
OK = (("outcome", ("ok",)),)
EVIDENCE = Gate("evidence", RatioSli("requests_total", good=OK), comparison=Comparison(), rule=SequentialRule())
RARE = Gate("rare", RatioSli("rare_total", good=OK), comparison=Comparison(), rule=SequentialRule())
PACED = RolloutSpec("shop", "shop", (Auto(bake=8, watch_s=120.0),), guards=("evidence", "rare"))


@pytest.fixture
async def paced(shop: Any) -> Any:
    """The shop with ``steps: auto`` and 100 requests a second."""
    await shop.declare(EVIDENCE, RARE, PACED)
    await shop.turn(30)
    return shop


async def weights(shop: Any, rollout: str) -> list[int]:
    return [event.weight_bp for event in await shop.store.history(rollout) if isinstance(event, e.WeightConfirmed)]


async def test_a_good_release_reaches_everybody_by_itself(paced: Any) -> None:
    started = (await paced.a.rollouts.start("shop", "1.1.0", ANNA)).rollout.value
    pace = started.plan.pace
    assert (pace.per_s, pace.first_bp) == (pytest.approx(100.0, rel=0.1), 100)
    assert 6_500 <= pace.last_bp <= 7_300  # thirty requests a second stay on the stable version
    await paced.turn(150, after=5.0)
    found = await paced.state(started.id)
    assert found.phase is Phase.SUCCEEDED
    assert await weights(paced, started.id) == [100, 500, 1_000, 2_500, 5_000, pace.last_bp, 10_000]
    assert all(verdict.agrees for verdict in rejudge(await paced.store.history(started.id)))


async def test_a_start_right_after_a_promotion_does_not_take_the_canary_for_a_quiet_service(paced: Any) -> None:
    first = (await paced.a.rollouts.start("shop", "1.1.0", ANNA)).rollout.value
    while (await paced.state(first.id)).phase is not Phase.SUCCEEDED:
        await paced.turn(after=5.0)
    await paced.wait(10.0)
    second = (await paced.a.rollouts.start("shop", "1.2.0", ANNA)).rollout.value
    assert second.plan.pace.per_s == pytest.approx(100.0, rel=0.15)


async def test_whoever_supersedes_a_rollout_counts_its_canarys_players_too(paced: Any) -> None:
    first = (await paced.a.rollouts.start("shop", "1.1.0", ANNA)).rollout.value
    await paced.turn(70, after=5.0)
    assert (await paced.state(first.id)).weight_bp >= 5_000
    second = (await paced.a.rollouts.start("shop", "1.2.0", ANNA)).rollout.value
    assert second.plan.pace.per_s == pytest.approx(100.0, rel=0.15)


async def test_counts_of_a_moment_say_nothing(paced: Any) -> None:
    ports, now = paced.a.rollouts.ports, paced.clock.now()
    assert await requests_per_s(ports, [EVIDENCE], Serving("shop", "1.0.0", since=now - 4.0)) is None
    assert await requests_per_s(ports, [EVIDENCE], Serving("shop", "1.0.0", since=now - 10.0)) is not None


async def test_an_answer_about_a_moment_says_nothing(paced: Any) -> None:
    ports, now = paced.a.rollouts.ports, paced.clock.now()
    since = now - 4.9

    async def read(query: Any) -> Reading:
        return Reading(since, now, {(): Counts(1, 1)}, None)

    paced.metrics.read = read
    assert await requests_per_s(ports, [EVIDENCE], Serving("shop", "1.0.0")) is None
    since = now - 5.0
    assert await requests_per_s(ports, [EVIDENCE], Serving("shop", "1.0.0")) == pytest.approx(0.2)


async def test_what_decides_may_be_rare_where_another_guard_counts_more(paced: Any) -> None:
    """Else a total failure of a busy service would begin at half of its players."""
    read = paced.metrics.read

    async def rare(query: Any) -> Any:
        said = await read(query)
        return replace(said, canary={(): Counts(30, 30)}) if query.sli.metric == "rare_total" else said

    paced.metrics.read = rare
    spec = replace(PACED, guards=("rare", "edge"))
    await paced.declare(replace(EVIDENCE, name="edge", rule=ClassicRule()), spec)
    paced.a.happenings.restart()
    await count_once(paced.a.rollouts.ports)
    assert paced.a.happenings.count("read") == 2
    started = (await paced.a.rollouts.start("shop", "1.1.0", ANNA)).rollout.value
    assert (started.plan.pace.per_s, started.plan.pace.first_bp) == (pytest.approx(100.0, rel=0.1), 100)


async def test_a_bad_one_comes_back_from_the_first_weight(paced: Any) -> None:
    paced.metrics.break_version("1.1.0", 0.3)
    started = (await paced.a.rollouts.start("shop", "1.1.0", ANNA)).rollout.value
    await paced.turn(60, after=5.0)
    found = await paced.state(started.id)
    assert found.phase is Phase.ABORTED
    assert found.abort is not None
    assert found.abort.gate in ("evidence", "rare")
    assert max(await weights(paced, started.id)) <= 500


async def test_what_nobody_can_say_is_no_reason_not_to_start(paced: Any) -> None:
    paced.metrics.outage = "the metric source is down"
    started = (await paced.a.rollouts.start("shop", "1.1.0", ANNA)).rollout.value
    assert started.plan.pace == Pace(None, 100, 5_000)


async def test_the_busiest_indicator_counts_and_nothing_is_unknown(paced: Any) -> None:
    ports = paced.a.rollouts.ports
    paced.metrics.blind.add("rare_total")
    both = await requests_per_s(ports, [RARE, EVIDENCE], Serving("shop", "1.0.0"))
    assert both == pytest.approx(100.0, rel=0.1)
    assert await requests_per_s(ports, [RARE], Serving("shop", "1.0.0")) is None
    assert await requests_per_s(ports, [EVIDENCE], Serving("shop", "9.9.9")) is None
    assert await requests_per_s(ports, [], Serving("shop", "1.0.0")) is None
    read = paced.metrics.read

    async def broken(query: Any) -> Any:
        if query.sli.metric == "rare_total":
            raise OverflowError("cannot convert float infinity to integer")
        return await read(query)

    paced.metrics.read = broken
    assert await requests_per_s(ports, [RARE, EVIDENCE], Serving("shop", "1.0.0")) == both
    paced.metrics.unreachable = True
    assert await requests_per_s(ports, [EVIDENCE], Serving("shop", "1.0.0")) is None


async def test_the_first_deployment_asks_nobody(bare: Any) -> None:
    await bare.declare(EVIDENCE, RARE)
    await bare.open(steps=(Auto(),), guards=("evidence",))
    assert bare.served.default == "1.0.0"
    assert bare.a.happenings.count("read") == 0


async def test_traffic_is_asked_for_before_anybody_starts(paced: Any) -> None:
    site = paced.a
    site.happenings.restart()
    await count_once(site.rollouts.ports)
    assert site.happenings.count("read") == 2
    await paced.declare(RolloutSpec("shop", "shop", (Auto(),), guards=("evidence",)))
    site.happenings.restart()
    await count_once(site.rollouts.ports)
    assert site.happenings.count("read") == 1


async def test_where_no_weights_depend_on_it_nobody_asks(shop: Any) -> None:
    shop.a.happenings.restart()
    await count_once(shop.a.rollouts.ports)
    assert shop.a.happenings.count("read") == 0


async def test_before_the_first_deployment_there_is_no_traffic(bare: Any) -> None:
    await bare.open()
    services = bare.store.services

    async def none_stable() -> list[Any]:
        return []

    await bare.declare(EVIDENCE, RARE, PACED)
    bare.store.services = none_stable
    bare.a.happenings.restart()
    await count_once(bare.a.rollouts.ports)
    bare.store.services = services
    assert bare.a.happenings.count("read") == 0


@pytest.mark.parametrize("trouble", [Transient("the database does not answer"), ValueError("nobody thought of this")])
async def test_it_is_asked_for_again_and_again_also_after_trouble(paced: Any, trouble: Exception) -> None:
    site = paced.a
    site.happenings.restart()
    failed = asyncio.Event()

    async def fail() -> None:
        failed.set()
        raise trouble

    site.happenings.once["before documents"] = fail
    asking = asyncio.create_task(keep_counting(site.rollouts.ports))
    try:
        async with asyncio.timeout(120):
            await failed.wait()
            while site.happenings.count("read") < 2:
                await paced.clock.advance(20.0)
    finally:
        asking.cancel()
