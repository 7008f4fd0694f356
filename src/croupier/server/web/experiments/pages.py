"""``/experiments`` and ``/experiments/{name}``: what is known so far, with the evidence; start and stop ask first.

The parts that live pages fetch again are rendered alone. Everything works without scripts.
"""

from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Form, Path, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from croupier.errors import CroupierError, NotFound
from croupier.server.api import experiment_models as em
from croupier.server.api import experiment_views as ev
from croupier.server.api.experiments import experiment, experiments
from croupier.server.context import Context, Here
from croupier.server.web.actions import allowed, said
from croupier.server.web.dress import PageRoute, render
from croupier.server.web.experiments.drawing import Course, course
from croupier.server.web.read import in_time
from croupier.server.web.session import Visitor, checked

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Verb = Literal["start", "stop"]
Name = Annotated[str, Path(max_length=63)]


class Answer(BaseModel):
    """A form as it was sent."""

    model_config = ConfigDict(frozen=True)

    csrf: str = Field("", max_length=200)
    reason: str = Field("", max_length=4_000)


@dataclass(frozen=True, slots=True)
class Sight:
    """One experiment, with the newest run's result and its course; ``result`` is ``None`` before the first run."""

    experiment: em.ExperimentView
    result: em.ResultView | None
    courses: tuple[Course, ...]

    @property
    def verb(self) -> Verb:
        """What can be asked of it now."""
        return "stop" if self.experiment.running else "start"


@router.get("/experiments")
async def list_page(request: Request, here: Here, _who: Visitor) -> Response:
    """All experiments, the running ones first; the live part alone for a page that is open already."""
    found = await in_time(experiments(here))
    shown = sorted(found, key=lambda item: (not item.running, not item.runs, item.name))
    template = "experiments/list_live.html" if "hx-request" in request.headers else "experiments/list.html"
    return render(request, template, experiments=shown)


@router.get("/experiments/{name}")
async def experiment_page(request: Request, here: Here, _who: Visitor, name: Name) -> Response:
    """One experiment; the live part alone for a page that is open already."""
    found = await in_time(sight(here, name))
    template = "experiments/experiment_live.html" if "hx-request" in request.headers else "experiments/experiment.html"
    return render(request, template, sight=found, e=found.experiment, r=found.result)


@router.get("/experiments/{name}/{verb}")
async def ask(request: Request, here: Here, who: Visitor, name: Name, verb: Verb) -> Response:
    """What is about to happen, and a form to confirm it."""
    allowed(who)
    return _page(request, await in_time(sight(here, name)), verb, Answer())


@router.post("/experiments/{name}/{verb}")
async def act(
    request: Request, here: Here, who: Visitor, name: Name, verb: Verb, form: Annotated[Answer, Form()]
) -> Response:
    """Do it; what speaks against it is said on the form, with everything that was filled in."""
    checked(request, who, form.csrf)
    allowed(who)
    answer = form.model_copy(update={"reason": form.reason.strip()})
    try:
        do = here.experiments.start if verb == "start" else here.experiments.stop
        await do(name, actor=who.principal.name, reason=said(answer.reason))
    except NotFound:
        raise
    except CroupierError as error:
        return _page(request, await sight(here, name), verb, answer, error=error)
    return RedirectResponse(f"/experiments/{quote(name, safe='')}", 303)


async def sight(here: Context, name: str) -> Sight:
    """The experiment as it stands. Raises ``NotFound``."""
    found = await experiment(here, name)
    if not found.runs:
        return Sight(found, None, ())
    answer = await here.experiments.answer(name, found.runs[0].id)
    result = ev.result(answer, here.experiments.measured())
    points = [ev.point(answer.run, item) for item in await here.experiments.course(answer.run)]
    minimum = result.run.minimum_effect
    drawn = (course(item.treatment, points, minimum) for item in result.comparisons)
    return Sight(found, result, tuple(item for item in drawn if item is not None))


def _page(
    request: Request, found: Sight, verb: Verb, answer: Answer, *, error: CroupierError | None = None
) -> Response:
    return render(
        request,
        "experiments/ask.html",
        sight=found,
        e=found.experiment,
        verb=verb,
        possible=verb == found.verb,
        answer=answer,
        error=error,
    )
