"""Questions over spans, when processes push each at their own time, come, go, restart and fall silent."""

from typing import Any

import pytest
from tests.adapters.metrics.otlp.conftest import STARTED, Desk, counter, histogram, resource

from croupier.adapters.metrics.otlp.beat import Beat
from croupier.adapters.metrics.otlp.settings import OtlpSettings
from croupier.control.ports import VersionKey
from croupier.core.gates import Counts, EventsSli, LatencySli, RatioSli

BETS = RatioSli("shop.bets", good=(("outcome", ("ok",)),))
NEW, OLD = resource("1.1.0"), resource("1.0.0")
T = STARTED + 100


def bets(good: int, bad: int, at: float, *, start: float = T - 50, **more: Any) -> Any:
    return counter("shop.bets", [({"outcome": "ok"}, good), ({"outcome": "lost"}, bad)], start=start, at=at, **more)


def begin(desk: Desk, *more: Any) -> None:
    """Both versions are known, and the gate was probed, as before each rollout."""
    desk.push(T, OLD, bets(1_000, 10, T))
    assert desk.probe(BETS) is None
    desk.push(T + 10, OLD, bets(1_000, 10, T + 10))
    desk.read(BETS, T, T + 10)


def test_counts_of_both_versions_are_exact(desk: Desk) -> None:
    begin(desk)
    desk.push(T + 13, NEW, bets(7, 1, T + 13))
    desk.push(T + 20, OLD, bets(1_090, 12, T + 20))
    assert desk.counts(BETS, T + 10, T + 25) == (Counts(7, 8), Counts(90, 92))


def test_a_span_ends_where_everybody_has_told(desk: Desk) -> None:
    begin(desk)
    desk.push(T + 13, NEW, bets(5, 0, T + 13))
    desk.push(T + 20, OLD, bets(1_050, 10, T + 20))
    desk.push(T + 23, NEW, bets(9, 0, T + 23))  # the old version has not told of this time yet
    first = desk.reading(BETS, T + 10, T + 24)
    assert (first.until, first.canary[()], first.baseline and first.baseline[()]) == (
        T + 20,
        Counts(5, 5),
        Counts(50, 50),
    )
    desk.push(T + 30, OLD, bets(1_060, 10, T + 30))
    then = desk.reading(BETS, first.until, T + 31)
    assert (then.since, then.until) == (T + 20, T + 30)
    assert (then.canary[()], then.baseline and then.baseline[()]) == (Counts(4, 4), Counts(10, 10))


def test_nothing_new_is_no_new_reading(desk: Desk) -> None:
    begin(desk)
    desk.push(T + 13, NEW, bets(5, 0, T + 13))
    desk.push(T + 20, OLD, bets(1_050, 10, T + 20))
    once = desk.reading(BETS, T + 10, T + 21)
    again = desk.reading(BETS, once.until, T + 22)
    assert (again.since, again.until, again.canary[()]) == (once.until, once.until, Counts(0, 0))


def test_what_was_counted_before_we_listened_is_not_ours() -> None:
    """After a restart of the control plane the first push of each process is the base of the next."""
    desk = Desk()
    old = STARTED - 9_000
    desk.push(T, OLD, bets(1_000, 10, T, start=old))
    desk.read(BETS, T, T)
    for second, good in ((10, 2_000), (20, 2_010)):
        desk.push(T + second, OLD, bets(good, 10, T + second, start=old))
        desk.push(T + second, NEW, bets(good, 10, T + second, start=old))
        desk.read(BETS, T, T + second)
    assert desk.counts(BETS, T, T + 20) == (Counts(10, 10), Counts(10, 10))


def test_a_series_that_appears_later_counts_from_its_first_event(desk: Desk) -> None:
    begin(desk)
    desk.push(T + 15, NEW, bets(5, 0, T + 15))
    desk.push(T + 20, OLD, bets(1_050, 10, T + 20))
    lost = counter("shop.bets", [({"outcome": "lost", "psp": "b"}, 3)], start=T - 50, at=T + 25)
    lost.sum.data_points.extend(bets(5, 0, T + 25).sum.data_points)
    desk.push(T + 25, NEW, lost)
    desk.push(T + 30, OLD, bets(1_050, 10, T + 30))
    assert desk.counts(BETS, T + 20, T + 30)[0] == Counts(0, 3)


