"""What one service gets wrong must not reach the others, and a record that was lost must not reach the players."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from croupier.adapters.routing.envoy.checks import check_table
from croupier.control.observe import View
from croupier.control.ports import Health, Ports, TrafficTable, VersionKey, WorkloadStatus
from croupier.core.releases import ProcessTemplate
from croupier.core.rollout.routes import ServiceRoutes, stable_routes
from croupier.server.settings import Settings


@dataclass
class Strict:
    """A data plane that refuses what Envoy's adapter refuses. ``inner`` serves."""

    inner: Any
    left: Mapping[str, ServiceRoutes] | None = None
    applied: int = 0

    async def apply(self, table: TrafficTable) -> None:
        check_table(table)
        self.applied += 1
        await self.inner.apply(table)

    async def served(self) -> Mapping[str, ServiceRoutes]:
        found: Mapping[str, ServiceRoutes] = await self.inner.served()
        return found or self.left or {}

    async def previewed(self) -> Mapping[str, str]:
        found: Mapping[str, str] = await self.inner.previewed()
        return found


def strict(ports: Ports) -> Ports:
    return replace(ports, router=Strict(ports.router))


def document(kind: str, name: str, spec: Any) -> dict[str, Any]:
    return {"apiVersion": "croupier/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def service(name: str, prefix: str, **spec: Any) -> dict[str, Any]:
    return document("Service", name, {"routes": [{"prefix": prefix}], "process": {"command": ["x", "{port}"]}, **spec})


def bar() -> list[dict[str, Any]]:
    """A second service, whose canary is only for a market."""
    canary = {"steps": [{"setWeight": 20}, {"pause": {}}]}
    release = {"apiVersion": "croupier/v1", "kind": "Release"}
    return [
        service("bar", "/bar", attributes={"market": "x-market"}),
        document("Segment", "malta", {"match": {"market": ["MT"]}}),
        document("Rollout", "bar", {"service": "bar", "segment": "malta", "strategy": {"canary": canary}}),
        {**release, "spec": {"service": "bar", "version": "1.0.0"}},
        {**release, "spec": {"service": "bar", "version": "1.1.0"}},
    ]


async def test_an_abort_gets_through_beside_a_service_that_cannot_be_routed(
    settings: Settings, opened: Callable[..., Any]
) -> None:
    async with opened(settings, strict) as world:
        await world.declare()
        assert (await world.post("/apply", {"documents": bar()})).status_code == 200
        await world.post("/rollouts", {"service": "bar", "version": "1.0.0"})
        await world.until("/rollouts/bar-1", lambda rollout: rollout["phase"] == "succeeded")
        await world.roll_out()
        # As two control planes on one database can: each is right alone, together they cannot be routed.
        stored = {item.value.name: item for item in await world.store.documents("Service")}
        spec = replace(stored["bar"].value.spec, prefixes=("/shop",))
        broken = replace(stored["bar"].value, spec=spec)
        fleet = world.context.reconciler.fleet
        world.context.reconciler._fleet = replace(fleet, services={**fleet.services, "bar": broken.spec})
        await world.post("/rollouts/shop-2/abort")
        await world.until("/rollouts/shop-2", lambda rollout: rollout["phase"] == "aborted")


async def test_applying_at_once_gives_a_prefix_to_one_service_only(world: Any) -> None:
    await world.declare()
    answers = await asyncio.gather(
        *(world.post("/apply", {"documents": [service(name, "/same")]}) for name in ("p", "q", "r", "s"))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 422, 422, 422]


async def test_a_service_keeps_the_attributes_that_its_rollouts_ask_for(world: Any) -> None:
    assert (await world.post("/apply", {"documents": bar()})).status_code == 200
    refused = await world.post("/apply", {"documents": [service("bar", "/bar")]})
    assert refused.status_code == 422
    assert refused.json()["problems"][0]["field"] == "spec.attributes"
    refused = await world.post("/apply", {"documents": [document("Segment", "malta", {"match": {"vip": ["yes"]}})]})
    assert refused.status_code == 422
    assert refused.json()["problems"][0]["field"] == "spec.match"


async def test_an_empty_record_takes_nothing_off_the_air(settings: Settings, opened: Callable[..., Any]) -> None:
    made: list[Strict] = []

    def left_serving(ports: Ports) -> Ports:
        made.append(Strict(ports.router, left={"shop": stable_routes("shop", "1.0.0")}))
        return replace(ports, router=made[0])

    async with opened(settings, left_serving) as world:
        await world.until_ready()
        for _ in range(5):
            await world.context.reconciler.tick()
        assert made[0].applied == 0


@dataclass
class Searching:
    """Workloads that still look for one version's instances, as just after a start."""

    inner: Any
    sought: VersionKey | None = None

    async def apply(self, wanted: Mapping[VersionKey, ProcessTemplate]) -> None:
        await self.inner.apply(wanted)

    async def observe(self) -> Mapping[VersionKey, WorkloadStatus]:
        found: Mapping[VersionKey, WorkloadStatus] = await self.inner.observe()
        return {**found, self.sought: WorkloadStatus(Health.STARTING)} if self.sought else found


async def test_an_abort_does_not_wait_for_another_service_to_be_found_again(
    settings: Settings, opened: Callable[..., Any]
) -> None:
    made: list[Searching] = []

    def searching(ports: Ports) -> Ports:
        made.append(Searching(ports.workloads))
        return replace(ports, workloads=made[0])

    async with opened(settings, searching) as world:
        await world.declare()
        assert (await world.post("/apply", {"documents": bar()})).status_code == 200
        await world.post("/rollouts", {"service": "bar", "version": "1.0.0"})
        await world.until("/rollouts/bar-1", lambda rollout: rollout["phase"] == "succeeded")
        await world.roll_out()
        made[0].sought = VersionKey("bar", "1.0.0")
        world.context.reconciler._view = View()
        await world.post("/rollouts/shop-2/abort")
        await world.until("/rollouts/shop-2", lambda rollout: rollout["phase"] == "aborted")
