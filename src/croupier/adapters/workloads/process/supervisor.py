"""``Workloads`` as local processes: which instances should run, which run, and what becomes of the others.

Made by ``server.app``; ``start`` adopts what an earlier control plane left running, ``apply`` and ``observe`` are the
port.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import httpx
import structlog

from croupier.adapters.workloads.process.command import check_template
from croupier.adapters.workloads.process.drain import begin_drain, finish_drain
from croupier.adapters.workloads.process.home import Home
from croupier.adapters.workloads.process.identity import ended, sweep
from croupier.adapters.workloads.process.instance import Instance, World
from croupier.adapters.workloads.process.port_range import PortRange
from croupier.adapters.workloads.process.record import Record, forget, load_all, template_digest
from croupier.adapters.workloads.process.settings import ProcessSettings
from croupier.adapters.workloads.process.status import status_of
from croupier.control.ports import Clock, Health, VersionKey, WorkloadStatus
from croupier.core.releases import ProcessTemplate
from croupier.errors import Rejected

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Fleet:
    """The instances of one version, each with the task that keeps it running."""

    digest: str
    instances: dict[int, Instance] = field(default_factory=dict)
    tasks: dict[int, asyncio.Task[None]] = field(default_factory=dict)

    def add(self, instance: Instance) -> None:
        self.instances[instance.number] = instance
        name = f"{instance.key.service}@{instance.key.version}-{instance.number}"
        self.tasks[instance.number] = asyncio.create_task(_supervise(instance), name=name)


class ProcessWorkloads:
    """Runs versions as processes that outlive the control plane.

    A version that failed stays so while it is wanted; not wanting it and wanting it again starts afresh. What drains is
    not observed any more.
    """

    def __init__(self, run_dir: Path, clock: Clock, settings: ProcessSettings | None = None) -> None:
        self._home = Home(run_dir)
        self._clock = clock
        self._settings = settings or ProcessSettings()
        self._fleets: dict[VersionKey, _Fleet] = {}
        self._refused: dict[VersionKey, str] = {}
        self._drains: set[asyncio.Task[None]] = set()
        self._lock: IO[bytes] | None = None
        self._world: World | None = None

    async def start(self) -> None:
        """Take the run folder and adopt its processes; nothing is started or ended but what was on its way out already.

        Adopted instances have had a health check when this returns. Raises ``Transient`` while another control plane
        has the folder.
        """
        self._lock = self._home.open()
        settings = self._settings
        http = httpx.AsyncClient(
            timeout=settings.probe_timeout_s,
            # A health check must not hold a connection open: it would keep a draining server waiting.
            limits=httpx.Limits(max_keepalive_connections=0),
            trust_env=False,
        )
        ports = PortRange(settings.host, settings.first_port, settings.last_port)
        self._world = World(self._home, settings, self._clock, http, ports)
        adopted = [instance for record in load_all(self._home.records) if (instance := self._adopt(record))]
        await asyncio.gather(*(instance.look() for instance in adopted))
        for instance in adopted:
            self._fleets.setdefault(instance.key, _Fleet(template_digest(instance.template))).add(instance)

    async def stop(self, *, keep_running: bool) -> None:
        """Let go of the processes (the next control plane adopts them), or drain them all and wait until they have
        ended.
        """
        if self._world is None or self._lock is None:
            return
        if keep_running:
            await _cancel([task for fleet in self._fleets.values() for task in fleet.tasks.values()])
            await _cancel(list(self._drains))
        else:
            await self.apply({})
            await asyncio.gather(*self._drains)
        self._fleets.clear()
        await self._world.http.aclose()
        self._lock.close()
        self._world, self._lock = None, None

    async def apply(self, wanted: Mapping[VersionKey, ProcessTemplate]) -> None:
        """See ``Workloads.apply``. A template that could never be started is a failed version, and stops no other."""
        world = self._running()
        self._refused = {key: reason for key, template in wanted.items() if (reason := _refusal(template))}
        wanted = {key: template for key, template in wanted.items() if key not in self._refused}
        digests = {key: template_digest(template) for key, template in wanted.items()}
        for key, fleet in list(self._fleets.items()):
            if digests.get(key) != fleet.digest:
                self._end(self._fleets.pop(key))
        for key, template in wanted.items():
            fleet = self._fleets.setdefault(key, _Fleet(digests[key]))
            for number in range(template.instances):
                if number not in fleet.instances:
                    fleet.add(Instance(key, number, template, world))
                fleet.instances[number].wanted.set()

    async def observe(self) -> Mapping[VersionKey, WorkloadStatus]:
        self._running()
        seen = {key: status_of(list(fleet.instances.values())) for key, fleet in self._fleets.items()}
        return seen | {key: WorkloadStatus(Health.FAILED, (), reason) for key, reason in self._refused.items()}

    def _running(self) -> World:
        if self._world is None:
            raise RuntimeError("ProcessWorkloads is not started")
        return self._world

    def _adopt(self, record: Record) -> Instance | None:
        """The instance of a recorded process, if it still runs and is not on its way out."""
        world = self._running()
        if ended(record.mark):
            sweep(record.mark)
            forget(self._home.records, record)
            return None
        if record.drain_until is not None:
            world.ports.keep(record.port)
            self._drain(record)
            return None
        _log.info(
            "instance_adopted",
            service=record.key.service,
            version=record.key.version,
            instance=record.instance,
            pid=record.mark.pid,
            port=record.port,
        )
        return Instance.adopted(record, world)

    def _end(self, fleet: _Fleet) -> None:
        for number, instance in fleet.instances.items():
            fleet.tasks[number].cancel()
            if instance.record is not None:
                self._drain(instance.record)
                instance.record = None

    def _drain(self, record: Record) -> None:
        world = self._running()
        record = begin_drain(record, world)
        task = asyncio.create_task(finish_drain(record, world), name=f"drain {record.name}")
        self._drains.add(task)
        task.add_done_callback(self._drains.discard)


async def _supervise(instance: Instance) -> None:
    """A mistake in this program must not leave a process without supervision, nor stop the control loop."""
    while True:
        try:
            return await instance.run()
        except Exception:  # noqa: BLE001 - see above
            _log.exception("supervision_failed", service=instance.key.service, version=instance.key.version)
            await asyncio.sleep(1)


def _refusal(template: ProcessTemplate) -> str | None:
    try:
        check_template(template)
    except Rejected as wrong:
        return str(wrong)
    return None


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task
