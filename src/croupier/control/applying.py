"""The last part of a turn: push the wanted traffic, then the wanted workloads. Called by ``reconcile``.

Applying twice is harmless, and what is still served, or might be, keeps running.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from croupier.control.fleet import Fleet
from croupier.control.isolation import strangers, without_blamed
from croupier.control.lingering import Lingering
from croupier.control.observe import Seen, scrape_targets
from croupier.control.ports import Ports, TrafficTable, VersionKey
from croupier.control.shadowing import compare
from croupier.control.waiting import Interrupted, unless
from croupier.core.releases import ProcessTemplate, Release
from croupier.core.rollout.phase import Phase
from croupier.errors import CroupierError, Rejected, Transient


@dataclass(slots=True)
class Applying:
    """Brings traffic and workloads to what a fleet wants. ``urgent`` ends waiting for a data plane that is slow to
    confirm; ``release`` asks the store for a release.
    """

    ports: Ports
    urgent: asyncio.Event
    release: Callable[[VersionKey], Awaitable[Release | None]]
    lingering: Lingering = field(default_factory=Lingering)
    _templates: dict[VersionKey, ProcessTemplate] = field(default_factory=dict)

    async def apply(self, fleet: Fleet, seen: Seen) -> None:
        """Push what the fleet wants. Raises ``Transient`` where traffic was not moved."""
        if seen.served is None and not fleet.services:
            return  # nothing is recorded, and who knows what is served
        served = seen.served_versions if seen.served is not None else set(seen.workloads)
        running = fleet.needed() | served | self.lingering.keys(self.ports.clock.now())
        table = fleet.table(running, seen.workloads)
        if unknown := strangers(seen.served or {}, fleet):
            raise Transient(
                f"{', '.join(unknown)} is served, but this record knows nothing of it, so nothing is touched.",
                hint="Bring the right database back and restart. To begin anew, stop what serves: croupier down.",
            )
        giving_up = any(stored.value.phase is Phase.ABORTING for stored in fleet.rollouts.values())
        # Finding a version again may take as long as its start; players of a canary given up elsewhere cannot wait.
        trouble = None if seen.unsettled(table) and not giving_up else await self._push(table)
        await self.ports.workloads.apply(await self._runnable(running))
        await self.ports.metrics.watch(scrape_targets(seen.workloads, self._templates))
        compare(self.ports, fleet, seen)
        kept = running | seen.workloads.keys()
        self._templates = {key: template for key, template in self._templates.items() if key in kept}
        if trouble is not None:
            raise Transient(f"traffic was not moved: {trouble}") from trouble

    async def _push(self, table: TrafficTable) -> CroupierError | None:
        """Push the table or, where services in it are refused, all the others; what went wrong, if anything did."""
        try:
            await self._hand_over(table)
        except Rejected as refused:
            rest = without_blamed(table, refused)
            if rest is not None:
                with suppress(CroupierError):  # the first refusal tells more
                    await self._hand_over(rest)
            return refused
        except CroupierError as trouble:
            return trouble
        return None

    async def _hand_over(self, table: TrafficTable) -> None:
        """Push it; whoever wakes us while the data plane is slow to confirm is served first."""
        if not self.urgent.is_set():
            with suppress(Interrupted):
                await unless(self.ports.router.apply(table), self.urgent)

    async def _runnable(self, running: set[VersionKey]) -> Mapping[VersionKey, ProcessTemplate]:
        """Templates by version; releases never change, so each is read once."""
        for key in running - self._templates.keys():
            release = await self.release(key)
            if release is not None:
                self._templates[key] = release.process
        return {key: self._templates[key] for key in running if key in self._templates}
