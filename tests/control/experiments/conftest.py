"""Experiments turned by hand: the real store (SQLite), the real use cases, a virtual clock."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.database import place_database

from croupier.adapters.store.sql import SqlStore, open_store
from croupier.control.experiments.experiments import Experiments
from croupier.control.experiments.intake import Intake
from croupier.control.flags.flags import Flags
from croupier.control.ports import Commit, Document, Stored
from croupier.core.experiments import Experiment, Report
from croupier.core.flags.read import read_flag
from croupier.core.journal.entry import Entry
from croupier.testing import MemoryKillSpool, VirtualClock

LOBBY = {
    "feature": "lobby",
    "type": "ops",
    "variants": {"classic": 1, "recent": 2},
    "off": "classic",
    "default": "classic",
    "safe": "classic",
    "rules": [{"name": "all", "variants": {"classic": 50, "recent": 50}}],
}
ASKED = Experiment("lobby-order", "lobby", "classic", "bet")


@dataclass
class House:
    """A control plane's experiments."""

    store: SqlStore
    clock: VirtualClock
    flags: Flags
    experiments: Experiments
    intake: Intake

    async def declare(self, *experiments: Experiment) -> None:
        documents = [Stored(Document("Experiment", item.name, "sha256:1", item, {}), 0) for item in experiments]
        entry = Entry(1.0, "anna", "apply", "document/Experiment/x")
        await self.store.commit(Commit((entry,), 1.0, documents=tuple(documents)))

    async def flag(self, **more: Any) -> None:
        await self.flags.changes.declare([read_flag({**LOBBY, **more})], actor="anna")

    async def play(self, run: str, number: int, **bets: int) -> None:
        """So many players of each variant, of whom ``bets`` by variant bet."""
        now = self.clock.now()
        reports = [
            Report(player(variant, n), now, variant=variant) for variant in ("classic", "recent") for n in range(number)
        ]
        reports += [Report(player(variant, n), now, event="bet") for variant, some in bets.items() for n in range(some)]
        await self.intake.take("production", "shop", {run: reports}, 0)


def player(variant: str, number: int) -> str:
    return hashlib.blake2b(f"{variant}{number}".encode(), digest_size=8).hexdigest()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    url = f"sqlite:///{tmp_path / 'croupier.db'}"
    await place_database(url)
    opened = await open_store(url)
    yield opened
    await opened.close()


@pytest.fixture
async def house(store: SqlStore) -> House:
    clock = VirtualClock()
    flags = Flags.of(store, store, MemoryKillSpool(), clock, ("production", "staging"))
    await flags.start()
    experiments = Experiments(flags.changes.recorder, store)
    made = House(store, clock, flags, experiments, Intake(experiments))
    await made.flag()
    await made.declare(ASKED)
    return made
