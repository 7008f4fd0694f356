"""Keeps one instance of a version running: start, health checks, restarts with backoff, giving up.

The supervisor makes one per instance, runs it as a task, and takes its process away to drain it.
"""

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, replace

import httpx
import structlog

from croupier.adapters.workloads.process import log
from croupier.adapters.workloads.process.home import Home
from croupier.adapters.workloads.process.identity import ended, kill_group, sweep
from croupier.adapters.workloads.process.port_range import PortRange
from croupier.adapters.workloads.process.record import Record, forget, save
from croupier.adapters.workloads.process.settings import ProcessSettings
from croupier.adapters.workloads.process.spawn import CannotStart, spawn
from croupier.control.ports import Clock, Endpoint, Health, VersionKey
from croupier.core.releases import ProcessTemplate
from croupier.errors import Transient

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class World:
    """What every instance needs of the outside."""

    home: Home
    settings: ProcessSettings
    clock: Clock
    http: httpx.AsyncClient
    ports: PortRange


class Instance:
    """One instance. ``health`` and ``reason`` are always current; ``record`` is its process, if it has one."""

    def __init__(self, key: VersionKey, number: int, template: ProcessTemplate, world: World) -> None:
        self.key, self.number, self.template = key, number, template
        self.health = Health.STARTING
        self.reason = "is being started"
        self.record: Record | None = None
        self.wanted = asyncio.Event()
        """Until it is set a process that ended is not replaced: nobody has said yet whether it should run."""
        self._world = world
        self._was_ready = False
        self._crashes: deque[float] = deque()

    @classmethod
    def adopted(cls, record: Record, world: World) -> "Instance":
        """Takes over a process that runs already."""
        instance = cls(record.key, record.instance, record.template, world)
        instance.record = record
        instance._was_ready = record.was_ready
        instance.reason = "was adopted and has not answered its health check yet"
        if record.was_ready:
            instance.health = Health.UNREADY
        world.ports.keep(record.port)
        return instance

    @property
    def endpoint(self) -> Endpoint | None:
        """Where it listens, while it is ready."""
        if self.health is not Health.READY or self.record is None:
            return None
        return Endpoint(self._world.settings.host, self.record.port)

    async def run(self) -> None:
        """Returns when it has given up for good; cancelling leaves the process as it is."""
        while True:
            wait_s: float | None
            try:
                if self.record is None:
                    await self.wanted.wait()
                    self._launch()
                await self._attend()
            except CannotStart as failure:
                wait_s = self._give_up(str(failure))
            except _Crashed as failure:
                wait_s = self._crashed(str(failure))
            except (Transient, OSError) as failure:
                # Our side is at fault (no port, disk full), not the version: nothing is held against it.
                self._set(self._down(), f"cannot be started now: {failure}")
                wait_s = self._world.settings.backoff_max_s
            else:
                continue
            if wait_s is None:
                return
            await self._world.clock.sleep(wait_s)

    async def look(self) -> None:
        """One health check now, so that an adopted instance is known to be ready before anybody asks."""
        if self.record is not None and await self._problem(self.record) is None:
            self._ready(self.record)

    def _launch(self) -> None:
        port = self._world.ports.take()
        try:
            self.record = spawn(self._world.home, self.key, self.number, self.template, port)
        except BaseException:
            self._world.ports.give_back(port)
            raise
        if self.health is not Health.FAILED:
            self._set(self._down(), f"started as process {self.record.mark.pid} on port {port}, not ready yet")

    async def _attend(self) -> None:
        """Watch the process until it ends. Raises ``_Crashed`` or, when it does not become ready in time,
        ``CannotStart``.
        """
        settings, clock = self._world.settings, self._world.clock
        since, next_look, missed = clock.now(), 0.0, 0
        while (record := self.record) is not None:
            over = ended(record.mark)
            if over is not None:
                raise _Crashed(self._told(record, f"process {record.mark.pid} {over}"))
            with suppress(OSError):  # a full disk is no reason to leave a process alone
                log.trim(self._world.home.log(self.key, self.number), settings.log_bytes)
            if clock.now() >= next_look:
                problem = await self._problem(record)
                if problem is None:
                    missed = 0
                    self._ready(record)
                elif self.health is Health.READY:
                    missed += 1
                    if missed >= settings.unready_after:
                        self._set(Health.UNREADY, problem)
                else:
                    if not record.was_ready and clock.now() - since >= self.template.start_timeout_s:
                        await self._stop_start(record, problem)
                    if self.health is not Health.FAILED:
                        self.reason = problem
                pause = settings.probe_ready_s if self.health is Health.READY and not missed else settings.tick_s
                next_look = clock.now() + pause - settings.tick_s / 2
            await clock.sleep(settings.tick_s)

    async def _stop_start(self, record: Record, problem: str) -> None:
        what = f"was not ready {self.template.start_timeout_s:g} s after its start and was stopped: {problem}"
        why = self._told(record, what)
        kill_group(record.mark)
        while ended(record.mark) is None:
            await self._world.clock.sleep(self._world.settings.tick_s)
        raise CannotStart(why)

    async def _problem(self, record: Record) -> str | None:
        """Why the health check fails now; ``None`` when it is answered with 2xx."""
        url = f"http://{self._world.settings.host}:{record.port}{self.template.health_path}"
        try:
            # httpx limits each read; one that drips its headers would be "ready" for hours.
            async with (
                asyncio.timeout(self._world.settings.probe_timeout_s),
                self._world.http.stream("GET", url) as answer,
            ):
                if answer.is_success:
                    return None
                return f"answers {answer.status_code} to GET {self.template.health_path} on port {record.port}"
        except (httpx.TimeoutException, TimeoutError):
            limit = self._world.settings.probe_timeout_s
            return f"does not answer GET {self.template.health_path} on port {record.port} within {limit:g} s"
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            why = str(error) or type(error).__name__
            return f"cannot be asked GET {self.template.health_path} on port {record.port}: {why}"

    def _ready(self, record: Record) -> None:
        self._was_ready = True
        self._set(Health.READY, "")
        if not record.was_ready:
            self.record = replace(record, was_ready=True)
            try:
                save(self._world.home.records, self.record)
            except OSError as error:  # it serves all the same; only an adoption would not know
                _log.warning("process_record_unwritten", record=record.name, error=str(error))

    def _told(self, record: Record, what: str) -> str:
        path = self._world.home.log(self.key, self.number)
        lines = log.tail(path, record.log_from, self._world.settings.tail_lines)
        return f"{what}; it wrote last:\n{lines}" if lines else f"{what}; it wrote nothing to {path}"

    def _crashed(self, why: str) -> float | None:
        """Note a crash; seconds until the restart."""
        settings, now = self._world.settings, self._world.clock.now()
        self._lose()
        self._crashes.append(now)
        while self._crashes and self._crashes[0] <= now - settings.crash_window_s:
            self._crashes.popleft()
        count = len(self._crashes)
        if count >= settings.crashes:
            return self._give_up(f"crashed {count} times within {settings.crash_window_s:g} s: {why}")
        wait_s: float = min(settings.backoff_max_s, settings.backoff_s * 2 ** (count - 1))
        if self.health is not Health.FAILED:
            self._set(self._down(), f"is started again in {wait_s:g} s, since {why}")
        return wait_s

    def _give_up(self, why: str) -> float | None:
        """Failed; seconds until it is tried all the same, ``None`` for never."""
        self._lose()
        if self._was_ready:
            wait_s = self._world.settings.retry_failed_s
            self._set(Health.FAILED, f"{why}\nIt was ready before, so it is tried again every {wait_s:g} s.")
            return wait_s
        self._set(Health.FAILED, why)
        return None

    def _lose(self) -> None:
        """The process is over or killed: what it left behind goes too."""
        if self.record is not None:
            kill_group(self.record.mark)
            sweep(self.record.mark)
            forget(self._world.home.records, self.record)
            self._world.ports.give_back(self.record.port)
            self.record = None

    def _down(self) -> Health:
        return Health.UNREADY if self._was_ready else Health.STARTING

    def _set(self, health: Health, reason: str) -> None:
        if health is not self.health:
            _log.info(
                "instance_health",
                service=self.key.service,
                version=self.key.version,
                instance=self.number,
                health=health.value,
                reason=reason,
            )
        self.health, self.reason = health, reason


class _Crashed(Exception):
    """The process ended by itself; how, and what it wrote last."""
