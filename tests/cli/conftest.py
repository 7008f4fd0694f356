"""A control plane on a real port with a make-believe outside, and the command line as people and scripts run it."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main
import uvicorn
from tests.database import place_database

from croupier.adapters.calendar import Recurrences
from croupier.adapters.clock import SystemClock
from croupier.adapters.store.spool import FileKillSpool, FileSpool
from croupier.adapters.store.sql import open_store
from croupier.cli import main
from croupier.cli.connection import Connection
from croupier.control.ports import Ports
from croupier.errors import Transient
from croupier.server.app import create_app
from croupier.server.running import Outside
from croupier.server.settings import Settings
from croupier.testing import MemoryRouter, MemoryWorkloads, Moments, ScriptedMetrics, exposed

DEADLINE_S = 120.0
SHOP = """
apiVersion: croupier/v1
kind: Service
metadata: {name: shop}
spec:
  routes: [{prefix: /shop}]
  process: {command: [shop, "{port}"]}
---
apiVersion: croupier/v1
kind: Gate
metadata: {name: ok}
spec:
  sli: {ratio: {metric: shop_requests_total, good: {outcome: ok}}}
  objective: {atLeast: "95%"}
  rule: {interval: 100ms, window: 20s, minSamples: 5}
---
apiVersion: croupier/v1
kind: Rollout
metadata: {name: shop}
spec:
  service: shop
  strategy:
    canary:
      analysis: {templates: [{templateName: ok}]}
      steps: [{setWeight: 20}, {pause: {}}, {setWeight: 50}, {analysis: {templates: [{templateName: ok}]}}]
"""
RELEASE = """
---
apiVersion: croupier/v1
kind: Release
spec: {{service: shop, version: {version}, notes: "{notes}"}}
"""


@dataclass(frozen=True)
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def heading(self) -> list[str]:
        return self.out.splitlines()[0].split("\t")

    @property
    def rows(self) -> list[list[str]]:
        """What stands below the heading."""
        return [line.split("\t") for line in self.out.splitlines()[1:]]


@dataclass
class Plane:
    """The control plane and what it meets. ``store_down``: the store does not answer."""

    folder: Path
    store_down: bool = False
    url: str = ""
    clock: SystemClock = field(default_factory=SystemClock)

    def __post_init__(self) -> None:
        self.router = MemoryRouter(self.clock)
        self.workloads = MemoryWorkloads(self.clock, ready_after_s=0.0)
        self.metrics = ScriptedMetrics(self.clock, self.router, rate=1_000.0)
        settings = Settings(state_dir=self.folder / "state", tick_s=0.02, environments=("production", "staging"))
        app = create_app(settings, self.outside)
        config = uvicorn.Config(
            app, port=0, log_config=None, access_log=False, ws="none", timeout_graceful_shutdown=1, lifespan="on"
        )
        self._app, self._server = app, uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run)

    @asynccontextmanager
    async def outside(self, settings: Settings) -> AsyncIterator[Outside]:
        await place_database(settings.store_url)
        store = await open_store(settings.store_url)
        try:
            seen = exposed(store, Moments(), self._trouble)
            ports = Ports(
                store=seen,
                leases=exposed(store.leases, Moments(), self._trouble),
                journal=seen,
                spool=FileSpool(settings.state_dir / "aborts.jsonl"),
                router=self.router,
                workloads=self.workloads,
                metrics=self.metrics,
                clock=self.clock,
                pins=seen,
                almanac=Recurrences(frozenset(settings.environments)),
            )
            kills = FileKillSpool(settings.state_dir / "kills.jsonl")
            yield Outside(ports, tokens=store, changes=store, kills=kills, edge_healthy=self._healthy, runs=store)
        finally:
            await store.close()

    def _trouble(self) -> Exception | None:
        return Transient("the database does not answer") if self.store_down else None

    async def _healthy(self) -> bool:
        return True

    def start(self) -> None:
        self._thread.start()
        wait(lambda: self._server.started or not self._thread.is_alive())
        assert self._server.started, self._app.state.failure
        (listener,) = self._server.servers[0].sockets
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"

    def stop(self) -> None:
        context = getattr(self._app.state, "context", None)
        if context is not None:
            context.streams.close()
        self._server.should_exit = True
        self._thread.join(DEADLINE_S)
        assert not self._thread.is_alive()

    @property
    def env(self) -> dict[str, str]:
        """What the command line needs to find it."""
        return {"CROUPIER_URL": self.url, "CROUPIER_STATE_DIR": str(self.folder / "state")}

    def get(self, path: str, **params: Any) -> Any:
        with self._client() as client:
            return client.get(path, **params)

    def post(self, path: str, **body: Any) -> Any:
        with self._client() as client:
            return client.post(path, body)

    def _client(self) -> Any:
        token = (self.folder / "state" / "admin.token").read_text(encoding="utf-8").strip()
        return Connection(self.url, token).open()

    def until(self, rollout: str, done: Callable[[Any], bool]) -> Any:
        """Wait until the rollout is as wanted."""
        return wait(lambda: found if done(found := self.get(f"rollouts/{rollout}")) else None)

    def until_flag(self, key: str, done: Callable[[Any], bool]) -> Any:
        """Wait until the flag is as wanted."""
        return wait(lambda: found if done(found := self.get(f"flags/{key}")) else None)


def wait(condition: Callable[[], Any]) -> Any:
    """Wait for something true, or a deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while not (found := condition()):
        assert time.monotonic() < deadline, "not within the deadline"
        time.sleep(0.01)  # another process is asked over HTTP, which tells nobody when it is so
    return found


