"""``/presets``: changes that are prepared and approved beforehand, applied at once and undone exactly."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Query, Request, Response

from croupier.control.flags.presets import KeepPreset
from croupier.control.flags.recording import Changed, Keep
from croupier.control.ports import Answer, Stored
from croupier.core.flags.preset import PresetState, read_preset
from croupier.errors import Problem, Rejected
from croupier.server.api import flag_models as fm
from croupier.server.api import flag_views as fv
from croupier.server.api.etag import Expected, etag
from croupier.server.api.idempotency import Kept
from croupier.server.api.paging import Cursor, Limit, page_of
from croupier.server.api.wire import Page
from croupier.server.auth import Operator, Principal
from croupier.server.context import Context, Here
from croupier.server.problems import mistake

router = APIRouter(prefix="/presets", tags=["flags"])

Name = Annotated[str, Path(max_length=128, examples=["old-payment-button"])]
Written = Annotated[
    dict[str, Any],
    Body(
        description="As people write it.",
        examples=[{"name": "provider-x-off", "changes": [{"flag": "provider_x", "kill": True}]}],
    ),
]


@router.get("", operation_id="list_presets", summary="List presets")
async def list_presets(here: Here, cursor: Cursor = None, limit: Limit = 50) -> Page[fm.PresetView]:
    """Presets by name."""
    found = [fv.preset(stored) for stored in await here.flags.presets.all()]
    return page_of(found, lambda item: item.name, cursor, limit)


@router.get("/{name}", operation_id="get_preset", summary="Read a preset")
async def get_preset(here: Here, name: Name, response: Response) -> fm.PresetView:
    """One preset; the ETag is its version."""
    stored = await here.flags.presets.get(name)
    response.headers.update(etag(stored.version))
    return fv.preset(stored)


@router.put("/{name}", operation_id="put_preset", response_model=fm.PresetView, summary="Prepare a preset")
async def put_preset(
    request: Request,
    here: Here,
    who: Operator,
    name: Name,
    *,
    written: Written,
    expected: Expected,
    reason: Annotated[str, Query(max_length=1_000, description="Why; kept in the journal.")] = "",
) -> Response:
    """Prepare the changes, or change what is prepared: that needs a new approval."""
    if written.get("name", name) != name:
        problem = Problem(f"this is another preset than '{name}'.", ("name",), "Leave it out.")
        raise Rejected(f"The preset is wrong: {problem}", problems=(problem,))
    preset = read_preset({**written, "name": name})

    async def act(answer: KeepPreset) -> Stored[PresetState]:
        try:
            return await here.flags.presets.put(preset, actor=who.name, reason=reason, expected=expected, answer=answer)
        except Rejected as refused:
            problems = tuple(Problem(item.message, item.path[1:], item.hint) for item in refused.problems)
            raise Rejected(refused.message, hint=refused.hint, problems=problems) from None

    return await _kept(request, here, who, act)


@router.post("/{name}/approve", operation_id="approve_preset", response_model=fm.PresetView, summary="Approve a preset")
async def approve_preset(request: Request, here: Here, who: Operator, name: Name, asked: fm.ApproveRequest) -> Response:
    """Approve what has this digest. Nobody approves what they wrote themselves."""

    async def act(answer: KeepPreset) -> Stored[PresetState]:
        return await here.flags.presets.approve(name, asked.digest, actor=who.name, reason=asked.reason, answer=answer)

    return await _kept(request, here, who, act)


@router.post("/{name}/preview", operation_id="preview_preset", summary="See what a preset would do")
async def preview_preset(here: Here, _who: Operator, name: Name) -> fm.PresetPreview:
    """What applying it would do now, flag by flag; where it is in force, what undoing it would do."""
    stored = await here.flags.presets.get(name)
    seen = await here.flags.presets.preview(name)
    return fv.preset_preview(seen, undo=stored.value.applied is not None)


@router.post("/{name}/apply", operation_id="apply_preset", response_model=fm.PresetResult, summary="Apply a preset")
async def apply_preset(
    request: Request, here: Here, who: Operator, name: Name, asked: fm.ApplyPresetRequest
) -> Response:
    """Make all its changes at once, under one version. It must be approved."""

    async def act(answer: Keep) -> Changed:
        return await here.flags.presets.apply(
            name, actor=who.name, reason=asked.reason, digest=asked.digest, answer=answer
        )

    return await _changed(request, here, who, name, act)


@router.post("/{name}/undo", operation_id="undo_preset", response_model=fm.PresetResult, summary="Undo a preset")
async def undo_preset(request: Request, here: Here, who: Operator, name: Name, asked: fm.RestoreRequest) -> Response:
    """Every flag back to what it was before; refused, with their names, where flags changed since."""

    async def act(answer: Keep) -> Changed:
        return await here.flags.presets.undo(name, actor=who.name, reason=asked.reason, answer=answer)

    return await _changed(request, here, who, name, act)


async def _kept(
    request: Request, here: Context, who: Principal, act: Callable[[KeepPreset], Awaitable[Stored[PresetState]]]
) -> Response:
    """Run one use case and answer with the preset as recorded."""

    async def run(kept: Kept) -> Response:
        def keep(stored: Stored[PresetState]) -> Answer | None:
            return kept.keep(200, fv.preset(stored))

        stored = await act(keep)
        if kept.answer is None:  # nothing had to change
            kept.fix(200, fv.preset(stored))
        return kept.response()

    response = await here.answers.once(request, who, run)
    response.headers.update(etag(fm.PresetView.model_validate_json(bytes(response.body)).version))
    return response


async def _changed(
    request: Request, here: Context, who: Principal, name: str, act: Callable[[Keep], Awaitable[Changed]]
) -> Response:
    """Run one use case and answer with what it did to the flags."""

    async def run(kept: Kept) -> Response:
        def keep(changed: Changed) -> Answer | None:
            return kept.keep(200, _result(name, changed))

        changed = await act(keep)
        if kept.answer is None:
            kept.fix(200, _result(name, changed))
        return kept.response()

    return await here.answers.once(request, who, run)


def _result(name: str, changed: Changed) -> fm.PresetResult:
    flags = [state.key for state in changed.states]
    warnings = [mistake(item) for item in changed.warnings]
    return fm.PresetResult(preset=name, version=changed.version, flags=flags, warnings=warnings)
