"""Exact increases, for any history of a counter; and where spans may end."""

import math
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.adapters.metrics.prometheus.ask import Unanswered
from croupier.adapters.metrics.prometheus.growth import grown, resets_of
from croupier.adapters.metrics.prometheus.native import edge_near, within
from croupier.adapters.metrics.prometheus.plan import Role, edges
from croupier.adapters.metrics.prometheus.samples import Bucket, Native, Series
from croupier.adapters.metrics.prometheus.scrapes import Scrapes, boundary, known_from, scrapes_of
from croupier.adapters.metrics.prometheus.tally import tally
from croupier.core.gates import EventsSli


def counter(*samples: tuple[float, float], name: str = "deposits_total", **labels: str) -> Series:
    return Series(name, {"job": "j", "instance": "i", **labels}, samples)


def scraped(*times: float, started: dict[float, float] | None = None, slowest_s: float | None = None) -> Scrapes:
    return Scrapes(list(times), list(times), started or {}, slowest_s)


@given(
    st.lists(st.tuples(st.integers(0, 50), st.booleans()), min_size=2, max_size=30),
    st.lists(st.integers(0, 31), max_size=5),
)
def test_spans_add_up_to_what_happened(steps: list[tuple[int, bool]], cuts: list[int]) -> None:
    """However the time is cut, and wherever the process restarts, each event seen by a scrape counts once."""
    value, true, samples = 7, 0, [(0.0, 7.0)]
    for at, (events, restart) in enumerate(steps, 1):
        if restart and events < value:  # a reset is seen where the counter falls
            value = 0
        value, true = value + events, true + events
        samples.append((float(at), float(value)))
    series, scrapes = counter(*samples), scraped(*(at for at, _ in samples))
    bounds = sorted({0.0, *(float(cut) for cut in cuts if cut <= len(steps)), float(len(steps))})
    parts = [grown(series, scrapes, (), span)[1] for span in pairwise(bounds)]
    assert sum(parts) == true
    assert all(part >= 0 for part in parts)


@given(st.lists(st.floats(0, 5), min_size=2, max_size=20), st.integers(1, 18))
def test_counters_of_fractions_add_up_too(growth: list[float], cut: int) -> None:
    values, value = [], 0.0
    for step in growth:
        value += step
        values.append(value)
    series = counter(*((float(at), value) for at, value in enumerate(values)))
    scrapes, end = scraped(*map(float, range(len(values)))), float(len(values))
    parts = [grown(series, scrapes, (), span)[1] for span in ((0.0, float(cut)), (float(cut), end))]
    assert sum(parts) == grown(series, scrapes, (), (0.0, end))[1]
    assert abs(sum(parts) - (values[-1] - values[0])) < 1.001


@pytest.mark.parametrize(
    "series,scrapes,counted",
    [
        (counter((10, 7), (15, 9)), scraped(0, 5, 10, 15), 9),  # new on a page that was there before
        (counter((10, 7), (15, 9)), scraped(10, 15), 2),  # a page that nobody saw before: who knows since when
        (counter((10, 7), (15, 9)), scraped(10, 15, started={10: 3.0}), 9),  # it began a moment before
        (counter((10, 7), (15, 9)), scraped(10, 15, started={10: -900.0}), 2),  # it began long before
        (counter((5, 7), (15, 9)), scraped(5, 10, 15), 2),  # away for a scrape
        (counter((5, 7)), scraped(5, 10, 15), 0),  # away for good
        (counter((5, 7), (20, 9)), scraped(5, 20), 0),  # after the end
        (counter(), scraped(5), 0),
    ],
)
def test_where_a_counter_begins(series: Series, scrapes: Scrapes, counted: int) -> None:
    assert grown(series, scrapes, (), (6.0, 16.0)) == (0, counted)


def test_a_process_that_began_anew_is_told_from_a_clock_that_was_set() -> None:
    went_on, missing = counter((5, 3), (10, 4)), counter((5, 3), psp="x")
    began = {("j", "i"): scraped(5, 10, started={5: -50.0, 10: 8.0})}
    assert resets_of(began, [went_on]) == {("j", "i"): []}
    assert resets_of(began, [went_on, missing]) == {("j", "i"): [10]}
    assert grown(went_on, began["j", "i"], [10.0], (6, 16)) == (0, 4)
    same = {("j", "i"): scraped(5, 10, started={5: -50.0, 10: -49.0})}
    assert resets_of(same, [went_on, missing]) == {("j", "i"): []}


