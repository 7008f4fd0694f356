"""``/rollouts/{rollout}/shadow``: what is copied to a canary, and how its answers compare."""

from typing import Annotated

from fastapi import APIRouter, Path

from croupier.control.recorded import recorded_rollout
from croupier.server.api import shadow_models as m
from croupier.server.api.shadow_views import shadow
from croupier.server.context import Here

router = APIRouter(prefix="/rollouts", tags=["rollouts"])

RolloutId = Annotated[str, Path(max_length=100, examples=["payments-7"])]


@router.get("/{rollout}/shadow", operation_id="get_rollout_shadow", summary="Read how answers compare")
async def get_shadow(here: Here, rollout: RolloutId) -> m.ShadowView:
    """What is copied to the canary now, and by path and field how its answers differ from the stable version's."""
    stored = await recorded_rollout(here.ports.store, rollout)
    return shadow(here, stored.value)
