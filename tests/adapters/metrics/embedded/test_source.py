import asyncio
import gzip
import threading
from collections.abc import Callable
from typing import Any, Protocol

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from croupier.adapters.metrics.embedded import EmbeddedMetrics, MetricSettings
from croupier.control.ports import Query, ScrapeTarget, VersionKey
from croupier.core.gates import Counts, EventsSli, LatencySli, RatioSli, Reading, Silence
from croupier.testing import VirtualClock

START = 1_000_000.0
STABLE = VersionKey("payments", "1.0.0")
CANARY = VersionKey("payments", "1.1.0")
DEPOSITS = RatioSli("casino_deposits", good=(("outcome", ("ok",)),))


class Instance(Protocol):
    registry: CollectorRegistry
    status: int
    body: bytes | None
    headers: dict[str, str]
    hang: threading.Event | None
    asked: int
    target: ScrapeTarget

    def stop(self) -> None: ...


Start = Callable[[], Instance]


def query(sli: Any = DEPOSITS, since: float = START, until: float = START + 5, **fields: Any) -> Query:
    canary, baseline = fields.pop("canary", "1.1.0"), fields.pop("baseline", "1.0.0")
    return Query(sli, fields.pop("by", ()), "payments", canary, baseline, since, until)


def deposits(instance: Instance) -> Counter:
    return Counter("casino_deposits", "Deposits.", ["psp", "outcome"], registry=instance.registry)


async def both(metrics: EmbeddedMetrics, start: Start) -> tuple[Instance, Instance]:
    canary, stable = start(), start()
    await metrics.watch({CANARY: [canary.target], STABLE: [stable.target]})
    return canary, stable


def silence(answer: Reading | Silence) -> str:
    assert isinstance(answer, Silence), answer
    return answer.reason


def reading(answer: Reading | Silence) -> Reading:
    assert isinstance(answer, Reading), answer
    return answer


async def test_counts_good_and_total_of_both_versions(
    metrics: EmbeddedMetrics, clock: VirtualClock, instance: Start
) -> None:
    canary, stable = await both(metrics, instance)
    new, old = deposits(canary), deposits(stable)
    new.labels("adyen", "ok").inc(1_000)  # before we came
    assert await metrics.probe(DEPOSITS, (), "payments", "1.1.0") is None
    await clock.advance(5)
    new.labels("adyen", "ok").inc(3)
    new.labels("trustly", "error").inc(2)
    old.labels("adyen", "ok").inc(40)
    await metrics.scrape()
    got = reading(await metrics.read(query(by=("psp",))))
    adyen, trustly = (("psp", "adyen"),), (("psp", "trustly"),)
    assert got == Reading(
        START,
        START + 5,
        {(): Counts(3, 5), adyen: Counts(3, 3), trustly: Counts(0, 2)},
        {(): Counts(40, 40), adyen: Counts(40, 40), trustly: Counts(0, 0)},
        parts=(Counts(40, 40),),
        instances=got.instances,
    )
    assert [(each.name, each.counts) for each in got.instances] == [
        (f"127.0.0.1:{canary.target.endpoint.port}", Counts(3, 5))
    ]
    only = RatioSli("casino_deposits_total", good=(("outcome", ("ok",)),), total=(("psp", ("trustly", "klarna")),))
    alone = reading(await metrics.read(query(only, baseline=None)))
    assert (alone.canary, alone.baseline) == ({(): Counts(0, 2)}, None)
    events = EventsSli("casino_deposits", match=(("outcome", ("error",)),))
    assert reading(await metrics.read(query(events))).canary == {(): Counts(0, 2)}


async def test_latency_is_the_share_below_an_edge(
    metrics: EmbeddedMetrics, clock: VirtualClock, instance: Start
) -> None:
    canary, stable = await both(metrics, instance)
    for one in (canary, stable):
        Histogram("http_seconds", "", ["route"], buckets=(0.1, 0.4, 1), registry=one.registry).labels("/x").observe(0.3)
    new = Histogram("slow_seconds", "", ["route"], buckets=(0.1, 0.4, 1), registry=canary.registry)
    slow = LatencySli("http_seconds", 0.4)
    assert await metrics.probe(slow, (), "payments", "1.1.0") is None
    why = await metrics.probe(LatencySli("http_seconds", 0.3), (), "payments", "1.1.0")
    assert why == "'http_seconds' of payments 1.1.0 has no bucket edge at 0.3 s; its edges are 0.1, 0.4, 1 s"
    mine = LatencySli("slow_seconds", 0.4, match=(("route", ("/deposit",)),))
    assert await metrics.probe(mine, (), "payments", "1.1.0") is None
    await clock.advance(5)
    for seconds in (0.1, 0.4, 0.41, 3):
        new.labels("/deposit").observe(seconds)
    new.labels("/other").observe(9)
    await metrics.scrape()
    assert reading(await metrics.read(query(mine, baseline=None))).canary == {(): Counts(2, 4)}
    assert silence(await metrics.read(query(LatencySli("http_seconds", 0.3)))) == why
    assert silence(await metrics.read(query(mine))) == (
        "payments 1.0.0 exports no metric 'slow_seconds'; did you mean 'http_seconds'?"
    )


