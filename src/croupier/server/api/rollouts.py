"""``/rollouts``: start, approve, watch, promote, pause, resume, abort, undo, retry; hold and release a segment."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from croupier.control.ports import Answer, Stored
from croupier.control.recorded import recorded_rollout
from croupier.control.recording import Outcome
from croupier.control.rollouts import Ask
from croupier.control.together import members
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.redecide import redecide
from croupier.core.rollout.rejudge import rejudge
from croupier.core.rollout.state import RolloutState
from croupier.server.api import models as m
from croupier.server.api import record_views, views
from croupier.server.api.etag import Expected, etag
from croupier.server.api.formats import epoch, position
from croupier.server.api.idempotency import Kept
from croupier.server.api.paging import Cursor, Limit
from croupier.server.api.shown import rollout_now
from croupier.server.api.urgent import abort_now, given_up, hold_now, undo_now
from croupier.server.auth import Operator, Principal
from croupier.server.context import Context, Here

router = APIRouter(prefix="/rollouts", tags=["rollouts"])

RolloutId = Annotated[str, Path(max_length=100, examples=["payments-7"])]
Act = Callable[[Ask], Awaitable[Outcome | None]]
_UNRECORDED: Final[dict[int | str, dict[str, Any]]] = {
    202: {"model": m.RolloutView, "description": "Acted on; recorded when the store is back."}
}


@router.post(
    "", operation_id="start_rollout", status_code=201, response_model=m.RolloutView, summary="Roll a release out"
)
async def start(request: Request, here: Here, who: Operator, asked: m.StartRequest) -> Response:
    """Start a rollout. The service's present one is superseded (a hotfix only when told so); asking for the stable
    version aborts it instead. One that is less careful than its profile, or whose profile says so, waits until somebody
    else has approved of it: see ``approval`` in the answer.
    """

    async def act(ask: Ask) -> Outcome:
        return await here.rollouts.start(
            asked.service,
            asked.version,
            ask,
            strategy=asked.strategy,
            hotfix=asked.hotfix,
            supersede=asked.supersede,
            wait=asked.wait,
        )

    return await _act(request, here, who, asked.reason, act, status=201)


@router.post(
    "/together",
    operation_id="start_rollouts_together",
    status_code=201,
    response_model=m.RolloutView,
    summary="Roll several services out as one",
)
async def start_together(request: Request, here: Here, who: Operator, asked: m.StartTogetherRequest) -> Response:
    """Start a rollout of each of these services, by the Rollout document that moves exactly them: up in its order, back
    in reverse, all or none. The answer is the first of them; none may be in progress.
    """

    async def act(ask: Ask) -> Outcome:
        return await here.rollouts.start_together(asked.versions, ask, strategy=asked.strategy, wait=asked.wait)

    return await _act(request, here, who, asked.reason, act, status=201)


@router.get("", operation_id="list_rollouts", summary="List rollouts")
async def list_rollouts(
    here: Here,
    service: Annotated[str | None, Query(max_length=100)] = None,
    phase: Annotated[list[Phase] | None, Query(description="May be given several times.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> m.Page[m.RolloutView]:
    """Rollouts, the newest first."""
    page = await here.ports.store.rollouts(service=service, phases=phase, cursor=cursor, limit=limit)
    return m.Page(items=[rollout_now(here, stored) for stored in page.items], next=page.next)


@router.get("/{rollout}", operation_id="get_rollout", summary="Read a rollout")
async def get_rollout(here: Here, rollout: RolloutId, response: Response) -> m.RolloutView:
    """One rollout: steps, weights, gates with their evidence, and what it waits for. The ETag is its version."""
    stored = await recorded_rollout(here.ports.store, rollout)
    response.headers.update(etag(stored.version))
    return rollout_now(here, stored, await members(here.ports, stored.value))


@router.get("/{rollout}/history", operation_id="get_rollout_history", summary="Read what happened")
async def get_history(
    here: Here, rollout: RolloutId, cursor: Cursor = None, limit: Limit = 200
) -> m.Page[m.HistoryItem]:
    """What happened to the rollout, when, by whom and why, oldest first."""
    stored = await recorded_rollout(here.ports.store, rollout)
    after = position(cursor)
    entries = await here.ports.journal.entries(after, limit + 1, f"rollout/{rollout}")
    shown = entries[:limit]
    items = [item for recorded in shown for item in record_views.history(recorded, stored.value)]
    return m.Page(items=items, next=str(shown[-1].seq) if len(entries) > limit else None)


@router.get("/{rollout}/replay", operation_id="replay_rollout", summary="Make the verdicts again")
async def get_replay(here: Here, rollout: RolloutId) -> m.Replay:
    """Every recorded verdict of its gates, made again from the counts that were recorded with it, and every action on
    a group, decided again from those.
    """
    stored = await recorded_rollout(here.ports.store, rollout)
    history = await here.ports.store.history(rollout)
    verdicts = await asyncio.to_thread(lambda: tuple(rejudge(history)))
    actions = await asyncio.to_thread(lambda: tuple(redecide(history)))
    return record_views.replay(stored.value, verdicts, actions)


@router.get("/{rollout}/samples", operation_id="get_rollout_samples", summary="Read the charts' points")
async def get_samples(
    here: Here,
    rollout: RolloutId,
    since: Annotated[str | None, Query(max_length=40, description="RFC 3339; only later points.")] = None,
) -> m.Samples:
    """What every gate saw of canary and baseline, look by look."""
    stored = await recorded_rollout(here.ports.store, rollout)
    kept = await here.ports.store.samples(rollout, since=epoch(since) if since else 0.0)
    return views.samples(stored.value, kept)


@dataclass(frozen=True, slots=True)
class Changing:
    """What every change of a rollout is asked with: by whom, of which, and which version of it they have seen."""

    request: Request
    here: Here
    who: Operator
    rollout: RolloutId
    expected: Expected

    async def record(self, reason: str, act: Act, *, urgent: bool = False) -> Response:
        """The answer to it; an ``urgent`` one may be acted on without a record."""
        unrecorded = self.rollout if urgent else None
        return await _act(self.request, self.here, self.who, reason, act, expected=self.expected, unrecorded=unrecorded)


Change = Annotated[Changing, Depends()]


@router.post("/{rollout}/promote", operation_id="promote_rollout", response_model=m.RolloutView, summary="Promote")
async def promote(change: Change, asked: m.PromoteRequest) -> Response:
    """Leave the present step now, or with `full` all of them. Refused while a gate holds, unless it is waived."""
    waive = tuple(asked.waive)
    return await change.record(
        asked.reason, lambda ask: change.here.rollouts.promote(change.rollout, ask, full=asked.full, waive=waive)
    )


@router.post(
    "/{rollout}/override", operation_id="override_freeze", response_model=m.RolloutView, summary="Override a freeze"
)
async def override(change: Change, asked: m.OverrideRequest) -> Response:
    """Go on in spite of a freeze, for as long as this one lasts. Needs a reason, which is kept in the journal."""
    return await change.record(
        asked.reason, lambda ask: change.here.rollouts.override(change.rollout, ask, asked.freeze)
    )


@router.post("/{rollout}/pause", operation_id="pause_rollout", response_model=m.RolloutView, summary="Pause")
async def pause(change: Change, asked: m.ChangeRequest) -> Response:
    """Hold at the present weight until resumed; gates go on watching."""
    return await change.record(asked.reason, lambda ask: change.here.rollouts.pause(change.rollout, ask))


@router.post("/{rollout}/resume", operation_id="resume_rollout", response_model=m.RolloutView, summary="Resume")
async def resume(change: Change, asked: m.ChangeRequest) -> Response:
    """Go on after a pause."""
    return await change.record(asked.reason, lambda ask: change.here.rollouts.resume(change.rollout, ask))


@router.post("/{rollout}/approve", operation_id="approve_rollout", response_model=m.RolloutView, summary="Approve")
async def approve(change: Change, asked: m.ApproveRolloutRequest) -> Response:
    """Approve of what waits for somebody other than who started it: of exactly what has this digest. Needs a
    reason.
    """
    return await change.record(
        asked.reason, lambda ask: change.here.rollouts.approve(change.rollout, ask, digest=asked.digest)
    )


@router.post("/{rollout}/retry", operation_id="retry_rollout", response_model=m.RolloutView, summary="Retry")
async def retry(change: Change, asked: m.ChangeRequest) -> Response:
    """Start an aborted rollout again from its first step, with other players first and the gates' whole budget."""
    return await change.record(asked.reason, lambda ask: change.here.rollouts.retry(change.rollout, ask))


