"""One page that several jobs scrape: what it counted is counted once."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client import Counter, Gauge

from croupier.adapters.metrics.prometheus.doubles import doubles
from croupier.adapters.metrics.prometheus.plan import Role
from croupier.adapters.metrics.prometheus.samples import Series
from croupier.core.gates import RatioSli

OK = RatioSli("deposits", good=(("outcome", ("ok",)),))
A, B, C = ("a", "10.0.0.1:80"), ("b", "10.0.0.1:80"), ("c", "10.0.0.1:80")


def series(target: tuple[str, str], *times: float, name: str = "deposits_total", value: float = 1.0) -> Series:
    job, instance = target
    return Series(name, {"job": job, "instance": instance}, tuple((at, value) for at in times))


def found(*several: Series) -> list[tuple[Role, Series]]:
    return [(next(iter(Role)), one) for one in several]


def began(target: tuple[str, str], at: float) -> Series:
    return series(target, 1.0, name="process_start_time_seconds", value=at)


def test_the_first_job_counts_until_it_has_ended() -> None:
    metric = "deposits_total"
    assert doubles(found(series(B, 10.0, 20.0), series(A, 9.0), series(C, 12.0)), []) == {
        (metric, B): A,
        (metric, C): A,
    }
    assert doubles(found(series(B, 10.0, 400.0), series(A, 9.0)), []) == {(metric, A): B}
    assert doubles([], []) == {}
    assert doubles(found(series(A, 1.0), series(A, 2.0)), []) == {}


def test_each_metric_by_itself() -> None:
    assert not doubles(found(series(A, 1.0, name="good"), series(B, 1.0, name="total")), [])


def test_what_began_at_another_time_is_another_process() -> None:
    two = found(series(A, 1.0), series(B, 1.0))
    assert not doubles(two, [began(A, 5.0), began(B, 6.0)])
    assert doubles(two, [began(A, 5.0), began(B, 5.0), series(A, 1.0, name="up")])
    restarted = [began(A, 5.0), began(A, 7.0), began(B, 5.0)]  # and the other job does not know yet
    assert doubles(two, restarted)
    assert not doubles(two, [began(A, 5.0)])


def test_a_name_without_a_port_is_no_page() -> None:
    pods = found(series(("eu", "pay-0"), 1.0), series(("us", "pay-0"), 1.0))
    assert not doubles(pods, [])
    assert doubles(pods, [began(("eu", "pay-0"), 5.0), began(("us", "pay-0"), 5.0)])


@pytest.mark.prometheus
@pytest.mark.parametrize("told", [True, False], ids=["tells when it began", "tells nothing of that"])
async def test_two_jobs_on_one_page_count_once(
    server: Any, start: Callable[..., Any], asking: Any, service: str, told: bool
) -> None:
    new, old = start("2", found=False), start("1", found=False)
    counters = []
    for page in (new, old):
        counters.append(Counter("deposits", "Deposits.", ["outcome"], registry=page.registry))
        counters[-1].labels("ok").inc(10)
        if told:
            Gauge("process_start_time_seconds", "", registry=page.registry).set(time.time() - 500)
    labels = [(page, {"service": service, "version": page.version}) for page in (new, old)]
    server.tell([(page.address, {**own, "job": job}) for page, own in labels for job in ("pods", "services")])
    asking.begin(server, new, old)
    counters[0].labels("ok").inc(3)
    counters[1].labels("failed").inc(4)
    server.scraped(new, old)
    readings = await asking.read_past(time.time(), OK)
    assert sum(one.canary[()].total for one in readings) == 3
    assert sum(one.baseline[()].total for one in readings) == 4
    assert all(len(one.parts) == 1 for one in readings)
