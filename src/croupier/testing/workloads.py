"""Versions that run in memory: ready after a while, crashing when told. Keeps the contract of ``Workloads``.

Used by the simulator and by tests of what stands above the port.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from zlib import crc32

from croupier.control.ports import Clock, Endpoint, Health, VersionKey, WorkloadStatus
from croupier.core.releases import ProcessTemplate
from croupier.errors import Transient


@dataclass(slots=True)
class _Running:
    template: ProcessTemplate
    ready_at: float
    was_ready: bool = False


class MemoryWorkloads:
    """Runs what is wanted. ``ready_after_s`` is how long a start takes; ``unreachable`` makes every call ``Transient``.

    ``crash`` takes a version down for a while, ``crash_loop`` for good (``failed``), ``mend`` ends that.
    """

    def __init__(self, clock: Clock, ready_after_s: float = 2.0) -> None:
        self.ready_after_s = ready_after_s
        self.unreachable = False
        self._clock = clock
        self._running: dict[VersionKey, _Running] = {}
        self._broken: dict[VersionKey, str] = {}

    async def apply(self, wanted: Mapping[VersionKey, ProcessTemplate]) -> None:
        """Start what is missing or changed, drop the rest."""
        self._reach()
        now = self._clock.now()
        self._running = {
            key: self._running[key]
            if key in self._running and self._running[key].template == template
            else _Running(template, now + self.ready_after_s)
            for key, template in wanted.items()
        }

    async def observe(self) -> Mapping[VersionKey, WorkloadStatus]:
        """How everything that should run is."""
        self._reach()
        return {key: self._status(key, running) for key, running in self._running.items()}

    @property
    def running(self) -> frozenset[VersionKey]:
        """Versions that are started or starting."""
        return frozenset(self._running)

    def crash(self, key: VersionKey, for_s: float) -> None:
        """Every instance of the version is down and back after so many seconds."""
        if key in self._running:
            self._running[key].ready_at = self._clock.now() + for_s

    def crash_loop(self, key: VersionKey, reason: str) -> None:
        """The version cannot run, now or whenever it is started."""
        self._broken[key] = reason

    def mend(self, key: VersionKey) -> None:
        """The version can run again."""
        self._broken.pop(key, None)

    def _status(self, key: VersionKey, running: _Running) -> WorkloadStatus:
        if key in self._broken:
            return WorkloadStatus(Health.FAILED, reason=self._broken[key])
        if self._clock.now() < running.ready_at:
            health = Health.UNREADY if running.was_ready else Health.STARTING
            return WorkloadStatus(health, reason="does not answer its health check yet")
        running.was_ready = True
        # A port of its own, the same at every start, so that runs with one seed are alike.
        first = 20_000 + crc32(f"{key.service}/{key.version}".encode()) % 20_000
        instances = range(running.template.instances)
        return WorkloadStatus(Health.READY, tuple(Endpoint("127.0.0.1", first + instance) for instance in instances))

    def _reach(self) -> None:
        if self.unreachable:
            raise Transient("the workloads do not answer")
