"""A real control plane with flags, and a crowd of applications that listen to it, for the benchmarks here."""

import contextlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from croupier.cli.client import Client
from croupier.cli.demo.stage import ControlPlane, Place, choose_place

PAYMENTS = {
    "feature": "payments_v2",
    "owner": "payments",
    "expires": "2099-12-31",
    "rules": [{"if": "market in ['DE','SE']", "rollout": 0.25}, {"if": "brand == 'X' && user.isEmployee"}],
}


class Crowd:
    """The process with the simulated applications; see ``_crowd``."""

    def __init__(self, place: Place, token: str, count: int) -> None:
        words = [sys.executable, str(Path(__file__).with_name("_crowd.py")), str(place.port), token, str(count)]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def tell(self, *command: Any) -> None:
        """Give a command; ``hear`` its answers."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        """The next line that it says."""
        assert self._process.stdout is not None
        said: dict[str, Any] = json.loads(self._process.stdout.readline())
        return said

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


@dataclass(slots=True)
class House:
    """``plane`` is replaced when it is killed and started again."""

    place: Place
    plane: ControlPlane
    client: Client
    token: str

    @property
    def memory_mib(self) -> float:
        """What the control plane holds now."""
        return round(self._process.memory_info().rss / 2**20, 1)

    @property
    def cpu_s(self) -> float:
        """How long it has computed so far."""
        spent = self._process.cpu_times()
        return float(spent.user + spent.system)

    @property
    def _process(self) -> psutil.Process:
        return psutil.Process(self.plane._process.pid)  # noqa: SLF001 -- the demo has no need to tell it

    def position(self) -> str:
        """Where the flags are: LINEAGE:VERSION."""
        with contextlib.closing(self._http("GET", "environments/production/flags")) as answer:
            answer.raise_for_status()
            return str(answer.headers["etag"]).strip('"')

    def _http(self, method: str, path: str) -> Any:
        import httpx

        headers = {"authorization": f"Bearer {self.token}"}
        return httpx.request(
            method, f"{self.place.page.rstrip('/')}/api/v1/{path}", headers=headers, trust_env=False, timeout=30
        )


@contextlib.contextmanager
def open_house(flags: int) -> Iterator[House]:
    """A control plane on SQLite with so many flags, ``payments_v2`` among them; stopped at the end."""
    place = choose_place(0, 0)
    plane = ControlPlane(place)
    house: House | None = None
    try:
        with plane.connection().open() as client:
            declared = [{**PAYMENTS, "feature": f"flag_{number}"} for number in range(flags - 1)]
            for start in range(0, len(declared), 2_000):
                client.post("flags/apply", {"flags": declared[start : start + 2_000]})
            client.post("flags/apply", {"flags": [PAYMENTS]})
            token = client.post("tokens", {"name": "crowd", "role": "client"})["token"]
            house = House(place, plane, client, token)
            yield house
    finally:
        (house.plane if house is not None else plane).stop()
        shutil.rmtree(place.folder, ignore_errors=True)


@contextlib.contextmanager
def listening(house: House, count: int) -> Iterator[tuple[Crowd, dict[str, Any]]]:
    """So many applications that listen, and how long it took them to connect."""
    crowd = Crowd(house.place, house.token, count)
    try:
        crowd.tell("gather", 120)
        yield crowd, crowd.hear()
    finally:
        crowd.end()
