"""Invariant 13, whatever happens: a killed flag is off in every client that can be reached.

Chance decides what planes, the store and clients do; after each step every client that could hear of its plane must get
the safe variant of every flag that somebody was told is killed.
"""

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.database import store_in_memory

from croupier.control.flags.recording import Changed
from croupier.core.flags.preset import read_preset
from croupier.core.flags.ruleset import Ruleset
from croupier.core.flags.snapshot import Snapshot
from croupier.errors import Conflict, NotFound, Rejected, Transient
from croupier.testing import MemoryKillSpool, VirtualClock

KEYS = ("a", "b")
PRESETS = {
    "a": {"name": "a", "changes": [{"flag": "a", "kill": True}, {"flag": "b", "kill": True}]},
    "b": {"name": "b", "changes": [{"flag": "a", "kill": True}, {"flag": "b", "default": "on", "enabled": False}]},
}
DONE = ["kill", "kill", "restore", "declare", "switch", "archive", "apply", "apply", "undo", "undo"]
DONE += ["both", "both", "lost", "down", "up", "settle", "refresh", "restart", "resync"]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(DONE),
        st.integers(0, 1),
        st.sampled_from(KEYS),
    ),
    min_size=3,
    max_size=25,
)


class Client:
    """An application: it fetched once, and hears of what its plane tells; at times it fetches again."""

    def __init__(self, plane: Any) -> None:
        self.ruleset = Ruleset(Snapshot("production"), lambda: 0.0)
        self.fetch(plane)

    def fetch(self, plane: Any) -> None:
        self.heard = plane.flags.book.revision
        self.ruleset.replace(plane.flags.book.snapshot("production"))

    def hear(self, plane: Any) -> None:
        news = plane.flags.book.news("production", self.heard)
        self.heard = plane.flags.book.revision
        if news is None:
            self.fetch(plane)
            return
        self.ruleset.follow(news)
        if self.ruleset.snapshot.digest != news.digest:
            self.fetch(plane)  # as the SDK does


class World:
    """Two planes on one store, each with a client. ``killed`` are the flags that the plane said are killed."""

    def __init__(self, planes: list[Any]) -> None:
        self.planes = planes
        self.clients = [Client(plane) for plane in planes]
        self.killed: list[set[str]] = [set(), set()]

    async def step(self, what: str, index: int, key: str) -> None:
        plane, changes = self.planes[index], self.planes[index].flags.changes
        try:
            match what:
                case "kill":
                    await self.kill(index, key)
                case "both":  # as the CLI does that knows of both
                    at = plane.clock.now()
                    await self.kill(index, key, at)
                    await self.kill(1 - index, key, at)
                case "restore":
                    await self.restore(index, key)
                case "archive":
                    await changes.archive(key, actor="anna")
                case "declare" | "switch":
                    tags = [str(plane.clock.now())]
                    await plane.declare(
                        {"feature": key, "default": "on", "tags": tags, "kill_switch": what == "switch"}
                    )
                case "apply" | "undo":
                    presets = plane.flags.presets
                    await (presets.apply if what == "apply" else presets.undo)(key, actor="cleo", reason="outage")
                case "down" | "up":
                    plane.down = what == "down"
                case _:
                    await self.go_on(what, index)
        except (Transient, NotFound, Conflict, Rejected):
            return

    async def kill(self, index: int, key: str, at: float | None = None) -> None:
        plane = self.planes[index]
        await plane.flags.changes.kill(key, actor="anna", reason=f"harm at {plane.clock.now()}", at=at)
        self.killed[index].add(key)

    async def restore(self, index: int, key: str) -> None:
        """Undone anywhere it is undone, but for those who know of a kill that is not recorded yet."""
        plane = self.planes[index]
        answer_is_lost = "after commit" in plane.happenings.once
        try:
            changed: Changed = await plane.flags.changes.restore(key, actor="anna")
        except Transient:
            if answer_is_lost and "after commit" not in plane.happenings.once:
                await self.forget(key)
            raise
        if changed.seq is not None:
            await self.forget(key)

    async def go_on(self, what: str, index: int) -> None:
        plane = self.planes[index]
        match what:
            case "settle":
                await plane.flags.changes.kills.settle()
            case "refresh":
                await plane.flags.book.refresh()
            case "resync":
                self.clients[index].fetch(plane)
            case "lost":
                plane.happenings.once["after commit"] = lose_the_answer
            case "restart" if not plane.down:
                heir = type(plane)(plane.store, plane.clock, plane.spool)
                await heir.flags.start()
                self.planes[index] = heir
                self.clients[index].fetch(heir)

    async def forget(self, key: str) -> None:
        told = await self.planes[0].store.entries(-1, 1000, f"flag/{key}")
        recorded = {event["at"] for item in told for event in item.entry.events if event["type"] == "flag_killed"}
        for index, plane in enumerate(self.planes):
            if all(intent.at in recorded for intent in plane.spool.pending() if intent.flag == key):
                self.killed[index].discard(key)

    def check(self) -> None:
        for index, (plane, client) in enumerate(zip(self.planes, self.clients, strict=True)):
            client.hear(plane)
            for key in [*self.killed[index]]:
                state = plane.flags.book.state(key)
                if state is not None and not state.archived:
                    assert state.killed_by_hand is not None, f"plane {index} forgot that {key} is killed"
                    assert client.ruleset.outcome(key, {}).variant == "off", (index, key)

    async def calm(self) -> None:
        """The store is back for everybody: all is recorded, and everybody knows the same."""
        for plane in self.planes:
            plane.down = False
            plane.happenings.once.clear()
        for _ in range(2):
            for plane in self.planes:
                await plane.flags.changes.kills.settle()
                await plane.flags.book.refresh()
        self.check()
        one, two = (plane.flags.book.snapshot("production") for plane in self.planes)
        assert one == two
        for client in self.clients:
            assert client.ruleset.snapshot.lines == one.lines
            assert client.ruleset.snapshot.digest == one.digest
        assert all(not plane.spool.pending() for plane in self.planes)


