"""The buttons of a flag: kill, restore, renew, archive. Each asks on a page of its own, which is also what the dialog
shows, and is then done by the same use cases as the API's.

A kill asks for a reason and for nothing else: it works on whatever the flag has become, and without the database.
The others are about what their asker saw; where the flag was changed meanwhile they are refused.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal
from urllib.parse import quote

from fastapi import APIRouter, Form, Path, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from croupier.control.flags.killing import PATIENCE_S
from croupier.core.flags.state import FlagState
from croupier.core.flags.types import DAY_S, DUTIES
from croupier.errors import Conflict, Corrupt, CroupierError, Transient
from croupier.server.api.flag_intake import time_of
from croupier.server.context import Context, Here
from croupier.server.patience import soon
from croupier.server.web.actions import allowed, said
from croupier.server.web.dress import PageRoute, render
from croupier.server.web.flags.read import known
from croupier.server.web.session import Session, Visitor, checked

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Verb = Literal["kill", "restore", "renew", "archive"]
Key = Annotated[str, Path(max_length=128)]

_RENEWED_S: Final = 30 * DAY_S
"""What is proposed where the flag's type says nothing."""


class Answer(BaseModel):
    """A form as it was sent. ``seen`` is what the flag was when it was asked for, ``until`` a renewal's last day."""

    model_config = ConfigDict(frozen=True)

    csrf: str = Field("", max_length=200)
    reason: str = Field("", max_length=4_000)
    until: str = Field("", max_length=20)
    seen: str = Field("", max_length=40)


def verbs(state: FlagState) -> tuple[Verb, ...]:
    """What can be asked of the flag now, in the order of the buttons."""
    if state.archived:
        return ()
    renew: tuple[Verb, ...] = ("renew",) if state.expires_at is not None else ()
    kill: tuple[Verb, ...] = () if state.killed_by_hand else ("kill",)  # also what a preset killed, to keep it so
    return (*renew, "archive", *kill, *(("restore",) if state.kills else ()))


def place(state: FlagState) -> str:
    """What the flag is, as forms remember it. A kill that came to be recorded meanwhile is the same kill."""
    kill = f"{state.killed.at} {len(state.kills)}" if state.killed else "-"
    return f"{state.digest[-12:]} {kill}"


@router.get("/flags/{key}/{verb}")
async def ask(request: Request, here: Here, who: Visitor, key: Key, verb: Verb) -> Response:
    """What is about to happen, and a form to confirm it."""
    allowed(who)
    state = known(here, key)
    away = verb == "kill" and await _is_away(here)
    return _page(request, here, state, verb, Answer(seen=place(state), until=_proposed(here, state)), away=away)


@router.post("/flags/{key}/{verb}")
async def act(
    request: Request, here: Here, who: Visitor, key: Key, verb: Verb, form: Annotated[Answer, Form()]
) -> Response:
    """Do it; what speaks against it is said on the form, with everything that was filled in."""
    checked(request, who, form.csrf)
    allowed(who)
    answer = form.model_copy(update={"reason": form.reason.strip()})
    try:
        await _do(here, who, key, verb, answer)
    except CroupierError as error:
        return _page(request, here, known(here, key), verb, answer, error=error)
    return RedirectResponse(f"/flags/{quote(key, safe='')}", 303)


async def _do(here: Context, who: Session, key: str, verb: Verb, answer: Answer) -> None:
    actor, reason = who.principal.name, said(answer.reason)
    if verb == "kill":
        await here.flags.changes.kill(key, actor=actor, reason=reason)
        return
    state = known(here, key)
    if place(state) != answer.seen:
        at = datetime.fromtimestamp(state.changed_at, UTC)
        raise Conflict(
            f"{state.changed_by} changed the flag at {at:%H:%M:%S} UTC (version {state.version}).",
            hint="Look at what it is now, then decide.",
        )
    match verb:
        case "restore":
            await here.flags.changes.restore(key, actor=actor, reason=reason)
        case "renew":
            until = time_of(answer.until)
            assert until is not None  # noqa: S101 - a text is a time or refused
            await here.flags.changes.renew(key, until, actor=actor, reason=reason)
        case "archive":
            await here.flags.changes.archive(key, actor=actor, reason=reason)


async def _is_away(here: Context) -> bool:
    """Whether the database does not answer, as far as a kill can wait for that."""
    try:
        return await soon(here.ports.journal.head(), PATIENCE_S) is None
    except (Transient, Corrupt):
        return True


def _proposed(here: Context, state: FlagState) -> str:
    """Until when a renewal is proposed: as long as a new flag of its type gets."""
    lifetime = DUTIES[state.flag.type].lifetime_s or _RENEWED_S
    until = datetime.fromtimestamp(here.ports.clock.now(), UTC) + timedelta(seconds=lifetime)
    return until.date().isoformat()


def _page(
    request: Request,
    here: Context,
    state: FlagState,
    verb: Verb,
    answer: Answer,
    *,
    error: CroupierError | None = None,
    away: bool = False,
) -> Response:
    return render(
        request,
        "flags/ask.html",
        away=away,
        s=state,
        verb=verb,
        possible=verb in verbs(state),
        answer=answer,
        seen=place(state),
        error=error,
        now=here.ports.clock.now(),
        requiring=sorted(here.flags.book.requiring(state.key)),
    )