def test_no_version_is_judged_by_a_part_of_its_instances(desk: Desk) -> None:
    desk.ledger.watch({VersionKey("shop", "1.0.0"): 1, VersionKey("shop", "1.1.0"): 2})
    begin(desk)
    desk.push(T + 15, NEW, bets(5, 0, T + 15))
    desk.push(T + 20, OLD, bets(1_050, 10, T + 20))
    assert desk.silence(BETS, T + 10, T + 21) == "1 of 2 instances of shop 1.1.0 push metrics"
    desk.push(T + 22, resource("1.1.0", "b"), bets(6, 2, T + 22))
    desk.push(T + 25, NEW, bets(7, 0, T + 25))
    desk.push(T + 30, OLD, bets(1_060, 10, T + 30))
    found = desk.reading(BETS, T + 10, T + 31)
    assert (found.until, found.canary[()]) == (T + 22, Counts(11, 13))  # until the second has told once more


def test_an_instance_that_stops_pushing_is_silence_and_never_zero(desk: Desk) -> None:
    begin(desk)
    for second in range(10, 60, 10):
        desk.push(T + second, NEW, bets(second, 0, T + second))
        desk.push(T + second, OLD, bets(1_000 + second, 10, T + second))
        desk.read(BETS, T, T + second)
    for second in range(60, 100, 10):
        desk.push(T + second, OLD, bets(1_000 + second, 10, T + second))
        if second == 70:  # until it is late, spans wait for it
            assert desk.reading(BETS, T + 40, T + 75).until == T + 50
    assert desk.silence(BETS, T + 50, T + 95) == "shop 1.1.0 has not pushed metrics for 46 s: instance a"


def test_an_instance_that_left_holds_up_nobody(desk: Desk) -> None:
    begin(desk)
    other = resource("1.1.0", "b")
    for second in range(10, 60, 10):
        desk.push(T + second, NEW, bets(second, 0, T + second))
        if second < 40:
            desk.push(T + second, other, bets(second, 0, T + second))
        desk.push(T + second, OLD, bets(1_000 + second, 10, T + second))
        desk.read(BETS, T, T + second)
    assert desk.reading(BETS, T + 10, T + 55).until == T + 30
    desk.ledger.watch({VersionKey("shop", "1.1.0"): 1})
    for second in range(60, 90, 10):
        desk.push(T + second, NEW, bets(second, 0, T + second))
        desk.push(T + second, OLD, bets(1_000 + second, 10, T + second))
    found = desk.reading(BETS, T + 30, T + 85)
    assert (found.until, found.canary[()]) == (T + 80, Counts(50, 50))  # 80 of the one less 30; the other had told all


def test_who_never_pushed_is_told_what_to_do(desk: Desk) -> None:
    assert desk.silence(BETS, STARTED, STARTED + 9) == (
        "shop 1.1.0 has pushed no metrics since this control plane started 10 s ago"
    )
    assert "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT" in desk.silence(BETS, T, T + 10)
    desk.push(T, resource("1.0"), bets(1, 0, T))
    assert desk.probe(BETS) == "shop 1.0.0 pushes no metrics; shop pushes as service.version 1.0"
    unnamed = {"service.name": "shop", "service.version": "1.0.0"}
    assert desk.push(T, unnamed, bets(1, 0, T)).refused == 2
    assert "no service.instance.id" in (desk.probe(BETS) or "")


def test_both_spellings_of_metrics_and_attributes_are_understood(desk: Desk) -> None:
    begin(desk)
    prometheus = RatioSli("shop_bets_total", good=(("outcome", ("ok",)), ("service_name", ("shop",))))
    assert desk.probe(prometheus) is None
    desk.read(prometheus, T, T + 10)
    desk.push(T + 20, NEW, bets(5, 1, T + 20))
    desk.push(T + 20, OLD, bets(1_000, 10, T + 20))
    desk.push(T + 30, NEW, bets(9, 1, T + 30))
    desk.push(T + 30, OLD, bets(1_005, 10, T + 30))
    assert desk.counts(prometheus, T + 20, T + 30) == desk.counts(BETS, T + 20, T + 30) == (Counts(4, 4), Counts(5, 5))


