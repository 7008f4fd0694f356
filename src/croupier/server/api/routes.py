"""Everything under ``/api/v1``, put together. Included by ``app``."""

from typing import Final

from fastapi import APIRouter, Depends

from croupier.server.api import catalog, journal, people, rollouts, services
from croupier.server.auth import viewer

PREFIX: Final = "/api/v1"

router = APIRouter(prefix=PREFIX, dependencies=[Depends(viewer)])
"""Nothing is open to everybody: what asks for no more is for viewers."""

for part in (catalog, services, rollouts, journal, people):
    router.include_router(part.router)
