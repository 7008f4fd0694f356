"""The buttons: approve, promote, pause, resume, abort, undo, retry.

Each asks on a page of its own, which is also what the dialog shows, and is then done by the use cases of the API.

A promotion, a resumption or a retry is about the step that its asker saw: where the rollout has moved on meanwhile it
is refused, so that a second click does nothing.
"""

import re
from dataclasses import replace
from typing import Annotated, Final, Literal
from urllib.parse import quote

from fastapi import APIRouter, Form, Path, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from croupier.control.rollouts import Ask
from croupier.core.rollout.consent import includes, same_person
from croupier.core.rollout.phase import Phase
from croupier.errors import Conflict, CroupierError, Rejected
from croupier.server.api import models as m
from croupier.server.api.shown import rollout_now
from croupier.server.api.urgent import abort_now, undo_now
from croupier.server.auth import Principal, Role
from croupier.server.context import Context, Here
from croupier.server.problems import Forbidden
from croupier.server.web.dress import PageRoute, render
from croupier.server.web.read import find
from croupier.server.web.session import Session, Visitor, checked

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Verb = Literal["approve", "promote", "pause", "resume", "abort", "undo", "retry"]
RolloutId = Annotated[str, Path(max_length=100)]

_TRIES: Final = 5
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


class Answer(BaseModel):
    """A form as it was sent. ``seen`` is where the rollout stood when it was asked for, ``digest`` what to approve."""

    model_config = ConfigDict(frozen=True)

    csrf: str = Field("", max_length=200)
    reason: str = Field("", max_length=4_000)
    full: bool = False
    waive: list[str] = Field(default_factory=list, max_length=50)
    seen: str = Field("", max_length=100)
    digest: str = Field("", max_length=100)


def buttons(rollout: m.RolloutView, who: Principal) -> tuple[Verb, ...]:
    """What this person can ask of the rollout now, in the order of the buttons."""
    asked = rollout.approval
    may_approve = (
        asked is not None
        and includes(who.role, asked.of)
        and not any(same_person(who.name, starter) for starter in asked.not_by)
    )
    return tuple(verb for verb in verbs(rollout) if verb != "approve" or may_approve)


def verbs(rollout: m.RolloutView) -> tuple[Verb, ...]:
    """What can be asked of the rollout now, by whoever may."""
    match rollout.phase:
        case Phase.PENDING:
            return ("pause", "abort")
        case Phase.PROGRESSING:
            return ("promote", "pause", "abort") if rollout.step >= 0 else ("pause", "abort")
        case Phase.PAUSED:
            able: dict[str | None, tuple[Verb, ...]] = {
                "step": ("promote", "abort"),
                "differences": ("promote", "abort"),
                "approval": ("approve", "abort"),
                "person": ("resume", "abort"),
            }
            return able.get(rollout.hold, ("resume", "promote", "abort"))
        case Phase.PROMOTING:
            return ("abort",)
        case Phase.ABORTED:
            return ("retry",)
        case Phase.SUCCEEDED if rollout.kept_until is not None:
            return ("undo",)
        case _:
            return ()


def place(rollout: m.RolloutView) -> str:
    """Where the rollout stands, as forms remember it."""
    return f"{rollout.attempt}.{rollout.step}.{rollout.phase}"


@router.get("/rollouts/{rollout}/{verb}")
async def ask(request: Request, here: Here, who: Visitor, rollout: RolloutId, verb: Verb) -> Response:
    """What is about to happen, and a form to confirm it."""
    allowed(who)
    stored, stale = await find(here, rollout)
    shown = rollout_now(here, stored)
    digest = shown.approval.digest if shown.approval else ""
    return _page(request, shown, verb, Answer(seen=place(shown), digest=digest), stale=stale)


@router.post("/rollouts/{rollout}/{verb}")
async def act(
    request: Request,
    here: Here,
    who: Visitor,
    rollout: RolloutId,
    verb: Verb,
    form: Annotated[Answer, Form()],
) -> Response:
    """Do it; what speaks against it is said on the form, with everything that was filled in."""
    checked(request, who, form.csrf)
    allowed(who)
    answer = form.model_copy(update={"reason": form.reason.strip()})
    try:
        await _do(here, who, rollout, verb, answer)
    except CroupierError as error:
        stored, stale = await find(here, rollout)
        shown = rollout_now(here, stored)
        return _page(request, shown, verb, answer, stale=stale, error=error)
    return RedirectResponse(f"/rollouts/{quote(rollout, safe='')}", 303)


async def _do(here: Context, who: Session, rollout: str, verb: Verb, answer: Answer) -> None:
    plain = Ask(who.principal.name, said(answer.reason))
    match verb:
        case "abort":
            await abort_now(here, rollout, plain)
        case "undo":
            await undo_now(here, rollout, plain)
        case "approve":
            asking = replace(plain, role=who.principal.role.value)
            await here.rollouts.approve(rollout, asking, digest=answer.digest)
        case "pause":
            await here.rollouts.pause(rollout, plain)
        case "promote" | "resume" | "retry":
            await _do_as_seen(here, rollout, verb, answer, who)


async def _do_as_seen(
    here: Context, rollout: str, verb: Literal["promote", "resume", "retry"], answer: Answer, who: Session
) -> None:
    """Do it unless the rollout has left the place that the asker saw. A gate's look in between is no reason."""
    for attempt in range(_TRIES):
        stored, _ = await find(here, rollout)
        shown = rollout_now(here, stored)
        if place(shown) != answer.seen:
            raise Conflict("The rollout has moved on since you asked.", hint="Look at where it is now, then decide.")
        ask = Ask(who.principal.name, answer.reason, stored.version)
        try:
            if verb == "promote":
                await here.rollouts.promote(rollout, ask, full=answer.full, waive=tuple(answer.waive))
            elif verb == "resume":
                await here.rollouts.resume(rollout, ask)
            else:
                await here.rollouts.retry(rollout, ask)
        except Conflict:
            if attempt == _TRIES - 1:
                raise
        else:
            return


def said(reason: str) -> str:
    """The reason as it can be kept. Raises ``Rejected`` for one that is too long, or no text."""
    reason = reason.strip()
    if len(reason) > 1_000 or _UNPRINTABLE.search(reason):
        raise Rejected("The reason may have 1,000 characters and no control characters.", hint="Shorten or retype it.")
    return reason


def allowed(who: Session) -> None:
    """Raises ``Forbidden`` for those who only look."""
    if not who.may_act:
        raise Forbidden(
            f"{who.principal.name} is {who.principal.role}; this takes {Role.OPERATOR}.",
            hint="Ask an admin for a token with that role.",
        )


def _page(
    request: Request,
    shown: m.RolloutView,
    verb: Verb,
    answer: Answer,
    *,
    stale: bool,
    error: CroupierError | None = None,
) -> Response:
    return render(
        request,
        "ask.html",
        r=shown,
        seen=place(shown),
        verb=verb,
        possible=verb in verbs(shown),
        answer=answer,
        stale=stale,
        error=error,
    )
