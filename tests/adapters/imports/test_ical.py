"""iCal in and out: what becomes of every component, updates by UID, series with changed times, and hostile files."""

from typing import Any

import pytest

from croupier.adapters.imports import Shown, export_ical, import_ical
from croupier.adapters.imports.ical import Read
from croupier.adapters.manifests import parse_objects
from croupier.core.governance.calendar.model import Calendar, Kind
from croupier.errors import Rejected

FINAL = """BEGIN:VEVENT
UID:final@uefa
SUMMARY:Final\\, the big one
DESCRIPTION:Kick-off at nine
DTSTART;TZID=Europe/Malta:20260530T200000
DTEND;TZID=Europe/Malta:20260530T233000
CATEGORIES:Sport,freeze
SEQUENCE:2
END:VEVENT"""
WEEKLY = """BEGIN:VEVENT
UID:weekly
SUMMARY:Friday jackpot
DTSTART;TZID=W. Europe Standard Time:20260109T200000
DURATION:PT2H
RRULE:FREQ=WEEKLY;BYDAY=FR
EXDATE;TZID=Europe/Berlin:20260116T200000
EXDATE;TZID=Europe/Berlin:20260123T200000
END:VEVENT"""


def ics(*components: str, more: str = "") -> str:
    lines = "\n".join(("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:test", more, *components, "END:VCALENDAR"))
    return "\r\n".join(line for line in lines.splitlines() if line) + "\r\n"


def read(*components: str, present: dict[str, Any] | None = None, more: str = "", **how: Any) -> Read:
    found = import_ical(ics(*components, more=more), "sports", present, **({"kind": Kind.FREEZE} | how))
    bundle = parse_objects([found.document], None)
    assert [str(problem) for problem in bundle.errors] == []
    return found


def fates(found: Read) -> list[tuple[str, str]]:
    return [(line.event, line.fate.value) for line in found.lines]


def event(*lines: str, uid: str = "x") -> str:
    return "\n".join(("BEGIN:VEVENT", f"UID:{uid}", *lines, "END:VEVENT"))


def test_events_become_entries() -> None:
    found = read(FINAL, WEEKLY, kind=Kind.WINDOW)
    assert fates(found) == [("Final, the big one", "added"), ("Friday jackpot", "added")]
    assert found.document["spec"] == {
        "freezes": [
            {
                "name": "Final, the big one",
                "from": "2026-05-30T20:00",
                "to": "2026-05-30T23:30",
                "timeZone": "Europe/Malta",
                "why": "Kick-off at nine",
                "uid": "final@uefa",
                "sequence": 2,
            }
        ],
        "windows": [
            {
                "name": "Friday jackpot",
                "from": "2026-01-09T20:00",
                "to": "2026-01-09T22:00",
                "timeZone": "Europe/Berlin",
                "repeat": "FREQ=WEEKLY;BYDAY=FR",
                "leaveOut": ["2026-01-16T20:00", "2026-01-23T20:00"],
                "uid": "weekly",
            }
        ],
    }


def test_the_same_again_changes_nothing_and_an_update_replaces() -> None:
    before = read(FINAL).document
    assert read(FINAL, present=before).changes is False
    older = read(FINAL.replace("SEQUENCE:2", "SEQUENCE:1").replace("2000", "1900"), present=before)
    assert fates(older) == [("Final, the big one", "unchanged")]
    before["spec"]["freezes"][0]["scope"] = {"services": ["payments"]}
    later = read(FINAL.replace("SEQUENCE:2", "SEQUENCE:3").replace("T200000", "T210000"), present=before)
    assert fates(later) == [("Final, the big one", "updated")]
    [entry] = later.document["spec"]["freezes"]
    assert (entry["from"], entry["scope"], entry["sequence"]) == ("2026-05-30T21:00", {"services": ["payments"]}, 3)


def test_a_cancelled_event_is_taken_out_and_the_calendar_stays() -> None:
    before = read(FINAL).document
    gone = FINAL.replace("SEQUENCE:2", "SEQUENCE:3\nSTATUS:CANCELLED")
    found = read(gone, present=before)
    assert fates(found) == [("Final, the big one", "removed")]
    assert found.document["spec"] == {"freezes": []}
    assert fates(read(gone)) == [("Final, the big one", "unchanged")]
    assert fates(read(FINAL, present=before, more="METHOD:CANCEL")) == [("Final, the big one", "removed")]


