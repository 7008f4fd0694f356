"""A casino on this machine without a control plane, for tests and benchmarks: real service processes on free ports, or
the parts of one service in this process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

import semver

from casino.database import Database
from casino.faults import Faults, parse
from casino.flags import Flags, FlagSource
from casino.house import House, Settings
from casino.metrics import Metrics
from casino.players.population import Person
from casino.players.wire import Heard, Wire
from casino.ports import free_port
from casino.psp import Terminal
from casino.tokens import Tokens
from croupier.sdk import FlagClient

START_DEADLINE_S = 120.0
STOP_DEADLINE_S = 60.0
OpenHouse: TypeAlias = Callable[..., House]
"""`house_in` without its first argument."""


@dataclass(frozen=True, slots=True)
class Running:
    """One service process."""

    service: str
    version: str
    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        """End it without notice (SIGKILL), as a crash does."""
        self.process.kill()
        self.process.wait(STOP_DEADLINE_S)

    def terminate(self) -> None:
        """Ask it to drain and end (SIGTERM); returns at once."""
        self.process.send_signal(signal.SIGTERM)


class Silent:
    """The book's alarms, for tests that look at the ledger themselves."""

    def drift(self) -> None:
        """Ignore."""

    def duplicate(self) -> None:
        """Ignore."""


class LocalCasino:
    """Starts and ends service processes on one shared database. Use in `with`."""

    def __init__(self, folder: Path) -> None:
        self.database = folder / "casino.db"
        self._folder = folder
        self._running: list[Running] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for running in self._running:
            if running.process.poll() is None:
                running.process.kill()
            running.process.wait(STOP_DEADLINE_S)

    def start(
        self, service: str, version: str = "1.1.0", *, fault: str = "", port: int = 0, options: tuple[str, ...] = ()
    ) -> Running:
        """Start one service and return at once; see `wait_ready`."""
        port = port or free_port()
        command = [sys.executable, "-m", f"casino.{service}", "--port", str(port), "--version", version]
        command += ["--database", str(self.database), "--fault", fault, *options]
        with (self._folder / f"{service}-{version}-{port}.out").open("ab") as out:
            process = subprocess.Popen(command, stdout=out, stderr=out, env=dict(os.environ))
        running = Running(service, version, port, process)
        self._running.append(running)
        return running

    def start_all(self, *services: str, version: str = "1.1.0", options: tuple[str, ...] = ()) -> Mapping[str, str]:
        """Start services and wait until they serve; returns the routes that `Crowd` and `Wire` take."""
        started = [self.start(service, version, options=options) for service in services]
        for running in started:
            wait_ready(running)
        return {running.service: running.url for running in started}


@contextlib.contextmanager
def house_in(
    database: Path,
    rules: Mapping[str, Any] | None = None,
    *,
    version: str = "1.1.0",
    fault: str = "",
    terminal: Terminal | None = None,
) -> Iterator[House]:
    """One service in this process, without a server around it, whose flags are `rules` (as `FlagClient.from_rules`)."""
    plan = Settings(
        service="payments",
        host="127.0.0.1",
        port=1,
        version=semver.Version.parse(version),
        database=database,
        drain_s=1.0,
        linger_s=0.0,
        password_cost=2,
        stuck_after_s=0.0,
        flags=FlagSource(database.parent),
    )
    shared = Database(database)
    flags = Flags(FlagClient.from_rules(rules or {}))
    tokens = Tokens("a secret that is long enough")
    metrics = Metrics(plan.service, version)
    try:
        yield House(plan, shared, metrics, Faults(parse(fault)), tokens, flags, terminal=terminal or Terminal())
    finally:
        shared.close()


def wait_ready(running: Running) -> None:
    """Return when the service serves. Raises `RuntimeError` when it has ended, `TimeoutError` after a while."""
    deadline = time.monotonic() + START_DEADLINE_S
    while time.monotonic() < deadline:
        if running.process.poll() is not None:
            raise RuntimeError(f"{running.service} {running.version} ended with {running.process.returncode}")
        if health(running) == 200:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.process.wait(0.05)  # it serves some time, or ends
    raise TimeoutError(f"{running.service} {running.version} does not serve on port {running.port}")


def health(running: Running) -> int:
    """The status of `/healthz`; 0 when nobody listens."""
    with contextlib.suppress(OSError):
        try:
            with urllib.request.urlopen(f"{running.url}/healthz", timeout=5) as answer:  # noqa: S310 http, ours
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
    return 0


async def until(condition: Callable[[], Awaitable[bool]] | Callable[[], bool], within_s: float = 240.0) -> None:
    """Return when the condition holds. Raises `TimeoutError`."""
    async with asyncio.timeout(within_s):
        while True:
            held = condition()
            if held if isinstance(held, bool) else await held:
                return
            await asyncio.sleep(0.01)


async def scrape(wire: Wire, service: str) -> dict[str, float]:
    """The service's metrics: `name{labels}` to value."""
    text = await wire.text(service, "/metrics")
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {series: float(value) for series, _, value in lines}


async def sign_in(wire: Wire, person: Person) -> dict[str, str]:
    """Import the person if needed, log in, and return the headers of all further requests."""
    imported = await wire.ask("auth", "POST", "/auth/import", {"players": [person.form()]})
    _require(imported, 200)
    form = {"login": person.login, "password": person.password}
    challenge = _require(await wire.ask("auth", "POST", "/auth/login", form, person.headers()), 200)
    answer = {"challenge": challenge.body["challenge"], "code": person.code()}
    session = _require(await wire.ask("auth", "POST", "/auth/verify", answer, person.headers()), 200)
    return {"authorization": f"Bearer {session.body['token']}", **person.headers()}


def _require(heard: Heard, status: int) -> Heard:
    if heard.status != status:
        raise RuntimeError(f"the casino answered {heard.status} {heard.body} instead of {status}")
    return heard
