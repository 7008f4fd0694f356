"""The control plane dies by kill -9 at random moments, while three people write flags: what was answered is there
afterwards, a kill above all, and the record is whole.
"""

import random
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import pytest
from tests.e2e.conftest import until

from casino.ports import free_port
from croupier.cli.demo.stage import ControlPlane, choose_place
from croupier.errors import CroupierError, Transient

ROUNDS = 4


@dataclass
class Writer:
    """Writes flags of its own for as long as it may; ``answered`` is what it was told last of each."""

    seed: int
    answered: dict[str, tuple[int, bool | None]] = field(default_factory=dict)

    def known(self) -> dict[str, tuple[int, bool | None]]:
        """Flags that have a version by which what is found afterwards can be judged."""
        return {key: told for key, told in list(self.answered.items()) if told[0]}

    def write(self, plane: "Plane", enough: Event) -> None:
        dice = random.Random(self.seed)
        with plane.process.connection().open() as client:
            while not enough.is_set():
                key = f"f{self.seed}-{dice.randrange(10)}"
                try:
                    self._do(client, key, dice)
                except Transient:  # it may have happened or not
                    version, _ = self.answered.get(key, (0, None))
                    self.answered[key] = version, None
                    enough.wait(0.02)
                except CroupierError:  # not declared yet
                    continue

    def _do(self, client: Any, key: str, dice: random.Random) -> None:
        chance = dice.random()
        if chance < 0.6:
            told = client.put(f"flags/{key}", {"type": "ops", "rules": [{"rollout": round(dice.random(), 4)}]})
        elif chance < 0.8:
            told = client.post(f"flags/{key}/kill", {"reason": "the test's"})
        else:
            told = client.post(f"flags/{key}/restore", {})
        # What is in force and not recorded yet has no version to hold it to.
        before = self.answered.get(key, (0, None))[0]
        self.answered[key] = (told["version"] if told["recorded"] else before), told["killed"] is not None


@dataclass
class Plane:
    process: ControlPlane


@pytest.fixture
def plane() -> Iterator[Plane]:
    place = choose_place(free_port(), free_port())
    plane = Plane(ControlPlane(place))
    try:
        yield plane
    finally:
        plane.process.stop()
        shutil.rmtree(place.folder, ignore_errors=True)


def test_what_was_answered_outlives_the_control_plane(plane: Plane) -> None:
    place, dice, enough = plane.process.place, random.Random(7), Event()
    plane.process.connection()
    writers = [Writer(seed) for seed in range(3)]
    with ThreadPoolExecutor(len(writers)) as pool:
        running = [pool.submit(writer.write, plane, enough) for writer in writers]
        try:
            until(lambda: all(writer.known() for writer in writers) or None, "each of them to be answered")
            for _ in range(ROUNDS):
                enough.wait(dice.uniform(0.2, 1.5))  # a random moment is the point of this test
                plane.process.kill()
                plane.process = ControlPlane(place)
                plane.process.connection()
        finally:
            enough.set()
        for one in running:
            one.result()
    with plane.process.connection().open() as client:
        found = {item["key"]: item for item in client.pages("flags", 100)}
        for writer in writers:
            for key, (version, killed) in writer.known().items():
                assert found[key]["version"] >= version, (key, version, found[key])
                assert killed in (None, found[key]["killed"] is not None), (key, killed, found[key])
        verified = client.get("journal/verify")
        assert verified["ok"], verified
