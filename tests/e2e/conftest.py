"""The real thing for end-to-end tests: ``croupier serve`` as a process, Envoy, the casino, and players in it."""

import asyncio
import shutil
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest

from casino.players import Crowd
from casino.ports import free_port
from croupier.cli.client import Client
from croupier.cli.demo.stage import ControlPlane, Place, choose_place, documents, open_casino
from croupier.errors import CroupierError

ENDED = ("succeeded", "aborted", "superseded")
PATIENCE_S = 240.0
T = TypeVar("T")


@dataclass(slots=True)
class House:
    """An open casino; ``plane`` is replaced when a test kills it and starts another."""

    place: Place
    plane: ControlPlane
    client: Client
    said: list[str] = field(default_factory=list)

    @property
    def database(self) -> Path:
        """The store's SQLite file."""
        return next((self.place.folder / "state").glob("*.db"))

    def processes(self) -> list[psutil.Process]:
        """Everything that runs out of this house's folder: Envoy, the casino's versions, the control plane itself."""
        return running_from(str(self.place.folder))

    def start(self, version: str) -> str:
        return str(self.client.post("rollouts", {"service": "payments", "version": version})["id"])

    def start_and_stay(self, version: str, weight: int) -> str:
        """A rollout that stands at this weight, confirmed, until a person moves it: however late somebody looks."""
        canary = {
            "analysis": {"templates": [{"templateName": "ledger"}]},
            "steps": [{"setWeight": weight}, {"pause": {}}],
        }
        spec = {"service": "payments", "strategy": {"canary": canary}}
        plan = {"apiVersion": "croupier/v1", "kind": "Rollout", "metadata": {"name": "payments"}, "spec": spec}
        release = {"apiVersion": "croupier/v1", "kind": "Release", "spec": {"service": "payments", "version": version}}
        self.client.post("apply", {"documents": [plan, release]})
        name = self.start(version)
        self.wait(name, lambda found: found["phase"] == "paused" and found["confirmedWeight"] == weight)
        return name

    def rollout(self, name: str) -> dict[str, Any]:
        """The rollout now; waits while the control plane is away."""
        return until(lambda: self._try(name), f"the control plane to tell of {name}")

    def wait(self, name: str, what: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait for something about a rollout."""
        return until(lambda: found if what(found := self.rollout(name)) else None, f"{name}: {self.rollout(name)}")

    async def wait_async(self, name: str, what: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        return await asyncio.to_thread(self.wait, name, what)

    def _try(self, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self.client.get(f"rollouts/{name}")
        except CroupierError:
            return None
        return found


def running_from(folder: str) -> list[psutil.Process]:
    """Processes that have the folder in their command line or environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if any(folder in word for word in process.cmdline()) or folder in process.environ().get(
                "CROUPIER_STATE_DIR", ""
            ):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found


def until(look: Callable[[], T | None], what: str, patience_s: float = PATIENCE_S) -> T:
    """Wait for a condition, with a deadline that says what was waited for."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if (seen := look()) is not None:
            return seen
        threading.Event().wait(0.05)
    raise AssertionError(f"waited {patience_s:g} s for {what}")


@contextmanager
def open_house() -> Iterator[House]:
    """A casino at version 1.0.0, with quick steps and without gates that need traffic."""
    place = choose_place(free_port(), free_port())  # tests run beside each other
    plane = ControlPlane(place)
    opened: House | None = None
    try:
        with plane.connection().open() as client:
            open_casino(client, place)
            rollouts = [item for item in documents(place) if item["kind"] == "Rollout"]
            plan = next(item for item in rollouts if item["metadata"]["name"] == "payments")
            plan["spec"]["strategy"]["canary"] = {
                "analysis": {"templates": [{"templateName": "ledger"}]},
                "steps": [
                    {"setWeight": 10},
                    {"pause": {"duration": "2s"}},
                    {"setWeight": 30},
                    {"pause": {"duration": "2s"}},
                    {"setWeight": 60},
                    {"pause": {"duration": "1s"}},
                ],
            }
            client.post("apply", {"documents": [plan]})
            opened = House(place, plane, client)
            yield opened
    finally:
        (opened.plane if opened is not None else plane).stop()
        shutil.rmtree(place.folder, ignore_errors=True)


@pytest.fixture
def house() -> Iterator[House]:
    """A casino of the test's own."""
    with open_house() as opened:
        yield opened


@pytest.fixture
async def players(house: House) -> AsyncIterator[Crowd]:
    """A few players who ask the simplest thing of payments again and again."""
    async with Crowd(house.place.edge, rate=60, players=500, lean=True, timeout_s=60) as crowd:
        yield crowd
