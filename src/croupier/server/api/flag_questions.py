"""``/flags/{key}/preview``, ``explain``, ``evaluate``: questions about a flag, which change nothing."""

from typing import Annotated

from fastapi import APIRouter, Path

from croupier.control.flags.trial import trials
from croupier.core.flags.diff import diff
from croupier.core.flags.events import FlagDeclared
from croupier.core.flags.explain import explain
from croupier.core.flags.read import read_flag
from croupier.errors import NotFound, Rejected
from croupier.server.api import flag_models as fm
from croupier.server.api import flag_views as fv
from croupier.server.api.flag_intake import as_shown, flag_of, unplaced
from croupier.server.auth import Viewer
from croupier.server.context import Context, Here

router = APIRouter(prefix="/flags", tags=["flags"])

Key = Annotated[str, Path(max_length=128, examples=["payments_v2"])]


@router.post("/{key}/preview", operation_id="preview_flag", summary="Try an edit")
async def preview_flag(here: Here, who: Viewer, key: Key, asked: fm.PreviewRequest) -> fm.PreviewView:
    """Who would gain and who would lose by this declaration, counted on a made-up population. Nothing is saved."""
    environment = _environment(here, asked.environment)
    book = here.flags.book
    flag = as_shown(flag_of(asked.declaration, key), book)
    try:
        planned = await here.flags.changes.plan([flag], actor=who.name)
    except Rejected as refused:
        raise unplaced(refused) from None
    recorded = book.recorded(key)
    before = recorded.flag if recorded is not None and not recorded.archived else None
    declared = [
        event for item in planned.decided.happenings for event in item.events if isinstance(event, FlagDeclared)
    ]
    whole = read_flag(declared[0].source) if declared else before  # with what is filled in
    changes = diff(before, whole) if whole is not None else ()
    seen = {trial.environment: trial.preview for trial in await trials(book, flag, here.ports.clock.now())}
    return fv.preview(key, environment, seen.get(environment), changes, planned.decided.warnings)


@router.post("/{key}/explain", operation_id="explain_flag", summary="Explain an answer")
async def explain_flag(here: Here, _who: Viewer, key: Key, asked: fm.EvaluationRequest) -> fm.ExplanationView:
    """What this player gets, rule by rule, and why."""
    ruleset = here.flags.rulesets.of(_environment(here, asked.environment))
    return fv.explanation(explain(ruleset, _known(here, key), asked.context))


@router.post("/{key}/evaluate", operation_id="evaluate_flag", summary="Evaluate a flag")
async def evaluate_flag(here: Here, _who: Viewer, key: Key, asked: fm.EvaluationRequest) -> fm.EvaluationView:
    """What this player gets."""
    ruleset = here.flags.rulesets.of(_environment(here, asked.environment))
    outcome = ruleset.outcome(_known(here, key), asked.context)
    return fv.evaluation(key, outcome, ruleset.compiled(key).bucket_of(asked.context))


def _environment(here: Context, name: str | None) -> str:
    found = name or here.flags.book.environments[0]
    here.flags.book.snapshot(found)  # there is such an environment
    return found


def _known(here: Context, key: str) -> str:
    state = here.flags.book.state(key)
    if state is None or state.archived:
        raise NotFound(f"There is no flag '{key}'.", hint="See: croupier flag list")
    return key