def test_groups(desk: Desk) -> None:
    def by_psp(a: int, b: int, at: float) -> Any:
        return counter(
            "shop.bets",
            [({"outcome": "ok", "http.psp": "a"}, a), ({"outcome": "lost", "http.psp": "b"}, b)],
            start=T - 50,
            at=at,
        )

    desk.push(T, OLD, by_psp(1, 1, T))
    assert desk.probe(BETS, by=("http.psp",)) is None
    assert desk.probe(BETS, by=("psp",)) == (
        "'shop.bets' of shop 1.0.0 has no attribute 'psp'; it has http.psp, outcome, service.instance.id, "
        "service.name, service.version"
    )
    desk.read(BETS, T, T)
    for at, more in ((T + 10, 0), (T + 20, 4)):
        desk.push(at, OLD, by_psp(10 + more, 10, at))
        desk.push(at, NEW, by_psp(3, 2 + more, at))
    reading = desk.reading(BETS, T + 10, T + 20, by=("http.psp",))
    a, b = (("http.psp", "a"),), (("http.psp", "b"),)
    assert reading.canary == {(): Counts(0, 4), a: Counts(0, 0), b: Counts(0, 4)}
    assert reading.baseline == {(): Counts(4, 4), a: Counts(4, 4), b: Counts(0, 0)}


@pytest.mark.parametrize(
    "sli,why",
    [
        (RatioSli("shop.bet", BETS.good), "shop 1.0.0 pushes no metric 'shop.bet'; did you mean 'shop.bets'?"),
        (
            RatioSli("shop.bets", (("psp", ("a",)),)),
            (
                "'shop.bets' of shop 1.0.0 has no attribute 'psp'; it has outcome, service.instance.id, service.name, "
                "service.version"
            ),
        ),
        (
            RatioSli("shop.bets", (("outcome", ("won",)),)),
            "none of the 1010 events that shop 1.0.0 counted is good: outcome is never 'won', but 'lost', 'ok'",
        ),
        (LatencySli("shop.bets", 0.4), "'shop.bets' of shop 1.0.0 is a counter, not a histogram"),
        (
            LatencySli("shop.wait", 0.3),
            "'shop.wait' of shop 1.0.0 has no bucket edge at 0.3 s; its edges are 0.1, 0.4, 1",
        ),
        (LatencySli("shop.size", 0.3), "'shop.size' of shop 1.0.0 is measured in 'By', which is no time"),
        (LatencySli("shop.wait", 0.4), None),
        (LatencySli("shop_wait_seconds", 0.4), None),
        (EventsSli("shop.wait"), None),
        (RatioSli("shop_wait_seconds_count", (("code", ("200",)),)), None),
    ],
)
def test_a_gate_that_could_never_judge_is_told_why(desk: Desk, sli: Any, why: str | None) -> None:
    wait = histogram("shop.wait", (1, 2, 3, 4), start=T - 50, at=T, labels={"code": 200})
    desk.push(T, OLD, bets(1_000, 10, T), wait, histogram("shop.size", (1, 1, 1, 1), unit="By", start=T - 50, at=T))
    assert desk.probe(sli) == why


def test_milliseconds_are_seconds_too(desk: Desk) -> None:
    slow = LatencySli("shop.wait", 0.4)
    for at, counts in ((T, (1, 1, 1, 1)), (T + 10, (2, 3, 5, 6)), (T + 20, (3, 5, 8, 10))):
        for who in (OLD, NEW):
            desk.push(at, who, histogram("shop.wait", counts, bounds=(100, 400, 900), unit="ms", start=T - 20, at=at))
        desk.read(slow, T, at)
    assert desk.counts(slow, T + 10, T + 20)[0] == Counts(3, 10)


def test_limits_hold_and_are_told() -> None:
    desk = Desk(OtlpSettings(series_per_instance=3, instances=2, metrics_per_instance=2, attributes=4))
    begin(desk)
    many = counter("shop.bets", [({"outcome": str(n)}, n) for n in range(9)], start=T - 50, at=T + 20)
    taken = desk.push(T + 20, OLD, many)
    assert (taken.refused, taken.why) == (8, "shop.bets: too many series; use fewer attribute values")
    desk.push(T + 21, NEW, bets(1, 1, T + 21))
    assert (
        desk.silence(BETS, T, T + 22) == "shop 1.0.0 pushes too many series of 'shop.bets'; use fewer attribute values"
    )
    assert desk.push(T + 30, resource("1.1.0", "c"), bets(1, 1, T + 30)).why == "too many instances push here already"
    wide = counter("shop.bets", [({str(n): "x" for n in range(5)}, 1)], start=T, at=T + 40)
    assert desk.push(T + 40, NEW, wide).why == "shop.bets: more than 4 attributes"
    desk.push(T + 50, NEW, counter("b", [({}, 1)], start=T, at=T + 50))
    assert desk.push(T + 51, NEW, counter("c", [({}, 1)], start=T, at=T + 50)).refused == 1


