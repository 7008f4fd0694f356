"""Which recurrence rules a calendar may have, and what is said of the others."""

from datetime import datetime

import pytest

from croupier.core.governance.calendar.recurrence import parse_rule, until, written


@pytest.mark.parametrize(
    "text, once",
    [
        ("RRULE:BYDAY=SA;FREQ=WEEKLY", "FREQ=WEEKLY;BYDAY=SA"),
        ("freq=daily;count=5", "FREQ=DAILY;COUNT=5"),
        ("FREQ=MONTHLY;BYDAY=-1FR;INTERVAL=2", "FREQ=MONTHLY;INTERVAL=2;BYDAY=-1FR"),
        ("FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24,-1", "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24,-1"),
        ("FREQ=WEEKLY;UNTIL=20261231T235959Z;WKST=SU", "FREQ=WEEKLY;UNTIL=20261231T235959Z;WKST=SU"),
    ],
)
def test_rules_have_one_way_of_being_written(text: str, once: str) -> None:
    assert written(parse_rule(text)) == once
    assert written(parse_rule(once)) == once


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "is not NAME=VALUE"),
        ("FREQ", "is not NAME=VALUE"),
        ("FREQ=DAILY;FREQ=DAILY", "FREQ is there twice"),
        ("FREQ=HOURLY", "FREQ must be one of DAILY"),
        ("FREQ=SECONDLY", "FREQ must be one of DAILY"),
        ("INTERVAL=2", "FREQ must be one of DAILY"),
        ("FREQ=DAILY;BYHOUR=3", "BYHOUR cannot be used here"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20260101", "exclude each other"),
        ("FREQ=DAILY;COUNT=0", "COUNT must be from 1 to 1000"),
        ("FREQ=DAILY;INTERVAL=1001", "INTERVAL must be from 1 to 1000"),
        ("FREQ=DAILY;INTERVAL=two", "INTERVAL must be a whole number"),
        ("FREQ=YEARLY;BYMONTH=13", "BYMONTH cannot hold 13"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY cannot hold 0"),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "BYMONTHDAY goes with MONTHLY and YEARLY, not with DAILY"),
        ("FREQ=WEEKLY;BYSETPOS=366", "BYSETPOS goes with MONTHLY and YEARLY, not with WEEKLY"),
        ("FREQ=WEEKLY;BYDAY=XX", "BYDAY cannot hold 'XX'"),
        ("FREQ=WEEKLY;BYDAY=1SA", "BYDAY cannot hold '1SA'"),
        ("FREQ=WEEKLY;WKST=X", "WKST must be a day"),
        ("FREQ=DAILY;UNTIL=tomorrow", "UNTIL must be like"),
        ("FREQ=DAILY;UNTIL=20261399", "UNTIL must be like"),
    ],
)
def test_what_cannot_be_used_is_said(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_rule(text)


def test_ends() -> None:
    assert until("20261231T235959Z") == (datetime(2026, 12, 31, 23, 59, 59), True)  # noqa: DTZ001
    assert until("20261231T200000") == (datetime(2026, 12, 31, 20), False)  # noqa: DTZ001
    assert until("20261231") == (datetime(2026, 12, 31, 23, 59, 59), False)  # noqa: DTZ001
