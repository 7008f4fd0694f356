"""Rounds in virtual time, by seeds: players play while people start, abort, stop at once, retry, promote and undo, and
the control plane is killed; processes report late. A round that met two versions must be in a list, if it lasts until
its beginning was reported.

One seed: ``SIMULATION_SEED=7``; so many: ``ROUNDS_SEEDS=200``.
"""

import os
import random
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.control.conftest import ANNA, Shop, Site

from croupier.adapters.store.sql import SqlStore
from croupier.control.ports.pins import Opened, PinReport
from croupier.core.releases import Affinity
from croupier.core.releases.affinity import by_header
from croupier.core.rollout.spec import Pause, SetWeight
from croupier.errors import CroupierError
from croupier.testing import version_for

SEEDS = int(os.environ.get("ROUNDS_SEEDS", "6"))
ONE = os.environ.get("SIMULATION_SEED")
ROUNDS = Affinity((by_header("round", "x-round-id"),), ttl_s=600.0, drain_s=40.0)
VERSIONS = ("1.0.0", "1.1.0", "1.2.0")
COURSES = (
    (SetWeight(2_000), Pause(), SetWeight(5_000), Pause(10.0)),
    (SetWeight(10_000), Pause(8.0)),
    (SetWeight(3_000), Pause(3.0), SetWeight(10_000), Pause(3.0)),
)


@dataclass
class Round:
    """``met`` are the versions that its requests came to, in order; ``told`` is whether its beginning was reported."""

    id: str
    player: str
    met: list[str]
    begun_at: float
    told: bool = False
    over: bool = False

    @property
    def split(self) -> bool:
        return len(set(self.met)) > 1


@dataclass
class Process:
    """All processes of a version. What waits is reported at once, or when the control plane is back."""

    version: str
    opened: list[Round] = field(default_factory=list)
    closed: list[Round] = field(default_factory=list)
    answered_at: float = 0.0


class Casino:
    """Players, processes and people around a shop whose control plane is turned by hand."""

    def __init__(self, seed: int, shop: Shop) -> None:
        self.chance, self.shop, self.site = random.Random(seed), shop, shop.a
        self.processes = {version: Process(version) for version in VERSIONS}
        self.rounds: list[Round] = []
        self.killed, self.away_until = 0, 0.0

    async def open(self) -> None:
        canary_s, stable_s = self.chance.choice([1.0, 20.0]), self.chance.choice([1.0, 60.0])
        course = self.chance.choice(COURSES)
        await self.shop.open(steps=course, affinity=ROUNDS, keep_canary_s=canary_s, keep_stable_s=stable_s)
        await self.shop.turn(2)

    async def play(self, turns: int) -> None:
        for _ in range(turns):
            self.players()
            for process in self.processes.values():
                if self.chance.random() < 0.6 and not self.away:
                    await self.report(process)
            self.players()
            if self.chance.random() < 0.25 and not self.away:
                await self.person()
            if self.chance.random() < 0.02:
                await self.kill()
            await self.shop.wait(self.chance.choice([0.05, 0.1, 0.3, 1.0]))
            if not self.away:
                await self.site.reconciler.tick()

    async def settle(self) -> None:
        """Everything is reported, and every drain comes to its end."""
        for _ in range(40):
            for process in self.processes.values():
                await self.report(process)
            await self.shop.turn(after=2.0, site=self.site)

    @property
    def away(self) -> bool:
        return self.shop.clock.now() < self.away_until

    def leads(self, player: str, named: str | None) -> str:
        """Where the edge sends a request: by the id's version, by the weights, to the default where nothing runs."""
        served = self.shop.served
        wanted = named if named in served.pins.versions else version_for(served, player, {})
        assert served.default is not None
        return wanted if wanted in self.shop.running() else served.default

    def players(self) -> None:
        for each in [each for each in self.rounds if not each.over and self.chance.random() < 0.5]:
            each.met.append(self.leads(each.player, each.met[0]))
            if each.told and self.chance.random() < 0.3:
                each.over = True
                self.processes[each.met[-1]].closed.append(each)
        for _ in range(self.chance.randint(0, 2)):
            player = f"p{self.chance.randint(0, 40)}"
            begun = self.leads(player, None)
            found = Round(f"r{len(self.rounds)}@{begun}", player, [begun], self.shop.clock.now())
            self.rounds.append(found)
            self.processes[begun].opened.append(found)

    async def report(self, process: Process) -> None:
        """As the SDK does: all that waits, so that what was begun before the last answer is known by now."""
        now, fleet = self.shop.clock.now(), self.site.reconciler.fleet
        opened = [Opened("round", each.id, each.player, each.begun_at) for each in process.opened]
        closed = [("round", each.id) for each in process.closed]
        newest = fleet.latest_id("shop") if fleet is not None else "-"
        version, told = process.version, process.answered_at
        said = PinReport("shop", version, version, opened, closed, told, now, ROUNDS.ttl_s, newest)
        await self.shop.store.report_pins([said])
        for each in process.opened:
            each.told = True
        process.opened, process.closed, process.answered_at = [], [], now

    async def person(self) -> None:
        newest = (await self.shop.store.rollouts(service="shop", limit=2)).items
        whom, asked = self.chance.choice(newest).value.id, self.site.rollouts
        ways: list[Callable[[], Awaitable[object]]] = [
            lambda: asked.start("shop", self.chance.choice(VERSIONS), ANNA),
            lambda: asked.start("shop", self.chance.choice(VERSIONS), ANNA),
            lambda: asked.abort(whom, ANNA),
            lambda: asked.abort(whom, ANNA, at_once=True),
            lambda: asked.abort(whom, ANNA, at_once=True),
            lambda: asked.retry(whom, ANNA),
            lambda: asked.undo(whom, ANNA),
            lambda: asked.promote(whom, ANNA, full=self.chance.random() < 0.5, waive=("ok",)),
        ]
        with suppress(CroupierError):  # it makes no sense now
            await self.chance.choice(ways)()

    async def kill(self) -> None:
        """Another one comes at once or later; what the first one remembered is gone."""
        before: Site = self.site
        self.killed += 1
        self.site = self.shop.site(f"after-{self.killed}")
        if before.reconciler._lease is not None:
            await self.shop.store.leases.release(before.reconciler._lease)
        self.away_until = self.shop.clock.now() + self.chance.choice([0.0, 1.0, 3.0])

    async def listed(self) -> set[str]:
        store: SqlStore = self.shop.store
        by = [stored.value.id for stored in (await store.rollouts(service="shop", limit=1_000)).items]
        return {pin.id for each in (*by, "-") for pin in (await store.pins("shop", moved_by=each, limit=1_000)).items}


@pytest.mark.parametrize("seed", [int(ONE)] if ONE else range(SEEDS))
async def test_no_round_is_split_that_is_in_no_list(
    opened: Callable[[int], AbstractAsyncContextManager[SqlStore]], tmp_path: Path, seed: int
) -> None:
    async with opened(seed) as store:
        casino = Casino(seed, Shop(store, tmp_path))
        await casino.open()
        await casino.play(160)
        await casino.settle()
        listed = await casino.listed()
    assert [each for each in casino.rounds if each.split and each.id not in listed] == []
