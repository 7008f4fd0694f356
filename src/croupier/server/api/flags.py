"""``/flags``: declare, read, kill, restore, renew, archive. A kill works while the database is out of reach."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Path, Query, Request, Response

from croupier.control.flags.recording import MANY, Changed, Keep
from croupier.control.ports import Answer, Recorded
from croupier.core.flags.lifecycle import debt
from croupier.core.flags.model import Flag, FlagType
from croupier.core.flags.state import FlagState
from croupier.core.journal.flags import FLAG
from croupier.errors import NotFound, Rejected
from croupier.server.api import flag_models as fm
from croupier.server.api import flag_views as fv
from croupier.server.api.etag import Expected, etag
from croupier.server.api.flag_intake import LARGE, as_shown, flag_of, flags_of, placed, time_of, unplaced
from croupier.server.api.formats import epoch
from croupier.server.api.idempotency import Kept
from croupier.server.api.paging import Cursor, Limit, first_of, page_of
from croupier.server.api.wire import Page
from croupier.server.auth import Operator, Principal
from croupier.server.context import Context, Here
from croupier.server.problems import mistake

router = APIRouter(prefix="/flags", tags=["flags"])
debts = APIRouter(tags=["flags"])
"""Beside the flags: below them every name may be a flag's."""

Key = Annotated[str, Path(max_length=128, examples=["payments_v2"])]
Declaration = Annotated[
    dict[str, Any],
    Body(
        description="The flag as people write it.", examples=[{"feature": "payments_v2", "rules": [{"rollout": 0.25}]}]
    ),
]
Why = Annotated[str, Query(max_length=1_000, description="Why; kept in the journal.")]
Act = Callable[[Keep | None], Awaitable[Changed]]

_HISTORY_PAGE: Final = 500
_CLOCKS_DIFFER_S: Final = 300.0


