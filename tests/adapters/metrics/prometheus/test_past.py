"""Comparisons with another day, on a real Prometheus that has eight of them: exact counts of the same hour, or silence
with the reason.
"""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from tests.adapters.metrics.prometheus.conftest import Server, need_prometheus
from tests.adapters.metrics.prometheus.history import DAY_S, HOUR_S, STEP_S, Instance, moments, write

from croupier.adapters.clock import SystemClock
from croupier.adapters.metrics.prometheus import PrometheusMetrics, PrometheusSettings
from croupier.control import hearing
from croupier.control.observe import _answered
from croupier.control.ports import Query
from croupier.core.gates import PROMETHEUS, ClassicRule, Comparison, Counts, Gate, GateState, RatioSli, Reading, Silence
from croupier.core.gates.judge import judge
from croupier.core.gates.model import Against

SLI = RatioSli("deposits_total", good=(("outcome", ("ok",)),))
NOW = float(int(time.time()) // STEP_S * STEP_S - STEP_S)
WEEK_S = 7 * DAY_S


class Past:
    """A Prometheus with a history; it scrapes nobody."""

    def __init__(self, folder: Path, port: int, *more: str) -> None:
        times = moments(NOW)
        half = NOW - DAY_S - HOUR_S / 2
        self.old = [
            # A restart in yesterday's hour, and one last week between two scrapes.
            Instance("a:1", "1", ok=10, failed=1, resets=(half, NOW - WEEK_S - 90.0)),
            # Not scraped for some minutes of yesterday's hour: what it counted shows up afterwards.
            Instance("b:1", "1", ok=7, failed=0, away=((half, half + 4 * STEP_S),)),
        ]
        self.new = [Instance("c:1", "2", ok=9, failed=3, born=NOW - 2 * HOUR_S)]
        # Away for the whole hour last week.
        self.gone = [Instance("d:1", "0", 5, 0, away=((NOW - WEEK_S - 2 * HOUR_S, NOW - WEEK_S + HOUR_S),))]
        for one in (*self.old, *self.new, *self.gone):
            one.live(times)
        write(folder, [*self.old, *self.new, *self.gone])
        self.server = Server(folder, port, more=("--storage.tsdb.allow-overlapping-blocks", *more))

    def counted(self, since: float, until: float) -> Counts:
        parts = [one.counted(since, until) for one in self.old]
        return Counts(sum(good for good, _ in parts), sum(total for _, total in parts))


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory, free_ports: Callable[[], int]) -> Iterator[Past]:
    need_prometheus()
    one = Past(tmp_path_factory.mktemp("past"), free_ports(), "--storage.tsdb.retention.time=30d")
    yield one
    one.server.stop()


@pytest.fixture
async def source(past: Past) -> AsyncIterator[PrometheusMetrics]:
    one = PrometheusMetrics(SystemClock(), PrometheusSettings(past.server.url))
    yield one
    await one.stop()


def query(since: float, until: float, baseline: str | None = "1", canary: str = "2") -> Query:
    return Query(SLI, (), "pay", canary, baseline, since, until, PROMETHEUS)


def gate(against: Against) -> Gate:
    rule = ClassicRule(interval_s=60.0, consecutive=1)
    return Gate("past", SLI, comparison=Comparison(against=against), rule=rule, source=PROMETHEUS)


async def compared(source: PrometheusMetrics, against: Against, **asked: str) -> Reading | Silence:
    ask = partial(hearing.ask, source, told=set())
    return await _answered(ask, gate(against), query(NOW - HOUR_S, NOW, **asked))


@pytest.mark.parametrize("against, ago", [("yesterday", DAY_S), ("last-week", WEEK_S)])
async def test_the_same_hour_of_another_day_is_counted_exactly(
    past: Past, source: PrometheusMetrics, against: Against, ago: float
) -> None:
    """With a restart, with scrapes that are missing, and whatever happened between then and now."""
    found = await compared(source, against)
    assert isinstance(found, Reading), found
    assert found.until > NOW - 3 * STEP_S
    assert found.canary[()] == Counts(*past.new[0].counted(found.since, found.until))
    assert found.baseline is not None
    then = past.counted(found.since - ago, found.until - ago)
    assert found.baseline[()] == then
    assert then.total > 1_000


async def test_adjacent_hours_of_the_past_add_up(past: Past, source: PrometheusMetrics) -> None:
    whole, parts = None, Counts(0, 0)
    for since, until in ((-60, 0), (-60, -40), (-40, -15), (-15, 0)):
        then = NOW - DAY_S
        found = await source.read(query(then + since * STEP_S, then + until * STEP_S, None, "1"))
        assert isinstance(found, Reading)
        assert (found.since, found.until) == (then + since * STEP_S, then + until * STEP_S)
        if whole is None:
            whole = found.canary[()]
        else:
            parts = Counts(parts.good + found.canary[()].good, parts.total + found.canary[()].total)
    assert whole == parts == past.counted(NOW - DAY_S - HOUR_S, NOW - DAY_S)


async def test_the_verdict_says_that_it_is_weaker(source: PrometheusMetrics) -> None:
    found = await compared(source, "last-week")
    assert isinstance(found, Reading)
    state = judge(gate("last-week"), GateState("past"), found, NOW, watching_since=NOW - HOUR_S, next_bp=1)
    assert state.latest is not None
    assert "last week at this hour (weaker evidence: another day, other players)" in state.latest.reason


@pytest.mark.parametrize(
    "against, baseline, why",
    [
        ("last-week", "0", "of 7 day(s) ago: "),
        ("yesterday", "9", "of 1 day(s) ago: Prometheus has no series of pay 9"),
        ("last-week", "2", "of 7 day(s) ago: Prometheus has no series of pay 2"),
    ],
    ids=["not scraped then", "there never was one", "not there yet"],
)
async def test_an_hour_that_is_missing_is_silence(
    source: PrometheusMetrics, against: Against, baseline: str, why: str
) -> None:
    found = await compared(source, against, baseline=baseline, canary="1")
    assert isinstance(found, Silence)
    assert found.reason.startswith(why)


async def test_a_clock_that_was_set_changes_what_is_asked_and_not_what_was(
    past: Past, source: PrometheusMetrics
) -> None:
    """A day is 86,400 seconds, whatever local clocks do: an hour later is another hour, exactly counted."""
    ask = partial(hearing.ask, source, told=set())
    shifted = query(NOW - 2 * HOUR_S, NOW - HOUR_S)
    found = await _answered(ask, gate("yesterday"), shifted)
    assert isinstance(found, Reading)
    assert found.baseline is not None
    assert found.baseline[()] == past.counted(found.since - DAY_S, found.until - DAY_S)
    early = await _answered(ask, gate("yesterday"), replace(shifted, since=NOW + DAY_S, until=NOW + 2 * DAY_S))
    assert isinstance(early, Silence)  # nobody knows tomorrow


async def test_a_past_that_is_not_kept_is_told(tmp_path: Path, free_ports: Callable[[], int], past: Past) -> None:
    short = Past(tmp_path, free_ports(), "--storage.tsdb.retention.time=3d")
    one = PrometheusMetrics(SystemClock(), PrometheusSettings(short.server.url))
    try:
        found = await compared(one, "last-week")
    finally:
        await one.stop()
        short.server.stop()
    assert isinstance(found, Silence)
    assert found.reason.startswith("of 7 day(s) ago: Prometheus has no series of pay 1")
    assert found.reason.endswith("; it keeps 3d")
