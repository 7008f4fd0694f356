"""Calendars that are well-formed and make no sense."""

from dataclasses import replace

from croupier.core.governance.calendar.check import check_calendar
from croupier.core.governance.calendar.model import MOST_ENTRIES, Calendar, Entry, Kind

FINAL = Entry("final", Kind.FREEZE, "2026-05-30T20:00", "2026-05-30T23:30")
HOURS = Entry("hours", Kind.WINDOW, "2026-01-05T09:00", "2026-01-05T17:00")


def wrong(*entries: Entry) -> list[str]:
    return [str(problem) for problem in check_calendar(Calendar("sports", entries))]


def test_sense() -> None:
    assert wrong(FINAL, HOURS) == []
    assert wrong() == [], "documents are never taken away, so an empty one is how a calendar ends"
    [twice] = wrong(FINAL, HOURS, replace(HOURS, name="final"))
    assert twice == "spec.windows[1].name: 'final' is there twice. Give each its own name."
    [early] = wrong(FINAL, replace(HOURS, ends=HOURS.begins))
    assert early.startswith("spec.windows[0].to: it ends before it begins.")
    [old] = wrong(replace(FINAL, begins="1604-01-01T00:00", ends="1604-01-02T00:00"))
    assert old.startswith("spec.freezes[0].from: it begins before 1900.")
    [long] = wrong(replace(FINAL, ends="2027-08-30T20:00"))
    assert long.startswith("spec.freezes[0].to: it lasts for more than 400 days.")
    [many] = wrong(*(replace(FINAL, name=f"f{number}") for number in range(MOST_ENTRIES + 1)))
    assert "at most 500 are taken" in many