@given(
    st.lists(st.floats(0, 0.999), min_size=1, max_size=6),
    st.floats(0, 30),
    st.integers(0, 10),
    st.floats(0, 3),
)
def test_spans_hold_as_many_scrapes_of_each(phases: list[float], first: float, later: int, lag: float) -> None:
    """All are scraped every 10 s, each at its own moments; the questions come at any time."""
    now = first + later * 7.3

    def asked(at: float) -> list[Scrapes]:
        times = [[10 * (n + phase) for n in range(-2, 20) if 10 * (n + phase) <= at] for phase in phases]
        return [scraped(*each, slowest_s=lag) for each in times]

    since = boundary(asked(first), -5.0, first)
    until = boundary(asked(now), since, now)
    assert until <= now
    held = [sum(since < at <= until for at in one.done) for one in asked(now)]
    assert len(set(held)) == 1
    # And whatever comes later belongs to later spans.
    assert held == [sum(since < at <= until for at in one.done) for one in asked(now + 50)]
    assert until >= now - 20 - 3 * lag - 1 or until == since


def test_a_span_waits_for_who_was_not_scraped_again() -> None:
    late = Scrapes([0, 10, 20], [0, 10], {}, 0.0)
    assert boundary([late, scraped(5, 15, 25, slowest_s=0.0)], 0.0, 30.0) == 10
    assert boundary([Scrapes([10], [], {}, 0.0), scraped(5, 15)], 0.0, 30.0) == 0.0
    assert boundary([], 3.0, 30.0) == 3.0
    # Where nothing tells how long scrapes take, only another scrape tells that none is missing.
    assert boundary([scraped(5, 15), scraped(7, 17)], 0.0, 30.0) == 7
    assert boundary([scraped(5, 15, slowest_s=0.1), scraped(7, 17, slowest_s=0.1)], 0.0, 30.0) == 17


def test_what_an_outage_hid_of_two_versions_lies_in_one_span() -> None:
    """Prometheus was away from 10 to 100: the first scrape after it holds 90 seconds of events."""
    before = scraped(4.5, 6.5, 8.5, 10.5, slowest_s=0.0), scraped(3.9, 5.9, 7.9, 9.9, slowest_s=0.0)
    assert boundary(before, 7.95, 10.6) == 9.9

    def after(now: float) -> tuple[Scrapes, Scrapes]:
        times = (100.5, 102.5, 104.5), (99.9, 101.9, 103.9)
        each = [[*one.done, *(at for at in later if at <= now)] for one, later in zip(before, times, strict=True)]
        return scraped(*each[0], slowest_s=0.0), scraped(*each[1], slowest_s=0.0)

    # One was scraped once more before it, the other was not: to count scrapes alone would end the span at 99.9.
    assert [boundary(after(now), 9.95, now) for now in (100.0, 101.0, 102.6)] == [9.95, 9.95, 101.9]
    # So too for an instance that was scraped once only before it: what is usual is known of the others.
    usual = [8.5, 100.0, 102.0]
    assert boundary([scraped(6.5, *usual[:2], slowest_s=0.0), scraped(10.6, 101.1, slowest_s=0.0)], 10.0, 101.2) == 10
    assert boundary([scraped(6.5, *usual, slowest_s=0.0), scraped(10.6, 101.1, 103.1)], 10.0, 103.2) == 102


def test_scrapes_that_became_rarer_are_no_outage_for_long() -> None:
    """From every 5 s to every 60 s: an instance that is scraped half a minute after another one is not away."""
    before, after = [5.0 * n for n in range(-59, 1)], [60.0 * n for n in range(1, 7)]
    one = scraped(*before, *after, slowest_s=0.0)
    other = scraped(*(at - 2 for at in before), *(at - 30 for at in after), slowest_s=0.0)
    assert boundary([one, other], 0.0, 360.0) == 300


@given(st.lists(st.floats(0, 0.999), min_size=2, max_size=6), st.floats(0, 30), st.floats(25, 500), st.floats(0, 60))
def test_no_span_ends_in_an_outage(phases: list[float], ended: float, lasted: float, later: float) -> None:
    """All are scraped every 10 s, but for a time in which nobody is."""
    back = ended + lasted

    def asked(at: float) -> list[Scrapes]:
        due = [[10 * (n + phase) for n in range(-5, 80)] for phase in phases]
        return [scraped(*(x for x in each if x <= at and not ended < x < back), slowest_s=0.0) for each in due]

    now, since = back + later, boundary(asked(ended), ended - 10, ended)
    until = boundary(asked(now), since, now)
    if until > since:
        missed = [sum(since < at <= until and at >= back for at in one.done) > 0 for one in asked(now + 50)]
        assert len(set(missed)) == 1


def test_an_instance_may_have_been_another_version() -> None:
    after, before = ((20, 1.0), (25, 0.0), (30, 1.0)), ((5, 1.0), (10, 1.0), (15, 1.0))
    ups = [counter(*after, name="up", version="10"), counter(*before, name="up", version="9")]
    (one,) = scrapes_of(ups, [], 60.0).values()
    assert (one.tried, one.done) == ([5, 10, 15, 20, 25, 30], [5, 10, 15, 20, 30])