@router.post(
    "/{rollout}/abort",
    operation_id="abort_rollout",
    response_model=m.RolloutView,
    summary="Abort",
    responses=_UNRECORDED,
)
async def abort(change: Change, asked: m.AbortRequest) -> Response:
    """Everybody back to the stable version, at once, whatever else goes on, also while the store is out of reach."""
    return await change.record(
        asked.reason, lambda ask: abort_now(change.here, change.rollout, ask, at_once=asked.at_once), urgent=True
    )


@router.post(
    "/{rollout}/undo",
    operation_id="undo_rollout",
    response_model=m.RolloutView,
    summary="Take a promoted release back",
    responses=_UNRECORDED,
)
async def undo(change: Change, asked: m.ChangeRequest) -> Response:
    """Everybody back to the version before, at once, also after the promotion while that version is kept. Needs a
    reason.
    """
    return await change.record(asked.reason, lambda ask: undo_now(change.here, change.rollout, ask), urgent=True)


@router.post(
    "/{rollout}/hold",
    operation_id="hold_segment",
    response_model=m.RolloutView,
    summary="Hold one segment",
    responses=_UNRECORDED,
)
async def hold(change: Change, asked: m.HoldRequest) -> Response:
    """One segment's players get the stable version, whatever the steps do, and the others go on; also while it is
    paused, and while the store is out of reach.
    """
    return await change.record(
        asked.reason, lambda ask: hold_now(change.here, change.rollout, ask, asked.whom), urgent=True
    )


