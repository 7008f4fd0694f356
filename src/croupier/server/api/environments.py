"""``/environments``: which there are, and which application runs which version of their flags."""

from typing import Annotated

from fastapi import APIRouter, Path

from croupier.server.api import flag_models as fm
from croupier.server.api import flag_views as fv
from croupier.server.context import Here

router = APIRouter(prefix="/environments", tags=["flags"])

Environment = Annotated[str, Path(max_length=60, examples=["production"])]


@router.get("", operation_id="list_environments", summary="List environments")
async def list_environments(here: Here) -> list[str]:
    """The environments that flags can differ in; the first is what those get who name none."""
    return list(here.flags.book.environments)


@router.get("/{environment}/propagation", operation_id="get_propagation", summary="See how far changes have come")
async def get_propagation(here: Here, environment: Environment) -> fm.PropagationView:
    """Which application runs which version, who is behind, and how long changes take to get there."""
    flags = here.flags
    found = flags.propagation.summary(environment, here.ports.clock.now())
    return fv.propagation(found, flags.feed.open_in(environment))
