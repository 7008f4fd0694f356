"""What people look at: ``/``, ``/rollouts/{id}``, its history and the journal's entries, with the parts that live pages
fetch again and again. The buttons are in ``actions``.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import TypeAdapter, ValidationError
from sse_starlette import EventSourceResponse

from croupier.core.gates import GateState, Judgement
from croupier.core.rollout.turns import Turns
from croupier.errors import NotFound
from croupier.server.api import models as m
from croupier.server.api import record_views, views
from croupier.server.api.journal import event_stream
from croupier.server.api.shown import rollout_now
from croupier.server.context import Here
from croupier.server.web.actions import buttons
from croupier.server.web.charts import Chart, Line, thin, value
from croupier.server.web.dress import PageRoute, packed, render
from croupier.server.web.flags.read import Cards
from croupier.server.web.past import Memory
from croupier.server.web.read import ENTRIES, board, bygone, find, points, sight
from croupier.server.web.segments import can_hold
from croupier.server.web.session import Visitor

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_MOST_LIVE: Final = 1_000
_READ: Final = 300
"""Entries that a page of history is made of at the most, where looks are folded."""
_STATE: Final = TypeAdapter(GateState)

RolloutId = Annotated[str, Path(max_length=100)]
LastEventId = Annotated[str | None, Header(max_length=30)]


@router.get("/")
async def home(
    request: Request,
    here: Here,
    cards: Cards,
    _who: Visitor,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> Response:
    """Services and rollouts, and which flags are killed; the live part alone for a page that is open already."""
    found = await board(here, cursor)
    killed = await cards.killed()
    template = "home_live.html" if "hx-request" in request.headers else "home.html"
    unrecorded = here.flags.book.unrecorded
    return render(request, template, board=found, cursor=cursor, killed=killed, unrecorded=unrecorded)


@router.get("/events")
async def events(here: Here, who: Visitor, last_event_id: LastEventId = None) -> EventSourceResponse:
    """Tells the start page that something changed."""
    return await event_stream(here, last_event_id=last_event_id, reader=who.principal.id)


@router.get("/rollouts/{rollout}")
async def rollout_page(
    request: Request,
    here: Here,
    past: Memory,
    who: Visitor,
    rollout: RolloutId,
    *,
    looks: Annotated[bool, Query()] = False,
    attempt: Annotated[int | None, Query(ge=1, le=2**31)] = None,
) -> Response:
    """One rollout, on request with every look, or an earlier attempt; the live part alone for a page that is open."""
    brief = "hx-request" in request.headers
    if attempt is not None and attempt != (await find(here, rollout))[0].value.attempt:
        found = await bygone(here, rollout, attempt)
    else:
        found = await sight(here, past, rollout, brief=brief, looks=looks)
    template = "rollout_live.html" if brief else "rollout.html"
    able = () if found.bygone else buttons(found.rollout, who.principal)
    answer = render(
        request, template, sight=found, r=found.rollout, verbs=able, looks=looks, can_hold=can_hold(found.rollout)
    )
    return packed(request, answer) if brief else answer


@router.get("/rollouts/{rollout}/events")
async def rollout_events(
    here: Here, who: Visitor, rollout: RolloutId, last_event_id: LastEventId = None
) -> EventSourceResponse:
    """Tells a rollout's page that something changed."""
    return await event_stream(here, rollout=rollout, last_event_id=last_event_id, reader=who.principal.id)


@router.get("/rollouts/{rollout}/charts")
async def chart_points(
    here: Here,
    past: Memory,
    _who: Visitor,
    rollout: RolloutId,
    after: Annotated[float, Query(ge=0, le=1e12, allow_inf_nan=False)] = 0.0,
) -> Response:
    """The charts' points, for uPlot; only those that came ``after``."""
    state, found = await points(here, past, rollout, after)
    return JSONResponse({"attempt": state.attempt, "gates": {name: _points(chart) for name, chart in found.items()}})


@router.get("/rollouts/{rollout}/history")
async def history(
    request: Request,
    here: Here,
    _who: Visitor,
    rollout: RolloutId,
    after: Annotated[int, Query(ge=-1, le=2**53)] = -1,
    looks: Annotated[bool, Query()] = False,
) -> Response:
    """Everything that happened to it, oldest first; the looks that changed nothing only on request."""
    stored, _ = await find(here, rollout)
    most = ENTRIES if looks else _READ
    entries = await here.ports.journal.entries(after, most + 1, f"rollout/{rollout}")
    turns, items, used = Turns(), list[m.HistoryItem](), 0
    for recorded in entries[:most]:
        if len(items) >= ENTRIES:
            break
        used += 1
        told = record_views.history(recorded, stored.value)
        items += [item for item in told if turns.is_turn(item.type, item.gate, item.standing) or looks]
    following = entries[used - 1].seq if used < len(entries) else None
    shown = rollout_now(here, stored)
    return render(request, "history.html", r=shown, items=items, after=after, following=following, looks=looks)


@router.get("/journal/{seq}")
async def journal_entry(
    request: Request, here: Here, _who: Visitor, seq: Annotated[int, Path(ge=0, le=2**53)]
) -> Response:
    """One state change as the journal has it: who, when, why, and its place in the Merkle tree."""
    found = await here.ports.journal.entries(seq - 1, 1)
    if not found or found[0].seq != seq:
        raise NotFound(f"The journal has no entry {seq}.")
    entry = record_views.entry(found[0])
    kind, _, name = entry.subject.partition("/")
    judged = [state for event in entry.events if (state := _judged(event)) is not None]
    return render(request, "entry.html", entry=entry, kind=kind, name=name, judged=judged)


def _judged(event: Mapping[str, Any]) -> tuple[Judgement, list[m.FindingView], bool] | None:
    """A gate's look as the journal has it, with its evidence, and whether that was gathered since its first look."""
    if event.get("type") != "gate_judged":
        return None
    try:
        state = _STATE.validate_python(event.get("state"))
    except ValidationError:  # of a later version than ours
        return None
    latest, evidence = state.latest, state.evidence
    if latest is None:
        return None
    counted = {trial.group: trial for trial in evidence.trials} if evidence else {}
    findings = [
        replace(item, canary=trial.canary, baseline=trial.baseline if trial.baseline.total else None)
        if (trial := counted.get(item.group))
        else item
        for item in latest.findings
    ]
    return latest, [views.finding(item) for item in findings], evidence is not None


def _points(chart: Chart) -> dict[str, Any]:
    def line(item: Line) -> list[tuple[float, float | None]]:
        return [(point.at, value(point, chart.unit)) for point in thin(item.points, chart.unit, _MOST_LIVE)]

    canary, baseline = chart.lines
    return {
        "unit": chart.unit,
        "objective": chart.objective,
        "canary": {"version": canary.version, "points": line(canary)},
        "baseline": {"version": baseline.version, "points": line(baseline)},
        "marks": [(mark.at, mark.weight) for mark in chart.marks],
    }
