"""The whole page, put together. Included by ``app``."""

from fastapi import APIRouter

from croupier.server.web import actions, assets, calendar, pages, segments, signin
from croupier.server.web.experiments import pages as experiment_pages
from croupier.server.web.flags import actions as flag_actions
from croupier.server.web.flags import edit, explaining, presets
from croupier.server.web.flags import pages as flag_pages

router = APIRouter()

for part in (
    assets,
    signin,
    pages,
    actions,
    segments,
    calendar,
    flag_pages,
    explaining,
    edit,
    flag_actions,
    presets,
    experiment_pages,
):
    router.include_router(part.router)
router.include_router(signin.machines)
