"""The whole page, put together. Included by ``app``."""

from fastapi import APIRouter

from croupier.server.web import actions, assets, pages, signin

router = APIRouter()

for part in (assets, signin, pages, actions):
    router.include_router(part.router)
router.include_router(signin.machines)
