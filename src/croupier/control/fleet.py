"""What is recorded of everything that is delivered, read once and kept until the journal grows. Read by the reconciler.

Also answers the two questions that every tick asks: which traffic is wanted, and which versions must run.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from croupier.control.calendars import NOTHING, Declared, declared
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
from croupier.core.rollout.phase import Phase
from croupier.core.rollout.pins import NO_PINS, Known, Pins, pins
from croupier.core.rollout.preview import previewed
from croupier.core.rollout.routes import ServiceRoutes, stable_routes
from croupier.core.rollout.state import RolloutState, ends_rounds, routes, versions_needed
from croupier.core.rollout.together.whole import in_order
from croupier.errors import Corrupt

FURTHEST: Final = 10
"""So many rollouts of a service are looked at to find what was given up."""


async def read_fleet(store: Store, size: int) -> "Fleet":
    """Everything recorded of what is delivered; ``size`` is the journal's, read before.

    Something may be recorded between two of these readings. Rollouts come first, so that a rollout never seems further
    than its service: after an undo the service would still seem to be on the version that was taken back.
    """
    specs = [item.value.spec for item in await store.documents("Service")]
    unreadable: dict[str, str] = {}
    active: Sequence[Stored[RolloutState]] | None = None
    with suppress(Corrupt):
        active = await store.active()
    deliveries = {item.value.service: item for item in await store.services()}
    if active is None:
        active = await _one_by_one(store, deliveries, unreadable)
    services = {spec.name: spec for spec in specs if isinstance(spec, Service)}
    return Fleet(
        size=size,
        services=services,
        deliveries=deliveries,
        rollouts={item.value.id: item for item in active},
        unreadable=unreadable,
        ended=await _ended(store, services, deliveries),
        calendars=await declared(store),
    )


async def _ended(
    store: Store, services: Mapping[str, Service], deliveries: Mapping[str, Stored[Delivery]]
) -> Mapping[str, RolloutState]:
    """The last rollout of each service whose rounds end where they began, where none is active: some may be open."""
    found: dict[str, RolloutState] = {}
    for name, delivery in deliveries.items():
        service = services.get(name)
        if service is None or service.affinity is None or delivery.value.active or not delivery.value.rollouts:
            continue
        try:
            stored = await store.rollout(delivery.value.latest)
        except Corrupt:  # told where it is looked at
            continue
        found |= {name: stored.value} if stored is not None else {}
    return found


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


def wholes(rollouts: Mapping[str, Stored[RolloutState]]) -> Sequence[tuple[str, ...]]:
    """The rollouts about which something is to be decided, by id: those that move as one together, in the order of
    moving up, also the members that ended lately; each other one alone.
    """
    groups: dict[str, list[RolloutState]] = {}
    for stored in rollouts.values():
        groups.setdefault(stored.value.as_one[0], []).append(stored.value)
    return [
        tuple(state.id for state in in_order(group))
        for group in groups.values()
        if any(state.phase.active for state in group)
    ]


@dataclass(frozen=True, slots=True)
class Pinned:
    """What is known of a service's open rounds. ``served`` is what ids were led by at the last look, ``gone`` the
    versions of it of which all is known and nothing open; ``barred`` can run no more, and ``failures`` says why.
    """

    known: Known = field(default_factory=Known)
    served: Pins = NO_PINS
    gone: frozenset[str] = frozenset()
    barred: frozenset[str] = frozenset()
    failures: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fleet:
    """Services, what serves them, and their active rollouts, as recorded. ``size`` is the journal's at the reading.

    ``unreadable`` names active rollouts whose record is damaged, and why. Nobody can watch such a canary, so its
    service serves the stable version, which is known, until a person has looked. ``ended`` are last rollouts, by
    service, ``pinned`` what outranks the weights: of services whose rounds end where they began.
    """

    size: int = 0
    services: Mapping[str, Service] = field(default_factory=dict)
    deliveries: Mapping[str, Stored[Delivery]] = field(default_factory=dict)
    rollouts: Mapping[str, Stored[RolloutState]] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)
    ended: Mapping[str, RolloutState] = field(default_factory=dict)
    pinned: Mapping[str, Pinned] = field(default_factory=dict)
    calendars: Declared = NOTHING

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
        """The traffic that the recorded state asks for, with the open rounds that end where they began."""
        base, pinned = self.unpinned_routes(service), self.pinned.get(service)
        if pinned is None:
            return base
        barred = pinned.barred | self.given_up(service).keys() | self._not_begun(service, pinned)
        found = pins(base.assigned, base.default, pinned.known, served=pinned.served, gone=pinned.gone, barred=barred)
        return replace(base, pins=found) if found != NO_PINS else base

    def _not_begun(self, service: str, pinned: Pinned) -> frozenset[str]:
        """The canary of a rollout that has not begun: its processes may say what they like, no id leads there yet. But
        one that ids led to before goes on being led to, since an earlier rollout was of the same version.
        """
        rollout = self.rollout_of(service)
        waits = rollout is not None and rollout.step < 0 and rollout.phase in (Phase.PENDING, Phase.PAUSED)
        return frozenset({rollout.canary} if rollout is not None and waits else ()) - pinned.served.targets

    def given_up(self, service: str) -> Mapping[str, RolloutState]:
        """The versions that nobody is to be on any more, not even to end a round, and the rollout that gave each up. It
        stays so while other rollouts come after it: a round that was begun in the last moment may be told of by then.
        """
        newest = {state.canary: state for state in self._known_rollouts(service)}
        assigned = self.unpinned_routes(service).assigned
        return {version: state for version, state in newest.items() if ends_rounds(state) and version not in assigned}

    def _known_rollouts(self, service: str) -> Sequence[RolloutState]:
        """In the order in which they began: an older one that was tried again is the newest."""
        delivery = self.deliveries.get(service)
        last = delivery.value.rollouts if delivery is not None else 0
        numbered = (self.rollouts.get(f"{service}-{number}") for number in range(max(last - FURTHEST, 0) + 1, last + 1))
        known = {stored.value.id: stored.value for stored in numbered if stored is not None}
        if (over := self.ended.get(service)) is not None:  # read anew each time: a person may cut its drain short
            known[over.id] = over
        return sorted(known.values(), key=lambda state: (state.phase.active, state.started_at))

    def latest_id(self, service: str) -> str:
        """The service's newest rollout, active or over."""
        delivery = self.deliveries.get(service)
        return delivery.value.latest if delivery is not None else service

    def unpinned_routes(self, service: str) -> ServiceRoutes:
        """What the weights alone say."""
        rollout = self.rollout_of(service)
        if rollout is not None:
            return routes(rollout)
        delivery = self.deliveries.get(service)
        return stable_routes(service, delivery.value.stable if delivery else None)

    def preview(self, service: str) -> str | None:
        """The version that the preview address leads to instead of the stable one, if any."""
        rollout = self.rollout_of(service)
        return previewed(rollout) if rollout is not None else None

    def needed(self) -> set[VersionKey]:
        """Versions that must run whatever happens."""
        keys: set[VersionKey] = set()
        for service in self.services:
            rollout = self.rollout_of(service)
            versions = versions_needed(rollout) if rollout else self.wanted_routes(service).versions
            pinned = self.wanted_routes(service).pins.targets if service in self.pinned else ()
            keys |= {VersionKey(service, version) for version in (*versions, *pinned)}
            if rollout and rollout.stable:
                keys.add(VersionKey(service, rollout.stable))
        return keys

    def table(self, running: set[VersionKey], seen: Mapping[VersionKey, WorkloadStatus]) -> TrafficTable:
        """All that the data plane should serve; ``running`` versions stay reachable while they are being left."""
        routed = tuple(
            RoutedService(self.services[name], self.wanted_routes(name), self.preview(name))
            for name in sorted(self.services)
        )
        named = {VersionKey(item.service.name, version) for item in routed for version in item.routes.versions}
        keys = sorted(key for key in named | running if key.service in self.services)
        backends = tuple(Backend(key, seen[key].endpoints if key in seen else ()) for key in keys)
        return TrafficTable(routed, backends)
