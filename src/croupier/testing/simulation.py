"""A whole control plane in virtual time: real reconcilers and use cases on a real store, everything else simulated.

Several sites (control plane processes) may run on one store and one data plane. The caller decides what happens when,
from a seed; a site that crashed forgets everything but its spool.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from croupier.control.catalog import Catalog
from croupier.control.flag_steps import OpenDoor
from croupier.control.flags.flags import Flags
from croupier.control.ports import (
    Almanac,
    Document,
    Journal,
    Leases,
    NoAlmanac,
    NoSmoke,
    Ports,
    SmokeRunner,
    Spec,
    Store,
)
from croupier.control.reconcile import Reconciler
from croupier.control.rollouts import Rollouts
from croupier.core.flags.read import read_flag
from croupier.core.gates import Gate
from croupier.core.releases import ProcessTemplate, Release, Service
from croupier.core.rollout.spec import RolloutSpec
from croupier.core.segments import Segment
from croupier.core.smoke import SmokeCheck
from croupier.errors import Transient
from croupier.testing.clock import VirtualClock
from croupier.testing.interruptions import Crash, Moments, exposed
from croupier.testing.metrics import ScriptedMetrics
from croupier.testing.router import MemoryRouter
from croupier.testing.spool import MemoryKillSpool, MemorySpool
from croupier.testing.workloads import MemoryWorkloads

SERVICE = "shop"
PROCESS = ProcessTemplate(command=("serve", "--port", "{port}"))


class Memory(Store, Journal, Protocol):
    """What a simulation needs of a store: one object that is all of it."""

    @property
    def leases(self) -> Leases: ...


@dataclass(slots=True)
class Site:
    """One control plane process. ``moments`` are the points between its awaits; ``starts`` counts its lives."""

    name: str
    spool: MemorySpool
    moments: Moments
    reconciler: Reconciler
    rollouts: Rollouts
    flags: "SiteFlags"
    starts: int = 1


@dataclass(frozen=True, slots=True)
class SiteFlags:
    """The flags of one process: real ones, read when they are needed first. ``kills`` outlive the process."""

    flags: Flags
    kills: MemoryKillSpool

    async def turn_off(self, flag: str, *, actor: str, reason: str, at: float) -> None:
        """As ``Switches.turn_off``."""
        if not self.flags.book.lineage:
            await self.flags.start()
        await self.flags.changes.kills.turn_off(flag, actor=actor, reason=reason, at=at)

    def names(self) -> Collection[str]:
        """As ``Switches.names``."""
        return self.flags.changes.kills.names()

    async def settle(self) -> None:
        """Record the kills that wait, as the running server does beside the loop."""
        if self.kills.pending():
            await self.flags.start()
            await self.flags.changes.kills.settle()


@dataclass(slots=True)
class Simulation:
    """The world. ``store_down`` makes the store ``Transient`` for every site; the other fakes have their own switches.

    ``people`` acts as an API server does: with the same use cases, on ports that nothing interrupts.
    """

    store: Memory
    seed: int = 0
    names: Sequence[str] = ("a",)
    store_down: bool = False
    clock: VirtualClock = field(default_factory=VirtualClock)
    almanac: Almanac = field(default_factory=NoAlmanac)
    smoke: SmokeRunner = field(default_factory=NoSmoke)
    router: MemoryRouter = field(init=False)
    workloads: MemoryWorkloads = field(init=False)
    metrics: ScriptedMetrics = field(init=False)
    sites: list[Site] = field(init=False)

    def __post_init__(self) -> None:
        self.router = MemoryRouter(self.clock)
        self.workloads = MemoryWorkloads(self.clock)
        self.metrics = ScriptedMetrics(self.clock, self.router, seed=self.seed)
        self.sites = [self._site(name, MemorySpool(), MemoryKillSpool()) for name in self.names]

    async def declare(self, rollout: RolloutSpec, gates: Sequence[Gate], segments: Sequence[Segment] = ()) -> None:
        """Apply one service with its way of being rolled out."""
        service = Service(
            SERVICE, (f"/{SERVICE}",), PROCESS, attribute_headers=(("employee", "x-employee"), ("market", "x-market"))
        )
        specs: list[tuple[str, Spec]] = [("Service", service), ("Rollout", rollout)]
        specs += [("Gate", gate) for gate in gates] + [("Segment", segment) for segment in segments]
        documents = [Document(kind, spec.name, f"sha256:{kind}", spec, {}) for kind, spec in specs]
        await self._catalog().apply(documents, (), actor="anna")

    async def declare_several(
        self,
        services: Sequence[str],
        rollouts: Sequence[RolloutSpec],
        gates: Sequence[Gate],
        checks: Sequence[SmokeCheck] = (),
    ) -> None:
        """Apply several services with their ways of being rolled out."""
        specs: list[tuple[str, Spec]] = [("Service", Service(name, (f"/{name}",), PROCESS)) for name in services]
        specs += [("Rollout", each) for each in rollouts] + [("Gate", gate) for gate in gates]
        specs += [("SmokeCheck", check) for check in checks]
        documents = [Document(kind, spec.name, f"sha256:{kind}", spec, {}) for kind, spec in specs]
        await self._catalog().apply(documents, (), actor="anna")

    async def declare_flags(self, *declarations: Mapping[str, Any]) -> None:
        """Declare flags, so that rollouts may turn them off."""
        for site in self.sites:
            await site.flags.flags.start()
        changes = self.sites[0].flags.flags.changes
        await changes.declare([read_flag(declaration) for declaration in declarations], actor="anna")
        for site in self.sites:
            await site.flags.flags.book.refresh()

    async def release(self, version: str, service: str = SERVICE) -> None:
        """Add a release of the service."""
        await self._catalog().apply((), (Release(service, version, PROCESS, f"sha256:{version}"),), actor="anna")

    async def pass_time(self, seconds: float) -> None:
        """Players play and time passes."""
        self.metrics.flow()
        await self.clock.advance(seconds)
        self.metrics.flow()

    async def tick(self, site: Site) -> bool:
        """One turn of the site's loop, and at once another one if it was woken meanwhile, as the running loop does.

        False where it crashed on the way; then it starts anew.
        """
        try:
            await site.reconciler.tick()
            if site.reconciler.woken:
                await site.reconciler.tick()
            with suppress(Transient):
                await site.flags.settle()
        except Crash:
            self.restart(site)
            return False
        return True

    def restart(self, site: Site) -> None:
        """The process is gone and another one takes its place: memory is lost, the spool is not."""
        fresh = self._site(site.name, site.spool, site.flags.kills, starts=site.starts + 1)
        site.reconciler, site.rollouts, site.moments, site.flags, site.starts = (
            fresh.reconciler,
            fresh.rollouts,
            fresh.moments,
            fresh.flags,
            fresh.starts,
        )

    def _site(self, name: str, spool: MemorySpool, kills: MemoryKillSpool, starts: int = 1) -> Site:
        moments = Moments()
        store = exposed(self.store, moments, self._store_trouble)
        ports = self._ports(store, exposed(self.store.leases, moments, self._store_trouble), spool, moments)
        flags = SiteFlags(Flags.of(store, store, kills, self.clock, ("production",)), kills)
        reconciler = Reconciler(ports, holder=f"{name}.{starts}", switches=flags, flags=OpenDoor(flags.flags))
        people = Rollouts(self._ports(*self._open_store(), spool), reconciler)
        return Site(name, spool, moments, reconciler, people, flags, starts)

    def _open_store(self) -> tuple[Memory, Leases]:
        """The store as people's requests meet it: out of reach like for everybody, but never interrupted."""
        still = Moments()
        return exposed(self.store, still, self._store_trouble), exposed(self.store.leases, still, self._store_trouble)

    def _ports(self, store: Memory, leases: Leases, spool: MemorySpool, moments: Moments | None = None) -> Ports:
        watched = moments or Moments()
        return Ports(
            store=store,
            leases=leases,
            journal=store,
            spool=spool,
            router=exposed(self.router, watched),
            workloads=exposed(self.workloads, watched),
            metrics=exposed(self.metrics, watched),
            clock=self.clock,
            almanac=self.almanac,
            smoke=self.smoke,
        )

    def _store_trouble(self) -> Exception | None:
        return Transient("the database does not answer") if self.store_down else None

    def _catalog(self) -> Catalog:
        site = self.sites[0]
        return Catalog(site.rollouts.ports, site.reconciler)
