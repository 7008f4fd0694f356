"""Against a real Prometheus: what is read is what the exporters counted, one by one."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client import Counter

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
    server.scraped(new, old, older)
    asking.since = time.time()
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
