"""``/calendar``: the next weeks of freezes and windows, the same as iCal, and iCal taken in."""

import asyncio
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response

from croupier.adapters.imports import Shown, export_ical, import_ical
from croupier.control.calendars import Declared, closures_of, declared, free_at
from croupier.core.governance.calendar.interval import Interval
from croupier.core.governance.calendar.model import Kind
from croupier.core.rollout.spec import Pause
from croupier.core.rollout.state import RolloutState
from croupier.server.api import models as m
from croupier.server.api.calendar_views import calendar as shown_calendar
from croupier.server.api.calendar_views import closed
from croupier.server.api.idempotency import Kept
from croupier.server.api.intake import declare
from croupier.server.auth import Operator
from croupier.server.context import Context, Here

router = APIRouter(tags=["freeze calendar"])

_DAY_S: Final = 86_400.0
Weeks = Annotated[int, Query(ge=1, le=26, description="How far ahead.")]


@router.get("/calendar", operation_id="get_calendar", summary="Read the next weeks")
async def get_calendar(here: Here, weeks: Weeks = 4) -> m.CalendarView:
    """Times of freezes and windows from today on, and the rollouts in progress with what they wait for."""
    return await next_weeks(here, weeks)


@router.get(
    "/calendar.ics",
    operation_id="get_calendar_ical",
    summary="Read all of it as iCal",
    response_class=Response,
    responses={200: {"content": {"text/calendar": {"schema": {"type": "string"}}}}},
)
async def get_calendar_ical(here: Here) -> Response:
    """Freezes and windows as they repeat, and the rollouts in progress: for other calendars to subscribe to."""
    calendars = await declared(here.ports.store)
    now = here.ports.clock.now()
    running = [_as_event(here, calendars, stored.value, now) for stored in await here.ports.store.active()]
    text = await asyncio.to_thread(export_ical, calendars, running, now)
    return Response(text, media_type="text/calendar; charset=utf-8")


@router.post(
    "/calendars/{name}/import", operation_id="import_calendar", response_model=m.ImportView, summary="Take iCal in"
)
async def import_calendar(
    request: Request, here: Here, who: Operator, name: Annotated[str, Path(max_length=63)], asked: m.ImportRequest
) -> Response:
    """Events become entries of the Calendar `name`, found again by their UID: an update replaces them, a cancelled one
    takes them out. Everything in the file gets a line in the answer.
    """

    async def run(kept: Kept) -> Response:
        present = await _present(here, name)
        kind = Kind(asked.kind) if asked.kind is not None else None
        scope: dict[str, Any] = {"services": asked.services} if asked.services else {}
        scope |= {"markets": asked.markets} if asked.markets else {}
        read = await asyncio.to_thread(import_ical, asked.ical, name, present, kind=kind, scope=scope)
        lines = [m.ImportLine(event=line.event, fate=line.fate.value, why=line.why) for line in read.lines]
        told = m.ImportView(calendar=name, changed=read.changes, dry_run=asked.dry_run, lines=lines)
        if read.changes:
            await declare(
                here,
                [read.document],
                actor=who.name,
                reason=asked.reason,
                dry_run=asked.dry_run,
                keep=lambda _, __: kept.keep(200, told),
            )
        if kept.answer is None:
            kept.keep(200, told)
        return kept.response()

    return await here.answers.once(request, who, run)


async def next_weeks(here: Context, weeks: int) -> m.CalendarView:
    """From the beginning of this day (UTC) on."""
    now = here.ports.clock.now()
    begins = now // _DAY_S * _DAY_S
    calendars = await declared(here.ports.store)
    states = [stored.value for stored in await here.ports.store.active()]
    within = Interval(begins, begins + weeks * 7 * _DAY_S)
    return await asyncio.to_thread(shown_calendar, calendars, states, here.ports.almanac, within, now)


async def _present(here: Context, name: str) -> dict[str, Any] | None:
    for stored in await here.ports.store.documents("Calendar"):
        if stored.value.name == name:
            return dict(stored.value.source)
    return None


def _as_event(here: Context, calendars: Declared, state: RolloutState, now: float) -> Shown:
    """A rollout in progress. It lasts for its pauses at the least; one that waits begins at its next free moment."""
    begins = state.started_at
    if state.step < 0 and state.frozen:
        begins = free_at(here.ports.almanac, calendars, state.service, now) or begins
    pauses = sum(step.duration_s or 0.0 for step in state.plan.steps if isinstance(step, Pause))
    about = f"{state.id}: {state.phase} at {state.exposure}"
    return Shown(
        state.id, begins, max(begins + max(pauses, 60.0), now), f"Rollout {state.service} {state.canary}", about
    )


@router.get("/calendar/closed", operation_id="get_closed", summary="Read what is closed for a service")
async def get_closed(
    here: Here, service: Annotated[str, Query(min_length=1, max_length=63)], weeks: Weeks = 4
) -> m.ClosedView:
    """When rollouts of the service have to wait: its freezes, and all time outside of windows. From now on."""
    now = here.ports.clock.now()
    within = Interval(now, now + weeks * 7 * _DAY_S)
    calendars = await declared(here.ports.store)
    found = await asyncio.to_thread(closures_of, here.ports.almanac, calendars, service, within)
    free = free_at(here.ports.almanac, calendars, service, now)
    return closed(service, found, within, free)