class Cli:
    """``croupier`` in this process (quick), as a process of its own, or in a terminal."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        self._monkeypatch, self._capsys, self.folder = monkeypatch, capsys, folder
        for name in [name for name in os.environ if name.startswith("CROUPIER_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("CROUPIER_STATE_DIR", str(folder / "nowhere"))

    def __call__(self, *arguments: str | Path) -> Said:
        """Run it here, its output not a terminal."""
        self._monkeypatch.setattr(sys, "argv", ["croupier", *map(str, arguments)])
        self._capsys.readouterr()
        code: Any = None
        try:
            main()
        except SystemExit as end:
            code = end.code
        said = self._capsys.readouterr()
        return Said(int(code or 0), said.out, said.err)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def command(self, *arguments: str | Path) -> list[str]:
        return [sys.executable, "-m", "croupier", *map(str, arguments)]


@pytest.fixture(scope="session", autouse=True)
def built_once() -> Iterator[None]:
    """The tree of commands, which a process builds anew for each call: it has only one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.main.get_command", cache(typer.main.get_command))
        yield


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Cli:
    """The command line with no control plane to be found."""
    return Cli(monkeypatch, capsys, tmp_path)


@pytest.fixture
def plane(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Plane]:
    """A control plane that the command line finds; nothing is declared yet."""
    plane = Plane(tmp_path)
    plane.start()
    try:
        for name, value in plane.env.items():
            monkeypatch.setenv(name, value)
        yield plane
    finally:
        plane.stop()


@pytest.fixture
def files(cli: Cli) -> Path:
    """A shop, and its releases 1.0.0 and 1.1.0."""
    releases = "".join(RELEASE.format(version=version, notes=f"notes of {version}") for version in ("1.0.0", "1.1.0"))
    return cli.write("shop/shop.yaml", SHOP + releases)


@pytest.fixture
def shop(plane: Plane, cli: Cli, files: Path) -> Plane:
    """1.0.0 serves everybody, 1.1.0 can be rolled out."""
    assert cli("apply", files).code == 0
    assert cli("rollout", "start", "shop", "1.0.0").code == 0
    plane.until("shop-1", lambda rollout: rollout["phase"] == "succeeded")
    return plane


@pytest.fixture
def canary(shop: Plane, cli: Cli) -> Plane:
    """1.1.0 stands at 20 %, at a pause."""
    assert cli("rollout", "start", "shop", "1.1.0", "--reason", "new").code == 0
    shop.until("shop-2", lambda rollout: rollout["hold"] == "step" and rollout["gates"][0]["verdict"] == "pass")
    return shop


@pytest.fixture
def run_process(cli: Cli) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command as a process of its own."""

    def run(*arguments: str | Path, env: Mapping[str, str] | None = None, code: str = "") -> Any:
        command = [sys.executable, "-c", code, *map(str, arguments)] if code else cli.command(*arguments)
        return subprocess.run(
            command, env={**os.environ, **(env or {})}, capture_output=True, text=True, timeout=DEADLINE_S, check=False
        )

    return run


__all__ = ["Cli", "Plane", "Said", "wait"]