async def test_a_metric_that_does_not_exist_says_what_does(metrics: EmbeddedMetrics, instance: Start) -> None:
    canary, _ = await both(metrics, instance)
    deposits(canary).labels("adyen", "ok").inc()
    Gauge("players", "", registry=canary.registry).set(3)
    Histogram("seconds", "", registry=canary.registry)
    await metrics.scrape()

    async def why(sli: Any) -> str | None:
        return await metrics.probe(sli, (), "payments", "1.1.0")

    wrong = RatioSli("casino_deposit_total", good=())
    told = "payments 1.1.0 exports no metric 'casino_deposit_total'; did you mean 'casino_deposits_total'?"
    assert await why(wrong) == told
    assert silence(await metrics.read(query(wrong))) == told
    assert await why(RatioSli("casino_deposits", good=(("result", ("ok",)),))) == (
        "'casino_deposits' of payments 1.1.0 has no label 'result'; it has outcome, psp"
    )
    assert (
        await why(EventsSli("players"))
        == "'players' of payments 1.1.0 is a gauge, which cannot be counted; name a counter"
    )
    assert (
        await why(EventsSli("seconds"))
        == "'seconds' of payments 1.1.0 is a histogram, which cannot be counted; name its counter 'seconds_count'"
    )
    assert await why(LatencySli("players", 1)) == "'players' of payments 1.1.0 is a gauge, not a histogram"
    assert await why(EventsSli("seconds_count")) is None
    assert await why(EventsSli("edge_requests")) == (
        "'edge_requests' is counted by the edge, which this control plane does not scrape"
    )
    assert "it has edge_request_duration_seconds, edge_requests_total" in (await why(EventsSli("edge_oops")) or "")
    assert await metrics.probe(DEPOSITS, (), "payments", "9") == "no instance of payments 9 is watched"


async def test_who_has_just_been_started_waits_to_hear_what_runs(metrics: EmbeddedMetrics, instance: Start) -> None:
    """No instance is known yet, which is no gate's fault: a start would be refused for ever by a mistaken reason."""
    canary = instance()
    deposits(canary)
    asked = asyncio.create_task(metrics.probe(DEPOSITS, (), "payments", "1.1.0"))
    await asyncio.sleep(0)
    assert not asked.done()
    await metrics.watch({CANARY: [canary.target]})
    assert await asked is None


async def test_a_family_without_series_is_zero(metrics: EmbeddedMetrics, clock: VirtualClock, instance: Start) -> None:
    canary, stable = await both(metrics, instance)
    new, _ = deposits(canary), deposits(stable)
    await metrics.scrape()
    assert await metrics.probe(DEPOSITS, (), "payments", "1.1.0") is None
    await clock.advance(5)
    await metrics.scrape()
    zero = reading(await metrics.read(query()))
    assert (zero.canary, zero.baseline) == ({(): Counts(0, 0)}, {(): Counts(0, 0)})
    new.labels("adyen", "ok").inc(7)  # a series that appears later began at 0
    await clock.advance(5)
    await metrics.scrape()
    assert reading(await metrics.read(query(until=clock.now()))).canary == {(): Counts(7, 7)}


async def test_silence_says_who_does_not_answer(metrics: EmbeddedMetrics, clock: VirtualClock, instance: Start) -> None:
    assert silence(await metrics.read(query())) == "no instance of payments 1.1.0 is there to be scraped"
    canary, stable = await both(metrics, instance)
    deposits(canary)
    deposits(stable)
    assert silence(await metrics.read(query())) == "payments 1.1.0 has not been scraped yet"
    await metrics.scrape()
    canary.status = 500
    for _ in range(4):
        await clock.advance(5)
        await metrics.scrape()
    host = f"127.0.0.1:{canary.target.endpoint.port}"
    assert silence(await metrics.read(query(until=clock.now()))) == (
        f"payments 1.1.0 has not been read for 15 s: {host} answers 500 to GET /metrics"
    )
    # What was seen before the failure stays an answer.
    assert reading(await metrics.read(query(until=START + 5))).until == START
    canary.status = 200
    await clock.advance(1)
    await metrics.scrape()
    assert reading(await metrics.read(query(until=clock.now()))).until > START + 15
    await metrics.watch({STABLE: [stable.target]})
    await clock.advance(5)
    await metrics.scrape()
    await clock.advance(5)
    await metrics.scrape()
    assert (
        silence(await metrics.read(query(until=clock.now()))) == "no instance of payments 1.1.0 is there to be scraped"
    )
    await clock.advance(60)
    assert "55 s older" in silence(await metrics.read(query(canary="1.0.0", baseline=None, until=clock.now() - 5)))