async def lose_the_answer() -> None:
    raise Transient("the answer of the commit is lost")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
@example(steps=[("kill", 1, "b"), ("restore", 0, "b"), ("kill", 1, "b")])
@example(steps=[("kill", 0, "a"), ("down", 0, "a"), ("kill", 0, "a")])
@example(steps=[("apply", 0, "a"), ("kill", 1, "a"), ("undo", 0, "a")])
@example(steps=[("kill", 0, "a"), ("apply", 0, "a"), ("undo", 0, "a")])
@example(steps=[("apply", 0, "a"), ("down", 0, "a"), ("kill", 0, "a"), ("undo", 1, "a")])
@example(steps=[("down", 0, "a"), ("both", 0, "a"), ("restore", 1, "a"), ("kill", 0, "a")])
@example(steps=[("lost", 0, "a"), ("kill", 0, "a"), ("down", 0, "a"), ("restore", 1, "a"), ("kill", 0, "a")])
@example(steps=[("archive", 1, "a"), ("kill", 0, "a"), ("declare", 0, "a")])
@example(
    steps=[
        ("down", 0, "a"),
        ("kill", 0, "a"),
        ("archive", 1, "a"),
        ("up", 0, "a"),
        ("settle", 0, "a"),
        ("declare", 1, "a"),
    ]
)
def test_invariant_13_a_killed_flag_is_off_in_every_client_that_can_be_reached(
    plane_type: Any, steps: list[tuple[str, int, str]]
) -> None:
    async def play() -> None:
        store = await store_in_memory()
        try:
            clock = VirtualClock()
            planes = [plane_type(store, clock, MemoryKillSpool()) for _ in range(2)]
            await planes[0].declare(*({"feature": key, "default": "on"} for key in KEYS))
            for document in PRESETS.values():
                put = await planes[0].flags.presets.put(read_preset(document), actor="anna")
                await planes[0].flags.presets.approve(put.value.preset.name, put.value.digest, actor="ben")
            for plane in planes:
                await plane.flags.start()
            world = World(planes)
            for step in steps:
                await world.step(*step)
                world.check()
                await clock.advance(1)
            await world.calm()
            assert (await store.verify()).discrepancies == ()
        finally:
            await store.close()

    asyncio.run(play())


@pytest.fixture
def plane_type(plane: Any) -> Any:
    return type(plane)