@router.get("", operation_id="list_flags", summary="List flags")
async def list_flags(
    here: Here,
    *,
    q: Annotated[str | None, Query(max_length=200, description="Part of the key, description, owner or a tag.")] = None,
    type: Annotated[FlagType | None, Query()] = None,  # noqa: A002 -- its name in the address
    tag: Annotated[str | None, Query(max_length=200)] = None,
    state: Annotated[fm.Standing | None, Query(description="By default all but archived ones.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[fm.FlagView]:
    """Flags by key."""
    word = q.lower() if q else ""

    def wanted(item: FlagState) -> bool:
        standing = fv.standing(item)
        return (
            (standing == state if state else not item.archived)
            and (type is None or item.flag.type is type)
            and (tag is None or tag in item.flag.tags)
            and (not word or _mentions(item, word))
        )

    book = here.flags.book
    page = first_of(filter(wanted, book.by_key(after=cursor or "")), lambda item: item.key, limit)
    return Page(items=[fv.flag(item, book) for item in page.items], next=page.next)


@router.post("", operation_id="create_flag", status_code=201, response_model=fm.FlagView, summary="Create a flag")
async def create_flag(request: Request, here: Here, who: Operator, declared: Declaration, reason: Why = "") -> Response:
    """A new flag, as people write it. 409 where there is one with this key already."""
    flag = await _one(request, declared)

    async def act(answer: Keep | None) -> Changed:
        changes = here.flags.changes
        return await changes.declare([flag], actor=who.name, reason=reason, expected={flag.key: 0}, answer=answer)

    return await _act(request, here, who, act, status=201)


@router.post("/apply", operation_id="apply_flags", response_model=fm.FlagsResult, summary="Declare several flags")
async def apply_flags(request: Request, here: Here, who: Operator, asked: fm.FlagsRequest) -> Response:
    """Create and change flags, all of them or, where anything is wrong, none; under one version."""
    # Very many take seconds to read, in which a kill has to come through.
    large = len(asked.flags) > MANY or len(await request.body()) > LARGE
    flags = await asyncio.to_thread(_read, here, asked) if large else _read(here, asked)

    async def run(kept: Kept) -> Response:
        def keep(changed: Changed) -> Answer | None:
            return kept.keep(200, _result(changed, dry_run=False))

        done = await _declare(here, flags, who, asked, keep)
        if kept.answer is None:  # a dry run, or nothing differed
            kept.fix(200, _result(done, dry_run=asked.dry_run))
        return kept.response()

    return await here.answers.once(request, who, run)


@debts.get("/stale-flags", operation_id="list_stale_flags", summary="List what should be looked at")
async def list_stale(here: Here, cursor: Cursor = None, limit: Limit = 50) -> Page[fm.DebtView]:
    """Flags that are expired, reverted, long killed, or served to everybody for long: debt, the most urgent first."""
    owed = [fv.debt(item) for item in debt(here.flags.book.states(), here.ports.clock.now())]
    places = {id(item): f"{place:09d}" for place, item in enumerate(owed)}
    return page_of(owed, lambda item: places[id(item)], cursor, limit)


@router.get("/{key}", operation_id="get_flag", summary="Read a flag")
async def get_flag(here: Here, key: Key, response: Response) -> fm.FlagView:
    """One flag; the ETag is its version. Archived ones too."""
    state = _state(here, key)
    shown = fv.flag(state, here.flags.book)
    if shown.recorded:
        response.headers.update(etag(state.version))
    return shown


@router.put("/{key}", operation_id="put_flag", response_model=fm.FlagView, summary="Declare a flag")
async def put_flag(
    request: Request,
    here: Here,
    who: Operator,
    key: Key,
    *,
    declared: Declaration,
    expected: Expected,
    reason: Why = "",
) -> Response:
    """Create or change it. A kill by a person is no part of the declaration, and stays."""
    flag = as_shown(await _one(request, declared, key), here.flags.book)
    seen = {} if expected is None else {key: expected}

    async def act(answer: Keep | None) -> Changed:
        done = await here.flags.changes.declare([flag], actor=who.name, reason=reason, expected=seen, answer=answer)
        return done if done.states else replace(done, states=(_state(here, key),))

    return await _act(request, here, who, act)


@router.delete("/{key}", operation_id="archive_flag", response_model=fm.FlagView, summary="Archive a flag")
async def archive_flag(
    request: Request, here: Here, who: Operator, key: Key, expected: Expected, reason: Why = ""
) -> Response:
    """Take it away from applications. Its history stays, and declaring it again brings it back."""

    async def act(answer: Keep | None) -> Changed:
        return await here.flags.changes.archive(key, actor=who.name, reason=reason, expected=expected, answer=answer)

    return await _act(request, here, who, act)


@router.get("/{key}/history", operation_id="get_flag_history", summary="Read what happened to a flag")
async def get_history(here: Here, key: Key, cursor: Cursor = None, limit: Limit = 100) -> Page[fm.FlagHistoryItem]:
    """What happened, when, by whom and why, with what each declaration changed; the newest first."""
    _state(here, key)
    items = fv.history(await _entries(here, key))
    return page_of(items, lambda item: f"{10**12 - item.seq:013d}/{item.version}/{item.type}", cursor, limit)


@router.post(
    "/{key}/kill",
    operation_id="kill_flag",
    response_model=fm.FlagView,
    summary="Kill a flag",
    responses={202: {"model": fm.FlagView, "description": "In force; recorded when the store is back."}},
)
async def kill_flag(request: Request, here: Here, who: Operator, key: Key, asked: fm.KillRequest) -> Response:
    """Its safe variant for everybody, at once, until it is restored; also while the store is out of reach."""

    async def act(answer: Keep | None) -> Changed:
        at = _decided(asked.decided_at, here.ports.clock.now())
        return await here.flags.changes.kill(key, actor=who.name, reason=asked.reason, at=at, answer=answer)

    return await _act(request, here, who, act, urgent=True)


@router.post("/{key}/restore", operation_id="restore_flag", response_model=fm.FlagView, summary="Undo a kill")
async def restore_flag(request: Request, here: Here, who: Operator, key: Key, asked: fm.RestoreRequest) -> Response:
    """It does again what its declaration says."""

    async def act(answer: Keep | None) -> Changed:
        return await here.flags.changes.restore(key, actor=who.name, reason=asked.reason, answer=answer)

    return await _act(request, here, who, act)


@router.post("/{key}/renew", operation_id="renew_flag", response_model=fm.FlagView, summary="Renew a flag")
async def renew_flag(
    request: Request, here: Here, who: Operator, key: Key, asked: fm.RenewRequest, expected: Expected
) -> Response:
    """It is still needed: it expires later. What an expiry did to it is undone."""
    until = time_of(asked.expires)
    assert until is not None  # noqa: S101 - a text is a time or refused

    async def act(answer: Keep | None) -> Changed:
        return await here.flags.changes.renew(
            key, until, actor=who.name, reason=asked.reason, expected=expected, answer=answer
        )

    return await _act(request, here, who, act)


async def _act(
    request: Request, here: Context, who: Principal, act: Act, *, status: int = 200, urgent: bool = False
) -> Response:
    """Run one use case and answer with the flag as recorded; one that is ``urgent`` may be in force without."""

    async def run(kept: Kept) -> Response:
        def keep(changed: Changed) -> Answer | None:
            return kept.keep(status, fv.changed(changed, here.flags.book))

        try:
            changed = await act(keep if kept.key else None)
        except Rejected as refused:  # one flag was sent, so its place among several says nothing
            raise unplaced(refused) from None
        if not changed.recorded:
            kept.drop()  # who asks again is told how it is then
            body = fv.changed(changed, here.flags.book)
            return Response(body.model_dump_json(by_alias=True), 202, media_type="application/json")
        if kept.answer is None:  # nothing had to change, or nobody will ask again
            kept.fix(status, fv.changed(changed, here.flags.book))
        return kept.response()

    response = await here.answers.once(request, who, run, urgent=urgent)
    shown = fm.FlagView.model_validate_json(bytes(response.body))  # a replayed answer has the same headers
    if shown.recorded:
        response.headers.update(etag(shown.version))
    if response.status_code == 201:
        response.headers["Location"] = f"/api/v1/flags/{shown.key}"
    return response


async def _one(request: Request, declared: dict[str, Any], key: str | None = None) -> Flag:
    large = len(await request.body()) > LARGE
    return await asyncio.to_thread(flag_of, declared, key) if large else flag_of(declared, key)


def _read(here: Context, asked: fm.FlagsRequest) -> list[Flag]:
    return [as_shown(flag, here.flags.book) for flag in flags_of(asked.flags)]


async def _declare(
    here: Context, flags: Sequence[Flag], who: Principal, asked: fm.FlagsRequest, answer: Keep
) -> Changed:
    try:
        return await here.flags.changes.declare(
            flags, actor=who.name, reason=asked.reason, dry_run=asked.dry_run, answer=answer
        )
    except Rejected as refused:
        raise Rejected(
            refused.message, hint=refused.hint, problems=tuple(placed(refused.problems, ("flags",)))
        ) from None


def _result(done: Changed, *, dry_run: bool) -> fm.FlagsResult:
    return fm.FlagsResult(
        flags=[fm.FlagEffect(key=key, effect=effect) for key, effect in done.effects],
        version=done.version,
        dry_run=dry_run,
        warnings=[mistake(warning) for warning in placed(done.warnings, ("flags",))],
    )


def _decided(said: str | None, now: float) -> float | None:
    """When a kill was decided, as its sender says; ``None`` where that cannot be. No kill is refused for its time."""
    try:
        at = epoch(said) if said else now
    except Rejected:
        return None
    return at if abs(now - at) <= _CLOCKS_DIFFER_S else None


def _state(here: Context, key: str) -> FlagState:
    state = here.flags.book.state(key)
    if state is None:
        raise NotFound(f"There is no flag '{key}'.", hint="See: croupier flag list")
    return state


async def _entries(here: Context, key: str) -> list[Recorded]:
    found: list[Recorded] = []
    after = -1
    while entries := await here.ports.journal.entries(after, _HISTORY_PAGE, f"{FLAG}{key}"):
        found += entries
        after = entries[-1].seq
        if len(entries) < _HISTORY_PAGE:
            break
    return found


def _mentions(state: FlagState, word: str) -> bool:
    flag = state.flag
    return any(word in text.lower() for text in (flag.key, flag.description, flag.owner, *flag.tags))
