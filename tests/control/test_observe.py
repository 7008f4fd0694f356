"""What is seen of the world: what is unknown is said to be unknown, and a moment's flapping empties nothing."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from tests.control.conftest import ANNA, GATE, STEPS

from croupier.control import observe
from croupier.control.fleet import Fleet, read_fleet
from croupier.control.observe import (
    GateMemory,
    Seen,
    View,
    ask_gates,
    keep_samples,
    scrape_targets,
    usual_counts,
    why_no_past,
)
from croupier.control.ports import Endpoint, Health, Query, Sample, ScrapeTarget, VersionKey, WorkloadStatus
from croupier.core.gates import PROMETHEUS, BurnRule, Comparison, Counts, LatencySli, Reading, Silence
from croupier.core.releases import ProcessTemplate
from croupier.core.rollout.spec import RolloutSpec
from croupier.errors import Rejected, Transient

KEY = VersionKey("shop", "1.0.0")
HERE = Endpoint("127.0.0.1", 1)


@pytest.mark.parametrize(
    "status, unready, failure",
    [
        (None, "it does not run", None),
        (WorkloadStatus(Health.STARTING), "it is starting", None),
        (WorkloadStatus(Health.UNREADY, reason="hangs"), "hangs", None),
        (WorkloadStatus(Health.READY, (HERE,)), None, None),
        (WorkloadStatus(Health.FAILED, reason="exit status 1"), "exit status 1", "exit status 1"),
        (WorkloadStatus(Health.FAILED), "it is failed", "it failed"),
    ],
)
def test_how_a_version_is(status: WorkloadStatus | None, unready: str | None, failure: str | None) -> None:
    seen = Seen({KEY: status} if status else {}, {})
    assert (seen.unready(KEY), seen.failure(KEY)) == (unready, failure)


def test_an_unknown_data_plane_serves_nothing_that_we_know_of() -> None:
    seen = Seen({}, None)
    assert seen.served_versions == set()
    assert not seen.moves(Fleet())


async def test_an_instance_that_flaps_keeps_its_place(shop: Any) -> None:
    """A health check that fails for a moment must not empty the cluster: that would turn every player away."""
    view, fleet = View(), await read_fleet(shop.store, 0)
    ports = shop.a.reconciler.ports
    (before,) = (await view.look(ports, fleet)).workloads.values()
    shop.workloads.crash(shop.key("1.0.0"), 10.0)
    (during,) = (await view.look(ports, fleet)).workloads.values()
    assert (during.health, during.endpoints) == (Health.UNREADY, before.endpoints)
    shop.workloads.crash_loop(shop.key("1.0.0"), "gone")
    (still,) = (await view.look(ports, fleet)).workloads.values()
    assert (still.health, still.endpoints) == (Health.FAILED, before.endpoints)


async def test_what_is_stopped_is_forgotten(shop: Any) -> None:
    view, fleet, ports = View(), await read_fleet(shop.store, 0), shop.a.reconciler.ports
    await view.look(ports, fleet)
    await shop.workloads.apply({})
    assert (await view.look(ports, fleet)).workloads == {}
    await shop.workloads.apply({shop.key("1.0.0"): ProcessTemplate(("serve",))})
    (again,) = (await view.look(ports, fleet)).workloads.values()
    assert (again.health, again.endpoints) == (Health.STARTING, ())


async def test_workloads_out_of_sight_are_where_they_were_and_not_ready(shop: Any) -> None:
    view, fleet, ports = View(), await read_fleet(shop.store, 0), shop.a.reconciler.ports
    shop.workloads.unreachable = True
    with pytest.raises(Transient):
        await view.look(ports, fleet)  # nothing was ever seen
    shop.workloads.unreachable = False
    (before,) = (await view.look(ports, fleet)).workloads.values()
    shop.workloads.unreachable = True
    for _ in range(2):
        (during,) = (await view.look(ports, fleet)).workloads.values()
        assert (during.health, during.endpoints) == (Health.UNREADY, before.endpoints)


async def test_a_data_plane_is_asked_even_where_nothing_is_recorded(bare: Any) -> None:
    bare.router.unreachable = True
    seen = await View().look(bare.a.reconciler.ports, Fleet())
    assert seen.served is None


async def test_a_data_plane_out_of_reach_is_unknown(shop: Any) -> None:
    shop.router.unreachable = True
    seen = await View().look(shop.a.reconciler.ports, await read_fleet(shop.store, 0))
    assert seen.served is None


async def test_gates_are_asked_when_they_are_due_and_not_before(shop: Any) -> None:
    rollout = await shop.roll_out()
    state, ports = await shop.state(rollout), shop.a.reconciler.ports
    now, memory, samples = shop.clock.now() + 5.0, GateMemory(), []  # type: ignore[var-annotated]
    await shop.wait(5.0)
    said = await ask_gates(ports, state, now, memory, samples)
    assert isinstance(said["ok"], Reading)
    assert memory.looked == {"ok": now}
    assert [(item.version, item.canary) for item in samples] == [("1.1.0", True), ("1.0.0", False)]
    assert all(item.good == item.total > 0 for item in samples)
    assert await ask_gates(ports, state, now + 1.0, memory, samples) == {}
    shop.metrics.unreachable = True
    said = await ask_gates(ports, state, now + 5.0, memory, samples)
    assert said == {"ok": Silence("the metric source does not answer")}
    assert len(samples) == 2


async def test_no_gate_waits_for_another_gates_source(shop: Any) -> None:
    """Each answer here comes only when the other gate has asked, too."""
    fast = replace(GATE, name="fast", source="otlp")
    strategy = RolloutSpec("shop", "shop", STEPS, ("ok", "fast"))
    await shop.declare(fast, strategy)
    state, ports = await shop.state(await shop.roll_out()), shop.a.reconciler.ports
    await shop.wait(5.0)
    both = asyncio.Barrier(2)
    read = shop.metrics.read

    async def together(query: Query) -> Reading | Silence:
        await both.wait()
        answer: Reading | Silence = await read(query)
        return answer

    shop.metrics.read = together
    async with asyncio.timeout(120):
        said = await ask_gates(ports, state, shop.clock.now(), GateMemory(), [])
    assert set(said) == {"ok", "fast"}


async def test_a_source_is_asked_so_many_questions_at_a_time(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observe, "AT_ONCE", 1)
    fast = replace(GATE, name="fast")
    await shop.declare(fast, RolloutSpec("shop", "shop", STEPS, ("ok", "fast")))
    state, ports = await shop.state(await shop.roll_out()), shop.a.reconciler.ports
    await shop.wait(5.0)
    asking, most = 0, 0
    read = shop.metrics.read

    async def counted(query: Query) -> Reading | Silence:
        nonlocal asking, most
        asking += 1
        most = max(most, asking)
        await asyncio.sleep(0)
        asking -= 1
        answer: Reading | Silence = await read(query)
        return answer

    shop.metrics.read = counted
    assert set(await ask_gates(ports, state, shop.clock.now(), GateMemory(), [])) == {"ok", "fast"}
    assert most == 1


async def test_a_latency_is_asked_at_both_thresholds_over_one_span(shop: Any) -> None:
    rollout = await shop.roll_out()
    state, now = await shop.state(rollout), shop.clock.now() + 5.0
    slow = replace(
        state.plan.gates[0],
        sli=LatencySli("latency", 0.4),
        comparison=Comparison(canary_threshold_s=0.5),
        objective=None,
    )
    state = replace(state, plan=replace(state.plan, gates=(slow,)))
    at_own: Reading | Silence = Reading(0.0, now, {(): Counts(90, 100)}, {(): Counts(95, 100)})

    async def read(query: Any) -> Reading | Silence:
        if query.sli.threshold_s == 0.5:
            return at_own
        return Reading(0.0, now, {(): Counts(70, 100)}, {(): Counts(80, 100)})

    shop.metrics.read = read

    async def asked() -> Any:
        return await ask_gates(shop.a.reconciler.ports, state, now, GateMemory(), [])

    assert await asked() == {"ok": Reading(0.0, now, {(): Counts(90, 100)}, {(): Counts(80, 100)})}
    at_own = Reading(0.0, now - 1.0, {(): Counts(90, 100)}, {(): Counts(95, 100)})
    assert await asked() == {"ok": Silence("the two thresholds were not measured at the same time")}
    at_own = Silence("no such bucket")
    assert await asked() == {"ok": at_own}


async def test_a_budget_is_read_over_both_windows(shop: Any) -> None:
    rollout = await shop.roll_out()
    state, now = await shop.state(rollout), shop.clock.now() + 100.0
    burn = replace(state.plan.gates[0], rule=BurnRule(window_s=90.0, short_s=10.0))
    state = replace(state, plan=replace(state.plan, gates=(burn,)))
    spans: list[tuple[float, float, str | None]] = []
    short: Reading | Silence | Transient = Reading(now - 10.0, now, {(): Counts(1, 2)}, None)

    async def read(query: Any) -> Reading | Silence:
        spans.append((query.since - now, query.until - now, query.baseline))
        if query.until - query.since > 10.0:
            return Reading(query.since, query.until, {(): Counts(90, 100)}, {(): Counts(95, 100)})
        if isinstance(short, Transient):
            raise short
        return short

    shop.metrics.read = read

    async def asked() -> Any:
        return (await ask_gates(shop.a.reconciler.ports, state, now, GateMemory(), []))["ok"]

    whole = Reading(now - 90.0, now, {(): Counts(90, 100)}, {(): Counts(95, 100)})
    assert await asked() == replace(whole, recent={(): Counts(1, 2)})
    assert spans == [(-90.0, 0.0, "1.0.0"), (-10.0, 0.0, None)]
    short = Silence("gone")
    assert await asked() == short
    short = Transient("out of reach")
    assert await asked() == Silence("out of reach")


async def test_another_day_is_asked_for_the_stable_version_of_then(shop: Any) -> None:
    rollout = await shop.roll_out()
    state, now = await shop.state(rollout), shop.clock.now() + 10.0
    past = replace(state.plan.gates[0], comparison=Comparison(against="yesterday"))
    state = replace(state, plan=replace(state.plan, gates=(past,)))
    then: Reading | Silence = Reading(0.0, 0.0, {(): Counts(99, 100)}, None)
    now_read = Reading(now - 10.0, now, {(): Counts(80, 100)}, None)
    today: Reading | Silence = now_read

    async def read(query: Any) -> Reading | Silence:
        assert query.baseline is None
        if query.canary == "1.0.0":
            assert (query.since, query.until) == (now - 86_410.0, now - 86_400.0)
            return then
        return today

    shop.metrics.read = read

    async def asked(of: Any = state) -> Any:
        return (await ask_gates(shop.a.reconciler.ports, of, now, GateMemory(), []))["ok"]

    assert await asked() == replace(now_read, baseline={(): Counts(99, 100)})
    then = Silence("it keeps minutes")
    assert await asked() == Silence("of 1 day(s) ago: it keeps minutes")
    assert await asked(replace(state, stable=None)) == today
    today = Silence("down")
    assert await asked() == today


async def test_how_the_stable_version_usually_is(shop: Any) -> None:
    ports, gate = shop.a.reconciler.ports, (await shop.state(await shop.roll_out())).plan.gates[0]
    answer: Reading | Silence | Exception = Reading(0.0, 1.0, {(): Counts(4, 10)}, None)

    async def read(query: Any) -> Reading | Silence:
        assert (query.canary, query.baseline, query.by) == ("1.0.0", None, ())
        if isinstance(answer, Exception):
            raise answer
        return answer

    shop.metrics.read = read
    assert await usual_counts(ports, gate, "shop", "1.0.0") == Counts(4, 10)
    answer = Silence("not yet")
    assert await usual_counts(ports, gate, "shop", "1.0.0") is None
    answer = Transient("out of reach")
    assert await usual_counts(ports, gate, "shop", "1.0.0") is None
    answer = OverflowError("infinite")
    assert await usual_counts(ports, gate, "shop", "1.0.0") is None


async def test_a_past_that_nobody_kept_keeps_a_rollout_from_starting(shop: Any) -> None:
    """It would hold for ever; an advisory gate holds nothing."""
    ports, gate = shop.a.reconciler.ports, GATE
    past = replace(gate, comparison=Comparison(against="last-week"))
    spans: list[tuple[float, float]] = []
    answer: Reading | Silence = Silence("it keeps 3d")

    async def read(query: Any) -> Reading | Silence:
        assert (query.canary, query.baseline) == ("1.0.0", None)
        spans.append((query.since - ports.clock.now(), query.until - ports.clock.now()))
        return answer

    shop.metrics.read = read
    why = await why_no_past(ports, past, "shop", "1.0.0")
    assert why == "it compares with last week, and of that hour: it keeps 3d"
    assert spans == [(-605_400.0, -604_800.0)]
    assert await why_no_past(ports, gate, "shop", "1.0.0") is None
    assert await why_no_past(ports, replace(gate, comparison=Comparison()), "shop", "1.0.0") is None
    answer = Reading(0.0, 1.0, {(): Counts(0, 0)}, None)
    assert await why_no_past(ports, past, "shop", "1.0.0") is None  # a quiet hour is one


@pytest.mark.parametrize("advisory", [False, True])
async def test_the_start_asks_for_the_past(shop: Any, advisory: bool) -> None:
    past = replace(GATE, comparison=Comparison(against="yesterday"), source=PROMETHEUS, advisory=advisory)
    await shop.declare(past)
    real = shop.metrics.read

    async def read(query: Any) -> Reading | Silence:
        return Silence("it keeps 3d") if query.until < shop.clock.now() - 3_600 else await real(query)

    shop.metrics.read = read
    if advisory:
        assert (await shop.a.rollouts.start("shop", "1.1.0", ANNA)).rollout.value.id == "shop-2"
        return
    why = "Gate ok cannot judge shop: it compares with yesterday, and of that hour: it keeps 3d"
    with pytest.raises(Rejected, match=why):
        await shop.a.rollouts.start("shop", "1.1.0", ANNA)


async def test_one_measurement_is_one_look_however_often_the_gate_looks(shop: Any) -> None:
    rollout = await shop.roll_out()
    state, now, memory = await shop.state(rollout), shop.clock.now() + 5.0, GateMemory()
    measured_until = now

    async def read(query: Any) -> Reading:
        return Reading(0.0, measured_until, {(): Counts(1, 2)}, None)

    shop.metrics.read = read
    ports, samples = shop.a.reconciler.ports, []  # type: ignore[var-annotated]
    assert set(await ask_gates(ports, state, now, memory, samples)) == {"ok"}
    assert await ask_gates(ports, state, now + 5.0, memory, samples) == {}
    measured_until = now + 6.0
    assert set(await ask_gates(ports, state, now + 6.0, memory, samples)) == {"ok"}
    assert len(samples) == 2


@pytest.mark.parametrize(
    "reading, versions",
    [
        (Reading(0.0, 1.0, {(): Counts(1, 2)}, None), ["1.1.0"]),
        (Reading(0.0, 1.0, {(("psp", "x"),): Counts(1, 2)}, {(): Counts(1, 2)}), ["1.0.0"]),
        (Silence("down"), []),
    ],
)
async def test_what_charts_are_drawn_from(shop: Any, reading: Reading | Silence, versions: list[str]) -> None:
    rollout = await shop.roll_out()
    state = await shop.state(rollout)

    async def read(query: Any) -> Reading | Silence:
        return reading

    shop.metrics.read = read
    samples: list[Sample] = []
    await ask_gates(shop.a.reconciler.ports, state, shop.clock.now() + 5.0, GateMemory(), samples)
    assert [sample.version for sample in samples] == versions


async def test_samples_are_kept_where_they_can_be(shop: Any) -> None:
    ports = shop.a.reconciler.ports
    sample = Sample("shop-2", "ok", "1.1.0", True, shop.clock.now(), 1, 2)
    await keep_samples(ports, [])
    assert shop.a.happenings.count("add_samples") == 0
    shop.a.down = True
    await keep_samples(ports, [sample])  # a gap in a chart, and no more
    shop.a.down = False
    await keep_samples(ports, [sample])
    assert list(await shop.store.samples("shop-2")) == [sample]


def test_where_metrics_are() -> None:
    workloads = {KEY: WorkloadStatus(Health.READY, (HERE,)), VersionKey("shop", "0.9"): WorkloadStatus(Health.READY)}
    templates = {KEY: ProcessTemplate(("serve",), metrics_path="/stats")}
    assert scrape_targets(workloads, templates) == {KEY: (ScrapeTarget(HERE, "/stats"),)}