def test_nothing_outlives_its_time(desk: Desk) -> None:
    begin(desk)
    desk.push(T + 15, NEW, bets(5, 0, T + 15))
    later = T + 2_000
    desk.push(later, resource("2.0.0"), bets(5, 0, later))
    ledger = desk.ledger
    assert {name.key.version for name in ledger._senders} == {"2.0.0"}
    assert not ledger._kept_from
    assert not ledger._pairs
    assert set(ledger._samples._of) == {VersionKey("shop", "2.0.0")}


def test_more_than_a_counter_can_be_is_silence_as_long_as_the_span_holds_it(desk: Desk) -> None:
    begin(desk)
    desk.push(T + 13, NEW, bets(5, 0, T + 13))
    desk.push(T + 20, OLD, bets(1_050, 10, T + 20))
    taken = desk.push(T + 23, NEW, bets(9, 2**54, T + 23))
    assert (taken.refused, taken.why) == (1, "shop.bets: 1.80144e+16 is more than a counter can be")
    desk.push(T + 30, OLD, bets(1_060, 10, T + 30))
    why = "'shop.bets' of shop 1.1.0 was refused: 1.80144e+16 is more than a counter can be"
    assert desk.silence(BETS, T + 20, T + 31) == why
    for second in (33, 40, 43, 50):
        desk.push(T + second, NEW, bets(9 + second, 1, T + second))
        desk.push(T + second, OLD, bets(1_060, 10, T + second))
    assert desk.counts(BETS, T + 40, T + 51)[0] == Counts(10, 10)


def test_a_histogram_of_too_many_buckets_is_silence_rather_than_half_counted(desk: Desk) -> None:
    slow = LatencySli("shop.wait", 5.0)
    desk.read(slow, T, T)
    for second in (1, 10):
        desk.push(T + second, OLD, histogram("shop.wait", [second] * 9, bounds=range(8), start=T, at=T + second))
        few = histogram("shop.wait", [second] * 9, bounds=range(8), start=T, at=T + second)
        wide = histogram("shop.wait", [second] * 400, bounds=range(399), start=T, at=T + second)
        few.histogram.data_points.extend(wide.histogram.data_points)
        desk.push(T + second + 1, NEW, few)
    why = "'shop.wait' of shop 1.1.0 was refused: a histogram of 399 buckets; 320 is the limit"
    assert desk.silence(slow, T + 1, T + 12) == why


@pytest.mark.parametrize("delta", [False, True])
def test_a_sum_that_no_counter_can_have_is_silence(desk: Desk, delta: bool) -> None:
    begin(desk)
    for second in (13, 20):
        desk.push(T + second, NEW, bets(2**52 + second, 2**52, T + second, start=T + second - 5, delta=delta))
        desk.push(T + second, OLD, bets(1_060, 10, T + second))
    assert "events, which no counter can" in desk.silence(BETS, T + 10, T + 21)


def test_wide_histograms_count_as_several_series() -> None:
    desk = Desk(OtlpSettings(series_per_instance=10))
    slow = LatencySli("shop.wait", 5.0)
    desk.read(slow, T, T)

    def wide(at: float, label: int, buckets: int = 300) -> Any:
        return histogram(
            "shop.wait", [1] * buckets, bounds=range(buckets - 1), start=T - 50, at=at, labels={"n": label}
        )

    assert desk.push(T + 1, NEW, wide(T + 1, 0)).refused == 0
    assert desk.push(T + 2, NEW, wide(T + 2, 0)).refused == 0
    assert "too many series" in desk.push(T + 3, NEW, wide(T + 3, 0), wide(T + 3, 1), wide(T + 3, 2)).why
    [sender] = desk.ledger._senders.values()
    assert sender.kept == 10


def test_a_push_costs_the_same_among_many_instances() -> None:
    """Whoever pushes, not everybody is looked at for each pair of versions."""
    desk = Desk()
    for canary in range(5):
        desk.read(BETS, T, T, canary=f"2.{canary}")
    looked = 0

    class Counting(Beat):
        def is_late(self, now: float) -> bool:
            nonlocal looked
            looked += 1
            return super().is_late(now)

    crowd = 100
    for turn in range(3):
        for n in range(crowd):
            desk.push(T + 10 * turn + n / 100, resource(instance=f"i{n}"), bets(turn, 0, T + 10 * turn + n / 100))
            if not turn:
                sender = list(desk.ledger._senders.values())[-1]
                sender.beat.__class__ = Counting
        for n in range(5):
            desk.push(T + 10 * turn + 2 + n / 100, resource(f"2.{n}"), bets(turn, 0, T + 10 * turn + 2))
    assert looked < 3 * crowd * 5 * 10
    assert desk.counts(BETS, T, T + 25, canary="2.4")[1] is not None