@router.post(
    "/{rollout}/release", operation_id="release_segment", response_model=m.RolloutView, summary="Release one segment"
)
async def release(change: Change, asked: m.WhomRequest) -> Response:
    """A segment that was held goes with the others again. Refused while a gate that guards does not say `pass`."""
    return await change.record(asked.reason, lambda ask: change.here.rollouts.release(change.rollout, ask, asked.whom))


async def _act(
    request: Request,
    here: Context,
    who: Principal,
    reason: str,
    act: Act,
    *,
    status: int = 200,
    expected: int | None = None,
    unrecorded: str | None = None,
) -> Response:
    """Run one use case and answer with the rollout as recorded; ``unrecorded`` may be acted on without a record."""

    async def run(kept: Kept) -> Response:
        def show(stored: Stored[RolloutState]) -> m.RolloutView:
            return rollout_now(here, stored)

        def keep(stored: Stored[RolloutState]) -> Answer:
            return kept.fix(status, show(stored))

        outcome = await act(Ask(who.name, reason, expected, keep if kept.key else None, who.role.value))
        if outcome is None:
            kept.drop()  # what was fixed to be recorded was not: who asks again is told how it is then
            body = show(given_up(here, unrecorded or "")).model_copy(update={"recorded": False})
            return Response(body.model_dump_json(by_alias=True), 202, media_type="application/json")
        if kept.answer is None:  # nothing had to change, or nobody will ask again
            kept.fix(status, show(outcome.rollout))
        return kept.response()

    response = await here.answers.once(request, who, run, urgent=unrecorded is not None)
    shown = m.RolloutView.model_validate_json(bytes(response.body))  # a replayed answer has the same headers
    if shown.recorded:
        response.headers.update(etag(shown.version))
    if status == 201:
        response.headers["Location"] = f"/api/v1/rollouts/{shown.id}"
    return response
