"""iCal out (RFC 5545): freezes, windows and rollouts as events that other calendars subscribe to, and that our import
takes back as they were.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from croupier.core.governance.calendar.model import EVERYTHING, Calendar, Entry, Scope

SCOPE: Final = "X-CROUPIER-SCOPE"
"""Whom an entry is about, as JSON as in the document."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A rollout as an event: epoch seconds, and lines for people."""

    id: str
    begins: float
    ends: float
    summary: str
    about: str


def export_ical(calendars: Iterable[Calendar], rollouts: Iterable[Shown], now: float) -> str:
    """The text of a VCALENDAR. What people wrote is escaped, so that it stays text."""
    import icalendar

    whole = icalendar.Calendar()
    whole.add("prodid", "-//Croupier//Freeze calendar//EN")
    whole.add("version", "2.0")
    whole.add("x-wr-calname", "Croupier")
    stamp = datetime.fromtimestamp(now, UTC)
    for calendar in calendars:
        for entry in calendar.entries:
            whole.add_component(_entry(icalendar.Event(), calendar, entry, stamp))
    for rollout in rollouts:
        whole.add_component(_rollout(icalendar.Event(), rollout, stamp))
    whole.add_missing_timezones()
    text: str = whole.to_ical().decode()
    return text


def _entry(event: Any, calendar: Calendar, entry: Entry, stamp: datetime) -> Any:
    import icalendar

    zone = UTC if entry.zone == "UTC" else ZoneInfo(entry.zone)
    begins, ends = (datetime.fromisoformat(each).replace(tzinfo=zone) for each in (entry.begins, entry.ends))
    event.add("uid", entry.uid or f"{calendar.name}/{entry.name}@croupier")
    event.add("dtstamp", stamp)
    event.add("dtstart", begins)
    event.add("dtend", ends)
    event.add("summary", entry.name)
    event.add("categories", [entry.kind.value.upper()])
    event.add("sequence", entry.sequence)
    event.add("transp", "OPAQUE")
    if entry.rule:
        event.add("rrule", icalendar.vRecur.from_ical(entry.rule))
    if entry.without:
        event.add("exdate", [datetime.fromisoformat(each).replace(tzinfo=zone) for each in entry.without])
    if entry.why:
        event.add("description", entry.why)
    if entry.scope != EVERYTHING:
        event.add(SCOPE, json.dumps(_scope(entry.scope), ensure_ascii=False))
    return event


def _rollout(event: Any, rollout: Shown, stamp: datetime) -> Any:
    event.add("uid", f"rollout/{rollout.id}@croupier")
    event.add("dtstamp", stamp)
    event.add("dtstart", datetime.fromtimestamp(rollout.begins, UTC))
    event.add("dtend", datetime.fromtimestamp(rollout.ends, UTC))
    event.add("summary", rollout.summary)
    event.add("description", rollout.about)
    event.add("categories", ["ROLLOUT"])
    event.add("transp", "TRANSPARENT")
    return event


def _scope(scope: Scope) -> dict[str, Any]:
    found: dict[str, Any] = {
        "services": list(scope.services),
        "match": {match.attribute: list(match.values) for match in scope.matches},
        "environments": list(scope.environments),
    }
    return {name: value for name, value in found.items() if value}
