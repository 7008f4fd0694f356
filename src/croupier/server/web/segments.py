"""The buttons of single segments: hold one on the stable version, release it. Asked and done as the rollout's other
buttons are (``actions``), and so is the form that says what speaks against it.
"""

from typing import Annotated, Final, Literal
from urllib.parse import quote

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from croupier.control.rollouts import Ask
from croupier.control.whom import Whom
from croupier.core.rollout.phase import Phase
from croupier.errors import CroupierError, Rejected
from croupier.server.api import models as m
from croupier.server.api.shown import rollout_now
from croupier.server.api.urgent import hold_now
from croupier.server.context import Context, Here
from croupier.server.web.actions import RolloutId, allowed, said
from croupier.server.web.dress import PageRoute, render
from croupier.server.web.read import find
from croupier.server.web.session import Session, Visitor, checked

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Verb = Literal["hold", "release"]

_HOLDABLE: Final = (Phase.PENDING, Phase.PROGRESSING, Phase.PAUSED)


class Answer(BaseModel):
    """A form as it was sent: a segment by name, or else what its players' requests carry."""

    model_config = ConfigDict(frozen=True)

    csrf: str = Field("", max_length=200)
    reason: str = Field("", max_length=4_000)
    segment: str = Field("", max_length=1_000)
    match: str = Field("", max_length=1_000)


def can_hold(rollout: m.RolloutView) -> bool:
    """Whether a segment can be held while the others go on; not of one of several services."""
    return rollout.phase in _HOLDABLE and rollout.stable is not None and not rollout.together


@router.get("/rollouts/{rollout}/segments/{verb}")
async def ask(
    request: Request, here: Here, who: Visitor, rollout: RolloutId, verb: Verb, segment: str = ""
) -> Response:
    """What is about to happen, and a form to confirm it."""
    allowed(who)
    stored, stale = await find(here, rollout)
    return _page(request, rollout_now(here, stored), verb, Answer(segment=segment[:1_000]), stale=stale)


@router.post("/rollouts/{rollout}/segments/{verb}")
async def act(
    request: Request, here: Here, who: Visitor, rollout: RolloutId, verb: Verb, form: Annotated[Answer, Form()]
) -> Response:
    """Do it; what speaks against it is said on the form, with everything that was filled in."""
    checked(request, who, form.csrf)
    allowed(who)
    try:
        await _do(here, who, rollout, verb, form)
    except CroupierError as error:
        stored, stale = await find(here, rollout)
        return _page(request, rollout_now(here, stored), verb, form, stale=stale, error=error)
    return RedirectResponse(f"/rollouts/{quote(rollout, safe='')}", 303)


async def _do(here: Context, who: Session, rollout: str, verb: Verb, form: Answer) -> None:
    plain = Ask(who.principal.name, said(form.reason))
    # Who writes values means them, whatever stands in the list above.
    whom = Whom(match=_matches(form.match)) if form.match.strip() else Whom(segment=form.segment)
    if verb == "hold":
        await hold_now(here, rollout, plain, whom)
    else:
        await here.rollouts.release(rollout, plain, whom)


def _matches(written: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """``market=SE,DK vip=yes``. Raises ``Rejected`` for anything else."""
    matches: list[tuple[str, tuple[str, ...]]] = []
    for part in written.split():
        attribute, _, values = part.partition("=")
        if not attribute or not all(values.split(",")):
            raise Rejected(
                f"'{part}' is no value of an attribute.", hint="Write for example market=SE, or market=SE,DK."
            )
        matches.append((attribute, tuple(values.split(","))))
    return tuple(matches)


def _page(
    request: Request,
    shown: m.RolloutView,
    verb: Verb,
    answer: Answer,
    *,
    stale: bool,
    error: CroupierError | None = None,
) -> Response:
    held = [each.segment for each in shown.held]
    names = [name for name in shown.named if name not in held] if verb == "hold" else held
    return render(
        request,
        "hold.html",
        r=shown,
        verb=verb,
        possible=can_hold(shown) if verb == "hold" else bool(held),
        answer=answer,
        stale=stale,
        names=names,
        error=error,
    )
