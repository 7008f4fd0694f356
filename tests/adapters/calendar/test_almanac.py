"""Times of entries, by real time zones: the two odd hours, recurrences over them, and rules that lead nowhere."""

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given
from hypothesis import strategies as st

from croupier.adapters.calendar import Recurrences, almanac
from croupier.core.governance.calendar.interval import Interval
from croupier.core.governance.calendar.model import Entry, Kind

ALMANAC = Recurrences(frozenset({"production"}))
YEAR = Interval(datetime(2026, 1, 1, tzinfo=UTC).timestamp(), datetime(2027, 1, 1, tzinfo=UTC).timestamp())


def entry(
    begins: str, ends: str, rule: str | None = None, kind: Kind = Kind.FREEZE, zone: str = "Europe/Malta"
) -> Entry:
    return Entry("final", kind, begins, ends, zone=zone, rule=rule)


def times(asked: Entry, within: Interval = YEAR) -> list[str]:
    def shown(at: float) -> str:
        return datetime.fromtimestamp(at, UTC).strftime("%m-%dT%H:%M")

    return [f"{shown(each.begins)} {shown(each.ends)}" for each in ALMANAC.times(asked, within)]


def test_one_time() -> None:
    final = entry("2026-05-30T20:00", "2026-05-30T23:30")
    assert times(final) == ["05-30T18:00 05-30T21:30"]
    assert times(replace(final, zone="America/New_York")) == ["05-31T00:00 05-31T03:30"]
    assert times(final, Interval(0.0, 1.0)) == []


def test_the_hour_that_does_not_exist() -> None:
    """On 29 March 02:00 to 03:00 is left out: a freeze is as long as can be, a window as short."""
    begins, ends = "2026-03-29T02:30", "2026-03-29T04:00"
    assert times(entry(begins, ends)) == ["03-29T00:30 03-29T02:00"]
    assert times(entry(begins, ends, kind=Kind.WINDOW)) == ["03-29T01:30 03-29T02:00"]
    assert times(entry("2026-03-29T02:30", "2026-03-29T02:45", kind=Kind.WINDOW)) == []
    assert times(entry("2026-03-29T02:30", "2026-03-29T02:45")) == ["03-29T00:30 03-29T01:45"]


def test_the_hour_that_is_there_twice() -> None:
    """On 25 October 02:00 to 03:00 is there twice."""
    assert times(entry("2026-10-25T01:00", "2026-10-25T02:30")) == ["10-24T23:00 10-25T01:30"]
    assert times(entry("2026-10-25T02:30", "2026-10-25T05:00")) == ["10-25T00:30 10-25T04:00"]
    assert times(entry("2026-10-25T02:30", "2026-10-25T05:00", kind=Kind.WINDOW)) == ["10-25T01:30 10-25T04:00"]


def test_a_recurrence_keeps_its_local_time_over_the_change_of_clocks() -> None:
    nightly = entry("2026-03-27T22:00", "2026-03-28T06:00", "FREQ=DAILY;COUNT=3")
    assert times(nightly) == ["03-27T21:00 03-28T05:00", "03-28T21:00 03-29T04:00", "03-29T20:00 03-30T04:00"]


def test_ends_of_rules_and_what_is_left_out() -> None:
    weekly = entry("2026-05-02T20:00", "2026-05-02T22:00", "FREQ=WEEKLY;BYDAY=SA;UNTIL=20260516T180000Z")
    assert [each[:5] for each in times(weekly)] == ["05-02", "05-09", "05-16"]
    assert [each[:5] for each in times(replace(weekly, without=("2026-05-09T20:00",)))] == ["05-02", "05-16"]
    assert [each[:5] for each in times(replace(weekly, rule="FREQ=WEEKLY;UNTIL=20260509"))] == ["05-02", "05-09"]
    assert times(replace(weekly, rule="FREQ=WEEKLY;UNTIL=20200101T000000Z")) == []
    assert [each[:5] for each in times(replace(weekly, rule="FREQ=MONTHLY;BYDAY=1SA;COUNT=2"))] == ["05-02", "06-06"]


def test_a_rule_that_nothing_fulfils_ends() -> None:
    never = entry("2026-01-01T00:00", "2026-01-01T01:00", "FREQ=DAILY;INTERVAL=7;BYDAY=TU;COUNT=5")
    assert times(never) == []
    assert times(replace(never, rule="FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30")) == []


def test_the_search_for_what_is_never_found_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends after the year 9999 only: five hundred such entries would hold up every rollout for half an hour."""
    begun: list[datetime] = []

    def noting(rule: str, dtstart: datetime) -> object:
        begun.append(dtstart)
        return rrulestr(rule, dtstart=dtstart)

    monkeypatch.setattr(almanac, "rrulestr", noting)
    never = entry("1900-01-01T00:00", "1900-01-01T01:00", "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=31;COUNT=9")
    assert times(never) == []
    leap = entry("1904-02-29T00:00", "1904-02-29T01:00", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;COUNT=99")
    year = Interval(datetime(2028, 1, 1, tzinfo=UTC).timestamp(), datetime(2029, 1, 1, tzinfo=UTC).timestamp())
    assert times(leap, year) == ["02-28T23:00 02-29T00:00"]
    assert min(each.year for each in begun) > 9_400


def test_what_cannot_be_told_is_closed(caplog: pytest.LogCaptureFixture) -> None:
    gone = entry("2026-05-30T20:00", "2026-05-30T23:30", zone="Mars/Olympus")
    with caplog.at_level(logging.ERROR):
        assert ALMANAC.times(gone, YEAR) == (YEAR,)
        assert ALMANAC.times(replace(gone, kind=Kind.WINDOW), YEAR) == ()
    assert "counts as closed" in caplog.text


@given(
    st.datetimes(datetime(2015, 1, 1), datetime(2026, 6, 1)),  # noqa: DTZ001
    st.sampled_from(["FREQ=DAILY;INTERVAL=3", "FREQ=WEEKLY;BYDAY=TU,SA", "FREQ=WEEKLY;INTERVAL=5", "FREQ=DAILY"]),
    st.integers(1, 60),
    st.sampled_from(["Europe/Malta", "America/New_York", "Asia/Kolkata", "UTC"]),
    st.integers(0, 360),
)
def test_a_rule_begun_nearer_names_the_same_times(first: datetime, rule: str, hours: int, zone: str, day: int) -> None:
    """Against dateutil from the very beginning, month by month."""
    first = first.replace(second=0, microsecond=0)
    begins = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)
    within = Interval(begins.timestamp(), (begins + timedelta(days=30)).timestamp())
    asked = entry(first.isoformat(), (first + timedelta(hours=hours)).isoformat(), rule, zone=zone)
    found = {each.begins for each in ALMANAC.times(asked, within)}
    local = rrulestr(rule, dtstart=first).between(first, datetime(2027, 6, 1), inc=True)  # noqa: DTZ001
    expected = set()
    for start in local:
        span = [
            moment.replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()
            for moment in (start, start + timedelta(hours=hours))
            for fold in (0, 1)
        ]
        if min(span) < max(span) and Interval(min(span[:2]), max(span[2:])).meets(within):
            expected.add(min(span[:2]))
    assert found == expected
