"""Keeps one Envoy running on one run directory: adopts the one that runs, else starts one, again whenever it dies.

Touches the run directory, the port and processes. Called by the router; two control planes never share a run directory.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import shutil
from pathlib import Path
from typing import IO, Final

import structlog

from croupier.adapters.private_file import replace_private
from croupier.adapters.routing.envoy.admin import Admin
from croupier.adapters.routing.envoy.bootstrap import Json, render_bootstrap
from croupier.adapters.routing.envoy.files import (
    Resources,
    open_private,
    read_resources,
    write_resources,
)
from croupier.adapters.routing.envoy.keys import TokenKeys
from croupier.adapters.routing.envoy.preview import render_preview
from croupier.adapters.routing.envoy.process import (
    EnvoyProcess,
    accepts,
    check_port,
    find_process,
    start_process,
    validate,
)
from croupier.adapters.routing.envoy.routes import canonical, render_routes
from croupier.adapters.routing.envoy.settings import EnvoySettings
from croupier.control.ports import TrafficTable
from croupier.errors import Conflict, Rejected, Transient

_log = structlog.get_logger(__name__)

_WATCH_S: Final = 0.1
_STARTUP_POLL_S: Final = 0.02
_STABLE_S: Final = 5.0
"""An Envoy that lived longer than this crashed by accident and is started again at once; a quicker death waits."""
_BACKOFF_MAX_S: Final = 5.0


class Supervisor:
    """``start`` once, ``stop`` once; in between the process is watched by a task."""

    def __init__(self, settings: EnvoySettings, admin: Admin) -> None:
        self._settings = settings
        self._admin = admin
        self._lock: IO[bytes] | None = None
        self._process: EnvoyProcess | None = None
        self._command: list[str] = []
        self._watching: asyncio.Task[None] | None = None
        self._keys = TokenKeys(settings.players, settings.ecds_file) if settings.players else None

    @property
    def pid(self) -> int | None:
        """Of the Envoy that serves now."""
        return self._process.pid if self._process and self._process.alive() else None

    async def start(self) -> None:
        """Return when Envoy serves. Raises ``Conflict``, ``Rejected`` or ``Transient`` with what to do."""
        self._lock = _lock_run_dir(self._settings.run_dir)
        try:
            await self._adopt_or_start()
        except BaseException:
            self._unlock()
            raise
        self._watching = asyncio.create_task(self._watch(), name="envoy-supervisor")

    async def stop(self, *, keep_serving: bool) -> None:
        """Leave Envoy running, or let requests in flight end (``drain_s`` at most) and end it."""
        if self._watching:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
            self._watching = None
        if self._process and not keep_serving:
            await self._drain_and_end(self._process)
        self._process = None
        self._unlock()

    async def _adopt_or_start(self) -> None:
        settings = self._settings
        bootstrap = _write_bootstrap(settings)
        self._command = _command(settings, bootstrap)
        _write_missing_resources(settings)
        if self._keys:
            self._keys.read()
        running = find_process(settings.run_dir)
        if running and running.command == self._command and await self._serves():
            self._process = running
            _log.info("envoy adopted", pid=running.pid)
        else:
            if running:
                _log.warning("envoy replaced: it runs with other settings, or does not serve", pid=running.pid)
                await self._drain_and_end(running)
            check_port(settings.listen_host, settings.port)
            if settings.preview_port is not None:
                check_port(settings.preview_host, settings.preview_port)
            await validate(settings.find_binary(), bootstrap)
            self._process = self._spawn()
            await self._until_live(self._process)
        _forget_other_bootstraps(bootstrap)

    async def _serves(self) -> bool:
        """Up, and its port open: one that was left while draining is up too, but serves nobody."""
        return await self._admin.live() and await accepts(self._settings.listen_host, self._settings.port)

    def _spawn(self) -> EnvoyProcess:
        _bound_log(self._settings.log_file, self._settings.log_limit_bytes)
        process = start_process(self._command, self._settings.log_file)
        _log.info("envoy started", pid=process.pid, port=self._settings.port)
        return process

    async def _until_live(self, process: EnvoyProcess) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.start_s
        while not await self._admin.live():
            if not process.alive():
                process.reap()
                raise Transient(f"Envoy ended at its start: {log_tail(self._settings.log_file)}")
            if loop.time() > deadline:
                await process.end()
                raise Transient(
                    f"Envoy was not ready within {self._settings.start_s:g} s.", hint="Look into envoy.log."
                )
            await asyncio.sleep(_STARTUP_POLL_S)

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        backoff, started = 0.0, loop.time()
        while True:
            await asyncio.sleep(_WATCH_S)
            _bound_log(self._settings.log_file, self._settings.log_limit_bytes)
            if self._keys:
                self._keys.follow()
            if self._process is None or self._process.alive():
                continue
            self._process.reap()
            lived = loop.time() - started
            backoff = 0.0 if lived > _STABLE_S else min(max(2 * backoff, _WATCH_S), _BACKOFF_MAX_S)
            _log.error("envoy died", lived_s=round(lived, 3), wait_s=backoff, log=log_tail(self._settings.log_file))
            await asyncio.sleep(backoff)
            started = loop.time()
            try:
                self._process = self._spawn()
            except (Transient, OSError) as error:
                _log.error("envoy not started", reason=str(error))

    async def _drain_and_end(self, process: EnvoyProcess) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.drain_s
        with contextlib.suppress(Transient):
            await self._admin.drain()
            while loop.time() < deadline:
                if not await self._admin.requests_in_flight():
                    break
                await asyncio.sleep(_STARTUP_POLL_S)
        await process.end()

    def _unlock(self) -> None:
        if self._lock:
            self._lock.close()
            self._lock = None


def _lock_run_dir(root: Path) -> IO[bytes]:
    """Make the private run directory and hold it. The lock ends with our process, however that ends."""
    try:
        for folder in (root, root / "cds", root / "rds", root / "ecds", root / "preview"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
        lock = open_private(root / "lock", "a+b")
    except OSError as error:
        raise Rejected(
            f"The run directory {root} cannot be used: {error.strerror}.", hint="Make it ours and writable."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        holder = lock.read().decode().strip()
        lock.close()
        raise Conflict(
            f"Another control plane{f' (pid {holder})' if holder else ''} holds the run directory {root}.",
            hint="Stop it, or give this one a run directory of its own.",
        ) from error
    lock.truncate(0)
    lock.write(str(os.getpid()).encode())
    lock.flush()
    return lock


def _write_bootstrap(settings: EnvoySettings) -> Path:
    text = canonical(render_bootstrap(settings))
    path = settings.run_dir / f"bootstrap-{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"
    replace_private(path, text.encode(), durable=False)
    return path


def _forget_other_bootstraps(keep: Path) -> None:
    for path in keep.parent.glob("bootstrap-*.json"):
        if path != keep:
            path.unlink(missing_ok=True)


def _command(settings: EnvoySettings, bootstrap: Path) -> list[str]:
    return [
        *(str(settings.find_binary()), "-c", str(bootstrap), "--concurrency", str(settings.concurrency)),
        # An unknown field would otherwise be a warning, and the configuration without it would be served.
        *("--reject-unknown-dynamic-fields", "--disable-hot-restart", "--log-level", "warning"),
    ]


def _write_missing_resources(settings: EnvoySettings) -> None:
    """Files of an earlier run are served again; where there are none, everything is 404."""
    nothing = render_routes(TrafficTable(services=(), backends=()), settings)
    files: list[tuple[Path, tuple[Json, ...]]] = [(settings.cds_file, ()), (settings.rds_file, (nothing,))]
    if settings.preview_port is not None:
        files.append((settings.preview_file, (render_preview(TrafficTable(services=(), backends=()), settings),)))
    for path, resources in files:
        if read_resources(path) is None:
            write_resources(path, Resources(version="0", resources=resources))


def _bound_log(log: Path, limit_bytes: int) -> None:
    """Keep one older part. Envoy appends, so it goes on at the start of the emptied file.

    Where the disk is full the older part is lost and the log emptied all the same: Envoy must go on being watched.
    """
    with contextlib.suppress(OSError):
        if log.stat().st_size <= limit_bytes:
            return
        with contextlib.suppress(OSError):
            shutil.copyfile(log, log.with_suffix(".log.1"))
        os.truncate(log, 0)


def log_tail(log: Path, limit: int = 400) -> str:
    """The end of Envoy's log, for messages."""
    with contextlib.suppress(OSError), log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - limit))
        return file.read().decode(errors="replace").strip()
    return ""