def test_what_was_written_by_hand_stays() -> None:
    mine = {"name": "Maintenance", "from": "2026-01-01", "to": "2026-01-02"}
    present = {"spec": {"timeZone": "Europe/Malta", "description": "ours", "freezes": [mine]}}
    found = read(event("SUMMARY:Maintenance", "DTSTART:20260303T100000", "DURATION:PT1H"), present=present)
    spec = found.document["spec"]
    assert (spec["timeZone"], spec["description"], spec["freezes"][0]) == ("Europe/Malta", "ours", mine)
    assert spec["freezes"][1]["name"] == "Maintenance (2026-03-03)", "a name is there once"
    assert spec["freezes"][1]["timeZone"] == "Europe/Malta", "a floating time is the calendar's"
    third = event("SUMMARY:Maintenance", "DTSTART:20260303T180000", "DURATION:PT1H", uid="y")
    names = [entry["name"] for entry in read(third, present=found.document).document["spec"]["freezes"]]
    assert names[2] == "Maintenance (2026-03-03T18:00)"
    fourth = event("SUMMARY:Maintenance", "DTSTART:20260303T180000", "DURATION:PT1H", uid="z")
    found = read(third, fourth, present=found.document)
    assert found.document["spec"]["freezes"][3]["name"] == "Maintenance (2026-03-03T18:00, 2)"


def test_changed_times_of_a_series() -> None:
    moved = event(
        "SUMMARY:Friday jackpot", "RECURRENCE-ID;TZID=Europe/Berlin:20260130T200000",
        "DTSTART;TZID=Europe/Berlin:20260131T200000", "DURATION:PT3H", uid="weekly",
    )  # fmt: skip
    off = event("RECURRENCE-ID;TZID=Europe/Berlin:20260206T200000", "STATUS:CANCELLED", uid="weekly")
    found = read(moved, off, WEEKLY)
    series, own = found.document["spec"]["freezes"]
    assert series["leaveOut"][-2:] == ["2026-01-30T20:00", "2026-02-06T20:00"]
    assert (own["from"], own["to"], own["uid"]) == ("2026-01-31T20:00", "2026-01-31T23:00", "weekly#2026-01-30T20:00")
    again = read(WEEKLY.replace("PT2H", "PT4H"), present=found.document)
    series, own_still = again.document["spec"]["freezes"]
    assert series["to"] == "2026-01-10T00:00"
    assert "2026-02-06T20:00" in series["leaveOut"]
    assert own_still == own
    assert read(WEEKLY + "\n", present=again.document, more="METHOD:CANCEL").document["spec"] == {"freezes": []}


def test_further_times_and_all_days() -> None:
    found = read(
        event("SUMMARY:Cup", "DTSTART:20260601T180000Z", "DTEND:20260601T200000Z", "RDATE:20260608T180000Z", uid="cup"),
        event("SUMMARY:Christmas", "DTSTART;VALUE=DATE:20261224", "RDATE;VALUE=DATE:20271224", uid="xmas"),
        event("SUMMARY:Period", "DTSTART:20260601T180000Z", "DURATION:PT1H",
              "RDATE;VALUE=PERIOD:20260701T100000Z/PT3H,20260702T100000Z/20260702T110000Z", uid="p"),
    )  # fmt: skip
    times = [(entry["from"], entry["to"], entry["timeZone"]) for entry in found.document["spec"]["freezes"]]
    assert times == [
        ("2026-06-01T18:00", "2026-06-01T20:00", "UTC"),
        ("2026-06-08T18:00", "2026-06-08T20:00", "UTC"),
        ("2026-12-24T00:00", "2026-12-25T00:00", "UTC"),
        ("2027-12-24T00:00", "2027-12-25T00:00", "UTC"),
        ("2026-06-01T18:00", "2026-06-01T19:00", "UTC"),
        ("2026-07-01T10:00", "2026-07-01T13:00", "UTC"),
        ("2026-07-02T10:00", "2026-07-02T11:00", "UTC"),
    ]
    assert found.lines[0].why == "1 further times by RDATE"
    fewer = event("SUMMARY:Cup", "DTSTART:20260601T180000Z", "DTEND:20260601T200000Z", uid="cup")
    assert len(read(fewer, present=found.document).document["spec"]["freezes"]) == 6


OWN_ZONE = """BEGIN:VTIMEZONE
TZID:Ours
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+0300
TZOFFSETTO:+0300
END:STANDARD
END:VTIMEZONE"""


def test_a_zone_of_the_files_own_is_read_as_utc() -> None:
    found = read(OWN_ZONE, event("DTSTART;TZID=Ours:20260530T200000", "DURATION:PT1H"))
    [entry] = found.document["spec"]["freezes"]
    assert (entry["name"], entry["from"], entry["timeZone"]) == ("x", "2026-05-30T17:00", "UTC")


TWICE = ("RECURRENCE-ID:20260530T180000Z", "RECURRENCE-ID:20260531T180000Z")
DEEP = f"X-CROUPIER-SCOPE:{'[' * 100_000}"


