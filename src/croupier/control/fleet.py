"""What is recorded of everything that is delivered, read once and kept until the journal grows. Read by the reconciler.

Also answers the two questions that every tick asks: which traffic is wanted, and which versions must run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from croupier.control.ports import (
    Backend,
    RoutedService,
    Store,
    Stored,
    TrafficTable,
    VersionKey,
    WorkloadStatus,
)
from croupier.control.ports import ServiceState as Delivery
from croupier.core.releases import Service
from croupier.core.rollout.routes import ServiceRoutes, stable_routes
from croupier.core.rollout.state import RolloutState, routes, versions_needed
from croupier.errors import Corrupt


async def read_fleet(store: Store, size: int) -> "Fleet":
    """Everything recorded of what is delivered; ``size`` is the journal's, read before."""
    specs = [item.value.spec for item in await store.documents("Service")]
    deliveries = {item.value.service: item for item in await store.services()}
    unreadable: dict[str, str] = {}
    try:
        active = await store.active()
    except Corrupt:
        active = await _one_by_one(store, deliveries, unreadable)
    return Fleet(
        size=size,
        services={spec.name: spec for spec in specs if isinstance(spec, Service)},
        deliveries=deliveries,
        rollouts={item.value.id: item for item in active},
        unreadable=unreadable,
    )


async def _one_by_one(
    store: Store, deliveries: Mapping[str, Stored[Delivery]], unreadable: dict[str, str]
) -> Sequence[Stored[RolloutState]]:
    """The active rollouts that can be read; why the others cannot goes to ``unreadable``, by the rollout's id."""
    found: list[Stored[RolloutState]] = []
    for delivery in deliveries.values():
        rollout = delivery.value.active
        try:
            stored = await store.rollout(rollout) if rollout else None
        except Corrupt as damage:
            unreadable[str(rollout)] = str(damage)
        else:
            found += [stored] if stored else []
    return found


@dataclass(frozen=True, slots=True)
class Fleet:
    """Services, what serves them, and their active rollouts, as recorded. ``size`` is the journal's at the reading.

    ``unreadable`` names active rollouts whose record is damaged, and why. Nobody can watch such a canary, so its
    service serves the stable version, which is known, until a person has looked.
    """

    size: int = 0
    services: Mapping[str, Service] = field(default_factory=dict)
    deliveries: Mapping[str, Stored[Delivery]] = field(default_factory=dict)
    rollouts: Mapping[str, Stored[RolloutState]] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)

    def rollout_of(self, service: str) -> RolloutState | None:
        """The service's active rollout, if any."""
        delivery = self.deliveries.get(service)
        stored = self.rollouts.get(delivery.value.active) if delivery and delivery.value.active else None
        return stored.value if stored else None

    def with_rollout(self, rollout: Stored[RolloutState], delivery: Stored[Delivery] | None, size: int) -> "Fleet":
        """The fleet after one recorded change."""
        rollouts = {**self.rollouts, rollout.value.id: rollout}
        deliveries = {**self.deliveries, delivery.value.service: delivery} if delivery else self.deliveries
        return replace(self, size=size, rollouts=rollouts, deliveries=deliveries)

    def wanted_routes(self, service: str) -> ServiceRoutes:
        """The traffic that the recorded state asks for."""
        rollout = self.rollout_of(service)
        if rollout is not None:
            return routes(rollout)
        delivery = self.deliveries.get(service)
        return stable_routes(service, delivery.value.stable if delivery else None)

    def needed(self) -> set[VersionKey]:
        """Versions that must run whatever happens."""
        keys: set[VersionKey] = set()
        for service in self.services:
            rollout = self.rollout_of(service)
            versions = versions_needed(rollout) if rollout else self.wanted_routes(service).versions
            keys |= {VersionKey(service, version) for version in versions}
            if rollout and rollout.stable:
                keys.add(VersionKey(service, rollout.stable))
        return keys

    def table(self, running: set[VersionKey], seen: Mapping[VersionKey, WorkloadStatus]) -> TrafficTable:
        """All that the data plane should serve; ``running`` versions stay reachable while they are being left."""
        routed = tuple(RoutedService(self.services[name], self.wanted_routes(name)) for name in sorted(self.services))
        named = {VersionKey(item.service.name, version) for item in routed for version in item.routes.versions}
        keys = sorted(key for key in named | running if key.service in self.services)
        backends = tuple(Backend(key, seen[key].endpoints if key in seen else ()) for key in keys)
        return TrafficTable(routed, backends)
