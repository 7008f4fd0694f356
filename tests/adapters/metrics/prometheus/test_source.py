"""Against a real Prometheus: what is read is what the exporters counted, one by one."""

import threading
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from prometheus_client import Counter, Gauge
from tests.adapters.metrics.prometheus.conftest import until

from croupier.control.ports import Query
from croupier.core.gates import Counts, RatioSli, Reading

pytestmark = pytest.mark.prometheus

OK = RatioSli("deposits", good=(("outcome", ("ok",)),))


def deposits(page: Any) -> Counter:
    return Counter("deposits", "Deposits.", ["psp", "outcome"], registry=page.registry)


def total(readings: list[Reading], arm: str = "canary", group: Any = ()) -> Counts:
    found = [getattr(one, arm)[group] for one in readings if group in getattr(one, arm)]
    return Counts(sum(one.good for one in found), sum(one.total for one in found))


async def test_counts_what_the_exporters_counted(server: Any, start: Callable[..., Any], asking: Any) -> None:
    new, old, older = start("2"), start("1"), start("1")
    counters = [deposits(page) for page in (new, old, older)]
    for counter in counters:
        counter.labels("adyen", "ok").inc(1_000)  # before anybody looked
        counter.labels("adyen", "failed").inc(0)
    asking.begin(server, new, old, older)
    counters[0].labels("adyen", "ok").inc(3)
    counters[0].labels("trustly", "failed").inc(2)
    counters[1].labels("adyen", "ok").inc(40)
    counters[2].labels("adyen", "failed").inc(5)
    server.scraped(new, old, older)
    readings = await asking.read_past(time.time(), OK, by=("psp",))
    assert total(readings) == Counts(3, 5)
    assert total(readings, group=(("psp", "adyen"),)) == Counts(3, 3)
    assert total(readings, group=(("psp", "trustly"),)) == Counts(0, 2)
    assert total(readings, "baseline") == Counts(40, 45)
    assert total(readings, "baseline", (("psp", "trustly"),)) == Counts(0, 0)
    for reading in readings:
        assert len(reading.parts) == 2
        assert sum(part.total for part in reading.parts) == reading.baseline[()].total


async def test_adjacent_readings_count_each_event_once(server: Any, start: Callable[..., Any], asking: Any) -> None:
    """Traffic all along, two processes that restart, one that comes and one that goes; nothing twice, nothing lost."""
    new, old, going = start("2"), start("1"), start("1")
    true = {"canary": 0, "baseline": 0}
    counting = {page: deposits(page) for page in (new, old, going)}
    for counter in counting.values():
        counter.labels("adyen", "ok").inc(0)
    asking.begin(server, new, old, going)

    def play(rounds: int) -> None:
        for _ in range(rounds):
            for page, counter in counting.items():
                counter.labels("adyen", "ok").inc()
                true["canary" if page is new else "baseline"] += 1

    async def read() -> None:
        server.scraped(*counting)
        readings.extend(await asking.read_past(time.time(), OK))

    readings: list[Reading] = []
    play(50)
    await read()
    play(7)
    server.scraped(new, old, going)  # what is counted after a page was last read is lost with the process
    for page in (new, old):
        page.restart()
        counting[page] = deposits(page)
    play(31)
    await read()
    server.lose(going)
    del counting[going]
    play(11)
    await read()
    assert total(readings) == Counts(true["canary"], true["canary"])
    assert total(readings, "baseline") == Counts(true["baseline"], true["baseline"])
    for one, after in pairwise(readings):
        assert one.until == after.since


async def test_adjacent_readings_add_up_while_traffic_flows(
    server: Any, start: Callable[..., Any], asking: Any
) -> None:
    pages = [start(version) for version in ("2", "1", "1")]
    counters = [deposits(page).labels("adyen", "ok") for page in pages]
    asking.begin(server, *pages)
    stop = threading.Event()
    played = [0, 0, 0]

    def play() -> None:
        while not stop.wait(0.002):
            for place, counter in enumerate(counters):
                counter.inc()
                played[place] += 1

    player = threading.Thread(target=play)
    player.start()
    readings = await asking.read_past(time.time() + 2, OK)
    stop.set()
    player.join()
    server.scraped(*pages)
    readings += await asking.read_past(time.time(), OK)
    assert len(readings) >= 3
    assert total(readings).total == played[0]
    assert total(readings, "baseline").total == played[1] + played[2]
    for one, after in pairwise(readings):
        assert one.until == after.since


