"""``/prometheus/targets``: the instances that run, as Prometheus's ``http_sd_configs`` asks for them."""

from collections.abc import Mapping

from fastapi import APIRouter

from croupier.control.fleet import Fleet, read_fleet
from croupier.control.ports import VersionKey, WorkloadStatus
from croupier.server.api import models as m
from croupier.server.context import Here

router = APIRouter(prefix="/prometheus", tags=["services"])


@router.get("/targets", operation_id="prometheus_targets", summary="Let Prometheus find what runs")
async def prometheus_targets(here: Here) -> list[m.TargetGroup]:
    """Every ready instance with the labels that gates find it by, for ``http_sd_configs``. An error is answered where
    the instances are out of sight: Prometheus then keeps what it knew.
    """
    seen = await here.ports.workloads.observe()
    fleet = await read_fleet(here.ports.store, 0)
    paths: dict[VersionKey, str] = {}
    for key in seen:
        release = await here.ports.store.release(key.service, key.version)
        if release is not None:
            paths[key] = release.process.metrics_path
    return groups(seen, paths, fleet)


def groups(
    seen: Mapping[VersionKey, WorkloadStatus], paths: Mapping[VersionKey, str], fleet: Fleet
) -> list[m.TargetGroup]:
    """One group a version. What changes while an instance runs is a ``__meta_`` label: as a label of its own it would
    begin all of the instance's series anew, which counters do not survive.
    """
    return [
        m.TargetGroup(
            targets=[_address(endpoint.host, endpoint.port) for endpoint in status.endpoints],
            labels={
                "service": key.service,
                "version": key.version,
                "__metrics_path__": paths[key],
                "__meta_croupier_arm": _arm(fleet, key),
            },
        )
        for key, status in sorted(seen.items())
        if key in paths and status.endpoints
    ]


def _arm(fleet: Fleet, key: VersionKey) -> str:
    rollout = fleet.rollout_of(key.service)
    if rollout is not None and rollout.canary == key.version:
        return "canary"
    delivery = fleet.deliveries.get(key.service)
    return "stable" if delivery is not None and delivery.value.stable == key.version else "leaving"


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
