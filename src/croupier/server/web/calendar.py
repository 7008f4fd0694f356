"""``/calendar``: the next weeks by day, what is closed when and for whom, and which rollouts wait for it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from croupier.server.api import models as m
from croupier.server.api.calendar import next_weeks
from croupier.server.context import Here
from croupier.server.web.dress import PageRoute, render
from croupier.server.web.read import in_time
from croupier.server.web.session import Visitor

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_MOST = 6
"""Entries that a day shows; further ones are counted."""


@dataclass(frozen=True, slots=True)
class Item:
    """What a day shows of a time: from when to when on that day, in UTC; empty where it began before or goes on."""

    time: m.TimeView
    begins: str
    ends: str


@dataclass(frozen=True, slots=True)
class Day:
    """One day (UTC). ``more`` items are not shown."""

    date: date
    today: bool
    past: bool
    items: tuple[Item, ...]
    more: int


@router.get("/calendar")
async def calendar_page(
    request: Request, here: Here, _who: Visitor, weeks: Annotated[int, Query(ge=1, le=12)] = 4
) -> Response:
    """The present week and those that follow, Monday first."""
    found = await in_time(next_weeks(here, weeks))
    today = datetime.fromisoformat(found.begins).date()
    first = today - timedelta(days=today.weekday())
    days = list(_days(found, first, today, weeks))
    waiting = [rollout for rollout in found.rollouts if rollout.freezes]
    now = [time for time in found.times if time.now]
    return render(request, "calendar.html", days=days, calendar=found, waiting=waiting, closed=now, weeks=weeks)


def _days(found: m.CalendarView, first: date, today: date, weeks: int) -> Iterator[Day]:
    for number in range(weeks * 7):
        day = first + timedelta(days=number)
        items = tuple(item for time in found.times if (item := _on(time, day)) is not None)
        yield Day(day, day == today, day < today, items[:_MOST], max(len(items) - _MOST, 0))


def _on(time: m.TimeView, day: date) -> Item | None:
    begins, ends = datetime.fromisoformat(time.begins), datetime.fromisoformat(time.ends)
    dawn = datetime.combine(day, datetime.min.time(), UTC)
    dusk = dawn + timedelta(days=1)
    if begins >= dusk or ends <= dawn:
        return None
    return Item(time, f"{begins:%H:%M}" if begins >= dawn else "", f"{ends:%H:%M}" if ends < dusk else "")
