"""``/healthz``, ``/readyz``, ``/metrics``: for supervisors and Prometheus, open to everybody who reaches the port."""

from importlib.metadata import version

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from croupier.errors import CroupierError
from croupier.server.context import Here
from croupier.server.metrics import CONTENT_TYPE

router = APIRouter(tags=["health"])


@router.get("/healthz", operation_id="healthz", summary="Does it live?")
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok", "version": version("croupier")}


@router.get(
    "/readyz", operation_id="readyz", summary="Does it work?", responses={503: {"description": "Not all of it."}}
)
async def readyz(here: Here) -> Response:
    """Store, lease, Envoy, and whether every active rollout can be read. 503 where one of them is amiss, with the
    reason; what works goes on working.
    """
    checks = {
        "store": await _store(here),
        "lease": _lease(here),
        "envoy": await _envoy(here),
        "rollouts": _rollouts(here),
    }
    ready = all(said == "ok" for said in checks.values())
    return JSONResponse({"status": "ok" if ready else "not ready", **checks}, 200 if ready else 503)


@router.get("/metrics", operation_id="metrics", summary="Prometheus metrics", response_class=Response)
async def metrics(here: Here) -> Response:
    """What the control plane measures of itself."""
    here.metrics.streams.set(here.streams.open)
    return Response(here.metrics.page(), media_type=CONTENT_TYPE)


async def _store(here: Here) -> str:
    try:
        await here.ports.journal.head()
    except CroupierError as trouble:
        return trouble.message
    return "ok"


def _lease(here: Here) -> str:
    return "ok" if here.leases.holding(here.ports.clock) else "another control plane acts, or the store is out of reach"


def _rollouts(here: Here) -> str:
    fleet = here.reconciler.fleet
    return "; ".join(f"{name}: {why}" for name, why in fleet.unreadable.items()) if fleet and fleet.unreadable else "ok"


async def _envoy(here: Here) -> str:
    try:
        return "ok" if await here.edge_healthy() else "Envoy does not serve"
    except CroupierError as trouble:
        return trouble.message
