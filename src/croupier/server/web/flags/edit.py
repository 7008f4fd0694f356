"""``/flags/{key}/edit``: the declaration as JSON, what an edit of it would change and for whom, and then the saving.

Nothing is saved that was not shown before: a text that differs from the one that was previewed is previewed again. An
edit of a version that is no more is refused, and says who changed it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

from fastapi import APIRouter, Form, Path, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from croupier.adapters.manifests import read_json
from croupier.control.flags.trial import Trial, trials
from croupier.core.flags.diff import diff
from croupier.core.flags.events import FlagDeclared
from croupier.core.flags.model import Flag
from croupier.core.flags.read import read_flag
from croupier.core.flags.state import FlagState
from croupier.errors import Conflict, CroupierError, Problem, Rejected, Transient
from croupier.server.api.flag_intake import as_shown, flag_of, inside, unplaced
from croupier.server.api.flag_views import declaration
from croupier.server.context import Context, Here
from croupier.server.web.actions import allowed, said
from croupier.server.web.dress import PageRoute, render
from croupier.server.web.flags.read import Happened, known, past
from croupier.server.web.read import in_time
from croupier.server.web.session import Session, Visitor, checked

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Key = Annotated[str, Path(max_length=128)]

NEW: Final = "-"
"""Stands for the key of a flag that is not there yet; no flag can be called that."""
_TEMPLATE: Final = {
    "feature": "",
    "type": "release",
    "description": "",
    "owner": "",
    "rules": [{"if": "market in ['DE', 'SE']", "rollout": 0.25}],
}


class Draft(BaseModel):
    """A form as it was sent. ``seen`` is the version that the text was read at (0: none yet), ``previewed`` the digest
    of the text whose preview was shown, ``rebase`` the version that it is now about.
    """

    model_config = ConfigDict(frozen=True)

    csrf: str = Field("", max_length=200)
    text: str = Field("", max_length=200_000)
    reason: str = Field("", max_length=4_000)
    seen: int = Field(0, ge=0, le=2**53)
    previewed: str = Field("", max_length=64)
    rebase: int | None = Field(None, ge=0, le=2**53)
    step: Literal["preview", "save"] = "preview"

    @property
    def digest(self) -> str:
        """What the text and the version that it was read at come to."""
        return sha256(f"{self.seen}\n{self.text}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Shown:
    """A preview: what changes in the declaration, doubts about it, and what that does where."""

    changes: Sequence[str]
    warnings: Sequence[Problem]
    trials: Sequence[Trial]


@router.get("/flags/{key}/edit")
async def edit(request: Request, here: Here, who: Visitor, key: Key) -> Response:
    """The declaration as it is, to be changed."""
    allowed(who)
    state = _state(here, key)
    text: Any = _TEMPLATE if state is None else declaration(state)
    version = 0 if state is None or state.archived else state.version
    draft = Draft(text=json.dumps(text, indent=2, ensure_ascii=False), seen=version)
    return _page(request, key, state, draft)


@router.post("/flags/{key}/edit")
async def change(request: Request, here: Here, who: Visitor, key: Key, form: Annotated[Draft, Form()]) -> Response:
    """Preview the edit or save it; what speaks against it is said beside the text."""
    checked(request, who, form.csrf)
    allowed(who)
    text = form.text.replace("\r\n", "\n")  # as browsers send line ends
    seen = form.seen if form.rebase is None else form.rebase
    draft = form.model_copy(update={"text": text, "seen": seen})
    state = _state(here, key)
    shown: Shown | None = None
    error: CroupierError | None = None
    overtaken: tuple[Happened, ...] = ()
    try:
        reason = said(draft.reason)
        flag = as_shown(flag_of(read(text), None if key == NEW else key), here.flags.book)
        if draft.step == "save" and draft.previewed == draft.digest:
            await _save(here, who, flag, draft, reason)
            return RedirectResponse(f"/flags/{quote(flag.key, safe='')}", 303)
        shown = await _previewed(here, who, flag, draft)
    except Conflict as late:
        error, overtaken = late, await _since(here, key, draft.seen)
    except CroupierError as wrong:
        error = wrong
    return _page(request, key, state, draft, shown=shown, error=error, overtaken=overtaken)


def read(text: str) -> dict[str, Any]:
    """The JSON object that the text is. Raises ``Rejected`` with the place of a mistake."""
    try:
        data = read_json(text)
    except json.JSONDecodeError as error:
        raise Rejected(f"Line {error.lineno}, column {error.colno}: {error.msg}.", hint="Write JSON.") from None
    except (ValueError, RecursionError):
        raise Rejected("This is no JSON that can be read.", hint="Write a JSON object.") from None
    if not isinstance(data, dict):
        raise Rejected("This is no JSON object.", hint='Write {"feature": "payments_v2"}.')
    return data


async def _save(here: Context, who: Session, flag: Flag, draft: Draft, reason: str) -> None:
    await here.flags.changes.declare([flag], actor=who.principal.name, reason=reason, expected={flag.key: draft.seen})


async def _previewed(here: Context, who: Session, flag: Flag, draft: Draft) -> Shown:
    """Raises what saving would raise."""
    await in_time(here.flags.book.refresh())
    plan = await here.flags.changes.plan([flag], actor=who.principal.name, expected={flag.key: draft.seen})
    state = here.flags.book.recorded(flag.key)
    before = None if state is None or state.archived else state.flag
    events = [event for item in plan.decided.happenings for event in item.events if isinstance(event, FlagDeclared)]
    if not events:
        return Shown((), (), ())
    whole = read_flag(events[0].source)  # with what is filled in
    changes = [line.replace(" -> ", " → ") for line in diff(before, whole)]
    moves = await trials(here.flags.book, whole, here.ports.clock.now(), restored=True)
    return Shown(changes, inside(plan.decided.warnings), moves)


async def _since(here: Context, key: str, seen: int) -> tuple[Happened, ...]:
    """What happened to the flag after the version that was seen, newest first."""
    try:
        found = past(await in_time(here.ports.journal.latest(20, f"flag/{key}")))
    except Transient:
        return ()
    return tuple(item for item in found if (item.version or 0) > seen)


def _state(here: Context, key: str) -> FlagState | None:
    return None if key == NEW else known(here, key)


def _page(
    request: Request,
    key: str,
    state: FlagState | None,
    draft: Draft,
    *,
    shown: Shown | None = None,
    error: CroupierError | None = None,
    overtaken: Sequence[Happened] = (),
) -> Response:
    return render(
        request,
        "flags/edit.html",
        key=key,
        s=state,
        new=key == NEW,
        draft=draft,
        shown=shown,
        error=error,
        overtaken=overtaken,
        mistakes=_mistakes(error),
        now_version=0 if state is None or state.archived else state.version,
        conflict=isinstance(error, Conflict),
    )


def _mistakes(error: CroupierError | None) -> Sequence[Problem]:
    """All that is wrong with the declaration; its place among several says nothing here."""
    return unplaced(error).problems if isinstance(error, Rejected) else ()