@pytest.mark.parametrize(
    "body, why",
    [
        (
            b"<html>\n<body>Not here</body>",
            "sends a page that is not in the Prometheus text format: line 1 is no metric",
        ),
        (b'x 1\ny{a="1} 2\n', "sends a page that is not in the Prometheus text format: line 2 is no metric"),
        (b"x one\n", "sends a page that is not in the Prometheus text format: line 1 is no metric: 'x one'"),
        (b'casino_deposits_total{1a="x"} 2\n', "labels that cannot be read"),
        (b"\xff\xfe", "sends something that is not text (UTF-8)"),
        (b"x 1\n" * 50_000, "sends a metrics page of more than 100000 bytes, which is the limit"),
    ],
)
async def test_a_page_that_cannot_be_read_is_silence(
    clock: VirtualClock, instance: Start, body: bytes, why: str
) -> None:
    metrics = EmbeddedMetrics(clock, MetricSettings(page_bytes=100_000, timeout_s=60))
    try:
        canary = instance()
        deposits(canary)
        await metrics.watch({CANARY: [canary.target]})
        await metrics.read(query(baseline=None))
        await metrics.scrape()
        canary.body = body
        await clock.advance(30)
        await metrics.scrape()
        assert why in silence(await metrics.read(query(baseline=None, until=clock.now())))
    finally:
        await metrics.stop()


async def test_a_packed_page_is_not_unpacked(metrics: EmbeddedMetrics, instance: Start) -> None:
    canary = instance()
    canary.headers, canary.body = {"content-encoding": "gzip"}, gzip.compress(b"x 1\n")
    await metrics.watch({CANARY: [canary.target]})
    await metrics.scrape()
    assert "sends its metrics page as 'gzip'" in silence(await metrics.read(query(baseline=None)))


async def test_an_instance_that_hangs_or_is_gone_is_silence(clock: VirtualClock, instance: Start) -> None:
    metrics = EmbeddedMetrics(clock, MetricSettings(timeout_s=0.2))
    try:
        canary = instance()
        await metrics.watch({CANARY: [canary.target]})
        canary.hang = threading.Event()
        await metrics.scrape()
        assert "does not send its metrics page within 0.2 s" in silence(await metrics.read(query(baseline=None)))
        canary.hang.set()
        canary.stop()
        await metrics.scrape()
        assert "cannot be reached: " in silence(await metrics.read(query(baseline=None)))
    finally:
        await metrics.stop()


async def test_part_of_the_instances_is_not_enough_unless_the_rest_is_gone(
    metrics: EmbeddedMetrics, clock: VirtualClock, instance: Start
) -> None:
    one, two = instance(), instance()
    counters = [deposits(each).labels("adyen", "ok") for each in (one, two)]
    await metrics.watch({CANARY: [one.target, two.target]})
    await metrics.scrape()
    await metrics.read(query(baseline=None))
    await clock.advance(5)
    counters[0].inc(10)
    counters[1].inc(20)
    await metrics.scrape()
    two.status = 503
    await clock.advance(5)
    counters[0].inc(1)
    await metrics.scrape()
    # The last span that both have told about.
    got = reading(await metrics.read(query(baseline=None, until=clock.now())))
    assert (got.since, got.until, got.canary) == (START, START + 5, {(): Counts(30, 30)})
    assert {each.counts for each in got.instances} == {Counts(10, 10), Counts(20, 20)}
    await clock.advance(20)
    await metrics.scrape()
    assert "(1 of 2 instances): 127.0.0.1" in silence(await metrics.read(query(baseline=None, until=clock.now())))
    await metrics.watch({CANARY: [one.target]})
    await clock.advance(1)
    await metrics.scrape()
    assert reading(await metrics.read(query(baseline=None, until=clock.now()))).canary == {(): Counts(31, 31)}


async def test_counts_of_an_instance_outlive_it(metrics: EmbeddedMetrics, clock: VirtualClock, instance: Start) -> None:
    old = instance()
    counter = deposits(old).labels("adyen", "error")
    await metrics.watch({CANARY: [old.target]})
    await metrics.scrape()
    await metrics.read(query(baseline=None))
    counter.inc(9)
    await clock.advance(5)
    await metrics.scrape()
    counter.inc(4)
    new = instance()
    deposits(new)
    # Restarted elsewhere; the old one is asked once more while it drains.
    await metrics.watch({CANARY: [new.target]})
    await clock.advance(1)
    await metrics.scrape()
    old.stop()
    await clock.advance(4)
    await metrics.scrape()
    assert reading(await metrics.read(query(baseline=None, until=clock.now()))).canary == {(): Counts(0, 13)}
    asked = old.asked
    await metrics.scrape()
    assert old.asked == asked


async def test_scrapes_by_itself_and_at_once_when_an_instance_comes(
    clock: VirtualClock, metrics: EmbeddedMetrics, instance: Start
) -> None:
    canary = instance()
    await metrics.start()
    await metrics.watch({CANARY: [canary.target]})

    async def asked(times: int) -> None:
        async with asyncio.timeout(120):
            while canary.asked < times:
                await asyncio.sleep(0.01)

    await asked(1)
    await metrics.watch({CANARY: [canary.target]})
    for number in range(2, 5):
        await clock.advance(5)
        await asked(number)
    assert canary.asked == 4