@pytest.mark.parametrize(
    "component, why",
    [
        ("BEGIN:VTODO\nUID:t\nEND:VTODO", "a VTODO is no event"),
        ("BEGIN:VEVENT\nSUMMARY:a\nDTSTART:20260530T200000Z\nEND:VEVENT", "it has no UID"),
        (event("SUMMARY:a"), "it has no DTSTART"),
        (event("DTSTART:20260530T200000Z"), "it takes no time"),
        (event("DTSTART:20260530T200000Z", "DTEND:20260530T190000Z"), "it takes no time"),
        (event("DTSTART:yesterday", "DURATION:PT1H"), "it cannot be read"),
        (event("DTSTART:20260530T200000Z", "DURATION:PT1H", "RRULE:FREQ=SECONDLY"), "FREQ must be one of"),
        (event("DTSTART:20260530T200000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY", "RRULE:FREQ=DAILY"), "it has several"),
        (event("DTSTART:20260530T200000Z", "DURATION:PT1H", "X-CROUPIER-SCOPE:{"), "is no JSON"),
        (event("DTSTART:20260530T200000Z", "DURATION:PT1H", "CATEGORIES:ROLLOUT"), "a rollout of an export"),
        (
            event("DTSTART:20260530T200000Z", "DURATION:PT1H", "RECURRENCE-ID;RANGE=THISANDFUTURE:20260530T200000Z"),
            "THISANDFUTURE",
        ),
        (event("DTSTART:20260530T180000Z", "DURATION:PT1H", *TWICE), "it cannot be read"),
        pytest.param(event("DTSTART:20260530T180000Z", "DURATION:PT1H", DEEP), "it cannot be read", id="deep"),
    ],
)  # fmt: skip
def test_what_is_left_out_is_said(component: str, why: str) -> None:
    found = read(component, FINAL)
    [line] = [each for each in found.lines if each.event != "Final, the big one"]
    assert (line.fate.value, why in line.why) == ("left out", True), line
    assert len(found.document["spec"]["freezes"]) == 1


def test_what_no_category_says_needs_to_be_said() -> None:
    found = import_ical(ics(event("DTSTART:20260530T200000Z", "DURATION:PT1H")), "sports", None)
    assert "neither its categories (FREEZE, WINDOW) nor --as" in found.lines[0].why


def test_a_scope_for_what_is_new() -> None:
    found = read(FINAL, scope={"markets": ["SE"]})
    assert found.document["spec"]["freezes"][0]["scope"] == {"markets": ["SE"]}
    (again,) = read(FINAL, present=found.document, scope={"markets": ["SE"]}).lines
    assert (again.fate.value, again.why) == ("unchanged", "")
    (other,) = read(FINAL, present=found.document, scope={"markets": ["DE"]}).lines
    assert (other.fate.value, other.why) == (
        "unchanged",
        "whom it is about stays as the calendar has it: change its scope there",
    )


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "no iCal file"),
        ("hello", "no iCal file"),
        ("BEGIN:VCALENDAR\r\n", "no iCal file|holds|VCALENDAR"),
        ("BEGIN:VEVENT\r\nUID:x\r\nEND:VEVENT\r\n", "This is a VEVENT"),
        ("BEGIN:VCALENDAR\r\nX:" + "x" * 2**20 + "\r\nEND:VCALENDAR\r\n", "larger than 1 MiB"),
        (ics(*[event(uid=str(number)) for number in range(2_001)]), "2,001 components"),
    ],
)
def test_what_is_no_calendar_is_refused(text: str, said: str) -> None:
    with pytest.raises(Rejected, match=said):
        import_ical(text, "sports", None)


def test_no_more_entries_than_a_document_holds() -> None:
    many = [
        event(f"SUMMARY:e{number}", "DTSTART:20260530T200000Z", "DURATION:PT1H", uid=str(number))
        for number in range(501)
    ]
    found = read(*many)
    assert [line.fate.value for line in found.lines].count("added") == 500
    assert "the calendar is full" in found.lines[500].why


def declared(document: dict[str, Any]) -> Calendar:
    spec = parse_objects([document], None).documents[0].spec
    assert isinstance(spec, Calendar)
    return spec


def test_what_goes_out_comes_back_as_it_was() -> None:
    mine = {
        "name": "Office; hours, \\ and \"more\"\N{BULLET}", "from": "2026-01-05T09:00", "to": "2026-01-05T17:00",
        "repeat": "FREQ=WEEKLY;BYDAY=MO,TU;UNTIL=20261231T235959Z", "leaveOut": ["2026-01-06T09:00"],
        "scope": {"services": ["payments"], "match": {"market": ["SE"]}, "environments": ["production"]},
        "why": "nobody\nis there",
    }  # fmt: skip
    document = read(FINAL, WEEKLY).document
    document["spec"] |= {"windows": [mine]}
    text = export_ical(
        [declared(document)], [Shown("shop-1", 0.0, 60.0, "Rollout shop 1.1.0", "a\r\nEND:VCALENDAR\r\n")], 1.0
    )
    assert "BEGIN:VTIMEZONE" in text
    assert text.count("\r\nEND:VCALENDAR\r\n") == 1
    found = import_ical(text, "sports", None)
    assert [line.fate.value for line in found.lines] == ["added", "added", "added", "left out"]
    before, after = declared(document).entries, declared(found.document).entries
    for old, new in zip(before, after, strict=True):
        assert (old.name, old.begins, old.ends, old.zone, old.rule, old.without, old.scope, old.kind) == (
            new.name, new.begins, new.ends, new.zone, new.rule, new.without, new.scope, new.kind
        )  # fmt: skip
