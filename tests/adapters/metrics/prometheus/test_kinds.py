"""The kinds of indicators, each against a real Prometheus: histograms old and new, events, selectors; and probes."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client import Counter, Gauge, Histogram
from tests.adapters.metrics.prometheus import protobuf

from croupier.adapters.metrics.prometheus import PrometheusMetrics
from croupier.core.gates import Counts, EventsSli, LatencySli, PromqlSli, RatioSli, Reading, Silence

pytestmark = pytest.mark.prometheus

SLOW = LatencySli("http_seconds", 0.4)


def total(readings: list[Reading], arm: str = "canary") -> Counts:
    found = [getattr(one, arm)[()] for one in readings]
    return Counts(sum(one.good for one in found), sum(one.total for one in found))


def silence(said: Reading | Silence) -> str:
    assert isinstance(said, Silence), said
    return said.reason


async def test_a_classic_histogram_is_counted_at_its_edge(
    server: Any, start: Callable[..., Any], asking: Any, source: PrometheusMetrics
) -> None:
    new, old = start("2"), start("1")
    seconds = [
        Histogram("http_seconds", "", ["route"], buckets=(0.1, 0.4, 1), registry=page.registry) for page in (new, old)
    ]
    for one in seconds:
        one.labels("/x").observe(0.2)
    asking.begin(server, new, old)
    for taken in (0.1, 0.4, 0.41, 3):
        seconds[0].labels("/x").observe(taken)
    seconds[1].labels("/x").observe(0.5)
    seconds[1].labels("/y").observe(0.3)
    server.scraped(new, old)
    readings = await asking.read_past(time.time(), SLOW)
    assert total(readings) == Counts(2, 4)
    assert total(readings, "baseline") == Counts(1, 2)
    assert await source.probe(SLOW, (), asking.service, "1") is None
    why = f"'http_seconds' of {asking.service} 1 has no bucket edge at 0.3 s; its edges are 0.1, 0.4, 1 s"
    assert await source.probe(LatencySli("http_seconds", 0.3), (), asking.service, "1") == why
    assert silence(await asking.read(LatencySli("http_seconds", 0.3))) == "'http_seconds' has no bucket edge at 0.3 s"


async def test_a_native_histogram_is_counted_at_the_edge_nearest_to_the_threshold(
    server: Any, start: Callable[..., Any], asking: Any, source: PrometheusMetrics
) -> None:
    """Of factor 2^(1/8) the edges are 0.386 and 0.420 s; 0.4 s is nearer to the first."""
    new, old = start("2"), start("1")
    seen: dict[Any, list[float]] = {new: [0.2], old: [0.2]}

    def show(page: Any, schema: int = 3) -> None:
        page.type, page.body = protobuf.TYPE, protobuf.page("http_seconds", [({"route": "/x"}, seen[page], schema)])

    for page in (new, old):
        show(page)
    asking.begin(server, new, old)
    seen[new] += [0.1, 0.38, 0.39, 0.41, 3.0]
    seen[old] += [0.3, 5.0]
    for page in (new, old):
        show(page)
    server.scraped(new, old)
    readings = await asking.read_past(time.time(), SLOW)
    assert total(readings) == Counts(2, 5)
    assert total(readings, "baseline") == Counts(1, 2)
    assert await source.probe(SLOW, ("route",), asking.service, "1") is None
    assert "has no label 'rout'; it has" in str(await source.probe(SLOW, ("rout",), asking.service, "1"))

    seen[new] = [0.1]  # a new process
    show(new)
    server.scraped(new, old)
    assert total(await asking.read_past(time.time(), SLOW)) == Counts(1, 1)

    show(old, schema=0)  # edges at 0.25 and 0.5: too far from 0.4, and what was finer does not help
    server.scraped(new, old)
    why = (
        "the native histogram 'http_seconds' has no edge near enough to 0.4 s; let its buckets grow by a factor of 1.1 "
        "or less"
    )
    assert silence(await asking.read(SLOW)) == why
    assert await source.probe(SLOW, (), asking.service, "1") == why
    assert await source.probe(LatencySli("http_seconds", 0.5), (), asking.service, "1") is None


async def test_old_and_new_histograms_are_not_compared(server: Any, start: Callable[..., Any], asking: Any) -> None:
    """Their edges differ, which would be a difference between the versions."""
    new, old = start("2"), start("1")
    new.type, new.body = protobuf.TYPE, protobuf.page("http_seconds", [({}, [0.1], 3)])
    Histogram("http_seconds", "", buckets=(0.1, 0.4), registry=old.registry)
    server.scraped(new, old)
    assert silence(await asking.read(SLOW)) == (
        "not all instances have 'http_seconds' as the same kind of histogram with an edge at 0.4 s"
    )


async def test_events_that_never_were_are_none_only_where_the_page_says_so(
    server: Any, start: Callable[..., Any], asking: Any
) -> None:
    new, old = start("2"), start("1")
    double = EventsSli("double_debits_total", match=(("psp", ("adyen",)),))
    Counter("other", "", registry=new.registry)
    Counter("double_debits", "", ["psp"], registry=old.registry)
    asking.begin(server, new, old)
    assert silence(await asking.read(double)) == (
        f"{asking.service} 2 is scraped by Prometheus and has no series of 'double_debits_total' there yet"
    )
    debits = Counter("double_debits", "", ["psp"], registry=new.registry)
    server.scraped(new, old)
    readings = await asking.read_past(time.time(), double)
    assert (total(readings), total(readings, "baseline")) == (Counts(0, 0), Counts(0, 0))
    debits.labels("adyen").inc()
    debits.labels("trustly").inc()
    server.scraped(new, old)
    assert total(await asking.read_past(time.time(), double)) == Counts(0, 1)


async def test_selectors_name_all_events_and_the_bad_ones(
    server: Any, start: Callable[..., Any], asking: Any, source: PrometheusMetrics
) -> None:
    new, old = start("2"), start("1")
    for page in (new, old):
        Counter("calls", "", ["psp"], registry=page.registry).labels("adyen").inc(100)
    errors = Counter("call_errors", "", ["psp", "why"], registry=new.registry)
    mine = 'app="",service="{{service}}",version=~"{{version}}"'
    sli = PromqlSli(f"calls_total{{{mine}}}", f'call_errors_total{{{mine},why!="declined"}} or call_timeouts{{{mine}}}')
    Counter("call_timeouts", "", registry=old.registry)
    server.scraped(new, old)
    why = "Prometheus has no metric 'call_timeouts'; did you mean 'call_timeouts_total'?"
    assert await source.probe(sli, (), asking.service, "1") == why
    sli = PromqlSli(sli.total, sli.bad.replace("timeouts", "timeouts_total"))
    errors.labels("adyen", "declined").inc(0)
    server.scraped(new, old)
    assert await source.probe(sli, ("psp",), asking.service, "1") is None
    assert "has no label 'why'; it has" in str(await source.probe(sli, ("why",), asking.service, "1"))
    asking.begin(server, new, old)
    new.registry._names_to_collectors["calls"].labels("adyen").inc(10)
    for reason, times in (("down", 2), ("declined", 3)):
        errors.labels("adyen", reason).inc(times)
    old.registry._names_to_collectors["calls"].labels("adyen").inc(7)
    old.registry._names_to_collectors["call_timeouts"].inc(1)
    server.scraped(new, old)
    readings = await asking.read_past(time.time(), sli)
    assert total(readings) == Counts(8, 10)
    assert total(readings, "baseline") == Counts(6, 7)
    backwards = PromqlSli(sli.bad, sli.total)
    new.registry._names_to_collectors["calls"].labels("adyen").inc(1)
    await asking.silence(backwards, "1 bad events are not a part of 0 in total")


async def test_a_probe_says_what_there_is_instead(
    server: Any, start: Callable[..., Any], source: PrometheusMetrics, service: str
) -> None:
    page = start("1")
    counter = Counter("deposits", "", ["psp", "outcome"], registry=page.registry)
    counter.labels("adyen", "ok").inc(100)
    Gauge("players", "", registry=page.registry)
    server.scraped(page)

    async def why(sli: Any, version: str = "1", of: str = service, by: tuple[str, ...] = ()) -> str | None:
        return await source.probe(sli, by, of, version)

    good = (("outcome", ("ok",)),)
    assert await why(RatioSli("deposits_total", good)) is None
    assert await why(RatioSli("deposits", good), by=("psp", "outcome")) is None
    assert "has no label 'pps'; it has" in str(await why(RatioSli("deposits", good), by=("pps",)))
    assert await why(RatioSli("deposit_total", good)) == (
        f"{service} 1 exports no metric 'deposit_total'; did you mean 'deposits_total'?"
    )
    assert "is a gauge, which cannot be counted" in str(await why(EventsSli("players")))
    assert "has no label 'result'; it has" in str(await why(RatioSli("deposits", (("result", ("ok",)),))))
    assert "outcome is never 'OK'" in str(await why(RatioSli("deposits", (("outcome", ("OK",)),))))
    assert "no metric 'deposits'" in str(await why(LatencySli("deposits", 0.4)))
    none = f'Prometheus has no series of {service} 9 (service="{service}",version="9"); version of {service} is \'1\''
    assert str(await why(RatioSli("deposits", good), version="9")).startswith(none)
    assert f"{service!r}" in str(await why(RatioSli("deposits", good), of="bets")).partition("; service is ")[2]
    gauge = PromqlSli('players{version="{{version}}"}', 'deposits_total{version="{{version}}"}')
    assert await why(gauge) == "'players' is a gauge, which cannot be counted; name a counter"
    nobody = PromqlSli('deposits_total{version="{{version}}"}', 'deposits_total{version="{{version}}",x="y"}')
    assert await why(nobody, version='9"') == 'Prometheus has no series that match deposits_total{version="9\\""}'
    assert await why(PromqlSli('deposits_total{psp=~"("}', "deposits_total")) is not None