def test_a_version_is_known_from_its_first_scrape_unless_it_began_there() -> None:
    assert known_from([scraped(5, 15)], 10.0) == 10.0
    assert known_from([scraped(12, 15), scraped(14)], 10.0) == 12.0
    assert known_from([scraped(12, started={12: 11.0})], 10.0) == 10.0
    assert known_from([], 10.0) == 10.0


def test_scrapes_are_those_of_up_or_else_of_the_samples() -> None:
    about = [counter((1, 1), (2, 0), (3, 1), (9, 1), name="up"), counter((1, 0.5), name="scrape_duration_seconds")]
    found = scrapes_of(about, [counter((1, 5), instance="other"), counter((2, 5), instance="other")], 4.0)
    assert found["j", "i"] == Scrapes([1, 2, 3], [1, 3], {}, 0.5)
    assert found["j", "other"] == Scrapes([1, 2], [1, 2])
    assert found["j", "i"].failing_since is None
    assert Scrapes([1, 2, 3], [1]).failing_since == 2
    assert Scrapes([1], []).failing_since == 1


def histogram(*edges_and_counts: tuple[float, float, float]) -> Series:
    buckets = tuple(Bucket(*each) for each in edges_and_counts)
    return Series("s", {}, ((0.0, Native(sum(each.count for each in buckets), buckets)),))


def powers(schema: int, *indices: int) -> Series:
    base = 2 ** (2**-schema)
    return histogram(*((base ** (index - 1), base**index, 1.0) for index in indices))


@pytest.mark.parametrize(
    "series,threshold,edge",
    [
        ([powers(3, -10, 4)], 0.4, 2 ** (-11 / 8)),
        ([powers(3, -12, 4)], 0.4, 0.4),  # nothing lies around it
        ([powers(3, -10), powers(2, 5)], 0.39, None),  # the coarsest decides: 0.354 and 0.42
        ([powers(2, -5)], 0.41, 2**-1.25),
        ([powers(0, -1)], 0.5, 0.5),
        ([powers(0, -1)], 0.4, None),
        ([histogram((-1e-9, 1e-9, 5))], 0.4, 0.4),
        ([histogram((0.1, 0.4, 5), (0.4, 2.0, 1))], 0.4, 0.4),  # custom buckets
        ([histogram((0.1, 0.4, 5), (0.4, math.inf, 1))], 0.3, None),
        ([], 0.4, 0.4),
    ],
)
def test_native_histograms_are_counted_at_an_edge_that_all_have(
    series: list[Series], threshold: float, edge: float | None
) -> None:
    assert edge_near(series, threshold) == (None if edge is None else pytest.approx(edge))


@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=50), st.integers(0, 8), st.floats(1e-3, 1e3))
def test_what_lies_within_an_edge_is_counted_exactly(observed: list[float], schema: int, threshold: float) -> None:
    indices = [math.ceil(math.log2(value) * 2**schema) for value in observed]
    one = powers(schema, *indices)
    edge = edge_near([one], threshold)
    if edge is not None:
        assert abs(edge - threshold) <= 0.05 * threshold + 1e-12
        [(_, value)] = one.samples
        assert isinstance(value, Native)
        assert within(value, edge) == sum(index <= round(math.log2(edge) * 2**schema) for index in indices)


@pytest.mark.parametrize("threshold", [0.4, 1.0, 2.5, 1e-5, 10.0, 0.005, 1e6])
def test_an_edge_is_found_however_it_is_written(threshold: float) -> None:
    for way in (repr(threshold), f"{threshold:g}", f"{threshold:e}"):
        assert re.fullmatch(edges(threshold), way), way
    assert not re.fullmatch(edges(threshold), f"{threshold}1")


@pytest.mark.parametrize("value", [math.inf, 1.7e308, 2.0**53 + 2])
def test_more_than_a_counter_can_be_is_no_answer(value: float) -> None:
    with pytest.raises(Unanswered, match="which no counter can be"):
        grown(counter((0.0, 1.0), (1.0, value)), scraped(0.0, 1.0), (), (0.0, 1.0))


def test_a_sum_that_no_counter_can_have_is_no_answer() -> None:
    found = [(Role.TOTAL, counter((0.0, 0.0), (1.0, 2.0**52 + 1), a=label)) for label in "bc"]
    with pytest.raises(Unanswered, match=re.escape("'x' counts 9.0072e+15 events, which no counter can")):
        tally(EventsSli("x"), found, (), {("j", "i"): scraped(0.0, 1.0)}, (0.0, 1.0), None)
