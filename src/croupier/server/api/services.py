"""``/services``: what serves each service now, as recorded and as the data plane really does it."""

from collections.abc import Mapping

from fastapi import APIRouter

from croupier.control.fleet import read_fleet
from croupier.core.rollout.routes import ServiceRoutes
from croupier.errors import Transient
from croupier.server.api import models as m
from croupier.server.api import views
from croupier.server.api.paging import Cursor, Limit, page_of
from croupier.server.api.shown import rollout_now
from croupier.server.context import Context, Here

router = APIRouter(prefix="/services", tags=["services"])


@router.get("", operation_id="list_services", summary="List services")
async def list_services(here: Here, cursor: Cursor = None, limit: Limit = 50) -> m.Page[m.ServiceView]:
    """Each service: stable version, rollout in progress, the weights really served, and how its versions run."""
    return page_of(await services(here), lambda item: item.name, cursor, limit)


async def services(here: Context) -> list[m.ServiceView]:
    """All services; the page shows the same."""
    fleet = await read_fleet(here.ports.store, 0)
    served = await _served(here) if fleet.services else {}
    previews = await _previewed(here) if fleet.services else {}
    seen = await here.ports.workloads.observe()
    shown: list[m.ServiceView] = []
    for name, service in sorted(fleet.services.items()):
        delivery = fleet.deliveries.get(name)
        active = fleet.rollouts.get(delivery.value.active) if delivery and delivery.value.active else None
        routes = served.get(name) if served is not None else None
        shown.append(
            m.ServiceView(
                name=name,
                prefixes=list(service.prefixes),
                stable=delivery.value.stable if delivery else None,
                rollout=rollout_now(here, active) if active else None,
                held_by=delivery.value.active if delivery else None,
                served=views.shares(routes) if routes else None,
                default=routes.guests if routes else None,
                preview=previews.get(name),
                workloads=views.workloads(seen, name),
            )
        )
    return shown


async def _previewed(here: Context) -> Mapping[str, str]:
    try:
        return await here.ports.router.previewed()
    except Transient:
        return {}


async def _served(here: Context) -> Mapping[str, ServiceRoutes] | None:
    try:
        return await here.ports.router.served()
    except Transient:
        return None
