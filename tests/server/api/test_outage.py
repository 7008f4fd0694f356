"""The store is gone: people still get in, and an abort still takes the players away."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from croupier.control.ports import Ports
from croupier.errors import Transient


@dataclass
class Outage:
    """Stands before a part of the store. ``down``: it says so; ``silent``: it says nothing at all."""

    inner: Any
    switch: "Switch"

    def __getattr__(self, name: str) -> Any:
        asked = getattr(self.inner, name)

        async def ask(*args: Any, **kwargs: Any) -> Any:
            if self.switch.down:
                raise Transient("the database does not answer", retry_after_s=2.5)
            await self.switch.speaks.wait()
            if name == "commit" and self.switch.commits is not None:
                if isinstance(self.switch.commits, Transient):
                    raise self.switch.commits
                await self.switch.commits.wait()
            return await asked(*args, **kwargs)

        return ask


@dataclass
class Switch:
    down: bool = False
    commits: Transient | asyncio.Event | None = None
    """What every commit meets."""
    speaks: asyncio.Event = field(default_factory=asyncio.Event)

    def wrap(self, ports: Ports) -> Ports:
        self.speaks.set()
        return replace(
            ports,
            store=Outage(ports.store, self),
            leases=Outage(ports.leases, self),
            journal=Outage(ports.journal, self),
        )


def somebody_else(settings: Any) -> sqlite3.Connection:
    """Another connection to the database. Whoever waits by it for the lock does so in a thread: it may be held by a
    transaction of this event loop, which has to go on for that.
    """
    path = settings.state_dir / "croupier.db"
    return sqlite3.connect(path, isolation_level=None, timeout=120, check_same_thread=False)


async def is_off(world: Any) -> None:
    """Until the data plane sends nobody to the canary."""
    async with asyncio.timeout(120):
        while (await world.edge.served())["shop"].weight_of("1.1.0"):
            await asyncio.sleep(0.01)


async def test_an_abort_without_the_store(settings: Any, opened: Any) -> None:
    switch = Switch()
    async with opened(settings, switch.wrap) as world:
        await world.declare()
        await world.roll_out()
        switch.down = True
        assert (await world.get("/me")).status_code == 200
        asked = await world.post("/rollouts/shop-2/abort", {"reason": "harm"}, headers={"Idempotency-Key": "k"})
        assert asked.status_code == 202, asked.text
        assert asked.json()["recorded"] is False
        assert asked.json()["phase"] == "aborting"
        assert asked.json()["weight"] == 0
        await is_off(world)
        lost = await world.post("/rollouts/shop-2/pause")
        assert lost.status_code == 503
        assert lost.headers["retry-after"] == "3"
        assert lost.json()["type"] == "urn:croupier:problem:unavailable"
        ready = await world.client.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["store"] == "the database does not answer"
        assert (await world.client.get("/healthz")).status_code == 200
        switch.down = False
        ended = await world.until("/rollouts/shop-2", lambda rollout: rollout["phase"] == "aborted")
        assert ended["abort"]["reason"] == "harm"
        history = (await world.get("/rollouts/shop-2/history")).json()["items"]
        assert [(item["actor"], item["type"]) for item in history][-2:] == [
            ("admin", "abort_started"),
            ("croupier", "aborted"),
        ]


@pytest.mark.usefixtures("impatient")
async def test_an_abort_does_not_wait_for_a_store_that_says_nothing(settings: Any, opened: Any) -> None:
    switch = Switch()
    async with opened(settings, switch.wrap) as world:
        await world.declare()
        await world.roll_out()
        switch.speaks.clear()
        async with asyncio.timeout(120):
            asked = await world.post("/rollouts/shop-2/abort", {"reason": "harm"}, headers={"Idempotency-Key": "k"})
        assert asked.status_code == 202, asked.text
        assert [intent.rollout for intent in world.context.ports.spool.pending()] == ["shop-2"]
        switch.speaks.set()
        await world.until("/rollouts/shop-2", lambda rollout: rollout["phase"] == "aborted")
        history = (await world.get("/rollouts/shop-2/history")).json()["items"]
        assert [item["type"] for item in history].count("abort_started") == 1
        assert not world.context.ports.spool.pending()


async def test_an_abort_while_somebody_locks_the_database(settings: Any, opened: Any) -> None:
    async with opened(settings) as world:
        await world.declare()
        await world.roll_out()
        other = somebody_else(settings)
        await asyncio.to_thread(other.execute, "BEGIN EXCLUSIVE")
        try:
            asked = await world.post("/rollouts/shop-2/abort", {"reason": "harm"})
            assert asked.status_code == 202, asked.text
            await is_off(world)
        finally:
            other.execute("ROLLBACK")
            other.close()
        ended = await world.until("/rollouts/shop-2", lambda rollout: rollout["phase"] == "aborted")
        assert ended["abort"]["cause"] == "person"
        assert (await world.get("/journal/verify")).json()["ok"]


async def test_an_abort_outlives_the_process(settings: Any, opened: Any) -> None:
    switch = Switch()
    async with opened(settings, switch.wrap) as world:
        await world.declare()
        await world.roll_out()
        switch.down = True
        assert (await world.post("/rollouts/shop-2/abort", {"reason": "harm"})).status_code == 202
        await is_off(world)
    async with opened(settings) as world:
        ended = await world.until("/rollouts/shop-2", lambda rollout: rollout["phase"] == "aborted")
        assert ended["abort"]["reason"] == "harm"


async def test_an_abort_that_names_a_version_waits_for_the_store_to_compare(settings: Any, opened: Any) -> None:
    switch = Switch()
    async with opened(settings, switch.wrap) as world:
        await world.declare()
        await world.roll_out()
        switch.speaks.clear()
        asking = asyncio.ensure_future(world.post("/rollouts/shop-2/abort", headers={"If-Match": '"1"'}))
        await asyncio.sleep(0)
        switch.speaks.set()
        assert (await asking).status_code == 412


@pytest.mark.parametrize("fails", [True, False], ids=["commit fails", "commit says nothing"])
@pytest.mark.usefixtures("impatient")
async def test_an_abort_that_was_not_recorded_is_not_answered_again_as_if_it_were(
    settings: Any, opened: Any, fails: bool
) -> None:
    """The answer is made for the commit, and the commit does not come about."""
    switch = Switch()
    async with opened(settings, switch.wrap) as world:
        await world.declare()
        await world.roll_out()
        switch.commits = Transient("disk full") if fails else asyncio.Event()

        async def abort() -> Any:
            return await world.post("/rollouts/shop-2/abort", {"reason": "harm"}, headers={"Idempotency-Key": "k"})

        for _ in range(2):
            asked = await abort()
            assert (asked.status_code, asked.json()["recorded"]) == (202, False)
            assert "idempotent-replayed" not in asked.headers
        if isinstance(switch.commits, asyncio.Event):
            switch.commits.set()
        switch.commits = None
        await world.until("/rollouts/shop-2", lambda rollout: rollout["phase"] == "aborted")
        asked = await abort()
        assert (asked.status_code, asked.json()["recorded"]) == (200, True)
        again = await abort()
        assert (again.json(), again.headers["idempotent-replayed"]) == (asked.json(), "true")
        assert (await world.get("/journal/verify")).json()["ok"]


async def test_a_rollout_that_cannot_be_read_is_named(settings: Any, opened: Any) -> None:
    async with opened(settings) as world:
        await world.declare()
        await world.roll_out()
        with closing(somebody_else(settings)) as other:
            await asyncio.to_thread(other.execute, "UPDATE rollouts SET state = '{}' WHERE id = 'shop-2'")
        world.context.reconciler._stale = True  # as after any other change
        world.context.reconciler.wake()
        await is_off(world)
        ready = await world.client.get("/readyz")
        assert (ready.status_code, ready.json()["store"]) == (503, "ok")
        assert ready.json()["rollouts"].startswith("shop-2: the stored rollout of ")
