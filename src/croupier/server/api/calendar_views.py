"""From the freeze calendar to what the API says of it. Pure; used by the API's routes and the page."""

from collections.abc import Iterable, Iterator

from croupier.control.ports import Almanac
from croupier.core.governance.calendar.closure import Closure
from croupier.core.governance.calendar.interval import Interval
from croupier.core.governance.calendar.model import Calendar, Entry, Kind
from croupier.core.rollout.state import RolloutState
from croupier.server.api import calendar_models as m
from croupier.server.api.formats import moment

MOST_TIMES = 1_000


def freezes(state: RolloutState) -> list[m.FreezeView]:
    """What the rollout waits for."""
    return [m.FreezeView(id=each.id, text=each.words, why=each.why, until=moment(each.until)) for each in state.frozen]


def calendar(
    calendars: Iterable[Calendar], states: Iterable[RolloutState], almanac: Almanac, within: Interval, now: float
) -> m.CalendarView:
    """All times within, the earliest first."""
    found = sorted(_times(calendars, almanac, within), key=lambda each: (each[0], each[1].name, each[2].name))
    return m.CalendarView(
        begins=moment(within.begins),
        ends=moment(within.ends),
        times=[_time(time, of, entry, now) for time, of, entry in found[:MOST_TIMES]],
        more=max(len(found) - MOST_TIMES, 0),
        rollouts=[
            m.WaitingView(
                id=state.id,
                service=state.service,
                canary=state.canary,
                exposure=state.exposure,
                freezes=freezes(state),
            )
            for state in states
        ],
    )


def _times(
    calendars: Iterable[Calendar], almanac: Almanac, within: Interval
) -> Iterator[tuple[Interval, Calendar, Entry]]:
    for calendar in calendars:
        for entry in calendar.entries:
            for time in almanac.times(entry, within):
                yield time, calendar, entry


def _time(time: Interval, calendar: Calendar, entry: Entry, now: float) -> m.TimeView:
    return m.TimeView(
        calendar=calendar.name,
        name=entry.name,
        kind=entry.kind,
        begins=moment(time.begins),
        ends=moment(time.ends),
        now=time.holds(now),
        why=entry.why or calendar.description,
        zone=entry.zone,
        scope=m.ScopeView(
            services=list(entry.scope.services),
            match={match.attribute: list(match.values) for match in entry.scope.matches},
            environments=list(entry.scope.environments),
        ),
    )


def closed(service: str, found: Iterable[Closure], within: Interval, free: float | None) -> m.ClosedView:
    """Every time of the closures, the earliest first."""
    times = sorted(
        ((time, each.id, each) for each in found for time in each.intervals), key=lambda item: (item[0], item[1])
    )
    return m.ClosedView(
        service=service,
        free=moment(free),
        times=[
            m.ClosedTime(
                id=each.id,
                text=each.words,
                why=each.why,
                begins=moment(time.begins),
                ends=moment(time.ends) if time.ends < within.ends or each.kind is Kind.FREEZE else None,
                match={match.attribute: list(match.values) for match in each.matches},
            )
            for time, _, each in times[:MOST_TIMES]
        ],
    )
