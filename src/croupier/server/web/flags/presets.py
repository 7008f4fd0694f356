"""``/presets`` and ``/presets/{name}``: prepared changes of flags, what they would change now, and their buttons.

Approve (never by the author), apply, undo: each asks first and says what happens to which flag. What is confirmed is
the preset that was seen; a changed one is refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

from fastapi import APIRouter, Form, Path, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from croupier.control.flags.presets import Difference, Preview
from croupier.control.ports import Recorded, Stored
from croupier.core.flags.diff import diff
from croupier.core.flags.preset import PresetState, write_preset
from croupier.core.flags.read import read_flag
from croupier.errors import Conflict, CroupierError, NotFound, Rejected
from croupier.server.context import Context, Here
from croupier.server.web.actions import allowed, said
from croupier.server.web.dress import PageRoute, render
from croupier.server.web.flags.read import Happened
from croupier.server.web.read import in_time
from croupier.server.web.session import Session, Visitor, checked

router = APIRouter(route_class=PageRoute, include_in_schema=False)

LATEST: Final = 30

Verb = Literal["approve", "apply", "undo"]
Name = Annotated[str, Path(max_length=128)]

_HAPPENED: Final = {
    "preset_put": "prepared",
    "preset_approved": "approved",
    "preset_applied": "applied",
    "preset_undone": "undone",
}


class Stage(StrEnum):
    """Where a preset stands."""

    IN_FORCE = "in force"
    APPROVED = "approved"
    WAITING = "waits for approval"


class Answer(BaseModel):
    """A form as it was sent. ``seen`` is what the preset was when it was asked for."""

    model_config = ConfigDict(frozen=True)

    csrf: str = Field("", max_length=200)
    reason: str = Field("", max_length=4_000)
    seen: str = Field("", max_length=120)


@dataclass(frozen=True, slots=True)
class Effect:
    """What happens to one flag, in words."""

    flag: str
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PresetSight:
    """One preset with what applying it (or, in force, undoing it) would change now."""

    stored: Stored[PresetState]
    effects: tuple[Effect, ...]
    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    verbs: tuple[Verb, ...]

    @property
    def state(self) -> PresetState:
        return self.stored.value

    @property
    def source(self) -> Mapping[str, Any]:
        """As its author wrote it."""
        return write_preset(self.state.preset)

    @property
    def stage(self) -> Stage:
        return stage(self.state)

    @property
    def seen(self) -> str:
        return place(self.state)


def stage(state: PresetState) -> Stage:
    """Where it stands."""
    if state.applied is not None:
        return Stage.IN_FORCE
    return Stage.APPROVED if state.approved else Stage.WAITING


def place(state: PresetState) -> str:
    """What the preset is, as forms remember it."""
    return f"{state.digest} {state.applied.version if state.applied else '-'}"


@router.get("/presets")
async def presets(request: Request, here: Here, _who: Visitor) -> Response:
    """All presets, those in force first; the live part alone for a page that is open already."""
    found = await in_time(here.flags.presets.all())
    order = list(Stage)
    shown = sorted(found, key=lambda item: (order.index(stage(item.value)), item.value.preset.name))
    template = "presets/list_live.html" if "hx-request" in request.headers else "presets/list.html"
    return render(request, template, presets=[(item.value, stage(item.value)) for item in shown])


@router.get("/presets/{name}")
async def preset_page(request: Request, here: Here, who: Visitor, name: Name) -> Response:
    """One preset; the live part alone for a page that is open already."""
    found = await sight(here, who, name)
    items = past(await in_time(here.ports.journal.latest(LATEST, f"preset/{name}")))
    template = "presets/preset_live.html" if "hx-request" in request.headers else "presets/preset.html"
    return render(request, template, sight=found, p=found.state, items=items)


@router.get("/presets/{name}/{verb}")
async def ask(request: Request, here: Here, who: Visitor, name: Name, verb: Verb) -> Response:
    """What is about to happen, flag by flag, and a form to confirm it."""
    allowed(who)
    found = await sight(here, who, name)
    return _page(request, found, verb, Answer(seen=found.seen))


@router.post("/presets/{name}/{verb}")
async def act(
    request: Request, here: Here, who: Visitor, name: Name, verb: Verb, form: Annotated[Answer, Form()]
) -> Response:
    """Do it; what speaks against it is said on the form, with everything that was filled in."""
    checked(request, who, form.csrf)
    allowed(who)
    answer = form.model_copy(update={"reason": form.reason.strip()})
    try:
        await _do(here, who, name, verb, answer)
    except NotFound:
        raise
    except CroupierError as error:
        return _page(request, await sight(here, who, name), verb, answer, error=error)
    return RedirectResponse(f"/presets/{quote(name, safe='')}", 303)


async def sight(here: Context, who: Session, name: str) -> PresetSight:
    """The preset as this person may act on it. Raises ``NotFound``."""
    stored = await in_time(here.flags.presets.get(name))
    would = await in_time(here.flags.presets.preview(name))
    # Those of an undo name their flag in the message already.
    problems = tuple(
        f"{item.message} {item.hint}".strip() if stored.value.applied else str(item) for item in would.problems
    )
    warnings = tuple(f"{item.message} {item.hint}" for item in would.warnings)
    return PresetSight(stored, effects(would), problems, warnings, verbs(stored.value, who.principal.name))


def verbs(state: PresetState, actor: str) -> tuple[Verb, ...]:
    """What this person can ask of the preset now."""
    match stage(state):
        case Stage.IN_FORCE:
            return ("undo",)
        case Stage.APPROVED:
            return ("apply",)
        case Stage.WAITING:
            return () if actor == state.author else ("approve",)


def effects(would: Preview) -> tuple[Effect, ...]:
    """What happens to which flag, in words."""
    return tuple(Effect(item.flag, _changes(item)) for item in would.differences)


def past(entries: Sequence[Recorded]) -> tuple[Happened, ...]:
    """What happened to the preset, newest first."""
    return tuple(
        Happened(
            entry.at,
            recorded.seq,
            entry.actor,
            entry.reason,
            _version(event),
            _HAPPENED.get(kind := str(event.get("type")), kind),
        )
        for recorded in entries
        for entry in (recorded.entry,)
        for event in entry.events
    )


def _version(event: Mapping[str, Any]) -> int | None:
    version = event.get("version")
    return version if isinstance(version, int) else None


def _changes(item: Difference) -> tuple[str, ...]:
    after = read_flag(item.after)
    found = [] if not item.before else [line.replace(" -> ", " → ") for line in diff(read_flag(item.before), after)]
    if item.text:
        found.insert(0, f"killed: everybody gets {after.safe}" if item.text == "killed" else item.text)
    return tuple(found)


async def _do(here: Context, who: Session, name: str, verb: Verb, answer: Answer) -> None:
    actor, reason, presets_of = who.principal.name, said(answer.reason), here.flags.presets
    state = (await presets_of.get(name)).value
    if place(state) != answer.seen:
        raise Conflict("The preset is not what it was when you asked.", hint="Look at it again, then decide.")
    match verb:
        case "approve":
            await presets_of.approve(name, state.digest, actor=actor, reason=reason)
        case "apply":
            if not reason:
                raise Rejected("Applying a preset needs a reason.", hint="Say why now: others will read it.")
            await presets_of.apply(name, actor=actor, reason=reason, digest=state.digest)
        case "undo":
            await presets_of.undo(name, actor=actor, reason=reason)


def _page(
    request: Request, found: PresetSight, verb: Verb, answer: Answer, *, error: CroupierError | None = None
) -> Response:
    return render(
        request,
        "presets/ask.html",
        sight=found,
        p=found.state,
        verb=verb,
        # A preset that does not fit its flags is said, not offered: it would be refused.
        possible=verb in found.verbs and (verb == "approve" or not found.problems),
        answer=answer,
        error=error,
    )
