"""Rounds of several requests in the running casino, under load: each ends on the version that began it, while weights
rise and fall, a rollout goes back, the control plane dies. Studios call back without a player, from the first moment.
"""

import asyncio
import random
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest
from tests.e2e.conftest import ENDED, House, until

from casino.ledger import check
from casino.players.population import Person
from casino.players.wire import Heard, Lost, Wire
from casino.testing import sign_in
from casino.testing import until as comes_true
from croupier.cli.demo.stage import ControlPlane, documents

OLD, NEW, NEXT = "1.0.1", "1.1.1", "1.2.2"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
HELD = {"duration": "2s"}


@dataclass
class Game:
    """Players in the middle of rounds, all the time."""

    wire: Wire
    seats: list[dict[str, str]] = field(default_factory=list)
    """The players, as the headers of their requests."""
    outcomes: Counter[str] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)

    async def play(self, headers: dict[str, str], dice: random.Random) -> None:
        """One player's rounds, for ever."""
        while True:
            begun = await self._ask("/games/rounds", headers, {"game": "comet", "stake_minor": 10})
            if begun is None or begun.status != 200:
                await asyncio.sleep(0.1)
                continue
            id_, version = begun.body["round_id"], begun.body["version"]
            self.versions[version] += 1
            for _ in range(dice.randrange(1, 6)):
                await asyncio.sleep(dice.choice((0.0, 0.05, 0.3)))
                stepped = await self._ask("/games/rounds/step", {**headers, "x-round-id": id_}, {})
                self._note(stepped, version)
            path, carrying = dice.choice(
                [
                    ("/games/callback", {"x-round-id": id_}),
                    (f"/games/callback?round={quote(id_, safe='')}", {}),
                    (f"/games/callbacks/{quote(id_, safe='')}", {}),
                ]
            )
            self._note(await self._ask(path, carrying, {}), version)

    async def more(self, *versions: str, rounds: int = 10) -> None:
        """Return when each of these versions has begun so many further rounds."""
        wanted = {version: self.versions[version] + rounds for version in versions}
        await comes_true(lambda: all(self.versions[version] >= count for version, count in wanted.items()))

    async def leave_open(self, version: str) -> str:
        """A round that this version began, and that nobody goes on with."""
        for headers in self.seats:
            begun = await self._ask("/games/rounds", headers, {"game": "comet", "stake_minor": 10})
            if begun is not None and begun.status == 200 and begun.body["version"] == version:
                return str(begun.body["round_id"])
        raise AssertionError(f"no player has {version}")

    def _note(self, heard: Heard | None, version: str) -> None:
        if heard is not None:
            at_home = heard.version == version
            self.outcomes["at home" if heard.status == 200 and at_home else f"{heard.status} by {heard.version}"] += 1

    async def _ask(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> Heard | None:
        try:
            return await self.wire.ask("games", "POST", path, body, headers)
        except Lost as lost:
            self.outcomes[f"lost: {lost}"] += 1
            return None


@asynccontextmanager
async def playing(house: House, players: int = 12) -> AsyncIterator[Game]:
    async with Wire(house.place.edge, {}, timeout_s=60) as wire:
        game = Game(wire)
        dice = random.Random(7)
        tasks = []
        for number in range(players):
            person = Person(f"rounds-{number}", "a-good-password", SECRET, "DE", "aurora", excluded=False)
            headers = await sign_in(wire, person)
            known = await wire.ask("auth", "GET", "/auth/session", None, headers)
            headers["x-player-id"] = known.body["player_id"]
            for attempt in range(20):
                keyed = {**headers, "idempotency-key": str(attempt)}
                given = {"amount_minor": 100_000, "psp": "kestrel"}
                if (await wire.ask("payments", "POST", "/payments/deposit", given, keyed)).status == 200:
                    break
            game.seats.append(headers)
            tasks.append(asyncio.create_task(game.play(headers, random.Random(dice.random()))))
        try:
            yield game
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def table(house: House) -> House:
    """Its games are at 1.0.1, say which rounds are open, and let them end where they began."""
    token = house.client.post("tokens", {"name": "games", "role": "reporter", "services": ["games"]})["token"]
    file = house.place.folder / "rounds.token"
    file.write_text(token)
    games: Any = next(
        item for item in documents(house.place) if item["kind"] == "Service" and item["metadata"]["name"] == "games"
    )
    sources = [{"header": "x-round-id"}, {"query": "round"}, {"path": "/games/callbacks/{id}"}]
    games["spec"]["affinity"] = {"sources": sources, "drain": "60s"}
    env = {"CASINO_ROUNDS_URL": house.place.page, "CASINO_ROUNDS_TOKEN_FILE": str(file)}
    steps = [{"setWeight": 30}, {"pause": {}}, {"setWeight": 70}, {"pause": {}}]
    strategy = {"canary": {"analysis": {"templates": [{"templateName": "ledger"}]}, "steps": steps}}
    spec = {"service": "games", "keepStable": "1s", "keepCanary": "1s", "strategy": strategy}
    plan = {"apiVersion": "croupier/v1", "kind": "Rollout", "metadata": {"name": "games"}, "spec": spec}
    releases = [
        {
            "apiVersion": "croupier/v1",
            "kind": "Release",
            "spec": {"service": "games", "version": version, "process": {"env": env}},
        }
        for version in (OLD, NEW, NEXT)
    ]
    house.client.post("apply", {"documents": [games, plan, *releases]})
    name = start(house, OLD)
    for _ in range(2):
        house.wait(name, lambda found: found["phase"] == "paused")
        house.client.post(f"rollouts/{name}/promote", {"reason": "go on", "full": True, "waive": ["ledger"]})
        if house.wait(name, lambda found: found["phase"] in ("promoting", *ENDED)):
            break
    house.wait(name, lambda found: found["phase"] == "succeeded")
    return house


def start(house: House, version: str) -> str:
    return str(house.client.post("rollouts", {"service": "games", "version": version})["id"])


async def act(house: House, name: str, verb: str, **body: Any) -> None:
    await asyncio.to_thread(house.client.post, f"rollouts/{name}/{verb}", {"reason": "the test", **body})


async def at(house: House, name: str, weight: float) -> None:
    await house.wait_async(name, lambda found: found["phase"] == "paused" and found["confirmedWeight"] == weight)


def split(house: House) -> list[str]:
    with sqlite3.connect(house.place.folder / "casino.db", timeout=120) as database:
        rows = database.execute("SELECT id FROM round_visits GROUP BY id HAVING count(*) > 1").fetchall()
    return [row[0] for row in rows]


def pinned(house: House, **asked: str) -> set[str]:
    """Rounds that are open, or those that a rollout moved."""
    return {item["id"] for item in house.client.pages("services/games/pins", 10_000, **asked)}


def all_split(house: House, rollout: str) -> set[str] | None:
    """Rounds that the rollout moved, once those that were split are among them: of the newest it is told later."""
    moved = pinned(house, rollout=rollout)
    return moved if set(split(house)) <= moved else None


def drained(house: House, version: str) -> bool | None:
    items = house.client.get("services")["items"]
    running = next(item for item in items if item["name"] == "games")["workloads"]
    return all(item["version"] != version for item in running) or None


async def test_rounds_end_where_they_began_whatever_the_weights_do(table: House) -> None:
    async with playing(table) as game:
        name = await asyncio.to_thread(start, table, NEW)
        await at(table, name, 30)
        await game.more(OLD, NEW)
        await act(table, name, "promote", waive=["ledger"])
        await at(table, name, 70)
        await game.more(OLD, NEW)
        await act(table, name, "abort")  # with rounds open on both
        found = await table.wait_async(name, lambda found: found["phase"] == "aborted")
        assert found["moved"] == []
        await asyncio.to_thread(until, lambda: drained(table, NEW), f"{NEW} to stop once its rounds are over")
        name = await asyncio.to_thread(start, table, NEXT)
        await at(table, name, 30)
        await act(table, name, "promote", full=True, waive=["ledger"])
        await table.wait_async(name, lambda found: found["phase"] == "succeeded")
        await asyncio.to_thread(until, lambda: drained(table, OLD), f"{OLD} to stop once its rounds are over")
        await game.more(NEXT)
    assert game.versions.keys() >= {OLD, NEW, NEXT}
    assert set(game.outcomes) == {"at home"}, game.outcomes
    assert split(table) == []
    assert check(table.place.folder / "casino.db") == []


async def test_rounds_outlive_a_control_plane_that_is_killed(table: House) -> None:
    async with playing(table) as game:
        name = await asyncio.to_thread(start, table, NEW)
        await at(table, name, 30)
        await game.more(OLD, NEW)
        table.plane.kill()
        await game.more(OLD, NEW)
        table.plane = ControlPlane(table.place)
        await asyncio.to_thread(table.plane.connection)
        await act(table, name, "abort")
        table.plane.kill()  # between what was moved and what is recorded, or wherever it was
        await game.more(OLD)
        table.plane = ControlPlane(table.place)
        await asyncio.to_thread(table.plane.connection)
        await table.wait_async(name, lambda found: found["phase"] == "aborted")
        await asyncio.to_thread(until, lambda: drained(table, NEW), f"{NEW} to stop once its rounds are over")
        await game.more(OLD)
    assert set(game.outcomes) == {"at home"}, game.outcomes
    assert split(table) == []


async def test_an_abort_at_once_moves_rounds_and_lists_every_one(table: House) -> None:
    async with playing(table) as game:
        name = await asyncio.to_thread(start, table, NEW)
        await at(table, name, 30)
        await game.more(OLD, NEW)
        left = await game.leave_open(NEW)
        await asyncio.to_thread(until, lambda: left in pinned(table) or None, "the report of an open round")
        await act(table, name, "abort", now=True)
        found = await table.wait_async(name, lambda found: found["phase"] == "aborted")
        await game.more(OLD, rounds=30)
    assert left in found["moved"][0]["ids"]
    moved = await asyncio.to_thread(until, lambda: all_split(table, name), "all rounds that were split to be listed")
    assert set(found["moved"][0]["ids"]) <= moved
    assert {id_.rpartition("@")[2] for id_ in moved} == {NEW}
