"""``/experiments``: declared with ``apply``; started, stopped and looked at here."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from croupier.control.ports import Answer
from croupier.core.experiments import Answer as Answered
from croupier.core.experiments import Experiment, Run
from croupier.server.api import experiment_models as em
from croupier.server.api import experiment_views as ev
from croupier.server.api.idempotency import Kept
from croupier.server.api.paging import Cursor, Limit, page_of
from croupier.server.api.wire import Page
from croupier.server.auth import Operator
from croupier.server.context import Context, Here

router = APIRouter(prefix="/experiments", tags=["experiments"])

Name = Annotated[str, Path(max_length=63, examples=["lobby-order"])]
RunId = Annotated[str | None, Query(alias="run", max_length=32, description="A run's id; the newest one without it.")]


@router.get("", operation_id="list_experiments", summary="List experiments")
async def list_experiments(here: Here, cursor: Cursor = None, limit: Limit = 50) -> Page[em.ExperimentView]:
    """Experiments by name, with their runs."""
    return page_of(await experiments(here), lambda item: item.name, cursor, limit)


async def experiments(here: Context) -> list[em.ExperimentView]:
    """All experiments by name; the page shows the same."""
    measured = here.experiments.measured()
    runs = await here.experiments.runs()
    shown: list[em.ExperimentView] = []
    for document in sorted(await here.ports.store.documents("Experiment"), key=lambda item: item.value.name):
        declared = document.value.spec
        if not isinstance(declared, Experiment):  # pragma: no cover - what the store was asked for
            continue
        own = [here.experiments.answered(run) for run in runs if run.plan.experiment.name == declared.name]
        shown.append(ev.experiment(declared, document.value.source["spec"], own, measured))
    return shown


@router.get("/{name}", operation_id="get_experiment", summary="Read an experiment")
async def get_experiment(here: Here, name: Name) -> em.ExperimentView:
    """One experiment: as it is declared, and its runs."""
    return await experiment(here, name)


async def experiment(here: Context, name: str) -> em.ExperimentView:
    """The experiment of that name. Raises ``NotFound``."""
    declared = await here.experiments.get(name)
    documents = await here.ports.store.documents("Experiment")
    source = next(item.value.source["spec"] for item in documents if item.value.name == name)
    own = [here.experiments.answered(run) for run in await here.experiments.runs(name)]
    return ev.experiment(declared, source, own, here.experiments.measured())


@router.get("/{name}/result", operation_id="get_experiment_result", summary="Look at a result")
async def get_result(here: Here, name: Name, run: RunId = None) -> em.ResultView:
    """What the newest run, or the one named, says as of now. Looking costs nothing, however often."""
    return ev.result(await here.experiments.answer(name, run), here.experiments.measured())


@router.get("/{name}/course", operation_id="get_experiment_course", summary="See how a result came about")
async def get_course(here: Here, name: Name, run: RunId = None) -> Page[em.PointView]:
    """The comparisons from the start on, oldest first; all of them on one page."""
    found = (await here.experiments.answer(name, run)).run
    return Page(items=[ev.point(found, item) for item in await here.experiments.course(found)])


@router.post("/{name}/start", operation_id="start_experiment", response_model=em.RunView, summary="Start an experiment")
async def start_experiment(
    request: Request, here: Here, who: Operator, name: Name, asked: em.StartExperimentRequest
) -> Response:
    """Take players in from now on, by the declaration as it is now. Recorded with the flag."""

    async def run(kept: Kept) -> Response:
        def keep(started: Run) -> Answer | None:
            return kept.keep(200, ev.run(started, (started.id,)))

        await here.experiments.start(name, actor=who.name, reason=asked.reason, answer=keep)
        return kept.response()

    return await here.answers.once(request, who, run)


@router.post("/{name}/stop", operation_id="stop_experiment", response_model=em.ResultView, summary="Stop an experiment")
async def stop_experiment(request: Request, here: Here, who: Operator, name: Name, asked: em.StopRequest) -> Response:
    """Count no longer. What was found is recorded; the players are forgotten."""

    async def run(kept: Kept) -> Response:
        def keep(found: Answered) -> Answer | None:
            return kept.keep(200, ev.result(found, ()))

        await here.experiments.stop(name, actor=who.name, reason=asked.reason, answer=keep)
        return kept.response()

    return await here.answers.once(request, who, run)