async def test_a_process_that_begins_in_the_span_counts_from_nothing(
    server: Any, start: Callable[..., Any], asking: Any
) -> None:
    """Prometheus finds it late; when it began, it says itself. Of one that does not say, the first page is the base."""
    old = start("1")
    deposits(old).labels("adyen", "ok").inc(0)
    asking.begin(server, old)
    young, silent = start("2", found=False), start("1", found=False)
    Gauge("process_start_time_seconds", "", registry=young.registry).set(time.time())
    deposits(young).labels("adyen", "ok").inc(7)
    counter = deposits(silent).labels("adyen", "ok")
    counter.inc(500)
    server.find()
    server.scraped(young, silent)
    counter.inc(2)
    server.scraped(young, silent, old)
    readings = await asking.read_past(time.time(), OK)
    assert total(readings) == Counts(7, 7)
    assert total(readings, "baseline") == Counts(2, 2)


@pytest.mark.parametrize("same_labels,counted", [(True, 4), (False, 9)])
async def test_a_restart_between_two_scrapes(
    server: Any, start: Callable[..., Any], asking: Any, same_labels: bool, counted: int
) -> None:
    """The new process has counted 9 where the old one had 5.

    What is missing tells it from a clock that was set.
    """
    new, old = start("2"), start("1")
    Gauge("process_start_time_seconds", "", registry=new.registry).set(time.time() - 50)
    counter = deposits(new)
    counter.labels("adyen", "ok").inc(5)
    if not same_labels:
        counter.labels("trustly", "ok").inc(0)
    deposits(old).labels("adyen", "ok").inc(5)
    asking.begin(server, new, old)
    with new.lock:
        new.registry = type(new.registry)()
        Gauge("process_start_time_seconds", "", registry=new.registry).set(time.time())
        deposits(new).labels("adyen", "ok").inc(9)
    server.scraped(new, old)
    readings = await asking.read_past(time.time(), OK)
    assert total(readings) == Counts(counted, counted)


async def test_the_past_is_read_as_it_was(server: Any, start: Callable[..., Any], asking: Any) -> None:
    """A span that is over says the same when it is asked for again, also of an instance that has gone since."""
    new, old = start("2"), start("1")
    counters = [deposits(page).labels("adyen", "ok") for page in (new, old)]
    server.scraped(new, old)
    asking.since = began = time.time()
    for counter in counters:
        counter.inc(5)
    server.scraped(new, old)
    readings = await asking.read_past(time.time(), OK)
    ended = time.time()
    server.lose(old)
    for counter in counters:
        counter.inc(90)
    server.scraped(new)
    again = await asking.source.read(Query(OK, (), asking.service, "2", "1", began, ended))
    assert isinstance(again, Reading)
    assert again.until >= readings[-1].until
    assert again.canary[()] == total(readings) == Counts(5, 5)
    assert again.baseline is not None
    assert again.baseline[()] == total(readings, "baseline") == Counts(5, 5)


async def test_an_address_may_have_been_another_versions(server: Any, start: Callable[..., Any], asking: Any) -> None:
    """Who deploys in place has the same instance before and after, and another ``up`` for each version."""
    new, old = start("9"), start("1")
    for page in (new, old):
        deposits(page).labels("adyen", "ok").inc(0)
    server.scraped(new, old)
    new.version = "2"
    new.restart()
    counter = deposits(new)
    counter.labels("adyen", "ok").inc(0)
    server.find()
    until(lambda: server.ask(f'up{{instance="{new.address}",version="2"}} == 1') or None, "the new version")
    asking.begin(server, new, old)
    counter.labels("adyen", "ok").inc(3)
    server.scraped(new, old)
    assert total(await asking.read_past(time.time(), OK)) == Counts(3, 3)
